"""Who counts as one client: addresses, hops, trust, and what an attacker writes into a header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.plan import ClientsPlan
from sidecar.policy.clients import Clients

EDGE = "10.0.0.1"
TRUSTING = Clients(ClientsPlan(trust=("10.0.0.0/8", "fd00::/8"), header="X-Forwarded-For"))


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        # nobody in front of us
        ("192.0.2.7", [], "192.0.2.7"),
        ("", [], "local"),
        # a stranger's header is worth nothing
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        # a trusted hop vouches for the one before it, and only for that
        (EDGE, ["198.51.100.1"], "198.51.100.1"),
        (EDGE, ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        (EDGE, ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        (EDGE, ["203.0.113.9, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        # only trusted hops: the first of them
        (EDGE, ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        # a proxy that names nobody is its own client
        (EDGE, [], EDGE),
        (EDGE, [""], EDGE),
        # what stands before an unreadable hop is hearsay
        (EDGE, ["198.51.100.1, garbage"], EDGE),
        (EDGE, ["198.51.100.1, unknown, 10.2.2.2"], "10.2.2.2"),
        # ports, brackets and quotes as IIS/ARR and RFC 7239 write them
        (EDGE, ["198.51.100.1:4711"], "198.51.100.1"),
        (EDGE, ['"[2001:db8:1:2:3::9]:4711"'], "2001:db8:1:2::/64"),
        (EDGE, ["[2001:db8:1:2::9]"], "2001:db8:1:2::/64"),
        # IPv6 by /64, one household
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),
        # IPv4 inside IPv6 is IPv4, also where trust is asked
        ("::ffff:192.0.2.7", [], "192.0.2.7"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # an interface's name is no part of who somebody is
        ("fe80::1%eth0", [], "fe80::/64"),
        (EDGE, ["[fe80::1%eth0]:80"], "fe80::/64"),
        # an IPv6 edge
        ("fd00::1", ["198.51.100.1"], "198.51.100.1"),
        # a unix socket is as close as it gets
        ("", ["198.51.100.1"], "198.51.100.1"),
        ("", ["garbage"], "local"),
        # a peer that has no address at all keeps its name
        ("not-an-address", [], "not-an-address"),
        ("not-an-address", ["198.51.100.1"], "not-an-address"),
    ],
)
def test_who_it_is(peer: str, hops: list[str], client: str) -> None:
    """One line of the table, one rule."""
    assert TRUSTING.ask(peer, hops) == client


def test_without_trust_no_header_counts() -> None:
    """The default believes nobody, not even on a unix socket."""
    plain = Clients(ClientsPlan())
    assert plain.header == "X-Forwarded-For"
    assert plain.ask("192.0.2.7", ["198.51.100.1"]) == "192.0.2.7"
    assert plain.ask("", ["198.51.100.1"]) == "local"


@given(peer=st.sampled_from(["192.0.2.7", EDGE, "", "fd00::1"]), hops=st.lists(st.text(max_size=60), max_size=3))
def test_no_header_can_break_it(peer: str, hops: list[str]) -> None:
    """Whatever stands there, somebody is named, and the name is an address, a network or the peer's own."""
    client = TRUSTING.ask(peer, hops)
    assert client
    assert "," not in client
    assert "%" not in client


@given(forged=st.lists(st.ip_addresses().map(str), max_size=4))
def test_a_client_cannot_choose_who_it_is(forged: list[str]) -> None:
    """Whatever it sends, the edge appends the address it saw, and that is the name."""
    assert TRUSTING.ask(EDGE, [", ".join([*forged, "198.51.100.1"])]) == "198.51.100.1"
