"""The hosted cashier: pages on which payers pay. How to pay is offered here; what may be done is decided below."""
