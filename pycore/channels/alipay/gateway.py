"""The v2 gateway: one address, parameters signed with RSA2, a reply whose inner text is signed.

Source: Alipay open platform, "signing a request", "verifying a synchronous reply".
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from msgspec import Meta, Struct

from pycore.channels import strict_json
from pycore.channels.alipay.charset import decoded
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.reply import AlipayReply
from pycore.channels.clock import WORDS, write_time
from pycore.channels.failure import NotTrustedError
from pycore.channels.form import sorted_text
from pycore.channels.message import HttpRequest, HttpResponse, Stamp
from pycore.channels.strict_json import Id, Text

_REFUSED_WHOLE: Final = "error_response"
"""Wraps the refusal of a call that was not understood: it is not signed and proves nothing."""


class _Verdict(Struct):
    code: Id
    msg: Text = ""
    sub_code: Annotated[str, Meta(pattern=r"^[!-~]{0,64}\Z")] = ""
    sub_msg: Text = ""


def signed_parameters(
    merchant: AlipayMerchant,
    method: str,
    content: dict[str, Any],
    stamp: Stamp,
    *,
    notify_url: str | None = None,
    return_url: str | None = None,
) -> dict[str, str]:
    """Return all parameters of a call, the signature among them."""
    certificates = merchant.certificates
    parameters = {
        "app_id": merchant.app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": write_time(stamp.at, WORDS),
        "version": "1.0",
        "notify_url": notify_url or "",
        "return_url": return_url or "",
        "app_cert_sn": certificates.app_cert_sn if certificates else "",
        "alipay_root_cert_sn": certificates.alipay_root_cert_sn if certificates else "",
        "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
    }
    parameters = {name: value for name, value in parameters.items() if value}
    return {**parameters, "sign": merchant.private_key.sign(sorted_text(parameters).encode())}


class GatewayForm:
    """Calls through the v2 gateway."""

    def __init__(self, merchant: AlipayMerchant) -> None:
        self._merchant = merchant

    def request(self, method: str, content: dict[str, Any], stamp: Stamp, *, notify_url: str | None) -> HttpRequest:
        """Return the signed call: parameters in the query, content as a form."""
        parameters = signed_parameters(self._merchant, method, content, stamp, notify_url=notify_url)
        body = urlencode({"biz_content": parameters.pop("biz_content")})
        return HttpRequest(
            method="POST",
            url=f"{self._merchant.gateway}?{urlencode(parameters)}",
            headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
            body=body.encode(),
        )

    def reply(self, method: str, response: HttpResponse, stamp: Stamp) -> AlipayReply:
        """Return a verified reply. Raises NotTrustedError.

        The signature carries no time. It covers order number and state, so an old reply is at worst an old state,
        and a status never goes backwards at the caller's.
        """
        if response.status != 200:
            raise NotTrustedError(f"http_{response.status}")
        text, codec = decoded(response.body)
        members = strict_json.raw_members(text)
        name = method.replace(".", "_") + "_response"
        try:
            self._verify(members, name, codec)
        except NotTrustedError as error:
            raise NotTrustedError(error.code, _words(members.get(name) or members.get(_REFUSED_WHOLE))) from None
        fields = strict_json.read_object(members[name])
        verdict = strict_json.convert(fields, _Verdict)
        return AlipayReply(
            code=verdict.sub_code or verdict.code,
            message=verdict.sub_msg or verdict.msg,
            undecided=verdict.code == "20000",
            fields=fields,
        )

    def _verify(self, members: dict[str, str], name: str, codec: str) -> None:
        if name not in members or "sign" not in members:
            raise NotTrustedError("not_signed")
        self._check_certificate(members)
        signature = json.loads(members["sign"])
        if not isinstance(signature, str):
            raise NotTrustedError("not_signed")
        self._merchant.platform_key.verify(members[name].encode(codec), signature)

    def _check_certificate(self, members: dict[str, str]) -> None:
        certificates = self._merchant.certificates
        if certificates is not None and members.get("alipay_cert_sn") != json.dumps(certificates.alipay_cert_sn):
            raise NotTrustedError("unknown_key")


def _words(said: str | None) -> str:
    """Return what an inner object says for people, whoever wrote it."""
    try:
        fields = strict_json.read_object(said or "")
    except NotTrustedError:
        return ""
    return " ".join(each for name in _Verdict.__struct_fields__ if isinstance(each := fields.get(name), str))
