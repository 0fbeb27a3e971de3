"""The channel's certificate for merchants that verify by it, encrypted with their APIv3 key."""

from datetime import datetime
from typing import Final

from cryptography import x509

from api.sandbox.core.clock import SHANGHAI
from api.sandbox.core.fault import Operation
from api.sandbox.wechat.call import Answer, Call, Interface, Work, World


def _read(world: World, _call: Call) -> Work:
    def perform() -> Answer:
        text = world.keys.platform_certificate
        certificate = x509.load_pem_x509_certificate(text.encode())
        entry = {
            "serial_no": world.keys.platform_serial,
            "effective_time": _text(certificate.not_valid_before_utc),
            "expire_time": _text(certificate.not_valid_after_utc),
            "encrypt_certificate": world.signer.seal(text.encode(), "certificate"),
        }
        return Answer({"data": [entry]})

    return Work("", perform)


def _text(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


INTERFACES: Final = (Interface("GET", "/v3/certificates", Operation.QUERY, _read),)
