"""Payments: asked for once, paid at most once, and always with a true outcome."""
