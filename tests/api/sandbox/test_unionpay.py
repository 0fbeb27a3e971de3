"""UnionPay's messages, written out here from the public description of 5.1.0."""

import base64
import hashlib
import io
import urllib.request
import zipfile
import zlib
from urllib.parse import parse_qsl, urlencode

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number

TIME = "20261122193456"
CODE = "62" + "1" * 17


def digest(fields: dict[str, str]) -> bytes:
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "signature")
    return hashlib.sha256(text.encode()).hexdigest().encode()


class Merchant:
    def __init__(self, sandbox: Sandbox, inbox_url: str = "https://shop.example.com/unionpay") -> None:
        key = serialization.load_pem_private_key(sandbox.text("unionpay.merchant_key_file").encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key, self.own = key, sandbox.description["unionpay"]
        self.root = x509.load_pem_x509_certificate(sandbox.text("unionpay.root_certificate_file").encode())
        self.inbox_url = inbox_url

    def message(self, kind: str, reference: str, **more: str) -> dict[str, str]:
        fields = {
            "version": "5.1.0",
            "encoding": "UTF-8",
            "signMethod": "01",
            "accessType": "0",
            "channelType": "08",
            "termId": "00000001",
            "frontUrl": "https://shop.example.com/done",
            "merId": self.own["mer_id"],
            "certId": self.own["cert_id"],
            "bizType": "000000",
            "txnTime": TIME,
            "txnType": kind[:2],
            "txnSubType": kind[2:],
            "orderId": reference,
            "backUrl": self.inbox_url,
            **more,
        }
        sign = self.key.sign(digest(fields), padding.PKCS1v15(), hashes.SHA256())
        return {**fields, "signature": base64.b64encode(sign).decode()}

    def ask(self, kind: str, reference: str, path: str = "/gateway/api/backTransReq.do", **more: str) -> dict[str, str]:
        return self.send(path, self.message(kind, reference, **more))

    def send(self, path: str, fields: dict[str, str]) -> dict[str, str]:
        body = urlencode(fields).encode()
        with urllib.request.urlopen(f"{self.own['base_url']}{path}", body, timeout=10) as response:
            text = response.read().decode()
        return self.verified(dict(pair.split("=", 1) for pair in text.split("&")))

    def query(self, reference: str, **more: str) -> dict[str, str]:
        return self.ask("0000", reference, "/gateway/api/queryTrans.do", **more)

    def verified(self, fields: dict[str, str]) -> dict[str, str]:
        certificate = x509.load_pem_x509_certificate(fields["signPubKeyCert"].encode())
        certificate.verify_directly_issued_by(self.root)
        name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        assert isinstance(name, str)
        assert name.split("@")[2] == "中国银联股份有限公司"
        key = certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(base64.b64decode(fields["signature"]), digest(fields), padding.PKCS1v15(), hashes.SHA256())
        return fields

    async def told(self, inbox: Inbox) -> dict[str, str]:
        return self.verified(dict(parse_qsl((await inbox.next()).body.decode())))


AMOUNT = {"txnAmt": "1050", "currencyCode": "156"}


async def test_a_code_that_is_shown(sandbox: Sandbox, inbox: Inbox) -> None:
    merchant, reference, refund = Merchant(sandbox, inbox.url), new_number(), new_number()
    made = merchant.ask("0107", reference, **AMOUNT)
    assert (made["respCode"], made["orderId"]) == ("00", reference)
    assert made["qrCode"].startswith("https://qr.95516.com/")
    assert merchant.query(reference)["origRespCode"] == "05"
    sandbox.act(reference, "pay")
    told = await merchant.told(inbox)
    assert (told["orderId"], told["respCode"], told["txnAmt"]) == (reference, "00", "1050")
    found = merchant.query(reference)
    assert (found["origRespCode"], found["queryId"], len(found["queryId"])) == ("00", told["queryId"], 21)

    part = {"txnAmt": "50", "currencyCode": "156", "origQryId": told["queryId"]}
    assert merchant.ask("0400", refund, **part)["respCode"] == "00"
    assert merchant.query(refund)["origRespCode"] == "05"
    sandbox.advance(5)
    told = await merchant.told(inbox)
    assert (told["txnType"], told["orderId"], told["origQryId"]) == ("04", refund, found["queryId"])
    assert merchant.query(refund)["origRespCode"] == "00"
    assert merchant.ask("0400", new_number(), **{**part, "txnAmt": "1001"})["respCode"] == "36"
    assert merchant.ask("3100", new_number(), **part)["respCode"] == "12"


async def test_a_code_that_is_scanned(sandbox: Sandbox) -> None:
    merchant = Merchant(sandbox)
    paid, asked, refused = new_number(), new_number(), new_number()
    sandbox.fault("payer_is_asked", asked)
    sandbox.fault("payer_refuses", refused)
    for reference in (paid, asked, refused):
        assert merchant.ask("0106", reference, qrNo=CODE, **AMOUNT)["respCode"] == "00"
    assert [merchant.query(each)["origRespCode"] for each in (paid, asked, refused)] == ["00", "05", "01"]
    for reference in (paid, asked):
        assert merchant.ask("9901", reference)["respCode"] == "00"
        assert merchant.query(reference)["origRespCode"] == "01"
    assert sandbox.order(paid)["refunded"] == 1050
    assert merchant.ask("0106", new_number(), qrNo="13" + "1" * 17, **AMOUNT)["respCode"] == "10"


async def test_quick_pay_in_a_browser(sandbox: Sandbox, inbox: Inbox) -> None:
    merchant, reference = Merchant(sandbox, inbox.url), new_number()
    body = urlencode(merchant.message("0101", reference, bizType="000201", **AMOUNT)).encode()
    with urllib.request.urlopen(f"{sandbox.url}/gateway/api/frontTransReq.do", body, timeout=10) as response:
        assert response.url.startswith(f"{sandbox.url}/payer/?token=")
    sandbox.act(reference, "pay")
    assert (await merchant.told(inbox))["bizType"] == "000201"


async def test_bad_messages_are_refused(sandbox: Sandbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    path = "/gateway/api/backTransReq.do"
    signed = merchant.message("0107", reference, **AMOUNT)
    for change in ({"txnAmt": "1"}, {"signature": ""}, {"certId": "1"}, {"signature": "AAAA"}):
        assert merchant.send(path, {**signed, **change})["respCode"] == "11"
    for name, value in (
        ("txnAmt", "0"),
        ("txnAmt", "1.5"),
        ("txnAmt", "１"),
        ("currencyCode", "840"),
        ("orderId", "x"),
    ):
        assert merchant.ask("0107", reference, **{**AMOUNT, name: value})["respCode"] == "10"
    assert merchant.ask("7777", reference, **AMOUNT)["respCode"] == "10"
    assert merchant.query(reference)["respCode"] == "34"
    merchant.ask("0107", reference, **AMOUNT)
    assert merchant.query(reference, txnTime="20261122193457")["respCode"] == "34"
    assert merchant.ask("0107", reference, txnAmt="1", currencyCode="156")["respCode"] == "12"


async def test_faults(sandbox: Sandbox, inbox: Inbox) -> None:
    merchant, reference = Merchant(sandbox, inbox.url), new_number()
    sandbox.fault("timeout_hidden_success", reference, operation="charge", hold_ms=10)
    with pytest.raises(OSError):
        merchant.ask("0106", reference, qrNo=CODE, **AMOUNT)
    await merchant.told(inbox)
    sandbox.fault("bad_signature", reference, operation="query", times=1)
    with pytest.raises(InvalidSignature):
        merchant.query(reference)
    assert merchant.query(reference)["origRespCode"] == "00"


async def test_the_file_of_a_day(own_sandbox: Sandbox) -> None:
    day = own_sandbox.noon()
    merchant = Merchant(own_sandbox)
    paid, refund = new_number(), new_number()
    query_id = merchant.ask("0106", paid, qrNo=CODE, **AMOUNT)["queryId"]
    merchant.ask("0400", refund, txnAmt="50", currencyCode="156", origQryId=query_id)
    own_sandbox.advance(5)
    own_sandbox.until(lambda: bool(own_sandbox.order(paid)["refunds"][0]["state"] == "done"))

    def ask() -> dict[str, str]:
        return merchant.ask("7601", "", "/file/", settleDate=f"{day:%m%d}", fileType="00")

    assert ask()["respCode"] == "98"
    own_sandbox.advance(86_400)
    packed = zlib.decompress(base64.b64decode(ask()["fileContent"]))
    archive = zipfile.ZipFile(io.BytesIO(packed))
    name = f"INN{day:%y%m%d}88ZM_{merchant.own['mer_id']}"
    assert archive.namelist() == [name, name.replace("ZM_", "ZME_")]
    lines = archive.read(name).decode("gbk").splitlines()
    widths = (
        *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32),
        *(13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
    )
    assert len(widths) == 42
    assert [len(line) for line in lines] == [sum(widths) + 41] * 2
    starts = [sum(widths[:number]) + number for number in range(42)]
    rows = [[line[at : at + width].strip() for at, width in zip(starts, widths, strict=True)] for line in lines]
    assert [(row[6], row[9], row[11], row[26], row[32]) for row in rows] == [
        ("000000001050", query_id, paid, "", "C000000001044"),
        ("000000000050", rows[1][9], refund, query_id, "D000000000050"),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("version", text) for text in ("", "5.0.0", "5.1")],
        *[("encoding", text) for text in ("", "utf8")],
        *[("bizType", text) for text in ("", "201")],
        *[("accessType", text) for text in ("", "9")],
        *[("channelType", text) for text in ("", "99")],
        *[("backUrl", text) for text in ("", "ftp://shop.example.com/", "https://shop.example.com/a b")],
        *[("txnTime", text) for text in ("99999999999999", "20261322193456", "20261122253456", "2026112219345")],
        *[("txnAmt", text) for text in ("", "0", "01", "1.05", "1234567890123")],
        *[("currencyCode", text) for text in ("", "840")],
        *[("orderId", text) for text in ("1234567", "a" * 33, "T-20261122")],
    ],
)
def test_k6_each_field_of_an_order_is_checked(sandbox: Sandbox, name: str, value: str) -> None:
    """The simulator took orders without version, addresses of ftp and times of the thirteenth month."""
    found = Merchant(sandbox).send(
        "/gateway/api/backTransReq.do", Merchant(sandbox).message("0107", new_number(), **{**AMOUNT, name: value})
    )
    assert (found["respCode"], name in found["respMsg"]) == ("10", True)


