"""Channels: the ways to reach a payer's money, each behind the same contract (``pycore.channels.adapter``)."""
