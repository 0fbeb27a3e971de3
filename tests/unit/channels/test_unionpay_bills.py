"""UnionPay's bills: 42 fields of fixed width in GBK bytes."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from datetime import date, datetime
from urllib.parse import parse_qsl

import pytest

from pycore.channels.bill import BillKind, BillLink, BillNotReady, BillOrder, LineKind, NoBill, TradeBill
from pycore.channels.clock import SHANGHAI
from pycore.channels.failure import BillRefusedError, UnsupportedOperationError
from pycore.channels.message import Stamp
from pycore.channels.outcome import Failed, Unknown
from pycore.channels.unionpay import UnionPayAdapter
from pycore.channels.unionpay.bills import LINE_BYTES, read_lines
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP, unionpay_reply

ADAPTER = UnionPayAdapter(sides.unionpay_merchant())
DAY = date(2026, 12, 1)
NAME = "INN26120188ZM_777290058110001"
# The widths once more, as the channel's list has them: not the adapter's constant.
WIDTHS = [
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15),
    *(32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
]


def line(**fields: str) -> bytes:
    """A line; ``f5`` is the fifth field."""
    payment = {
        "f1": "S22",
        "f2": "00010000",
        "f4": "012345",
        "f5": "1201120009",
        "f6": "621485******4567",
        "f7": "000000000101",
        "f8": "5399",
        "f9": "08",
        "f10": "812026120112000012345",
        "f12": "a1b2c3d4e5f60718",
        "f16": "D000000000001",
        "f17": "C000000000100",
        "f20": "01",
        "f21": "01",
        "f22": "000000",
        "f28": "777290058110001",
        "f31": "茶叶店",
    }
    payment |= fields
    values = [payment.get(f"f{number}", "").encode("gbk").ljust(width) for number, width in enumerate(WIDTHS, 1)]
    return b" ".join(values)


PAYMENT = line()
REFUND = line(
    f1="S30", f7="000000000051", f10="812026120113000012346", f12="f1b2c3d4e5f60719", f16="C000000000001", f20="04"
)


def content(*lines: bytes, end: bytes = b"\r\n") -> bytes:
    return b"".join(each + end for each in lines)


def packed(data: bytes, name: str = NAME) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archived:
        archived.writestr(name, data)
        archived.writestr("INN26120188ZME_777290058110001", b"")
    return out.getvalue()


def differences(data: bytes, day: date = DAY) -> tuple[str, ...]:
    with pytest.raises(BillRefusedError) as caught:
        read_lines(data, day, "777290058110001")
    return caught.value.differences


def test_a_line_has_its_width_in_bytes_not_in_letters() -> None:
    assert len(PAYMENT) == LINE_BYTES == sum(WIDTHS) + 41


def test_a_bill() -> None:
    bill = read_lines(content(PAYMENT, REFUND), DAY, "777290058110001")
    payment, refund = bill.lines
    assert (payment.kind, payment.amount_minor, payment.fee_minor) == (LineKind.PAYMENT, 101, 1)
    assert (payment.payment_attempt_id, payment.transaction_id) == ("a1b2c3d4e5f60718", "812026120112000012345")
    assert (refund.kind, refund.amount_minor, refund.fee_minor) == (LineKind.REFUND, 51, -1)
    assert (refund.payment_attempt_id, refund.refund_id) == ("", "f1b2c3d4e5f60719")
    assert str(payment.at) == "2026-12-01 12:00:09+08:00"
    assert "6214" not in repr(bill)
    assert read_lines(content(PAYMENT, REFUND, end=b"\n"), DAY, "777290058110001") == bill
    assert read_lines(b"", DAY, "777290058110001") == TradeBill(day=DAY, currency="CNY", lines=())


def test_f19_a_last_line_without_its_line_feed_is_whole() -> None:
    """A file whose last line was not ended was refused as cut; a line that is cut lacks its width as well."""
    whole = content(PAYMENT, REFUND)
    for data in (whole[:-1], whole[:-2]):
        assert read_lines(data, DAY, "777290058110001") == read_lines(whole, DAY, "777290058110001")


def test_f19_a_line_of_a_kind_we_do_not_know_is_set_aside() -> None:
    """One line of kind 02 (a pre-authorization) among a thousand, and the day was refused."""
    bill = read_lines(content(PAYMENT, line(f20="02", f10="812026120114000012347"), REFUND), DAY, "777290058110001")
    assert [each.number for each in bill.lines] == [1, 3]
    [aside] = bill.set_aside
    assert (aside.number, aside.why.startswith("its kind is 02")) == (2, True)
    assert "the kind of no line is known" in differences(content(line(f20="02")))


def test_the_turn_of_the_year() -> None:
    bill = read_lines(content(line(f5="1231233000")), date(2027, 1, 1), "777290058110001")
    assert str(bill.lines[0].at) == "2026-12-31 23:30:00+08:00"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (content(PAYMENT, REFUND)[:-3], f"line 2: {LINE_BYTES - 1} bytes instead of {LINE_BYTES}"),
        (content(PAYMENT, REFUND[:-1]), f"line 2: {LINE_BYTES - 1} bytes instead of {LINE_BYTES}"),
        (content(PAYMENT + b" "), f"line 1: {LINE_BYTES + 1} bytes instead of {LINE_BYTES}"),
        (b"\xef\xbb\xbf" + content(PAYMENT), f"line 1: {LINE_BYTES + 3} bytes instead of {LINE_BYTES}"),
        (content(PAYMENT, PAYMENT), "line 2: the same as line 1"),
        (content(line(f28="777290058110002")), "line 1: it is another merchant's"),
        (content(line(f20="7")), "line 1: its kind is not known"),
        (content(line(f7="00000000+101")), "line 1: a field is not what its column holds"),
        (content(line(f7="")), "line 1: a field is not what its column holds"),
        (content(line(f16="X000000000001")), "line 1: a field is not what its column holds"),
        (content(line(f10="81202612011200001234X")), "line 1: a field is not what its column holds"),
        (content(line(f12="=cmd()")), "line 1: a field is not what its column holds"),
        (content(line(f5="1301120009")), "line 1: a field is not what its column holds"),
        (content(line(f5="0601120009")), "line 1: it is of another day"),
        (content(line(f5="1203120009")), "line 1: it is of another day"),
    ],
    ids=range(15),
)
def test_a_bill_that_is_refused(data: bytes, expected: str) -> None:
    assert expected in differences(data)


def test_the_way_of_a_bill() -> None:
    order = BillOrder(DAY)
    request = ADAPTER.bill_request(order, STAMP)
    fields = dict(parse_qsl(request.body.decode()))
    assert (fields["txnType"], fields["settleDate"], fields["fileType"]) == ("76", "1201", "00")
    inflated = base64.b64encode(zlib.compress(packed(content(PAYMENT, REFUND)))).decode()
    found = ADAPTER.bill_link(order, unionpay_reply({"respCode": "00", "fileContent": inflated}), STAMP)
    assert isinstance(found, BillLink)
    assert found.content is not None
    assert len(ADAPTER.read_bill(found, found.content).lines) == 2
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.bill_download(found, STAMP)
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.bill_request(BillOrder(DAY, BillKind.FUND), STAMP)


def test_f20_no_file_is_not_the_same_as_no_file_yet() -> None:
    """Both were the failure ``98``: a day without trade was asked for again and again, or one was given up early."""
    reply = unionpay_reply({"respCode": "98", "respMsg": "文件不存在"})
    early = Stamp(datetime(2026, 12, 2, 9, 59, tzinfo=SHANGHAI), "n1")
    late = Stamp(datetime(2026, 12, 2, 10, 0, tzinfo=SHANGHAI), "n1")
    assert ADAPTER.bill_link(BillOrder(DAY), reply, early) == BillNotReady("98")
    assert ADAPTER.bill_link(BillOrder(DAY), reply, late) == NoBill("98")


def test_no_bill() -> None:
    order = BillOrder(DAY)
    refused = ADAPTER.bill_link(order, unionpay_reply({"respCode": "10", "respMsg": "报文格式错误"}), STAMP)
    assert isinstance(refused, Failed)
    for fields in ({"fileContent": ""}, {"fileContent": "*"}, {"fileContent": base64.b64encode(b"x").decode()}):
        assert ADAPTER.bill_link(order, unionpay_reply({"respCode": "00", **fields}), STAMP) == Unknown("bad_file")
    good = packed(content(PAYMENT), name="summary.txt")
    with pytest.raises(BillRefusedError, match="0 files"):
        ADAPTER.read_bill(BillLink(order=order, content=good), good)
