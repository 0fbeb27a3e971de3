"""The v3 calls: a path per method, the signature in the Authorization header, a signed body in reply.

Source: Alipay open platform, "APIv3 signing" (``ALIPAY-SHA256withRSA``).
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct

from pycore.channels import strict_json
from pycore.channels.alipay.charset import decoded
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.reply import SUCCESS, AlipayReply
from pycore.channels.failure import NotTrustedError
from pycore.channels.message import HttpRequest, HttpResponse, Stamp
from pycore.channels.strict_json import Id, Text

WINDOW_SECONDS: Final = 300
_GET_METHODS: Final = {"alipay.data.dataservice.bill.downloadurl.query"}


class _Problem(Struct):
    code: Id
    message: Text = ""


class RestForm:
    """Calls of APIv3."""

    def __init__(self, merchant: AlipayMerchant) -> None:
        self._merchant = merchant

    def request(self, method: str, content: dict[str, Any], stamp: Stamp, *, notify_url: str | None) -> HttpRequest:
        """Return the signed call."""
        uri, verb, body = "/v3/" + method.replace(".", "/"), "POST", ""
        if method in _GET_METHODS:
            uri, verb = f"{uri}?{urlencode(content)}", "GET"
        else:
            if notify_url is not None:
                content = {**content, "notify_url": notify_url}
            body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        headers = {"Authorization": self._authorization(verb, uri, body, stamp), "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        certificates = self._merchant.certificates
        if certificates is not None:
            headers["alipay-root-cert-sn"] = certificates.alipay_root_cert_sn
        return HttpRequest(method=verb, url=self._merchant.endpoint + uri, headers=headers, body=body.encode())

    def reply(self, method: str, response: HttpResponse, stamp: Stamp) -> AlipayReply:
        """Return a verified reply not older than five minutes. Raises NotTrustedError."""
        try:
            self._verify(response, stamp)
        except NotTrustedError as error:
            raise NotTrustedError(error.code, _words(response)) from None
        fields = strict_json.read_object(decoded(response.body)[0])
        if 200 <= response.status < 300:
            return AlipayReply(code=SUCCESS, fields=fields)
        problem = strict_json.convert(fields, _Problem)
        return AlipayReply(code=problem.code, message=problem.message, undecided=response.status >= 500, fields=fields)

    def _authorization(self, verb: str, uri: str, body: str, stamp: Stamp) -> str:
        certificates = self._merchant.certificates
        app_cert_sn = f"app_cert_sn={certificates.app_cert_sn}," if certificates else ""
        timestamp_ms = int(stamp.at.timestamp() * 1000)
        text = f"app_id={self._merchant.app_id},{app_cert_sn}nonce={stamp.nonce},timestamp={timestamp_ms}"
        signature = self._merchant.private_key.sign(f"{text}\n{verb}\n{uri}\n{body}\n".encode())
        return f"ALIPAY-SHA256withRSA {text},sign={signature}"

    def _verify(self, response: HttpResponse, stamp: Stamp) -> None:
        try:
            timestamp = response.headers["alipay-timestamp"]
            nonce = response.headers["alipay-nonce"]
            signature = response.headers["alipay-signature"]
        except KeyError:
            raise NotTrustedError("not_signed") from None
        certificates = self._merchant.certificates
        if certificates is not None and response.headers.get("alipay-sn") != certificates.alipay_cert_sn:
            raise NotTrustedError("unknown_key")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
            raise NotTrustedError("bad_time")
        if abs(stamp.at.timestamp() - int(timestamp) / 1000) > WINDOW_SECONDS:
            raise NotTrustedError("too_old")
        self._merchant.platform_key.verify(f"{timestamp}\n{nonce}\n".encode() + response.body + b"\n", signature)


def _words(response: HttpResponse) -> str:
    """Return what a refusal says for people, whoever wrote it."""
    try:
        problem = strict_json.read(decoded(response.body)[0], _Problem)
    except NotTrustedError:
        return ""
    return f"{problem.code} {problem.message}"
