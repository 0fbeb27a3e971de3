"""Alipay: the gateway (v2, forms) and the REST interface (v3), two ways to call the same methods."""

PROTOCOL = "alipay"
"""This channel's name in the core, in fault rules and in ``sandbox.json``."""
