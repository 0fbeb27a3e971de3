"""Nobody makes this server call into its own network: each line is a way somebody tried elsewhere."""

from __future__ import annotations

import asyncio
import socket
import ssl
from ipaddress import ip_address

import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult
from structlog.testing import capture_logs

from pycore.errors import InvalidRequestError
from pycore.events import Event, TargetGuard, WebhookSecret, WebhookSender
from pycore.events.address import is_public
from pycore.events.target import SystemResolver
from pycore.tenant import Tenant
from tests.unit.events.receiver import Receiver, endless, silence, status

REFUSED = [
    "http://example.com/", "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "//example.com/",
    "https:example.com", "https://", "", "example.com", "https:///path",
    "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/",
    "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.1./", "https://0/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/",
    "https://[fec0::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/", "https://[5f00::1]/",
    "https://0.0.0.0/", "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/",
    "https://100.64.0.1/", "https://100.127.255.255/", "https://192.0.0.1/", "https://192.0.2.1/",
    "https://198.18.0.1/", "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/",
    "https://192.88.99.1/",
    "https://user@example.com/", "https://user:password@example.com/", "https://example.com@127.0.0.1/",
    "https://example.com%2f@127.0.0.1/", "https://example.com\\@127.0.0.1/", "https://example.com#@127.0.0.1/",
    "https://example.com./", "https://localhost/", "https://localhost./", "https://metadata/", "https://example..com/",
    "https://-example.com/", "https://１２７.0.0.1/", "https://127。0。0。1/", "https://①②⑦.0.0.1/",
    "https://⑯⑨.254.169.254/", "https://127.0.0.1%00.example.com/", "https://exam%70le.com/",
    "https://example.com:0/", "https://example.com:65536/", "https://example.com:x/", "https://exa mple.com/",
    "https://example.com/\r\nx: y", "https://example.com/\0", "https://exa\tmple.com/", "https://[::1/",
    "https://example.com/" + "a" * 2048,
]  # fmt: skip

PUBLIC = [
    ("https://example.com/hook?shop=1", "https://example.com/hook?shop=1"),
    ("https://EXAMPLE.com:8443/", "https://example.com:8443/"),
    ("https://例え.jp/", "https://xn--r8jz45g.jp/"),
    ("https://8.8.8.8/", "https://8.8.8.8/"),
    ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
]

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "100.64.0.1",
    "::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "fe80::1",
]


