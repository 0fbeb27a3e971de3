"""WeChat's bills: the link, the hash, the two formats, and every way a bill can be wrong."""

from __future__ import annotations

import gzip
import hashlib
from datetime import date
from typing import Any

import pytest

from pycore.channels.bill import (
    BillKind,
    BillLink,
    BillNotReady,
    BillOrder,
    FundBill,
    LineKind,
    LineState,
    NoBill,
    TradeBill,
)
from pycore.channels.failure import BillRefusedError, NotTrustedError
from pycore.channels.outcome import Failed, ReasonClass, Unknown
from pycore.channels.wechat import WeChatAdapter
from pycore.channels.wechat.bills import FUND_COLUMNS, FUND_TOTALS, TRADE_COLUMNS, TRADE_TOTALS
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP, wechat_reply

ADAPTER = WeChatAdapter(sides.wechat_merchant())
DAY = date(2026, 12, 1)
ORDER = BillOrder(DAY)

PAYMENT = (
    "`2026-12-01 12:00:09,`wx0123456789abcdef,`1900000001,`0,`,`4200000001,`a1b2c3d4e5f60718,`oUpF8uMu,`NATIVE,"
    "`SUCCESS,`OTHERS,`CNY,`1.01,`0.00,`0,`0,`0.00,`0.00,`,`,`茶, green,`,`0.01000,`0.60%,`1.01,`0.00,`"
)
REFUND = (
    "`2026-12-01 13:00:09,`wx0123456789abcdef,`1900000001,`0,`,`4200000001,`a1b2c3d4e5f60718,`oUpF8uMu,`NATIVE,`REFUND,"
    "`OTHERS,`CNY,`0.00,`0.00,`5000000001,`f1b2c3d4e5f60719,`0.51,`0.00,`ORIGINAL,`SUCCESS,`茶,`,`-0.01000,`0.60%,`0.00,"
    "`0.51,`"
)
TOTALS = "`2,`1.01,`0.51,`0.00,`0.00000,`1.01,`0.51"
GOOD = [TRADE_COLUMNS, PAYMENT, REFUND, TRADE_TOTALS, TOTALS]


def content(lines: list[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


def link(body: bytes, kind: BillKind = BillKind.TRADE, day: date = DAY) -> BillLink:
    digest = hashlib.sha1(body, usedforsecurity=False).hexdigest()
    return BillLink(order=BillOrder(day, kind), url="https://api.mch.weixin.qq.com/v3/billdownload/file", sha1=digest)


def read(lines: list[str], **how: Any) -> TradeBill | FundBill:
    body = content(lines)
    return ADAPTER.read_bill(link(body, **how), body)


def differences(lines: list[str], **how: Any) -> tuple[str, ...]:
    with pytest.raises(BillRefusedError) as caught:
        read(lines, **how)
    return caught.value.differences


def test_a_trade_bill() -> None:
    bill = read(GOOD)
    assert isinstance(bill, TradeBill)
    payment, refund = bill.lines
    assert (payment.kind, payment.amount_minor, payment.fee_minor) == (LineKind.PAYMENT, 101, 1)
    assert (payment.payment_attempt_id, payment.transaction_id, payment.refund_id) == (
        "a1b2c3d4e5f60718",
        "4200000001",
        "",
    )
    assert (refund.kind, refund.amount_minor, refund.fee_minor) == (LineKind.REFUND, 51, -1)
    assert (refund.refund_id, refund.refund_transaction_id) == ("f1b2c3d4e5f60719", "5000000001")
    assert str(payment.at) == "2026-12-01 12:00:09+08:00"
    assert [line.number for line in bill.lines] == [2, 3]


def test_an_empty_day() -> None:
    assert read([TRADE_COLUMNS, TRADE_TOTALS, "`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00"]) == TradeBill(
        day=DAY, currency="CNY", lines=()
    )


@pytest.mark.parametrize(
    "body",
    [
        content(GOOD, "\r\n"),
        b"\xef\xbb\xbf" + content(GOOD),
        b"\xef\xbb\xbf" + content(GOOD, "\r\n").rstrip(),
    ],
    ids=["CRLF", "BOM", "BOM, CRLF, no line feed at the end"],
)
def test_spellings_of_the_same_bill(body: bytes) -> None:
    assert ADAPTER.read_bill(link(body), body) == read(GOOD)
    assert ADAPTER.read_bill(link(body), gzip.compress(body)) == read(GOOD)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([TRADE_COLUMNS, PAYMENT, REFUND], "the totals at the end are missing"),
        ([PAYMENT, REFUND, TRADE_TOTALS, TOTALS], "line 1: its head line is not the known one"),
        ([TRADE_COLUMNS.replace("手续费", "服务费"), *GOOD[1:]], "line 1: its head line is not the known one"),
        ([TRADE_COLUMNS, PAYMENT, TRADE_TOTALS, TOTALS], "总交易单数 is stated as 2, the lines make 1"),
        (
            [*GOOD[:4], TOTALS.replace("`1.01,`0.51,", "`1.02,`0.51,")],
            "应结订单总金额 is stated as 102, the lines make 101",
        ),
        ([*GOOD[:4], TOTALS.replace("`0.51,`0.00", "`0.50,`0.00")], "退款总金额 is stated as 50, the lines make 51"),
        ([*GOOD[:4], TOTALS.replace("0.00000", "0.01000")], "手续费总金额 is stated as 1, the lines make 0"),
        ([*GOOD[:4], TOTALS.replace("`2,", "`x,")], "line 5: the totals are not numbers"),
        ([*GOOD[:4], TOTALS + ",`1"], "line 5: the totals are not numbers"),
        ([TRADE_COLUMNS, PAYMENT, PAYMENT, *GOOD[3:]], "line 3: the same as line 2"),
        ([TRADE_COLUMNS, PAYMENT, REFUND, REFUND, *GOOD[3:]], "line 4: the same as line 3"),
        ([TRADE_COLUMNS, PAYMENT, REFUND[:100], *GOOD[3:]], "line 3: 9 fields instead of 27"),
        ([TRADE_COLUMNS, PAYMENT.removeprefix("`"), REFUND, *GOOD[3:]], "line 2: 0 fields instead of 27"),
        ([TRADE_COLUMNS, PAYMENT.replace("1900000001", "1900000002"), *GOOD[2:]], "line 2: a field is not what its"),
        ([TRADE_COLUMNS, PAYMENT.replace("CNY", "USD"), *GOOD[2:]], "line 2: a field is not what its column holds"),
        ([TRADE_COLUMNS, PAYMENT.replace("`1.01,`0.00,`0,", "`=1+1,`0.00,`0,"), *GOOD[2:]], "line 2: a field is not"),
        ([TRADE_COLUMNS, PAYMENT.replace("0.01000", "0.01001"), *GOOD[2:]], "line 2: a field is not what its column"),
        ([TRADE_COLUMNS, PAYMENT.replace("SUCCESS", "WHATEVER"), *GOOD[2:]], "line 2: a field is not what its column"),
        ([TRADE_COLUMNS, PAYMENT.replace("2026-12-01", "2026-12-02"), *GOOD[2:]], "line 2: it is of another day"),
        ([TRADE_COLUMNS, PAYMENT.replace("2026-12-01 12", "2026-12-01T12"), *GOOD[2:]], "line 2: a field is not what"),
        ([""], "line 1: its head line is not the known one"),
    ],
    ids=range(21),
)
def test_a_bill_that_does_not_agree_with_itself_is_refused(lines: list[str], expected: str) -> None:
    assert any(found.startswith(expected) for found in differences(lines)), differences(lines)


