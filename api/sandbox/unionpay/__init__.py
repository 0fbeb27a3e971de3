"""UnionPay's online gateway, version 5.1.0: codes that are shown, codes that are scanned, quick pay.

A public Java client, egzosn/pay-java-union, drives it in the tests; parts of the interface have no public text. What is
assumed stands in ``docs/sandbox.md``; no conformance is claimed.
"""

PROTOCOL = "unionpay"
"""This channel's name in the core, in fault rules and in ``sandbox.json``."""
