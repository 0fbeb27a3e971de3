"""Faults on purpose: kills, cuts, fights, tampering and crashes, each one command with its seed printed."""
