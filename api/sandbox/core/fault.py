"""Faults on demand: rules for one order or for a share of all, drawn from a seed so that a run can be repeated."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from statistics import NormalDist
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from api.sandbox.core.store import Store


class FaultKind(StrEnum):
    """What can go wrong, and how a payer behaves who is no person."""

    # requests
    LATENCY = "latency"
    """The reply comes late: log-normal with ``median_ms`` and ``p99_ms``, in real time."""
    TIMEOUT_AFTER = "timeout_hidden_success"
    """What was asked is done, and no reply comes."""
    TIMEOUT_BEFORE = "timeout_failure"
    """Nothing is done, and no reply comes."""
    ERROR_AFTER = "server_error_hidden_success"
    """What was asked is done, and the reply is a 5xx."""
    ERROR_BEFORE = "server_error"
    """Nothing is done, and the reply is a 5xx."""
    BAD_SIGNATURE = "bad_signature"
    """The reply's signature does not fit; for the operation ``notice``, that of the first try of a callback."""
    RATE_LIMIT = "rate_limit"
    """Refused: too many requests."""
    CHANNEL_DOWN = "channel_down"
    """The connection is cut as soon as the request is there."""
    # payments
    SUCCESS_AFTER_FAILURE = "success_after_failure"
    """The payment fails, is told to have failed (or the order is closed), and succeeds ``delay_s`` later after all."""
    WRONG_AMOUNT = "wrong_amount"
    """Query and callback name one minor unit more than the bill does."""
    # callbacks
    NOTICE_DUPLICATED = "notice_duplicated"
    NOTICE_REORDERED = "notice_reordered"
    """Held back for 1 to 10 simulated minutes, so that later ones overtake it."""
    NOTICE_LATE = "notice_late"
    """A day late, in simulated time."""
    NOTICE_LOST = "notice_lost"
    # payers
    PAYER_PAYS = "payer_pays"
    """The payer pays by himself, after ``median_ms`` … ``p99_ms`` of simulated time."""
    PAYER_REFUSES = "payer_refuses"
    PAYER_IS_ASKED = "payer_is_asked"
    """A scanned payment code is not enough: the payer has to confirm."""


REQUEST_KINDS: Final = frozenset(
    {
        FaultKind.LATENCY,
        FaultKind.TIMEOUT_AFTER,
        FaultKind.TIMEOUT_BEFORE,
        FaultKind.ERROR_AFTER,
        FaultKind.ERROR_BEFORE,
        FaultKind.BAD_SIGNATURE,
        FaultKind.RATE_LIMIT,
        FaultKind.CHANNEL_DOWN,
    }
)
PAYER_KINDS: Final = frozenset(
    {
        FaultKind.WRONG_AMOUNT,
        FaultKind.PAYER_PAYS,
        FaultKind.PAYER_REFUSES,
        FaultKind.PAYER_IS_ASKED,
    }
)
NOTICE_KINDS: Final = frozenset(
    {
        FaultKind.BAD_SIGNATURE,
        FaultKind.NOTICE_DUPLICATED,
        FaultKind.NOTICE_REORDERED,
        FaultKind.NOTICE_LATE,
        FaultKind.NOTICE_LOST,
    }
)


class Operation(StrEnum):
    """What a rule can be limited to."""

    CREATE = "create"
    CHARGE = "charge"
    QUERY = "query"
    CLOSE = "close"
    REVERSE = "reverse"
    REFUND = "refund"
    QUERY_REFUND = "query_refund"
    BILL = "bill"
    NOTICE = "notice"
    PAYER = "payer"


class FaultRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault and when it happens.

    Attributes:
        kind: the fault.
        protocol: ``wechat``, ``alipay`` or ``unionpay``; empty: any.
        operation: only for this operation; None: for every one the kind can happen in.
        reference: only for this merchant's number (of the order; for refunds, of the refund); empty: any.
        probability: share of the matching calls it happens to.
        times: how often it happens at most; 0: without end.
        median_ms: half of the delays are shorter; see the kind.
        p99_ms: 99 % of the delays are shorter; never less than ``median_ms``.
        hold_ms: how long a connection without reply is held before it is cut, in real time.
        delay_s: simulated seconds until a late success.
    """

    kind: FaultKind
    protocol: str = ""
    operation: Operation | None = None
    reference: str = ""
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    times: Annotated[int, Meta(ge=0)] = 0
    median_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    p99_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    hold_ms: Annotated[int, Meta(ge=0, le=600_000)] = 30_000
    delay_s: Annotated[int, Meta(ge=0, le=8_640_000)] = 60

    def fits(self, operation: Operation, protocol: str, reference: str) -> bool:
        """Return whether the rule speaks of this call."""
        return (
            self.operation in {None, operation}
            and self.protocol in {"", protocol}
            and self.reference in {"", reference}
        )


class Hit(Struct, frozen=True):
    """A fault that happens now. ``chance`` (0 ≤ chance < 1) is for what else is to be drawn."""

    rule: FaultRule
    chance: float

    def delay_ms(self) -> int:
        """Return the delay that was drawn: log-normal by the rule's median and 99th percentile."""
        median, p99 = self.rule.median_ms, max(self.rule.p99_ms, self.rule.median_ms)
        if not median:
            return 0
        sigma = math.log(p99 / median) / NormalDist().inv_cdf(0.99)
        return round(median * math.exp(sigma * NormalDist().inv_cdf(min(max(self.chance, 1e-9), 1 - 1e-9))))


class ActiveRule(Struct, kw_only=True):
    """A rule in force, with the number to remove it by and how often it has happened."""

    id: int
    rule: FaultRule
    happened: int = 0


class Faults:
    """The rules in force.

    What is drawn depends on the seed, the kind of fault, the call and how often it came; not on the time, and not on
    what happens to other orders.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seed = int(store.setting("seed") or 1)
        self.active = msgspec.json.decode(store.setting("faults") or "[]", type=list[ActiveRule])
        self._calls: Counter[tuple[str, str, str]] = Counter()

    def add(self, rule: FaultRule) -> ActiveRule:
        """Put a rule in force."""
        made = ActiveRule(id=1 + max((each.id for each in self.active), default=0), rule=rule)
        self.active.append(made)
        self._save()
        return made

    def remove(self, id: int | None = None) -> None:
        """Take one rule out of force, or all; one that is not there is not missed."""
        self.active = [each for each in self.active if id is not None and each.id != id]
        # The others go on where they are: drawn from the beginning, they would meet the same calls again and again.
        if not self.active:
            self._calls.clear()
        self._save()

    def set_seed(self, seed: int) -> None:
        """Draw from another seed, from the beginning."""
        self.seed = seed
        self._calls.clear()
        self._store.set_setting("seed", str(seed))

    def hits(
        self, kinds: frozenset[FaultKind], operation: Operation, protocol: str, reference: str
    ) -> dict[FaultKind, Hit]:
        """Return what happens to this call."""
        fitting = [
            each for each in self.active if each.rule.kind in kinds and each.rule.fits(operation, protocol, reference)
        ]
        if not fitting:
            return {}
        call = (operation.value, protocol, reference)
        count = self._calls[call]
        self._calls[call] += 1
        return self._drawn(fitting, f"{'/'.join(call)}/{count}")

    def _drawn(self, fitting: Iterable[ActiveRule], call: str) -> dict[FaultKind, Hit]:
        found: dict[FaultKind, Hit] = {}
        for each in fitting:
            if each.rule.times and each.happened >= each.rule.times:
                continue
            happens, chance = _chances(self.seed, f"{each.rule.kind}/{call}")
            if happens < each.rule.probability:
                each.happened += 1
                found[each.rule.kind] = Hit(each.rule, chance)
                if each.rule.times:
                    self._save()
        return found

    def _save(self) -> None:
        self._store.set_setting("faults", msgspec.json.encode(self.active).decode())


def _chances(seed: int, name: str) -> tuple[float, float]:
    """Return two numbers between 0 and 1 that look random and are the same for the same seed and name."""
    digest = hashlib.blake2b(name.encode(), key=seed.to_bytes(8, "little"), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little") / 2**64, int.from_bytes(digest[8:], "little") / 2**64
