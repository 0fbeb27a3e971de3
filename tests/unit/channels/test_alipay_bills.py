"""Alipay's bills: a ZIP of GBK files, and every way it can be wrong."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pycore.channels import archive
from pycore.channels.alipay import AlipayAdapter, WireForm, fund_bill
from pycore.channels.alipay.trade_bill import COLUMNS
from pycore.channels.bill import (
    BillKind,
    BillLink,
    BillNotReady,
    BillOrder,
    FundBill,
    FundLine,
    LineKind,
    NoBill,
    TradeBill,
)
from pycore.channels.failure import BillRefusedError, NotTrustedError
from pycore.channels.message import Stamp
from pycore.channels.outcome import Unknown
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP

ADAPTER = AlipayAdapter(sides.alipay_merchant())
DAY = date(2026, 12, 1)
LINK = BillLink(order=BillOrder(DAY), url="https://dwbillcenter.alipay.com/x")

HEAD = [
    "#支付宝业务明细查询",
    "#账号：[20880000000000010156]",
    "#起始日期：[2026年12月01日 00:00:00]   终止日期：[2026年12月02日 00:00:00]",
    "#-----------------------------------------业务明细列表----------------------------------------",
]
PAYMENT = (
    "2026120122001400000000000001\t,a1b2c3d4e5f60718\t,交易\t,茶,2026-12-01 12:00:00,2026-12-01 12:00:09,\t,\t,\t,\t,"
    "*茶(159****5620)\t,1.01,1.01,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,\t,-0.01,0.00,备注\t"
)
REFUND = (
    "2026120122001400000000000001\t,a1b2c3d4e5f60718\t,退款\t,茶,2026-12-01 13:00:00,2026-12-01 13:00:09,\t,\t,\t,\t,"
    "*茶(159****5620)\t,-0.51,-0.51,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,f1b2c3d4e5f60719\t,0.00,0.00,\t"
)
TAIL = [
    "#-----------------------------------------业务明细列表结束------------------------------------",
    "#交易合计：1笔，商家实收共1.01元，商家优惠共0.00元",
    "#退款合计：1笔，商家实收退款共-0.51元，商家优惠退款共0.00元",
    "#导出时间：[2026年12月02日 05:46:49]",
]
GOOD = [*HEAD, COLUMNS, PAYMENT, REFUND, *TAIL]
SUMMARY = "#支付宝业务汇总查询\n门店编号,门店名称\n合计,1\n"


def packed(lines: list[str], *, encoding: str = "gbk", more: dict[str, bytes] | None = None) -> bytes:
    """A ZIP like the channel's: names in GBK without saying so, which Python writes only when told other letters."""
    files = {
        "20880000000000010156_20261201_业务明细.csv": "\r\n".join(lines).encode(encoding),
        "20880000000000010156_20261201_业务明细(汇总).csv": SUMMARY.encode("gbk"),
        **(more or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archived:
        for name, value in files.items():
            archived.writestr(name, value)
    return out.getvalue()


def in_gbk(zipped: bytes) -> bytes:
    """The same archive, its names in GBK and the flag for UTF-8 cleared."""
    source = zipfile.ZipFile(io.BytesIO(zipped))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archived:
        for entry in source.infolist():
            archived.writestr(_GbkName(entry.filename.encode("gbk")), source.read(entry))
    return out.getvalue()


class _GbkName(zipfile.ZipInfo):
    def __init__(self, name: bytes) -> None:
        super().__init__(name.decode("latin-1"))
        self.raw = name
        self.compress_type = zipfile.ZIP_DEFLATED

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
        return self.raw, self.flag_bits & ~0x800


def differences(content: bytes) -> tuple[str, ...]:
    with pytest.raises(BillRefusedError) as caught:
        ADAPTER.read_bill(LINK, content)
    return caught.value.differences


def test_a_bill() -> None:
    bill = ADAPTER.read_bill(LINK, packed(GOOD))
    assert isinstance(bill, TradeBill)
    payment, refund = bill.lines
    assert (payment.kind, payment.amount_minor, payment.fee_minor) == (LineKind.PAYMENT, 101, 1)
    assert (payment.transaction_id, payment.payment_attempt_id) == ("2026120122001400000000000001", "a1b2c3d4e5f60718")
    assert (refund.kind, refund.amount_minor, refund.refund_id) == (LineKind.REFUND, 51, "f1b2c3d4e5f60719")
    assert str(refund.at) == "2026-12-01 13:00:09+08:00"
    assert [line.number for line in bill.lines] == [6, 7]


def test_names_in_gbk_that_claim_nothing() -> None:
    zipped = in_gbk(packed(GOOD))
    assert "业务明细.csv".encode("gbk") in zipped
    assert ADAPTER.read_bill(LINK, zipped) == ADAPTER.read_bill(LINK, packed(GOOD))


def test_spellings_of_the_same_bill() -> None:
    narrow = [line.replace("（", "(").replace("）", ")") if line == COLUMNS else line for line in GOOD]
    unsigned = [line.replace("共-0.51元", "共0.51元") for line in GOOD]
    more = [line + ",\t" if line in {COLUMNS, PAYMENT, REFUND} else line for line in GOOD]
    dated = [line.replace("年12月01日", "-12-01").replace("年12月02日", "-12-02") for line in GOOD]
    for lines in (narrow, unsigned, more, dated, [*GOOD, ""]):
        assert len(ADAPTER.read_bill(LINK, packed(lines, encoding="gb18030")).lines) == 2


def test_an_empty_day() -> None:
    tail = [
        TAIL[0],
        "#交易合计：0笔，商家实收共0.00元，商家优惠共0.00元",
        "#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元",
    ]
    assert ADAPTER.read_bill(LINK, packed([*HEAD, COLUMNS, *tail])) == TradeBill(day=DAY, currency="CNY", lines=())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([*HEAD[:2], HEAD[2].replace("01日 00:00:00]   ", "02日 00:00:00]   "), *GOOD[3:]], "it is of another day, or"),
        ([*HEAD[:2], HEAD[2].replace("12月", "13月"), *GOOD[3:]], "it is of another day, or does not say of which"),
        ([*HEAD[:2], *GOOD[3:]], "it is of another day, or does not say of which"),
        ([*HEAD, COLUMNS.replace("服务费", "手续费"), *GOOD[5:]], "line 5: its head line does not name the known"),
        (GOOD[:7], "the end of the list is missing"),
        (GOOD[:8], "the totals at the end are missing"),
        ([*GOOD[:8], *GOOD[9:]], "the totals at the end are missing"),
        ([*HEAD, COLUMNS, PAYMENT, *TAIL], "refund lines is stated as 1, the lines make 0"),
        ([*GOOD[:8], TAIL[1].replace("1.01", "1.02"), *TAIL[2:]], "payment sum is stated as 102, the lines make 101"),
        ([*GOOD[:8], TAIL[1].replace("优惠共0.00", "优惠共0.01"), *TAIL[2:]], "payment discounts is stated as 1"),
        ([*GOOD[:8], TAIL[1].replace("1笔", "2笔"), *TAIL[2:]], "payment lines is stated as 2, the lines make 1"),
        ([*GOOD[:8], TAIL[1].replace("1.01", "1.0.1"), *TAIL[2:]], "the totals are not numbers"),
        ([*HEAD, COLUMNS, PAYMENT, PAYMENT, REFUND, *TAIL], "line 7: the same as line 6"),
    ],
    ids=range(13),
)
def test_a_bill_that_does_not_agree_with_itself_is_refused(lines: list[str], expected: str) -> None:
    found = differences(packed(lines))
    assert any(each.startswith(expected) for each in found), found


