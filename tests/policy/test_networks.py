"""Networks by address: the longest prefix wins, and IPv4 inside IPv6 is IPv4."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.networks import Networks, plain

TABLE = Networks(
    [
        ("10.0.0.0/8", "ten"),
        ("10.1.0.0/16", "one"),
        ("10.1.2.3/32", "host"),
        ("2001:db8::/32", "doc"),
        ("2001:db8:1::/48", "site"),
        ("::ffff:192.0.2.0/120", "mapped"),
    ]
)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("10.1.2.3", "host"),
        ("10.1.2.4", "one"),
        ("10.2.0.0", "ten"),
        ("11.0.0.0", None),
        ("2001:db8:1::9", "site"),
        ("2001:db8:2::9", "doc"),
        ("2001:db9::", None),
        ("192.0.2.9", "mapped"),
        ("192.0.3.9", None),
        ("::a01:203", None),
    ],
)
def test_the_longest_prefix_wins(address: str, said: str | None) -> None:
    """Whatever the order in which they were written; a number of one family says nothing in the other."""
    assert TABLE.find(ip_address(address)) == said


def test_an_empty_table_says_nothing() -> None:
    """The default trusts nobody."""
    assert Networks(()).find(ip_address("127.0.0.1")) is None


def test_everything_is_a_network_too() -> None:
    """The settings refuse it where it would trust; the table has no opinion."""
    assert Networks([("0.0.0.0/0", 1)]).find(ip_address("203.0.113.9")) == 1


def test_a_mapped_network_is_read_as_what_it_means() -> None:
    """Only where all of it lies in the mapped range."""
    assert str(plain("::ffff:10.0.0.0/104")) == "10.0.0.0/8"
    assert str(plain("::/64")) == "::/64"


@given(
    networks=st.lists(st.ip_addresses().flatmap(
        lambda a: st.integers(0, a.max_prefixlen).map(lambda n: str(ip_network(f"{a}/{n}", strict=False)))
    ), max_size=8, unique=True),
    address=st.ip_addresses(),
)  # fmt: skip
def test_it_finds_what_a_search_of_all_finds(networks: list[str], address: object) -> None:
    """The slow way, for comparison: of all that hold the address, the one with the longest prefix."""
    held = [plain(each) for each in networks]
    holding = [each for each in held if address in each]
    expected = max(holding, key=lambda each: each.prefixlen, default=None)
    found = Networks((each, str(plain(each))) for each in networks).find(address)  # type: ignore[arg-type]  # an address of either kind
    assert found == (None if expected is None else str(expected))
