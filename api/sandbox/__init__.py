"""The other side, simulated: payment channels that speak their own wire protocols, with keys, callbacks and bills.

A process of its own (``python -m api.sandbox``) that shares nothing with the rest of the server: no code, no database,
no keys but those a merchant is given.

| folder | what it knows |
|---|---|
| ``core`` | orders, payers, refunds, time, callbacks waiting to be sent, faults; no wire format |
| ``wechat`` | WeChat Pay APIv3, and the older XML interface for payment codes |
| ``alipay`` | Alipay's gateway (v2) and its REST interface (v3) |
| ``unionpay`` | UnionPay's gateway 5.1.0, as far as it is publicly known |
| ``control`` | what tests and people turn: JSON under ``/control``, the payer's page under ``/payer`` |
"""