@pytest.mark.parametrize(
    "changed",
    [
        PAYMENT.replace("1.01,1.01", "=1+1,1.01"),
        PAYMENT.replace("1.01,1.01", "-1.01,1.01"),
        PAYMENT.replace("交易", "转账"),
        PAYMENT + ",x",
        PAYMENT.replace(",茶,", ",茶,糖,"),
        PAYMENT[:60],
    ],
)
def test_f17_a_line_that_cannot_be_read_is_named_and_set_aside(changed: str) -> None:
    """One such line, and the whole day was refused."""
    bill = ADAPTER.read_bill(LINK, packed([*HEAD, COLUMNS, changed, REFUND, *TAIL]))
    assert [line.kind for line in bill.lines if not isinstance(line, FundLine)] == [LineKind.REFUND]
    assert [line.number for line in bill.set_aside] == [6]
    # It counts among the lines all the same: one that is missing as well is seen.
    found = differences(packed([*HEAD, COLUMNS, changed, *TAIL]))
    assert found == ("lines is stated as 2, the lines make 1",)


def test_f17_a_file_of_which_nothing_can_be_read_is_refused() -> None:
    tail = [TAIL[0], TAIL[1].replace("1笔", "101笔"), TAIL[2].replace("1笔", "0笔")]
    broken = [PAYMENT.replace("1.01,1.01", "x,1.01")] * 101
    assert len(differences(packed([*HEAD, COLUMNS, *broken, *tail]))) == 100


