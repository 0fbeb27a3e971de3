"""Bills of a day or a month: a ZIP of two CSV files, everything in GBK, the files' names too.

Head and foot lines begin with ``#``; each value ends with a tab, so that no spreadsheet makes a number of it. The link
works for 30 seconds and asks for no signature.
"""

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from api.sandbox.alipay import PROTOCOL
from api.sandbox.alipay.error import ApiError
from api.sandbox.alipay.method import Answer, Call, Method, Work, World, moment
from api.sandbox.core.bill import Movement, movements, postings, totals, yuan
from api.sandbox.core.clock import day_bounds, in_shanghai, month_bounds, wall_ms
from api.sandbox.core.fault import Operation
from api.sandbox.keys import ALIPAY_APP_ID, ALIPAY_SELLER_ID

DOWNLOAD_PATH: Final = "/alipay/bill/download"
_LINK_MS: Final = 30_000
_READY_AFTER_MS: Final = 9 * 3_600_000
"""Bills are there from nine o'clock on the next day."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?")
_ACCOUNT: Final = f"{ALIPAY_SELLER_ID}0156"
_GENERAL_PURPOSE_UTF8: Final = 0x800

TRADE_HEAD: Final = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
TRADE_SUMMARY_HEAD: Final = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
ACCOUNT_HEAD: Final = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,"
    "业务类型,备注"
)
ACCOUNT_SUMMARY_HEAD: Final = "账务类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）"


class _Query(Struct):
    bill_type: str
    bill_date: str


class _File(Struct):
    """What a download link opens."""

    kind: str
    date: str


def _read(world: World, call: Call) -> Work:
    query = call.content(_Query)
    if query.bill_type not in {"trade", "signcustomer"}:
        raise ApiError("isp.invalid_arguments", "入参不合法：bill_type")
    start_ms, end_ms = _bounds(query.bill_date)

    def perform() -> Answer:
        is_ready = world.clock.now_ms() >= end_ms + _READY_AFTER_MS
        if not (is_ready and movements(world.store, PROTOCOL, ALIPAY_APP_ID, start_ms, end_ms)):
            # One answer for both: it is not made yet, and nothing moved.
            raise ApiError("isp.bill_not_exist", "账单不存在")
        ticket = world.tickets.make(_File(query.bill_type, query.bill_date), wall_ms() + _LINK_MS)
        return Answer({"bill_download_url": f"{world.base_url}{DOWNLOAD_PATH}?ticket={ticket}"})

    return Work(query.bill_date, perform)


def download(world: World, request: Request) -> Response:
    """Return the file a link opens."""
    try:
        file = world.tickets.open(request.query_params.get("ticket", ""), _File, wall_ms())
    except ValueError:
        return Response("link expired", 403, media_type="text/plain")
    return Response(_zip(_files(world, file)), media_type="application/zip")


def _bounds(date: str) -> tuple[int, int]:
    if not _DATE.fullmatch(date):
        raise ApiError("isp.invalid_arguments", "入参不合法：bill_date")
    try:
        return month_bounds(date) if len(date) == len("2026-11") else day_bounds(date)
    except (ValueError, OverflowError):
        raise ApiError("isp.invalid_arguments", "入参不合法：bill_date") from None


def _files(world: World, file: _File) -> dict[str, list[str]]:
    """Return the lines of both files, by name."""
    start_ms, end_ms = _bounds(file.date)
    moved = movements(world.store, PROTOCOL, ALIPAY_APP_ID, start_ms, end_ms)
    span = (_written(start_ms), _written(end_ms))
    exported = f"#导出时间：[{moment(world.clock.now_ms())}]"
    if file.kind == "trade":
        name, detail, summary = "业务", list(_trade_lines(moved)), _trade_summary(moved)
        heads = (TRADE_HEAD, TRADE_SUMMARY_HEAD)
        sums = _sum_lines(moved)
    else:
        name, detail, summary = "账务", list(_account_lines(world, moved, start_ms)), _account_summary(moved)
        heads = (ACCOUNT_HEAD, ACCOUNT_SUMMARY_HEAD)
        sums = []
    stem = f"{_ACCOUNT}_{file.date.replace('-', '')}_{name}明细"
    return {
        f"{stem}.csv": _framed(f"{name}明细", span, heads[0], detail, [*sums, exported]),
        f"{stem}(汇总).csv": _framed(f"{name}汇总", span, heads[1], summary, [exported]),
    }


def _written(at_ms: int) -> str:
    """Return a moment as the head of a bill writes it: unlike everywhere else, in Chinese."""
    return f"{in_shanghai(at_ms):%Y年%m月%d日 %H:%M:%S}"


def _framed(title: str, span: tuple[str, str], head: str, lines: list[str], foot: list[str]) -> list[str]:
    rule = "-" * 40
    return [
        f"#支付宝{title}查询",
        f"#账号：[{_ACCOUNT}]",
        f"#起始日期：[{span[0]}]   终止日期：[{span[1]}]",
        f"#{rule}{title}列表{rule}",
        head,
        *lines,
        f"#{rule}{title}列表结束{rule}",
        *foot,
    ]


def _trade_lines(moved: list[Movement]) -> Iterable[str]:
    for each in moved:
        order, refund = each.order, each.refund
        amount = yuan(order.amount if refund is None else -refund.amount)
        yield _row(
            (
                order.number,
                order.reference,
                "交易" if refund is None else "退款",
                order.description,
                moment(order.created_at if refund is None else refund.created_at),
                moment(each.at_ms),
                "",
                "",
                "",
                "",
                "*买家(san***@example.com)",
                amount,
                amount,
                *["0.00"] * 5,
                "",
                "0.00",
                "0.00",
                "" if refund is None else refund.reference,
                yuan(-order.fee if refund is None else refund.fee),
                "0.00",
                "" if refund is None else refund.reason,
            )
        )


def _sum_lines(moved: list[Movement]) -> list[str]:
    sums = totals(moved)
    return [
        f"#交易合计：{sums.payments}笔，商家实收共{yuan(sums.paid)}元，商家优惠共0.00元",
        f"#退款合计：{sums.refunds}笔，商家实收退款共{yuan(-sums.refunded)}元，商家优惠退款共0.00元",
    ]


def _trade_summary(moved: list[Movement]) -> list[str]:
    sums = totals(moved)
    net = yuan(sums.paid - sums.refunded)
    values = ("", "合计", str(sums.payments), str(sums.refunds), net, net, "0.00", "0.00", "0.00", yuan(-sums.fees))
    return [_row((*values, "0.00", yuan(sums.paid - sums.refunded - sums.fees)))]


def _account_lines(world: World, moved: list[Movement], start_ms: int) -> Iterable[str]:
    for number, each in enumerate(postings(world.store, PROTOCOL, moved, start_ms), 1):
        order, refund = each.movement.order, each.movement.refund
        yield _row(
            (
                f"{order.number[4:12]}{number:012d}",
                order.number if refund is None else refund.number,
                order.reference,
                order.description,
                moment(each.movement.at_ms),
                "*买家(san***@example.com)",
                yuan(each.amount) if each.amount > 0 else "",
                yuan(each.amount) if each.amount < 0 else "",
                yuan(each.balance),
                "支付宝",
                ("收费" if refund is None else "退费")
                if each.is_fee
                else ("在线支付" if refund is None else "交易退款"),
                "" if refund is None else refund.reference,
            )
        )


def _account_summary(moved: list[Movement]) -> list[str]:
    sums = totals(moved)
    kinds = (
        ("在线支付", sums.payments, sums.paid, 0, 0),
        ("交易退款", 0, 0, sums.refunds, -sums.refunded),
        ("收费", 0, 0, sums.payments, -sums.fees),
    )
    return [
        _row((kind, str(ins), yuan(income), str(outs), yuan(spent), yuan(income + spent)))
        for kind, ins, income, outs, spent in kinds
    ]


def _row(values: Iterable[str]) -> str:
    """Return a line. Commas and line ends inside texts become spaces: the format has no quoting."""
    return ",".join(value.translate(_NO_QUOTING) + "\t" for value in values)


_NO_QUOTING: Final = str.maketrans({",": " ", "\r": " ", "\n": " ", "\t": " "})


class _GbkNamed(zipfile.ZipInfo):
    """An entry whose name is GBK without the flag that says which alphabet it is: what the real files look like."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the library's name for this step
        return self.filename.encode("gbk"), self.flag_bits & ~_GENERAL_PURPOSE_UTF8


def _zip(files: dict[str, list[str]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in files.items():
            content = "".join(f"{line}\r\n" for line in lines).encode("gbk", errors="replace")
            entry: Any = _GbkNamed(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


METHODS: Final = (Method("alipay.data.dataservice.bill.downloadurl.query", Operation.BILL, _read, verb="GET"),)
