"""Bills of a day: what was traded, and what moved on the merchant's account.

CSV with a byte-order mark and CRLF; each value begins with a back-tick, so that no spreadsheet makes a number of it.
The reply names where to fetch the file and its SHA-1; the download is signed by the merchant, its reply by nobody.
"""

import gzip
import hashlib
import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from api.sandbox.core.bill import Movement, movements, postings, totals, yuan
from api.sandbox.core.clock import DAY_MS, day_bounds, in_shanghai, wall_ms
from api.sandbox.core.fault import Operation
from api.sandbox.keys import MCHID, WECHAT_APPID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import Answer, Call, Interface, Work, World
from api.sandbox.wechat.error import ApiError, parameter_error
from api.sandbox.wechat.transaction import trade_type

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LINK_MS: Final = 5 * 60_000
_KEPT_DAYS: Final = 92
_READY_AFTER_MS: Final = 10 * 3_600_000
"""Bills are there from ten o'clock on the next day."""

TRADE_HEAD: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
TRADE_SUMMARY_HEAD: Final = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
FUND_HEAD: Final = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,"
    "资金变更提交申请人,备注,业务凭证号"
)
FUND_SUMMARY_HEAD: Final = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


class _File(Struct):
    """What a download link opens."""

    kind: str
    date: str
    is_zipped: bool
    selection: str = "ALL"


def _read_trade(world: World, call: Call) -> Work:
    selection = call.query.get("bill_type", "ALL")
    if selection not in {"ALL", "SUCCESS", "REFUND"}:
        raise parameter_error("bill_type", "取值范围为ALL、SUCCESS、REFUND", "query")
    return _offer(world, call, "trade", selection)


def _read_fund(world: World, call: Call) -> Work:
    account = call.query.get("account_type", "BASIC")
    if account not in {"BASIC", "OPERATION", "FEES"}:
        raise parameter_error("account_type", "取值范围为BASIC、OPERATION、FEES", "query")
    return _offer(world, call, "fund", account)


def _offer(world: World, call: Call, kind: str, selection: str) -> Work:
    date, packing = call.query.get("bill_date", ""), call.query.get("tar_type", "")
    if packing not in {"", "GZIP"}:
        raise parameter_error("tar_type", "取值范围为GZIP", "query")
    try:
        if not _DAY.fullmatch(date):
            raise ValueError("not ten characters")
        start_ms, end_ms = day_bounds(date)
    except ValueError:
        raise parameter_error("bill_date", "格式为yyyy-MM-DD", "query") from None

    def perform() -> Answer:
        now = world.clock.now_ms()
        if now < end_ms + _READY_AFTER_MS:
            raise ApiError(400, "STATEMENT_CREATING", "账单生成中，请在次日10点后获取")
        if now > start_ms + _KEPT_DAYS * DAY_MS or not _chosen(world, kind, date, selection):
            raise ApiError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        file = _File(kind, date, packing == "GZIP", selection)
        # The hash is that of the unpacked file; packed or not, it is the same bill.
        ticket = world.tickets.make(file, wall_ms() + _LINK_MS)
        return Answer(
            {
                "hash_type": "SHA1",
                "hash_value": hashlib.sha1(_content(world, file), usedforsecurity=False).hexdigest(),
                "download_url": f"{world.base_url}/v3/billdownload/file?token={ticket}",
            }
        )

    return Work(date, perform)


def _chosen(world: World, kind: str, date: str, selection: str) -> list[Movement]:
    """Return what a bill of that day tells; where it is nothing there is no bill."""
    moved = movements(world.store, PROTOCOL, MCHID, *day_bounds(date))
    if kind == "fund":
        return moved if selection == "BASIC" else []
    return [each for each in moved if selection in {"ALL", "SUCCESS" if each.refund is None else "REFUND"}]


