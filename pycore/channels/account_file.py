"""Our accounts at the channels as files say them: a TOML file for real money, ``sandbox.json`` for the simulators.

Keys are in files of their own, whose names are relative to the file that names them. No message repeats what is in one.
"""

from __future__ import annotations

import json
import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from msgspec import Struct

from pycore.channels.adapter import Adapter
from pycore.channels.alipay import AlipayAdapter, AlipayCertificates, AlipayMerchant
from pycore.channels.alipay.adapter import WireForm
from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.secret import Secret
from pycore.channels.unionpay import UnionPayAdapter, UnionPayMerchant, UnionPayTrust
from pycore.channels.wechat import ScansOver, WeChatAdapter, WeChatMerchant
from pycore.errors import ConfigurationError

CHANNELS: Final = ("wechat", "alipay", "unionpay")
"""The channels an account can be at."""


class WeChatAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[wechat]``: see ``WeChatMerchant``.

    Attributes:
        platform_key_files: the channel's keys or certificates by serial number or ``PUB_KEY_ID_…``.
        scans_over: how payers' codes are charged, "v3" or "v2"; left out, they are not.
        api_v2_key_file, server_ip: for "v2".
        client_certificate_file: for "v2": our TLS certificate, shown when a payment is taken back.
    """

    merchant_id: str
    app_id: str
    serial_no: str
    private_key_file: str
    api_v3_key_file: str
    platform_key_files: dict[str, str]
    scans_over: ScansOver | None = None
    store_id: str | None = None
    server_ip: str | None = None
    api_v2_key_file: str | None = None
    client_certificate_file: str | None = None
    base_url: str | None = None

    def adapter(self, folder: Path) -> Adapter:
        """Return the account at work. Raises ConfigurationError."""
        self._refuse_one_way()
        keys = {name: _public_key(folder / file) for name, file in self.platform_key_files.items()}
        merchant = WeChatMerchant(
            merchant_id=self.merchant_id,
            app_id=self.app_id,
            serial_no=self.serial_no,
            private_key=_private_key(folder / self.private_key_file),
            api_v3_key=_secret(folder / self.api_v3_key_file),
            platform_keys=keys,
            api_v2_key=None if self.api_v2_key_file is None else _secret(folder / self.api_v2_key_file),
            scans_over=self.scans_over,
            **_given(store_id=self.store_id, server_ip=self.server_ip, base_url=self.base_url),
        )
        return WeChatAdapter(merchant)

    def _refuse_one_way(self) -> None:
        """Raise ConfigurationError where codes could be charged and a payment never be taken back."""
        if self.api_v2_key_file is not None and self.scans_over is None:
            raise ConfigurationError(
                "[wechat] api_v2_key_file is only for scanned codes, and scans_over does not say how they are charged:"
                ' give scans_over = "v3", which needs no such key, or "v2"'
            )
        if self.scans_over is ScansOver.V2 and self.client_certificate_file is None:
            raise ConfigurationError(
                '[wechat] scans_over = "v2" needs client_certificate_file: without it a payment that the payer confirms'
                ' late could never be taken back; give it, or scan over "v3"'
            )


class AlipayAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[alipay]``: see ``AlipayMerchant``."""

    app_id: str
    seller_id: str
    private_key_file: str
    platform_key_file: str
    certificates: AlipayCertificates | None = None
    wire_form: WireForm = WireForm.V2
    gateway: str | None = None
    endpoint: str | None = None
    bill_hosts: frozenset[str] | None = None

    def adapter(self, folder: Path) -> Adapter:
        """Return the account at work. Raises ConfigurationError."""
        merchant = AlipayMerchant(
            app_id=self.app_id,
            seller_id=self.seller_id,
            private_key=_private_key(folder / self.private_key_file),
            platform_key=_public_key(folder / self.platform_key_file),
            certificates=self.certificates,
            **_given(gateway=self.gateway, endpoint=self.endpoint, bill_hosts=self.bill_hosts),
        )
        return AlipayAdapter(merchant, self.wire_form)


class UnionPayAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[unionpay]``: see ``UnionPayMerchant`` and ``UnionPayTrust``."""

    merchant_id: str
    private_key_file: str
    certificate_id: str | None = None
    """Needed beside a PEM key; a .pfx file tells it."""
    private_key_password_file: str | None = None
    """Of a .pfx file, as UnionPay gives it."""
    root_files: tuple[str, ...]
    intermediate_files: tuple[str, ...] = ()
    signer_name: str | None = None
    terminal_id: str | None = None
    gateway: str | None = None
    file_server: str | None = None

    def adapter(self, folder: Path) -> Adapter:
        """Return the account at work. Raises ConfigurationError."""
        trust = UnionPayTrust(
            roots=tuple(_certificate(folder / file) for file in self.root_files),
            intermediates=tuple(_certificate(folder / file) for file in self.intermediate_files),
            **_given(signer_name=self.signer_name),
        )
        private_key, certificate_id = self._key(folder)
        merchant = UnionPayMerchant(
            merchant_id=self.merchant_id,
            certificate_id=certificate_id,
            private_key=private_key,
            trust=trust,
            **_given(terminal_id=self.terminal_id, gateway=self.gateway, file_server=self.file_server),
        )
        return UnionPayAdapter(merchant)

    def _key(self, folder: Path) -> tuple[PrivateKey, str]:
        file = folder / self.private_key_file
        if self.private_key_file.lower().endswith((".pfx", ".p12")):
            if self.private_key_password_file is None:
                raise ConfigurationError("[unionpay] a .pfx file needs private_key_password_file")
            password = _read(folder / self.private_key_password_file).rstrip(b"\r\n")
            key, told = PrivateKey.from_pfx(_read(file), password)
            return key, self.certificate_id or told
        if self.certificate_id is None:
            raise ConfigurationError(
                "[unionpay] certificate_id is needed beside a PEM key: the certificate's serial number in decimal"
            )
        return _private_key(file), self.certificate_id


class AccountFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The accounts of one file; a channel that is left out has none."""

    wechat: WeChatAccount | None = None
    alipay: AlipayAccount | None = None
    unionpay: UnionPayAccount | None = None

    def adapters(self, folder: Path) -> dict[str, Adapter]:
        """Return the accounts at work, by channel. Raises ConfigurationError."""
        accounts = {channel: getattr(self, channel) for channel in CHANNELS}
        return {channel: account.adapter(folder) for channel, account in accounts.items() if account is not None}

    def client_certificate(self, folder: Path) -> ssl.SSLContext | None:
        """Return the TLS context with WeChat's client certificate. Raises ConfigurationError."""
        if self.wechat is None or self.wechat.client_certificate_file is None:
            return None
        context = ssl.create_default_context()
        try:
            context.load_cert_chain(folder / self.wechat.client_certificate_file, folder / self.wechat.private_key_file)
        except OSError:
            raise ConfigurationError(
                "the client certificate of [wechat] and its key cannot be used: for TLS both are PEM text with"
                " headings, the certificate is the key's, and the key has no password"
            ) from None
        return context


def load_account_file(file: Path) -> AccountFile:
    """Return the accounts of a TOML file. Raises ConfigurationError."""
    try:
        return msgspec.convert(tomllib.loads(_read(file).decode()), AccountFile)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"the channel accounts {file}: {error}") from error


def load_sandbox(file: Path) -> tuple[AccountFile, str]:
    """Return the merchant's accounts at the simulators and the payer's page there, as ``sandbox.json`` tells them.

    Raises ConfigurationError.
    """
    try:
        told: dict[str, Any] = json.loads(_read(file))
        wechat, alipay, unionpay = (told[channel] for channel in CHANNELS)
        accounts = AccountFile(
            wechat=WeChatAccount(
                merchant_id=wechat["mchid"],
                app_id=wechat["appid"],
                serial_no=wechat["merchant_serial"],
                private_key_file=wechat["merchant_key_file"],
                api_v3_key_file=wechat["apiv3_key_file"],
                platform_key_files={
                    wechat["platform_serial"]: wechat["platform_certificate_file"],
                    wechat["public_key_id"]: wechat["platform_public_key_file"],
                },
                scans_over=ScansOver.V3,
                base_url=wechat["base_url"],
            ),
            alipay=AlipayAccount(
                app_id=alipay["app_id"],
                seller_id=alipay["seller_id"],
                private_key_file=alipay["app_key_file"],
                platform_key_file=alipay["platform_public_key_file"],
                gateway=alipay["gateway"],
                endpoint=alipay["endpoint"],
                bill_hosts=frozenset({urlsplit(told["base_url"]).netloc}),
            ),
            unionpay=UnionPayAccount(
                merchant_id=unionpay["mer_id"],
                certificate_id=unionpay["cert_id"],
                private_key_file=unionpay["merchant_key_file"],
                root_files=(unionpay["root_certificate_file"],),
                gateway=unionpay["base_url"],
                file_server=f"{unionpay['base_url']}/file",
            ),
        )
        return accounts, str(told["payer_url"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{file} is not what the simulators write") from error


def _given(**values: Any) -> Mapping[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error


def _private_key(file: Path) -> PrivateKey:
    content = _read(file)
    try:
        return PrivateKey.from_pem(content)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None


def _public_key(file: Path) -> PublicKey:
    content = _read(file)
    try:
        return PublicKey.from_pem(content)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None


def _secret(file: Path) -> Secret:
    try:
        return Secret(_read(file).decode("ascii").strip())
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not a shared key: it is not ASCII") from None


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(file))
    except ValueError:
        raise ConfigurationError(f"{file} is not a PEM certificate") from None
