"""Plays a scenario against a ledger and checks every code, timestamp and balance on the way."""

from __future__ import annotations

import re
from typing import Protocol, cast

from pycore.ledger.account import AccountFlags
from pycore.ledger.transfer import TransferFlags
from tests.model.records import (
    ACCOUNT_IMPORTED,
    CLOSED,
    CREATE_ACCOUNTS,
    CREATE_TRANSFERS,
    IMPORTED,
    U128_MAX,
    Account,
    Result,
    Transfer,
    Unit,
)
from tests.model.scenario import Row, Scenario
from tests.model.tables import HoldOutcome

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
"""Where every scenario's clock starts; each request moves it on by one second."""

_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND}
_DURATION = re.compile(r"([+-]?)(\d+)(ns|us|ms|s)")
_SIDE = re.compile(r"(dr|cr) (\d\S*)")


class LedgerUnderTest(Protocol):
    """What a scenario needs of a ledger: the reference and the engine both have it."""

    expired: int

    @property
    def last_timestamp(self) -> int: ...
    def apply(self, units: list[Unit], now: int) -> list[Result]: ...
    def commit(self) -> None: ...
    def account(self, account_id: int) -> Account | None: ...
    def transfer(self, transfer_id: int) -> tuple[Transfer, HoldOutcome] | None: ...


