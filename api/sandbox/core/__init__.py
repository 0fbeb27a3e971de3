"""What every channel has, whatever language it speaks: orders, payers, refunds, callbacks, faults, bills."""