@pytest.mark.parametrize(
    ("kind", "path", "changed"),
    [
        ("0106", "back", {"termId": "1"}),
        ("0106", "back", {"payTimeout": "20261301000000"}),
        ("0107", "back", {"payTimeout": TIME}),
        ("0107", "back", {"reqReserved": "x" * 1025}),
        ("0107", "back", {"orderDesc": "x" * 33}),
        ("0101", "front", {"frontUrl": ""}),
        ("0101", "front", {"frontUrl": "javascript:alert(1)"}),
        *[("0400", "back", {"origQryId": "8" * 21, **each}) for each in ({"txnAmt": "0"}, {"channelType": ""})],
        ("0400", "back", {"origQryId": "8" * 20}),
        ("9901", "back", {"channelType": "99"}),
    ],
)
def test_k6_fields_of_one_kind_are_checked_too(sandbox: Sandbox, kind: str, path: str, changed: dict[str, str]) -> None:
    """An order could end before it began, a page lead nowhere, a scanned code come from no cash desk."""
    name = next(each for each in reversed(changed))
    found = Merchant(sandbox).ask(
        kind, new_number(), f"/gateway/api/{path}TransReq.do", **{"qrNo": CODE, **AMOUNT, **changed}
    )
    assert (found["respCode"], name in found["respMsg"]) == ("10", True)