class ScenarioRunner:
    """The state of one play: the clock, the names and what was sent under them."""

    def __init__(self, ledger: LedgerUnderTest, scenario: Scenario) -> None:
        self._ledger = ledger
        self._scenario = scenario
        self._clock = START
        self._ids: dict[str, int] = {}
        self._sent: dict[str, Account | Transfer] = {}

    def run(self) -> None:
        """Play all rows. Raises AssertionError naming file and line at the first thing that differs."""
        rows = list(self._scenario.rows)
        while rows:
            request = [rows.pop(0)]
            while rows and rows[0].joined:
                request.append(rows.pop(0))
            if request[0].verb == "clock":
                self._clock = self._number(request[0].words[1])
            elif request[0].verb == "wait":
                self._clock += self._number(request[0].words[1])
                self._ledger.apply([], self._clock)
                self._ledger.commit()
            else:
                self._send(request)
            for row in request:
                for check in row.checks:
                    self._check(row, check)

    def _send(self, rows: list[Row]) -> None:
        events: list[Account | Transfer] = []
        expected: list[tuple[Row, Account | Transfer]] = []
        for row in rows:
            for event in self._events(row):
                events.append(event)
                expected.append((row, event))
        is_accounts = isinstance(events[0], Account)
        # One request holds one kind of event; a table that mixes them fails here, in the cast's place.
        assert all(isinstance(event, Account) == is_accounts for event in events), self._at(rows[0])
        unit = cast(Unit, (CREATE_ACCOUNTS if is_accounts else CREATE_TRANSFERS, events))
        before = {event.id: self._timestamp_of(event.id, is_accounts) for event in events}
        results = self._ledger.apply([unit], self._clock)
        self._ledger.commit()
        self._clock = max(self._clock, self._ledger.last_timestamp) + SECOND
        first = self._ledger.last_timestamp - len(events) + 1
        for index, ((row, event), (timestamp, status)) in enumerate(zip(expected, results, strict=True)):
            name = status.name.lower()
            assert name == row.code, f"{self._at(row)}: expected {row.code}, got {name}"
            wanted = first + index
            if name == "created" and event.flags & (ACCOUNT_IMPORTED if is_accounts else IMPORTED):
                wanted = event.timestamp
            elif name == "exists":
                # What exists may have been created by this very request, and even taken back with its chain.
                wanted = before[event.id] or first + [event.id for _, event in expected].index(event.id)
            assert timestamp == wanted, f"{self._at(row)}: the result is dated {timestamp}, expected {wanted}"

    def _timestamp_of(self, record_id: int, is_account: bool) -> int | None:
        if is_account:
            account = self._ledger.account(record_id)
            return account.timestamp if account else None
        found = self._ledger.transfer(record_id)
        return found[0].timestamp if found else None

    # -- reading events

    def _events(self, row: Row) -> list[Account | Transfer]:
        words = list(row.words[1:])
        if row.verb == "accounts":
            names = [word for word in words if "=" not in word]
            options = [word for word in words if "=" in word]
            return [self._remember(name, self._account([name, *options])) for name in names]
        if row.verb == "account":
            return [self._remember(words[0], self._account(words))]
        if row.verb == "again":
            return [self._changed(self._sent[words[0]], words[1:])]
        return [self._remember(words[0], self._transfer(row.verb, words))]

    def _remember(self, name: str, event: Account | Transfer) -> Account | Transfer:
        self._sent[name] = event
        return event

    def _account(self, words: list[str]) -> Account:
        return cast(Account, self._changed(Account(self._id(words[0]), ledger=1, code=1), words[1:]))

    def _transfer(self, verb: str, words: list[str]) -> Transfer:
        name = words.pop(0)
        transfer = Transfer(self._id(name))
        if verb == "transfer":
            debit, arrow, credit, amount = words[:4]
            assert arrow == "->", f"{self._scenario.label}: {name} needs an arrow"
            del words[:4]
            transfer = transfer._replace(
                debit_account_id=self._id(debit),
                credit_account_id=self._id(credit),
                amount=self._number(amount),
                ledger=1,
                code=1,
            )
        else:
            assert words.pop(0) == "of", f"{self._scenario.label}: {name} needs `of`"
            flag = TransferFlags.POST_PENDING_TRANSFER if verb == "post" else TransferFlags.VOID_PENDING_TRANSFER
            transfer = transfer._replace(pending_id=self._id(words.pop(0)), flags=int(flag))
            if verb == "post":
                amount = words.pop(0)
                transfer = transfer._replace(amount=U128_MAX if amount == "all" else self._number(amount))
            elif words and words[0].isdigit():
                transfer = transfer._replace(amount=int(words.pop(0)))
        return cast(Transfer, self._changed(transfer, words))

    def _changed(self, event: Account | Transfer, words: list[str]) -> Account | Transfer:
        flags: type[AccountFlags | TransferFlags] = AccountFlags if isinstance(event, Account) else TransferFlags
        changes: dict[str, int] = {"flags": event.flags}
        for word in words:
            field, equals, value = word.partition("=")
            if not equals:
                bit = int(flags[word.lstrip("-").upper()])
                changes["flags"] = changes["flags"] & ~bit if word.startswith("-") else changes["flags"] | bit
            elif field == "id_time":
                changes["id"] = self._number(value) // 1_000_000 << 80 | 1
            elif field == "reserved_flags":
                changes["flags"] |= self._number(value)
            else:
                changes[field] = self._number(value)
        return event._replace(**changes)

    def _id(self, name: str) -> int:
        if name.isdigit() or name == "max":
            return self._number(name)
        return self._ids.setdefault(name, 1001 + len(self._ids))

    def _number(self, text: str) -> int:
        """Return the value of `7`, `max`, `2^64-1`, `5s`, `+5s`, `now-1ns`, or `T1+5s-1ns` (from T1's timestamp)."""
        if text.isdigit():
            return int(text)
        if text == "max":
            return U128_MAX
        if text.startswith("2^"):
            return _power(text)
        name = re.match(r"[A-Za-z]\w*", text)
        rest = text[name.end() :] if name else text
        value = sum(int(sign + digits) * _UNITS[unit] for sign, digits, unit in _DURATION.findall(rest))
        if name is None:
            return value + (self._clock if text.startswith("+") else 0)
        if name[0] in self._ids and not rest:
            return self._ids[name[0]]
        return value + (self._clock if name[0] == "now" else self._recorded_at(name[0]))

    def _recorded_at(self, name: str) -> int:
        is_account = isinstance(self._sent[name], Account)
        timestamp = self._timestamp_of(self._sent[name].id, is_account)
        assert timestamp is not None, f"{self._scenario.label}: {name} does not exist"
        return timestamp

    # -- checking the books

    def _check(self, row: Row, check: str) -> None:
        name, _, rest = check.partition(" ")
        sent = self._sent[name]
        if isinstance(sent, Account):
            found = _describe_account(self._ledger.account(sent.id))
            wanted = rest if rest in ("absent", "none") else _normal_balances(rest)
        else:
            transfer = self._ledger.transfer(sent.id)
            field, _, value = rest.partition(" ")
            if transfer is None or rest == "absent":
                found, wanted = "absent" if transfer is None else "recorded", rest
            elif value:
                number = getattr(transfer[0], field)
                found, wanted = f"{field} {number}", f"{field} {self._number(value)}"
            else:
                found, wanted = transfer[1].name.lower(), rest
        assert found == wanted, f"{self._at(row)}: {name} should be {wanted!r}, is {found!r}"

    def _at(self, row: Row) -> str:
        return f"{self._scenario.file}.md:{row.line} ({self._scenario.name})"


def _normal_balances(text: str) -> str:
    """Return `dr POSTED+PENDING cr POSTED+PENDING`, with what was left out as zero, and `closed` at the end."""
    sides = {"dr": "0+0", "cr": "0+0"}
    for side, value in _SIDE.findall(text):
        posted, _, pending = value.partition("+")
        sides[side] = f"{_power(posted)}+{_power(pending or '0')}"
    return f"dr {sides['dr']} cr {sides['cr']}" + (" closed" if text.endswith("closed") else "")


def _power(text: str) -> int:
    """Return the value of `7`, `2^64` or `2^64-1`."""
    power = re.fullmatch(r"2\^(\d+)(-\d+)?", text)
    return (1 << int(power[1])) + int(power[2] or 0) if power else int(text)


def _describe_account(account: Account | None) -> str:
    if account is None:
        return "absent"
    debits = f"dr {account.debits_posted}+{account.debits_pending}"
    credits_ = f"cr {account.credits_posted}+{account.credits_pending}"
    return f"{debits} {credits_}" + (" closed" if account.flags & CLOSED else "")
