"""Who counts as one client: addresses, hops, trust, callers and their people, and what an attacker writes into a header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.model import Standing
from sidecar.plan import CallerPlan, ClientsPlan
from sidecar.policy.clients import Clients, Unheard, Why
from tests.support.world import head

EDGE = "10.0.0.1"
SHOP = "10.2.0.5"
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
    assert TRUSTING.ask(peer, hops).client == client


def test_without_trust_no_header_counts() -> None:
    """The default believes nobody, not even on a unix socket."""
    plain = Clients(ClientsPlan())
    assert plain.ask("192.0.2.7", ["198.51.100.1"]) == Standing("192.0.2.7")
    assert plain.ask("", ["198.51.100.1"]) == Standing("local")


def test_a_unix_socket_can_be_all_that_is_trusted() -> None:
    """Its file has its own rights; nobody who comes over a network is believed for that."""
    unix = Clients(ClientsPlan(trust=("unix",)))
    assert unix.ask("", ["198.51.100.1"]) == Standing("198.51.100.1", believed=True)
    assert unix.ask("127.0.0.1", ["198.51.100.1"]) == Standing("127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "lines", "client"),
    [
        (EDGE, ["for=203.0.113.9, for=198.51.100.1"], "198.51.100.1"),
        (EDGE, ['for="[2001:db8:1:2:3::9]:4711";proto=https'], "2001:db8:1:2::/64"),
        (EDGE, ["for=198.51.100.1", "for=10.2.2.2;by=10.0.0.1"], "198.51.100.1"),
        ("192.0.2.7", ["for=198.51.100.1"], "192.0.2.7"),
        # who hides behind a hop is the hop: a hidden name may be another one in each request
        (EDGE, ["for=_hidden"], EDGE),
        (EDGE, ["for=198.51.100.1, for=unknown"], EDGE),
        (EDGE, ["for=198.51.100.1, for=_hidden, for=10.2.2.2"], "10.2.2.2"),
        # another header is not looked at
        (EDGE, [], EDGE),
    ],
)
def test_who_it_is_by_forwarded(peer: str, lines: list[str], client: str) -> None:
    """The same rules, in the words of RFC 7239."""
    standard = Clients(ClientsPlan(trust=("10.0.0.0/8",), header="Forwarded"))
    headers = [("X-Forwarded-For", "6.6.6.6"), *(("Forwarded", line) for line in lines)]
    assert standard.of(head(headers=headers), peer).client == client


@pytest.mark.parametrize("length", [1, 400])
def test_the_header_lines_of_a_request_are_read(length: int) -> None:
    """All of them, whatever their case; long ones too, which are not remembered."""
    padding = ", ".join(["203.0.113.9"] * length)
    given = head(headers=[("x-forwarded-for", padding), ("X-FORWARDED-FOR", "198.51.100.1, 10.3.3.3")])
    assert TRUSTING.of(given, EDGE) == Standing("198.51.100.1", believed=True)
    assert TRUSTING.of(given, "192.0.2.7") == Standing("192.0.2.7")
    assert TRUSTING.of(head(), EDGE) == Standing(EDGE, believed=True)


def test_a_chain_of_trusted_hops_has_an_end() -> None:
    """A head of 32 KiB would name thousands; the one at which we stop is the client."""
    chain = ", ".join(["198.51.100.1", *(f"10.0.{each}.1" for each in range(40))])
    assert TRUSTING.ask(EDGE, [chain]).client == "10.0.8.1"


KNOWN = Clients(
    ClientsPlan(trust=("10.0.0.1",)),
    (
        CallerPlan("counter", ("10.1.0.0/16", "2001:db8::/32"), client_class="staff"),
        CallerPlan("till", ("10.1.7.0/24",), client_class="checkout"),
        CallerPlan("shop_server", (f"{SHOP}/32",), trusted=True),
    ),
)


@pytest.mark.parametrize(
    ("peer", "hops", "standing"),
    [
        ("10.1.0.9", [], Standing("10.1.0.9", "counter", "staff")),
        ("10.1.7.9", [], Standing("10.1.7.9", "till", "checkout")),
        (SHOP, [], Standing(SHOP, "shop_server")),
        ("192.0.2.7", [], Standing("192.0.2.7")),
        ("", [], Standing("local", believed=True)),
        ("2001:db8:1:2:3::9", [], Standing("2001:db8:1:2::/64", "counter", "staff")),
        # the client's address counts, after trust has been applied
        (EDGE, ["10.1.0.9"], Standing("10.1.0.9", "counter", "staff", believed=True)),
        (EDGE, ["10.1.0.9, 192.0.2.7"], Standing("192.0.2.7", believed=True)),
        ("10.1.0.9", ["10.1.7.9"], Standing("10.1.0.9", "counter", "staff")),
        ("192.0.2.7", ["10.1.0.9"], Standing("192.0.2.7")),
    ],
)
def test_callers_are_known_by_the_clients_address(peer: str, hops: list[str], standing: Standing) -> None:
    """The longest prefix wins; a stranger does not become staff by what he writes."""
    assert KNOWN.ask(peer, hops) == standing


@pytest.mark.parametrize(
    ("names", "standing"),
    [
        (["4711"], Standing("shop_server/4711", "shop_server", named=True)),
        (["!ada@theatre.example~"], Standing("shop_server/!ada@theatre.example~", "shop_server", named=True)),
        (["x" * 128], Standing("shop_server/" + "x" * 128, "shop_server", named=True)),
        ([" 4711\t"], Standing("shop_server/4711", "shop_server", named=True)),
        ([], Standing(SHOP, "shop_server")),
        # what is no name leaves him who he is, and is told
        ([""], Standing(SHOP, "shop_server", misnamed=True)),
        (["x" * 129], Standing(SHOP, "shop_server", misnamed=True)),
        (["two words"], Standing(SHOP, "shop_server", misnamed=True)),
        (["ad\u00e4"], Standing(SHOP, "shop_server", misnamed=True)),
        (["4711\x00"], Standing(SHOP, "shop_server", misnamed=True)),
        (["4711", "4712"], Standing(SHOP, "shop_server", misnamed=True)),
    ],
)
def test_a_trusted_caller_names_its_people(names: list[str], standing: Standing) -> None:
    """Once, with 1 to 128 visible ASCII characters."""
    given = head(headers=[("sidecar-client", name) for name in names])
    assert KNOWN.of(given, SHOP) == standing


@pytest.mark.parametrize(
    ("peer", "client"), [("192.0.2.7", "192.0.2.7"), ("10.1.0.9", "10.1.0.9"), (EDGE, EDGE), ("", "local")]
)
def test_nobody_else_names_anybody(peer: str, client: str) -> None:
    """Not a stranger, not a caller that is merely known, not a proxy."""
    standing = KNOWN.of(head(headers=[("Sidecar-Client", "4711")]), peer)
    assert (standing.client, standing.named, standing.misnamed) == (client, False, False)


def test_a_stranger_who_comes_through_a_trusted_caller_is_himself() -> None:
    """Where the shop's server is a proxy, too, the address that it forwards decides, and a name that came with it is ignored."""
    both = Clients(ClientsPlan(trust=(SHOP,)), (CallerPlan("shop_server", (SHOP,), trusted=True),))
    given = head(headers=[("Sidecar-Client", "4711"), ("X-Forwarded-For", "198.51.100.1")])
    assert both.of(given, SHOP) == Standing("198.51.100.1", believed=True)


