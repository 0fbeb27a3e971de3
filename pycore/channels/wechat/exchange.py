"""A call of APIv3: JSON out, signed; JSON back, verified before it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from pycore.channels import strict_json
from pycore.channels.failure import NotTrustedError
from pycore.channels.message import HttpRequest, HttpResponse, Stamp
from pycore.channels.outcome import Outcome, Unknown, answer, unknown
from pycore.channels.strict_json import Id, Text
from pycore.channels.wechat.merchant import WeChatMerchant
from pycore.channels.wechat.reasons import NOT_FOUND, refusal
from pycore.channels.wechat.signature import authorization, verify

Fen = Annotated[int, Meta(ge=0, le=10**12)]

Reply = TypeVar("Reply")


class Nothing(Struct):
    """A reply without content: HTTP 204."""


class _Problem(Struct):
    code: Id
    message: Text = ""


def request(
    merchant: WeChatMerchant, stamp: Stamp, method: str, uri: str, fields: dict[str, Any] | None = None
) -> HttpRequest:
    """Return the signed call; ``uri`` is path and query."""
    body = "" if fields is None else json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    headers = signed_headers(merchant, stamp, method, uri, body)
    if body:
        headers["Content-Type"] = "application/json"
    return HttpRequest(method=method, url=merchant.base_url + uri, headers=headers, body=body.encode())


def signed_headers(merchant: WeChatMerchant, stamp: Stamp, method: str, uri: str, body: str = "") -> dict[str, str]:
    """Return the headers of a call; they also name the key that the reply shall be signed with."""
    return {
        "Accept": "application/json",
        "Authorization": authorization(merchant, method, uri, body, stamp),
        "Wechatpay-Serial": merchant.reply_key_id,
    }


def outcome(
    merchant: WeChatMerchant,
    response: HttpResponse,
    stamp: Stamp,
    kind: type[Reply],
    judge: Callable[[Reply], Outcome],
    *,
    question: bool = False,
) -> Outcome:
    """Return what ``judge`` makes of a verified reply, or what the verified refusal means; otherwise ``Unknown``.

    A ``question`` that is refused leaves what it was about unknown.
    """
    try:
        verify(response.headers, response.body, merchant.platform_keys, stamp.at)
    except NotTrustedError as error:
        return unknown(error.code, *unverified_words(response))
    try:
        if 200 <= response.status < 300:
            return judge(strict_json.read(b"{}" if response.status == 204 else response.body, kind))
        problem = strict_json.read(response.body, _Problem)
    except NotTrustedError as error:
        return Unknown(error.code)
    if response.status >= 500:
        return Unknown(problem.code)
    refused = refusal(problem.code, problem.message)
    return answer(refused, not_found=NOT_FOUND) if question else refused


def unverified_words(response: HttpResponse) -> tuple[str, ...]:
    """Return the code and the words of a refusal that nobody vouches for: a wrong key of ours is told unsigned."""
    try:
        problem = strict_json.read(response.body, _Problem)
    except NotTrustedError:
        return ()
    return problem.code, problem.message
