"""What tests and people turn: the orders as their payers see them, faults, the clock, the seed."""