def _read_download(world: World, call: Call) -> Work:
    try:
        file = world.tickets.open(call.query.get("token", ""), _File, wall_ms())
    except ValueError:
        raise ApiError(400, "INVALID_REQUEST", "下载链接无效或已过期") from None

    def perform() -> Answer:
        content = _content(world, file)
        return Answer(file=gzip.compress(content, mtime=0) if file.is_zipped else content)

    return Work(file.date, perform)


def _content(world: World, file: _File) -> bytes:
    chosen = _chosen(world, file.kind, file.date, file.selection)
    lines = _trade_lines(chosen) if file.kind == "trade" else _fund_lines(world, chosen, day_bounds(file.date)[0])
    return ("\ufeff" + "".join(f"{line}\r\n" for line in lines)).encode()


def _trade_lines(chosen: list[Movement]) -> Iterable[str]:
    yield TRADE_HEAD
    for each in chosen:
        yield _row(_trade_values(each))
    sums = totals(chosen)
    yield TRADE_SUMMARY_HEAD
    yield _row(
        (
            str(len(chosen)),
            yuan(sums.paid),
            yuan(sums.refunded),
            yuan(0),
            yuan(sums.fees),
            yuan(sums.paid),
            yuan(sums.refunded),
        )
    )


def _trade_values(each: Movement) -> tuple[str, ...]:
    order, refund = each.order, each.refund
    paid = yuan(order.amount if refund is None else 0)
    back = yuan(0 if refund is None else refund.amount)
    return (
        f"{in_shanghai(each.at_ms):%Y-%m-%d %H:%M:%S}",
        WECHAT_APPID,
        MCHID,
        "0",
        "",
        order.number,
        order.reference,
        order.payer,
        trade_type(order),
        "SUCCESS" if refund is None else "REFUND",
        "OTHERS",
        order.currency,
        paid,
        yuan(0),
        "0" if refund is None else refund.number,
        "0" if refund is None else refund.reference,
        back,
        yuan(0),
        "" if refund is None else "ORIGINAL",
        "" if refund is None else "SUCCESS",
        order.description,
        order.attach,
        yuan(order.fee if refund is None else -refund.fee),
        "0.60%",
        paid,
        back,
        "",
    )


def _fund_lines(world: World, moved: list[Movement], start_ms: int) -> Iterable[str]:
    yield FUND_HEAD
    ins: list[int] = []
    outs: list[int] = []
    for number, each in enumerate(postings(world.store, PROTOCOL, moved, start_ms), 1):
        (ins if each.amount > 0 else outs).append(abs(each.amount))
        order, refund = each.movement.order, each.movement.refund
        name = ("扣除交易手续费" if refund is None else "退还交易手续费") if each.is_fee else _name(refund is None)
        yield _row(
            (
                f"{in_shanghai(each.movement.at_ms):%Y-%m-%d %H:%M:%S}",
                order.number if refund is None else refund.number,
                f"{in_shanghai(start_ms):%Y%m%d}{number:012d}",
                name,
                "扣除交易手续费" if each.is_fee else _name(refund is None),
                "收入" if each.amount > 0 else "支出",
                yuan(abs(each.amount)),
                yuan(each.balance),
                "system" if refund is None else f"{MCHID}API",
                "",
                order.reference if refund is None else refund.reference,
            )
        )
    yield FUND_SUMMARY_HEAD
    yield _row((str(len(ins) + len(outs)), str(len(ins)), yuan(sum(ins)), str(len(outs)), yuan(sum(outs))))


def _name(is_payment: bool) -> str:
    return "交易" if is_payment else "退款"


def _row(values: Iterable[str]) -> str:
    """Return a line. Commas and line ends inside texts become spaces: the format has no quoting."""
    return ",".join("`" + value.translate(_NO_QUOTING) for value in values)


_NO_QUOTING: Final = str.maketrans({",": " ", "\r": " ", "\n": " ", "`": " "})

INTERFACES: Final = (
    Interface("GET", "/v3/bill/tradebill", Operation.BILL, _read_trade),
    Interface("GET", "/v3/bill/fundflowbill", Operation.BILL, _read_fund),
    Interface("GET", "/v3/billdownload/file", Operation.BILL, _read_download),
)