@pytest.mark.parametrize("changed", [{"settleDate": "1332"}, {"settleDate": ""}, {"fileType": ""}, {"txnTime": "1"}])
def test_k6_a_call_for_a_file_is_checked(sandbox: Sandbox, changed: dict[str, str]) -> None:
    found = Merchant(sandbox).ask("7601", "", "/file/", **{"settleDate": "1201", "fileType": "00", **changed})
    assert (found["respCode"], next(iter(changed)) in found["respMsg"]) == ("10", True)
    assert Merchant(sandbox).ask("7699", "", "/file/", settleDate="1201", fileType="00")["respCode"] == "10"


def test_k6_only_questions_are_asked_at_the_address_for_questions(sandbox: Sandbox) -> None:
    merchant = Merchant(sandbox)
    assert merchant.ask("0107", new_number(), "/gateway/api/queryTrans.do", **AMOUNT)["respCode"] == "10"
    assert merchant.ask("0000", new_number(), "/gateway/api/backTransReq.do")["respCode"] == "10"


def test_k3_an_app_orders_and_unknown_addresses_answer_in_the_channels_form(sandbox: Sandbox) -> None:
    """``appTransReq.do`` answered ``Not Found`` in plain text, which no client reads."""
    merchant, reference = Merchant(sandbox), new_number()
    made = merchant.ask("0101", reference, "/gateway/api/appTransReq.do", bizType="000201", **AMOUNT)
    assert (made["respCode"], made["orderId"], len(made["tn"])) == ("00", reference, 21)
    sandbox.act(reference, "pay")
    assert merchant.query(reference)["origRespCode"] == "00"
    assert merchant.ask("0101", new_number(), "/gateway/api/cardTransReq.do", **AMOUNT)["respCode"] == "10"
