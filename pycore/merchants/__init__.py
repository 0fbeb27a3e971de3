"""Who may ask: merchants and what is theirs, and the keys their systems call with."""

from pycore.merchants.caller import Caller, Operator
from pycore.merchants.scope import OperatorScope, Scope

__all__ = ["Caller", "Operator", "OperatorScope", "Scope"]