def test_the_lines_order_does_not_matter() -> None:
    shuffled = read([TRADE_COLUMNS, REFUND, PAYMENT, *GOOD[3:]])
    assert isinstance(shuffled, TradeBill)
    assert [line.kind for line in shuffled.lines] == [LineKind.REFUND, LineKind.PAYMENT]


def test_another_day_s_bill_is_refused_line_by_line() -> None:
    assert differences(GOOD, day=date(2026, 12, 2)) == ("line 2: it is of another day", "line 3: it is of another day")


def test_the_report_of_a_large_damaged_bill_is_bounded() -> None:
    assert len(differences([TRADE_COLUMNS, *["`x"] * 5_000, *GOOD[3:]])) == 100


def test_bytes_that_are_not_those_of_the_link() -> None:
    body = content(GOOD)
    gbk = "\n".join(GOOD).encode("gbk")
    for found, sent in (
        (link(body), body.replace(b"1.01", b"1.02")),
        (link(body), body[:-1]),
        (link(body), gzip.compress(body)[:-4]),
        (link(body), gzip.compress(body) + b"x"),
        (link(gbk), gbk),
        (BillLink(order=ORDER, url="", sha1=None), body),
    ):
        with pytest.raises(BillRefusedError):
            ADAPTER.read_bill(found, sent)


FUNDS = [
    FUND_COLUMNS,
    "`2026-12-01 12:00:09,`4200000001,`20261201001,`交易,`交易,`收入,`1.01,`101.01,`system,`,`a1b2c3d4e5f60718",
    "`2026-12-01 12:00:09,`4200000001,`20261201001,`费,`扣除交易手续费,`支出,`0.01,`101.00,`system,`,`a1b2c3d4e5f60718",
    FUND_TOTALS,
    "`2.0,`1.0,`1.01,`1.0,`0.01",
]


def test_a_fund_bill() -> None:
    bill = read(FUNDS, kind=BillKind.FUND)
    assert isinstance(bill, FundBill)
    assert [(line.kind, line.amount_minor, line.balance_minor) for line in bill.lines] == [
        ("交易", 101, 10101),
        ("扣除交易手续费", -1, 10100),
    ]