@given(name=st.text(st.characters(max_codepoint=255), max_size=140))
def test_no_name_is_another_clients(name: str) -> None:
    """Whatever a trusted caller writes, it stays among its own: no address and nobody else's people are called so."""
    client = KNOWN.of(head(headers=[("Sidecar-Client", name)]), SHOP).client
    assert client == SHOP or client.startswith("shop_server/")


XFF, STANDARD, REAL = (
    ("X-Forwarded-For", "198.51.100.1"),
    ("Forwarded", "for=198.51.100.1"),
    ("X-Real-IP", "198.51.100.1"),
)


@pytest.mark.parametrize(
    ("trust", "header", "peer", "headers", "unheard"),
    [
        # nobody says anything, or all of it counts
        ((), "X-Forwarded-For", EDGE, [], None),
        ((EDGE,), "X-Forwarded-For", EDGE, [XFF], None),
        ((EDGE,), "X-Forwarded-For", EDGE, [], None),
        ((EDGE,), "Forwarded", EDGE, [STANDARD, XFF], None),
        (("unix",), "X-Forwarded-For", "", [XFF], None),
        # a hop that is not trusted, whatever it writes
        ((), "X-Forwarded-For", EDGE, [XFF], Unheard("X-Forwarded-For", EDGE, Why.STRANGER)),
        ((), "X-Forwarded-For", f"::ffff:{EDGE}", [XFF], Unheard("X-Forwarded-For", EDGE, Why.STRANGER)),
        ((), "X-Forwarded-For", "2001:db8::1", [STANDARD], Unheard("Forwarded", "2001:db8::1", Why.STRANGER)),
        ((), "X-Forwarded-For", "", [REAL], Unheard("X-Real-IP", "", Why.STRANGER)),
        ((), "X-Client", EDGE, [("x-client", "a"), XFF], Unheard("X-Client", EDGE, Why.STRANGER)),
        # a second proxy that is not trusted
        ((EDGE,), "X-Forwarded-For", EDGE, [("X-Forwarded-For", "198.51.100.1, 172.16.0.2")],
         Unheard("X-Forwarded-For", "172.16.0.2", Why.STRANGER)),
        # trusted, and it writes another header, or nothing that is an address
        ((EDGE,), "X-Forwarded-For", EDGE, [STANDARD], Unheard("Forwarded", EDGE, Why.OTHER_HEADER)),
        (("unix",), "Forwarded", "", [XFF], Unheard("X-Forwarded-For", "", Why.OTHER_HEADER)),
        ((EDGE,), "X-Forwarded-For", EDGE, [("X-Forwarded-For", "unknown")], Unheard("X-Forwarded-For", EDGE, Why.UNREADABLE)),
        ((EDGE,), "Forwarded", EDGE, [("Forwarded", "for=_hidden")], Unheard("Forwarded", EDGE, Why.UNREADABLE)),
    ],
)  # fmt: skip
def test_whose_word_does_not_count(
    trust: tuple[str, ...], header: str, peer: str, headers: list[tuple[str, str]], unheard: Unheard | None
) -> None:
    """What an operator has to know whose proxies he forgot: which header, whose, and why not."""
    assert Clients(ClientsPlan(trust, header)).unheard(head(headers=headers), peer) == unheard


@given(peer=st.sampled_from(["192.0.2.7", EDGE, "", "fd00::1"]), hops=st.lists(st.text(max_size=60), max_size=3))
def test_no_header_can_break_it(peer: str, hops: list[str]) -> None:
    """Whatever stands there, somebody is named, and the name is an address, a network or the peer's own."""
    client = TRUSTING.ask(peer, hops).client
    assert client
    assert "," not in client
    assert "%" not in client


@given(forged=st.lists(st.ip_addresses().map(str), max_size=4))
def test_a_client_cannot_choose_who_it_is(forged: list[str]) -> None:
    """Whatever it sends, the edge appends the address it saw, and that is the name."""
    assert TRUSTING.ask(EDGE, [", ".join([*forged, "198.51.100.1"])]).client == "198.51.100.1"