@pytest.mark.parametrize("name", ['"特价"拖鞋', '"特价拖鞋', "T恤,白色", '"T恤,白色"', "，", '"', "#茶", "a\u2028b"])
def test_f17_names_as_people_write_them(name: str) -> None:
    """The file knows no quoting: a mark in a name stands in the file, and it was read as the beginning of one."""
    tabbed = ["\t,".join(line.replace("\t", "").split(",")) + "\t" for line in (PAYMENT, REFUND)]
    lines = [line.replace("\t,茶\t,", f"\t,{name}\t,") for line in tabbed]
    bill = ADAPTER.read_bill(LINK, packed([*HEAD, COLUMNS, *lines, *TAIL], encoding="gb18030"))
    assert (len(bill.lines), bill.set_aside) == (2, ())
    assert bill.lines == ADAPTER.read_bill(LINK, packed(GOOD)).lines


def test_f16_columns_that_are_new_are_passed_over() -> None:
    """A 26th column in the business bill, and the whole day was refused. Columns are found by their names."""
    wider = [
        *HEAD, f"{COLUMNS},交易付款方式", f"{PAYMENT},余额\t", f"{REFUND},\t", *TAIL,
    ]  # fmt: skip
    assert ADAPTER.read_bill(LINK, packed(wider)) == ADAPTER.read_bill(LINK, packed(GOOD))
    twice = [*HEAD, f"{COLUMNS},备注", f"{PAYMENT},", f"{REFUND},", *TAIL]
    assert differences(packed(twice)) == ("line 5: its head line does not name the known columns, each once",)