def test_brackets_of_either_width() -> None:
    narrow = FUND_COLUMNS.replace("（", "(").replace("）", ")")
    assert read([narrow, *FUNDS[1:]], kind=BillKind.FUND) == read(FUNDS, kind=BillKind.FUND)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([*FUNDS[:4], "`3,`1,`1.01,`1,`0.01"], "资金流水总笔数 is stated as 3, the lines make 2"),
        ([*FUNDS[:4], "`2,`1,`1.02,`1,`0.01"], "收入金额 is stated as 102, the lines make 101"),
        ([*FUNDS[:4], "`2,`1,`1.01,`1,`0.02"], "支出金额 is stated as 2, the lines make 1"),
        ([*FUNDS[:2], FUNDS[1], *FUNDS[3:]], "line 3: the same as line 2"),
        ([FUNDS[0], FUNDS[1].replace("收入", "流入"), *FUNDS[2:]], "line 2: a field is not what its column holds"),
        (FUNDS[:3], "the totals at the end are missing"),
    ],
    ids=range(6),
)
def test_a_fund_bill_that_does_not_agree_with_itself(lines: list[str], expected: str) -> None:
    assert expected in differences(lines, kind=BillKind.FUND)


def test_the_link() -> None:
    request = ADAPTER.bill_request(ORDER, STAMP)
    assert request.url.endswith("/v3/bill/tradebill?bill_type=ALL&bill_date=2026-12-01")
    funds = ADAPTER.bill_request(BillOrder(DAY, BillKind.FUND), STAMP)
    assert funds.url.endswith("/v3/bill/fundflowbill?account_type=BASIC&bill_date=2026-12-01")
    url = "https://api.mch.weixin.qq.com/v3/billdownload/file?token=abc"
    fields = {"hash_type": "SHA1", "hash_value": "A" * 40, "download_url": url}
    found = ADAPTER.bill_link(ORDER, wechat_reply(fields), STAMP)
    assert found == BillLink(order=ORDER, url=url, sha1="a" * 40)
    assert isinstance(found, BillLink)
    download = ADAPTER.bill_download(found, STAMP)
    assert (download.url, download.method) == (url, "GET")
    text = f"GET\n/v3/billdownload/file?token=abc\n1796097600\n{sides.NONCE}\n\n"
    assert sides.signed(text.encode(), "merchant") in download.headers["Authorization"]
    assert "token" not in repr(found)
    assert "token" not in repr(download)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (wechat_reply({"code": "NO_AUTH", "message": "无权限"}, 403), ReasonClass.CONFIGURATION),
        (wechat_reply({"code": "SYSTEM_ERROR", "message": ""}, 500), "SYSTEM_ERROR"),
        (wechat_reply({"hash_type": "MD5", "hash_value": "a" * 40, "download_url": "x"}), "wrong_fields"),
        (wechat_reply({"hash_type": "SHA1", "hash_value": "a", "download_url": "x"}), "wrong_fields"),
        (wechat_reply({}, key="stranger"), "bad_signature"),
    ],
    ids=range(5),
)
def test_no_link(reply: Any, expected: str) -> None:
    found = ADAPTER.bill_link(ORDER, reply, STAMP)
    assert isinstance(found, Failed | Unknown)
    assert (found.reason if isinstance(found, Failed) else found.code) == expected


@pytest.mark.parametrize(
    "url",
    ["http://api.mch.weixin.qq.com/x", "https://evil.example/x", "https://api.mch.weixin.qq.com@evil.example/x", "/x"],
)
def test_a_link_to_elsewhere_is_not_followed(url: str) -> None:
    with pytest.raises(NotTrustedError):
        ADAPTER.bill_download(BillLink(order=ORDER, url=url, sha1="a" * 40), STAMP)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("NO_STATEMENT_EXIST", 400, NoBill("NO_STATEMENT_EXIST")),
        ("NO_STATEMENT_EXIST", 404, NoBill("NO_STATEMENT_EXIST")),
        ("STATEMENT_CREATING", 400, BillNotReady("STATEMENT_CREATING")),
        ("SYSTEM_ERROR", 500, Unknown("SYSTEM_ERROR")),
    ],
)
def test_f20_no_bill_not_ready_and_failed_are_three_answers(code: str, status: int, expected: object) -> None:
    """A day without trade, a bill still in the making and a broken channel gave the same failure."""
    assert ADAPTER.bill_link(ORDER, wechat_reply({"code": code, "message": "x"}, status), STAMP) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("SUCCESS", LineState.DONE),
        ("PROCESSING", LineState.ACCEPTED),
        ("FAIL", LineState.REFUSED),
        ("CHANGE", LineState.BY_HAND),
    ],
)
def test_f18_only_a_refund_that_is_done_gave_money_back(state: str, expected: LineState) -> None:
    """Refund rows that failed or wait were all read as money given back."""
    fields = REFUND.split(",`")
    fields[19] = state
    bill = read([TRADE_COLUMNS, PAYMENT, ",`".join(fields), *GOOD[3:]])
    assert isinstance(bill, TradeBill)
    assert [line.state for line in bill.lines] == [LineState.DONE, expected]


def test_f18_a_state_nobody_knows_is_named_by_its_line() -> None:
    fields = REFUND.split(",`")
    fields[19] = "PERHAPS"
    assert differences([TRADE_COLUMNS, PAYMENT, ",`".join(fields), *GOOD[3:]]) == (
        "line 3: a field is not what its column holds",
    )