class Names(AbstractResolver):
    """Name servers that change their mind: each question takes the next answer, the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if not answer:
            raise OSError("no such name")
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=socket.IPPROTO_TCP, flags=0,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in answer
        ]  # fmt: skip

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("url", REFUSED)
def test_bad_targets_are_refused_when_they_are_saved(url: str, live: bool) -> None:
    with pytest.raises(InvalidRequestError):
        TargetGuard(allow_loopback=live).checked(url, live=live)


@pytest.mark.parametrize("url", REFUSED)
async def test_bad_targets_are_refused_when_they_are_used(url: str) -> None:
    """Whatever way they came into the table."""
    names = Names(["127.0.0.1"])
    async with WebhookSender(TargetGuard(resolver=names)) as sender:
        assert (await sender.send(event(live=True), url, [WebhookSecret.new()])).error == "target_refused"
    assert names.asked == 0


@pytest.mark.parametrize(("url", "normal"), PUBLIC)
def test_good_targets_are_kept_in_one_form(url: str, normal: str) -> None:
    assert str(TargetGuard().checked(url, live=True)) == normal


@pytest.mark.parametrize("address", PRIVATE)
async def test_names_of_private_addresses_are_refused_when_they_are_saved(address: str) -> None:
    guard = TargetGuard(resolver=Names(["8.8.8.8", address]))
    with pytest.raises(InvalidRequestError, match="public addresses alone"):
        await guard.check_reachable(guard.checked("https://hooks.example.com/", live=True), live=True)


async def test_names_that_lead_nowhere_are_refused() -> None:
    guard = TargetGuard(resolver=Names([]))
    with pytest.raises(InvalidRequestError, match="public addresses alone"):
        await guard.check_reachable(guard.checked("https://hooks.example.com/", live=True), live=True)


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_changes_between_check_and_dial_leads_nowhere(address: str) -> None:
    """DNS rebinding: the check sees a public address, the connection would go to a private one."""
    names = Names(["8.8.8.8"], [address])
    guard = TargetGuard(resolver=names)
    await guard.check_reachable(guard.checked("https://hooks.example.com/", live=True), live=True)
    async with WebhookSender(guard) as sender:
        result = await sender.send(event(live=True), "https://hooks.example.com/", [WebhookSecret.new()])
    assert (result.error, names.asked) == ("target_refused", 2)


async def test_nothing_is_sent_to_a_listener_behind_a_private_address() -> None:
    async with Receiver() as receiver, WebhookSender(TargetGuard(resolver=Names(["127.0.0.1"]))) as sender:
        for url in (receiver.url, f"https://hooks.example.com:{receiver.port}/hook"):
            assert (await sender.send(event(), url, [WebhookSecret.new()])).error == "target_refused"
        assert receiver.ids == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_this_machine_is_for_developers_in_test_mode(host: str) -> None:
    guard = TargetGuard(allow_loopback=True)
    async with Receiver() as receiver, WebhookSender(guard) as sender:
        url = f"http://{host}:{receiver.port}/hook"
        await guard.check_reachable(guard.checked(url, live=False), live=False)
        assert (await sender.send(event(), url, [WebhookSecret.new()])).error is None
        assert (await sender.send(event(live=True), url, [WebhookSecret.new()])).error == "target_refused"
        assert len(receiver.ids) == 1
    with pytest.raises(InvalidRequestError):
        guard.checked("http://127.0.0.1/", live=True)
    with pytest.raises(InvalidRequestError):
        guard.checked("http://example.com/", live=False)
    with pytest.raises(InvalidRequestError):
        guard.checked("https://10.0.0.1/", live=False)


async def test_redirects_are_not_followed() -> None:
    async with Receiver() as inside, Receiver(status(302, Location=inside.url)) as receiver:
        async with WebhookSender(TargetGuard(allow_loopback=True)) as sender:
            result = await sender.send(event(), receiver.url, [WebhookSecret.new()])
        assert (result.status, result.error, inside.ids) == (302, "http_302", [])


async def test_a_receiver_that_never_answers_is_given_up() -> None:
    sending = WebhookSender(TargetGuard(allow_loopback=True), deadline_seconds=0.5)
    async with Receiver(silence) as receiver, sending as sender:
        assert (await sender.send(event(), receiver.url, [WebhookSecret.new()])).error == "deadline"


async def test_an_answer_without_end_is_cut_off() -> None:
    async with Receiver(endless) as receiver, WebhookSender(TargetGuard(allow_loopback=True)) as sender:
        async with asyncio.timeout(10):
            assert (await sender.send(event(), receiver.url, [WebhookSecret.new()])) == (200, None)


async def test_nobody_listens() -> None:
    async with Receiver() as receiver:
        url = receiver.url
    async with WebhookSender(TargetGuard(allow_loopback=True)) as sender:
        assert (await sender.send(event(), url, [WebhookSecret.new()])).error == "not_connected"


async def test_tls_verifies_the_name_whatever_address_it_led_to() -> None:
    authority = trustme.CA()
    ours, server = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert("hooks.example.com").configure_cert(server)
    guard = TargetGuard(allow_loopback=True, resolver=Names(["127.0.0.1"]))
    async with Receiver(context=server) as receiver, WebhookSender(guard, server_trust=ours) as sender:
        good = await sender.send(event(), f"https://hooks.example.com:{receiver.port}/hook", [WebhookSecret.new()])
        other = await sender.send(event(), f"https://shop.example.com:{receiver.port}/hook", [WebhookSecret.new()])
    assert (good.status, good.error, other) == (204, None, (None, "not_connected"))


def test_the_registries_of_special_addresses() -> None:
    for address in ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "2001:4860:4860::8888"):
        assert is_public(ip_address(address))
    for address in PRIVATE:
        assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "query", ["author=li", "authority=1", "tokenizer=x", "secretary=li", "authenticated=1", "key=7"]
)
def test_f2_a_parameter_is_a_credential_by_words_not_by_parts_of_words(query: str) -> None:
    """``?author=li`` was refused, as it holds ``auth``."""
    assert TargetGuard().checked(f"https://example.com/hook?{query}", live=True)


@pytest.mark.parametrize(
    "query",
    [
        *("auth=x", "access_token=x", "accessToken=x", "apikey=x", "api-key=x", "APIKey=x", "mytoken=x", "a=1&pwd=x"),
        *("%74oken=x", "%2574oken=x", "client%5Fsecret=x", "user.password=x", "Authorization=x", "token2=x"),
    ],
)
def test_f2_credentials_are_refused_however_they_are_written(query: str) -> None:
    with pytest.raises(InvalidRequestError, match="a credential"):
        TargetGuard().checked(f"https://example.com/hook?{query}", live=True)
    with pytest.raises(InvalidRequestError, match="a credential"):
        TargetGuard().checked(f"https://example.com/hook;{query}", live=True)


def test_f1_a_bar_code_in_a_url_is_no_card() -> None:
    """A shop's webhook URL that ends in a bar code was refused as a card number: one in ten passes Luhn's check."""
    assert TargetGuard().checked("https://shop.example.com/order/6901028075763", live=True)
    with pytest.raises(InvalidRequestError, match="a card number"):
        TargetGuard().checked("https://shop.example.com/%34111.1111.1111.1111", live=True)


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.192", "168.63.129.16", "100.100.100.200", "169.254.0.23"),
        *("169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "192.31.196.1", "192.52.193.1", "192.175.48.1"),
        *("2001:1::1", "2001:4:112::1", "2001:20::1", "2620:4f:8000::1", "64:ff9b::808:808", "3fff::1", "5f00::1"),
    ],
)
def test_s9_special_addresses_are_refused_on_every_interpreter(address: str) -> None:
    """192.0.0.8 to 192 and Azure's 168.63.129.16 counted as public: an interpreter's own tables were asked."""
    assert not is_public(ip_address(address))


async def test_s9_why_no_connection_was_made_is_for_the_operator_alone() -> None:
    """``not_connected`` against ``tls_failed`` told a merchant which ports of a host are open and what speaks there."""
    guard = TargetGuard(allow_loopback=True, resolver=Names(["127.0.0.1"]))
    async with Receiver() as receiver:
        open_port, told = receiver.port, []
        async with WebhookSender(guard) as sender, Receiver() as gone:
            closed_port = gone.port
            with capture_logs() as logs:
                told.append(await sender.send(event(), f"https://a.example.com:{open_port}/", [WebhookSecret.new()]))
        async with WebhookSender(guard) as sender:
            told.append(await sender.send(event(), f"https://a.example.com:{closed_port}/", [WebhookSecret.new()]))
    assert told == [(None, "not_connected")] * 2
    assert [(each["event"], each["reason"]) for each in logs] == [("a webhook was not delivered", "tls_failed")]


async def test_s9_a_name_that_is_not_known_looks_like_one_that_may_not_be_dialled() -> None:
    """Otherwise a merchant could ask which names the network knows that this server stands in."""
    told = []
    for names in (Names([]), Names(["10.0.0.1"])):
        async with WebhookSender(TargetGuard(resolver=names)) as sender:
            told.append(await sender.send(event(live=True), "https://db.example.com/", [WebhookSecret.new()]))
    assert told == [(None, "target_refused")] * 2


async def test_the_systems_resolver_knows_this_machine() -> None:
    resolver = SystemResolver()
    assert {found["host"] for found in await resolver.resolve("localhost", 80)} <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError):
        await resolver.resolve("no-such-name.invalid", 80)
    await resolver.close()


def event(*, live: bool = False) -> Event:
    return Event(1, 2, Tenant(3, live), "payment.succeeded", 4, b"{}", 5)