def test_archives_that_are_refused() -> None:
    good = packed(GOOD)
    assert differences(b"") == differences(b"PK") == differences(good[:-30]) == ("the archive is not a whole ZIP",)
    middle = len(good) // 3
    assert differences(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
    assert differences(packed(GOOD, encoding="utf-16")) == ("a file is not GBK",)
    assert differences(packed(["#"])) == ("the archive holds 0 lists 业务明细 instead of 1",)
    assert differences(packed(GOOD, more={"again.csv": "\r\n".join(GOOD).encode("gbk")})) == (
        "the archive holds 2 lists 业务明细 instead of 1",
    )
    assert differences(packed(GOOD, encoding="utf-8"))


@pytest.mark.parametrize("name", ["../x.csv", "/etc/x.csv", "a/../../x.csv", "..\\x.csv", "C:\\x.csv", "\\x.csv"])
def test_a_name_that_leads_out_of_its_folder(name: str) -> None:
    assert differences(packed(GOOD, more={name: b"x"})) == ("a name in the archive leads out of it",)


def test_bombs() -> None:
    many = packed(GOOD, more={f"{number}.csv": b"" for number in range(20)})
    assert differences(many) == ("the archive holds too many files",)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archived:
        archived.writestr("a.csv", b"\0" * 3_000_000)
        archived.writestr("b.csv", b"\0" * 3_000_000)
    with pytest.raises(BillRefusedError, match="more than it may"):
        archive.members(out.getvalue(), names="gbk", unpacked_bytes_max=5_000_000)
    assert len(archive.members(out.getvalue(), names="gbk", unpacked_bytes_max=6_000_000)) == 2


def test_an_archive_that_lies_about_its_size_is_counted_while_it_unpacks() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archived:
        archived.writestr("a.csv", b"\0" * 3_000_000)
    lying = out.getvalue().replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(BillRefusedError):
        archive.members(lying, names="gbk", unpacked_bytes_max=1_000_000)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archived:
        archived.writestr("a.csv", b"1")
        archived.writestr("a.csv", b"2")
    with pytest.raises(BillRefusedError, match="two files of one name"):
        archive.members(out.getvalue(), names="gbk")


def test_the_link() -> None:
    method, order = "alipay.data.dataservice.bill.downloadurl.query", BillOrder(DAY)
    url = "https://dwbillcenter.alipay.com/downloadBillFile.resource?token=abc"
    fields: dict[str, Any] = {"code": "10000", "msg": "Success", "bill_download_url": url}
    found = ADAPTER.bill_link(order, sides.alipay_v2_reply(method, fields), STAMP)
    assert found == BillLink(order=order, url=url)
    assert isinstance(found, BillLink)
    assert ADAPTER.bill_download(found, STAMP).url == url
    assert ADAPTER.bill_link(order, sides.alipay_v2_reply(method, fields, key="stranger"), STAMP) == Unknown(
        "bad_signature", "10000 Success"
    )
    v3 = AlipayAdapter(sides.alipay_merchant(), WireForm.V3).bill_request(order, STAMP)
    assert (v3.method, v3.body) == ("GET", b"")
    assert v3.url.endswith("/v3/alipay/data/dataservice/bill/downloadurl/query?bill_type=trade&bill_date=2026-12-01")
    funds = AlipayAdapter(sides.alipay_merchant(), WireForm.V3).bill_request(BillOrder(DAY, BillKind.FUND), STAMP)
    assert funds.url.endswith("bill_type=signcustomer&bill_date=2026-12-01")


READY = datetime(2026, 12, 2, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "sub_code", "at", "expected"),
    [
        ("40004", "isp.bill_not_exist", READY, NoBill("isp.bill_not_exist")),
        ("40004", "isp.bill_not_exist", READY - timedelta(seconds=1), BillNotReady("isp.bill_not_exist")),
        ("40004", "isp.bill_not_exist", READY + timedelta(days=90), NoBill("isp.bill_not_exist")),
        ("20000", "isp.unknow-error", READY, Unknown("isp.unknow-error")),
        ("20000", "aop.unknow-error", READY, Unknown("aop.unknow-error")),
        ("40004", "isp.invalid_arguments", READY, Unknown("isp.invalid_arguments")),
    ],
)
def test_f20_three_answers_about_a_bill(code: str, sub_code: str, at: datetime, expected: object) -> None:
    """None of that day, not made yet, and failed were one answer. Alipay says the first two with one code: before
    the hour at which bills are made it is the second."""
    method, order = "alipay.data.dataservice.bill.downloadurl.query", BillOrder(DAY)
    reply = sides.alipay_v2_reply(method, {"code": code, "msg": "x", "sub_code": sub_code, "sub_msg": "x"})
    assert ADAPTER.bill_link(order, reply, Stamp(at, sides.NONCE)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        "http://dwbillcenter.alipay.com/x",
        "https://dwbillcenter.alipay.com@evil.example/",
        "/x",
        "",
    ],
)
def test_a_link_to_elsewhere_is_not_followed(url: str) -> None:
    with pytest.raises(NotTrustedError):
        ADAPTER.bill_download(BillLink(order=BillOrder(DAY), url=url), STAMP)


