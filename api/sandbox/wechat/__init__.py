"""WeChat Pay: the JSON interface APIv3, and the older XML interface that payment codes need."""

PROTOCOL = "wechat"
"""This channel's name in the core, in fault rules and in ``sandbox.json``."""
