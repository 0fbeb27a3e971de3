"""Who calls, where proxies stand between: only named ones are believed, and only about what they saw themselves."""

import pytest

from api.errors import MalformedRequestError
from api.proxies import Proxies, origin_of

TRUSTED = Proxies(["10.0.0.0/8", "2001:db8:ffff::/48"])


@pytest.mark.parametrize(
    ("peer", "hops", "caller"),
    [
        ("203.0.113.1", ["198.51.100.7"], "203.0.113.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.2.3.4"], "198.51.100.7"),
        ("10.0.0.1", ["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["127.0.0.1", "198.51.100.7, 10.2.3.4", "10.2.3.5"], "198.51.100.7"),
        ("10.0.0.1", ["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, nonsense, 10.2.3.4"], "10.2.3.4"),
        ("10.0.0.1", ["198.51.100.7,"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_s8_the_last_hop_that_a_trusted_proxy_saw_counts(peer: str, hops: list[str], caller: str) -> None:
    assert TRUSTED.caller(peer, hops, []) == caller
    assert Proxies().caller(peer, hops, []) == peer


@pytest.mark.parametrize(
    ("elements", "caller"),
    [
        (["for=198.51.100.7"], "198.51.100.7"),
        (['proto=https;For="[2001:db8::7]:4711"'], "2001:db8::7"),
        (["for=192.0.2.1", "for=198.51.100.7;by=10.0.0.1, for=10.2.3.4"], "198.51.100.7"),
        (["for=198.51.100.7, for=_hidden"], "10.0.0.1"),
        (["for=198.51.100.7, by=10.2.3.4"], "10.0.0.1"),
    ],
)
def test_s8_the_standard_header_says_the_same(elements: list[str], caller: str) -> None:
    assert TRUSTED.caller("10.0.0.1", [], elements) == caller
    assert TRUSTED.caller("203.0.113.1", [], elements) == "203.0.113.1"


def test_s8_two_headers_that_disagree_are_refused() -> None:
    # A proxy writes one of them and lets the other through as the caller wrote it.
    with pytest.raises(MalformedRequestError):
        TRUSTED.caller("10.0.0.1", ["198.51.100.7"], ["for=192.0.2.1"])
    assert TRUSTED.caller("10.0.0.1", ["198.51.100.7"], ["for=198.51.100.7"]) == "198.51.100.7"
    assert TRUSTED.caller("203.0.113.1", ["198.51.100.7"], ["for=192.0.2.1"]) == "203.0.113.1"


def test_an_ipv6_subscriber_counts_once() -> None:
    assert origin_of("2001:db8::1") == origin_of("2001:db8::ffff:1") != origin_of("2001:db8:0:1::1")
    assert origin_of("::ffff:192.0.2.1") == origin_of("192.0.2.1") != origin_of("192.0.2.2")