FUNDS = [
    "#支付宝账务明细查询",
    *HEAD[1:3],
    "#-----------------------------------------账务明细列表----------------------------------------",
    fund_bill.COLUMNS,
    (
        "700001\t,2026120122001400000000000001\t,a1b2c3d4e5f60718\t,茶\t,2026-12-01 12:00:09,*茶\t,"
        "1.01,0.00,101.01,支付宝,在线支付,"
    ),
    (
        "700002\t,2026120122001400000000000001\t,a1b2c3d4e5f60718\t,茶\t,2026-12-01 12:00:09,*茶\t,"
        ",-0.01,101.00,支付宝,收费,"
    ),
    "#-----------------------------------------账务明细列表结束------------------------------------",
    "#支出合计：1笔，共-0.01元",
    "#收入合计：1笔，共1.01元",
    "#导出时间：[2026年12月02日 05:46:49]",
]


WIDER = "业务描述,业务账单来源,业务基础订单号,业务订单号"


@pytest.mark.parametrize("more", [WIDER, f"{WIDER},付款备注"])
def test_f16_an_account_bill_of_sixteen_or_seventeen_columns(more: str) -> None:
    """Twelve were known, and real files have four or five more at the end: the whole day was refused."""
    values = ",".join("0001|在线支付\t" for _ in more.split(","))
    wider = [FUNDS[4] + f",{more}", f"{FUNDS[5]},{values}", f"{FUNDS[6]},{values}"]
    assert funds([*FUNDS[:4], *wider, *FUNDS[7:]]) == funds(FUNDS)


def funds(lines: list[str]) -> FundBill:
    bill = ADAPTER.read_bill(BillLink(order=BillOrder(DAY, BillKind.FUND)), packed(lines))
    assert isinstance(bill, FundBill)
    return bill


def test_an_account_bill() -> None:
    bill = funds(FUNDS)
    assert [(line.kind, line.amount_minor, line.balance_minor) for line in bill.lines] == [
        ("在线支付", 101, 10101),
        ("收费", -1, 10100),
    ]
    assert bill.lines[0].document_id == "a1b2c3d4e5f60718"
    assert funds([*FUNDS[:8], FUNDS[10]]) == bill


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([*FUNDS[:9], FUNDS[9].replace("1.01", "1.02")], "收入合计 is stated as 102, the lines make 101"),
        ([*FUNDS[:9], FUNDS[9].replace("1笔", "2笔")], "收入笔数 is stated as 2, the lines make 1"),
        ([*FUNDS[:8], FUNDS[8].replace("0.01", "0.0.1")], "the totals are not numbers"),
        ([*FUNDS[:6], FUNDS[5], *FUNDS[6:]], "line 7: the same as line 6"),
        ([*FUNDS[:5], FUNDS[5].replace("12-01 12", "12-02 12"), *FUNDS[6:]], "line 6: it is of another day"),
        (FUNDS[:7], "the end of the list is missing"),
        (GOOD, "the archive holds 0 lists 账务明细 instead of 1"),
    ],
    ids=range(7),
)
def test_an_account_bill_that_does_not_agree_with_itself(lines: list[str], expected: str) -> None:
    with pytest.raises(BillRefusedError) as caught:
        funds(lines)
    assert any(each.startswith(expected) for each in caught.value.differences), caught.value.differences


@pytest.mark.parametrize("amounts", ["1.01,0.01", "-1.01,0.00", "x,"])
def test_f17_an_account_line_that_cannot_be_read_is_set_aside(amounts: str) -> None:
    bill = funds([*FUNDS[:5], FUNDS[5].replace("1.01,0.00", amounts), *FUNDS[6:]])
    assert [line.flow_id for line in bill.lines] == ["700002"]
    assert [line.number for line in bill.set_aside] == [6]
