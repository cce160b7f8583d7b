"""Who is counted as whom: X-Forwarded-For is believed as far as trusted proxies wrote it, and not one entry further."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from novacron.auth.domain.client import UNKNOWN, Address, Clients, network, parsed

PROXIES = Clients(["10.0.0.0/8", "fd00::/8"])
TRUSTED = st.one_of(
    st.ip_addresses(network="10.0.0.0/8").map(str),
    st.ip_addresses(network="fd00::/8").map(str),
    st.ip_addresses(network="10.0.0.0/8").map(lambda address: f"::ffff:{address}"),
)
ADDRESSES: st.SearchStrategy[Address] = st.ip_addresses().filter(
    lambda address: isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is None
)
STRANGERS = ADDRESSES.filter(
    lambda address: (
        address not in ipaddress.ip_network("10.0.0.0/8") and address not in ipaddress.ip_network("fd00::/8")
    )
).map(str)
RUBBISH = st.text(st.characters(max_codepoint=255, exclude_characters=","), max_size=20)


def _known(text: str) -> str:
    found = parsed(text)
    assert found is not None
    return str(found)


def _client(clients: Clients, peer: str, *entries: str, blank: str = "") -> str:
    found = clients.client(peer, f",{blank}".join(entries).encode("latin-1"))
    assert found is not None
    return str(found.address)


@given(STRANGERS, st.lists(RUBBISH))
def test_a_peer_that_is_no_proxy_is_the_client_whatever_it_says(peer: str, said: list[str]) -> None:
    assert _client(PROXIES, peer, *said) == str(ipaddress.ip_address(peer))


@given(STRANGERS, st.lists(TRUSTED, min_size=1, max_size=4), st.lists(st.one_of(RUBBISH, TRUSTED, STRANGERS)))
def test_behind_proxies_the_client_is_whom_the_first_of_them_saw(
    client: str, proxies: list[str], written_by_the_client: list[str]
) -> None:
    entries = [*written_by_the_client, client, *proxies[:-1]]
    assert _client(PROXIES, proxies[-1], *entries, blank=" ") == str(ipaddress.ip_address(client))


@given(st.lists(TRUSTED, min_size=1, max_size=4), RUBBISH.filter(lambda text: parsed(text.strip()) is None))
def test_where_an_entry_is_no_address_its_writer_is_the_client(proxies: list[str], rubbish: str) -> None:
    """An entry before rubbish may have been written by anybody."""
    entries = ["192.0.2.1", rubbish, *proxies[:-1]]
    assert _client(PROXIES, proxies[-1], *entries) == _known(proxies[0])


def test_a_chain_of_proxies_alone_begins_with_its_first() -> None:
    assert _client(PROXIES, "10.0.0.1", "10.9.9.9", "10.0.0.2") == "10.9.9.9"


def test_nobody_is_trusted_unless_he_is_named() -> None:
    assert _client(Clients([]), "127.0.0.1", "192.0.2.1") == "127.0.0.1"


@given(st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("127.0.0.1"))
def test_an_ipv4_address_in_clothes_of_ipv6_is_itself(address: ipaddress.IPv4Address) -> None:
    assert PROXIES.network(f"::ffff:{address}", b"") == PROXIES.network(str(address), b"")


@given(st.integers(2**64, 2**128 - 1), st.integers(0, 2**64 - 1))
def test_addresses_of_one_64_are_one_network(number: int, host: int) -> None:
    address = ipaddress.IPv6Address(number)
    assert network(ipaddress.IPv6Address((number >> 64 << 64) | host)) == network(address)


@given(ADDRESSES, ADDRESSES)
def test_other_networks_are_others(one: Address, other: Address) -> None:
    host_bits = 0 if one.version == 4 else 64
    same = one.version == other.version and int(one) >> host_bits == int(other) >> host_bits
    assert (network(one) == network(other)) == same


@given(ADDRESSES, st.integers(0, 65535))
def test_a_port_makes_no_other_client(address: Address, port: int) -> None:
    written = f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"
    assert parsed(written) == parsed(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "_hidden", "192.0.2.1:", "192.0.2.1:http", "192.0.2.256", "192.0.2", "010.0.0.1", "[::1", "[::1]x",
     "fe80::1%eth0", "1.2.3.4:123456", "::1]:80", "192.0.2.1 ", "[192.0.2.1]:80:80"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    assert parsed(text) is None


def test_a_giant_is_no_address() -> None:
    assert _client(PROXIES, "10.0.0.1", "1" * 30_000) == "10.0.0.1"


def test_what_a_client_writes_is_not_kept() -> None:
    """Only what stands right of it is read, so its memory is bounded by addresses."""
    clients = Clients(["10.0.0.0/8"])
    for number in range(100):
        assert _client(clients, "10.0.0.1", f"{number}" * 5000, "192.0.2.1") == "192.0.2.1"
    assert clients._hop.cache_info().currsize == 2  # type: ignore[attr-defined]


def test_a_client_without_an_address_is_one_network() -> None:
    assert PROXIES.network("", b"") == UNKNOWN


def test_a_proxy_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy"):
        Clients(["proxy"])
