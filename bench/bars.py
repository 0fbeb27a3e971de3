"""What the figures are held against (2 cores, PostgreSQL and client on the same machine)."""

from __future__ import annotations

from typing import NamedTuple

from bench.result import Result


class Bar(NamedTuple):
    """Bounds of one result; None where there is none."""

    value_min: float | None = None
    value_max: float | None = None
    ratio_min: float | None = None


BARS = {
    "engine_post_8190_10k": Bar(value_min=4_000_000),
    "engine_post_8190_10m": Bar(value_min=1_500_000),
    "ledger_durable_1": Bar(value_min=2_500),
    "ledger_durable_10": Bar(value_min=25_000),
    "ledger_durable_100": Bar(value_min=150_000, ratio_min=0.7),
    "ledger_durable_1000": Bar(value_min=600_000, ratio_min=0.7),
    "ledger_durable_8190": Bar(value_min=700_000, ratio_min=0.7),
    "ledger_with_rows_100": Bar(value_min=60_000),
    "projector_sustained": Bar(value_min=100_000),
    "skew_zipf2": Bar(ratio_min=0.9),
    "skew_hot50": Bar(ratio_min=0.9),
    "skew_hot100": Bar(ratio_min=0.9),
    "grpc_unary_1": Bar(ratio_min=0.6),
    "grpc_stream_1": Bar(ratio_min=0.8),
    "grpc_batch_100": Bar(value_min=250_000),
    "grpc_batch_1000": Bar(value_min=600_000),
    "http_json_1": Bar(ratio_min=0.4),
    "two_phase": Bar(ratio_min=0.7),
    "recovery_projected_10m": Bar(value_max=5.0),
    "recovery_unprojected_1m": Bar(value_max=1.0),
    "growth_20m": Bar(ratio_min=0.8),
    "payment_unary": Bar(ratio_min=0.5),
    "payment_stream": Bar(value_min=10_000),
    "payment_batch_100": Bar(value_min=30_000),
    "payment_open_5000": Bar(value_max=300.0),
    "routing_decision": Bar(value_max=2.0),
    "limiter_check": Bar(value_max=0.3),
    "vault_seal_256": Bar(value_max=1.0),
    "vault_open_256": Bar(value_max=1.0),
}


def verdict(result: Result) -> bool | None:
    """Return whether a result meets its bar, or None where it has none."""
    bar = BARS.get(result.name)
    if bar is None:
        return None
    return (
        (bar.value_min is None or result.value >= bar.value_min)
        and (bar.value_max is None or result.value <= bar.value_max)
        and (bar.ratio_min is None or (result.ratio is not None and result.ratio >= bar.ratio_min))
    )


def text(name: str) -> str:
    """Return a result's bar in words."""
    bar = BARS.get(name, Bar())
    parts = [
        f"≥ {bar.value_min:,.0f}" if bar.value_min is not None else "",
        f"≤ {bar.value_max:g}" if bar.value_max is not None else "",
        f"ratio ≥ {bar.ratio_min:g}" if bar.ratio_min is not None else "",
    ]
    return ", ".join(part for part in parts if part)
