"""Routing: which channel to try first for a payment, and why; decided by the core, deterministic given a seed."""

from pycore.routing.decision import Considered, Decision, Outcome, Reason, Standing
from pycore.routing.replay import Attempt, Comparison, Move, Replay, Tally, read_traffic, replay
from pycore.routing.route import Price, Route, Terms, load_routes
from pycore.routing.router import Router, RouteRequest, RouterOptions, RoutingPolicy, RuleTextError

__all__ = [
    "Attempt",
    "Comparison",
    "Considered",
    "Decision",
    "Move",
    "Outcome",
    "Price",
    "Reason",
    "Replay",
    "Route",
    "RouteRequest",
    "Router",
    "RouterOptions",
    "RoutingPolicy",
    "RuleTextError",
    "Standing",
    "Tally",
    "Terms",
    "load_routes",
    "read_traffic",
    "replay",
]
