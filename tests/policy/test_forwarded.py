"""What hops write of one another: lists of addresses, RFC 7239, and what strangers write before them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.forwarded import MOST_HOPS, address_of, hops


@pytest.mark.parametrize(
    ("lines", "nodes"),
    [
        (["198.51.100.1"], ["198.51.100.1"]),
        (["203.0.113.9, 198.51.100.1"], ["198.51.100.1", "203.0.113.9"]),
        (["203.0.113.9,\t198.51.100.1 "], ["198.51.100.1", "203.0.113.9"]),
        # several lines are one list, in their order
        (["203.0.113.9", "198.51.100.1, 10.0.0.1"], ["10.0.0.1", "198.51.100.1", "203.0.113.9"]),
        (['"[2001:db8::9]:4711"'], ["[2001:db8::9]:4711"]),
        # a quote alone is no pair of them
        (['"'], ['"']),
        ([""], [""]),
        (["198.51.100.1,"], ["", "198.51.100.1"]),
        ([], []),
    ],
)
def test_a_list_of_addresses(lines: list[str], nodes: list[str]) -> None:
    """X-Forwarded-For and whatever else is written like it, nearest first."""
    assert list(hops("X-Forwarded-For", lines)) == nodes


@pytest.mark.parametrize(
    ("lines", "nodes"),
    [
        # the examples of RFC 7239 section 4
        (['for="_gazonk"'], ["_gazonk"]),
        (['For="[2001:db8:cafe::17]:4711"'], ["[2001:db8:cafe::17]:4711"]),
        (["for=192.0.2.60;proto=http;by=203.0.113.43"], ["192.0.2.60"]),
        (["for=192.0.2.43, for=198.51.100.17"], ["198.51.100.17", "192.0.2.43"]),
        # section 7.1: one list in two lines, and blanks where a list allows them
        (['for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown'], ["unknown", "[2001:db8:cafe::17]", "192.0.2.43"]),
        (["for=192.0.2.43", ' for="[2001:db8:cafe::17]" , for=unknown'], ["unknown", "[2001:db8:cafe::17]", "192.0.2.43"]),
        # the order of pairs, their case, blanks around semicolons, empty pairs at the end
        (["proto=https;by=_edge ; FOR=192.0.2.60;"], ["192.0.2.60"]),
        # addresses outside of their quotes, as many write them
        (["for=192.0.2.43:47011"], ["192.0.2.43:47011"]),
        (["for=[2001:db8::1]:80"], ["[2001:db8::1]:80"]),
        # escapes
        ([r'for="192\.0.2.60"'], ["192.0.2.60"]),
        # quotes hold commas, semicolons and what looks like an element
        (['for=192.0.2.60;host="a, for=6.6.6.6"'], ["192.0.2.60"]),
        (['for=192.0.2.60;host="a;for=6.6.6.6"'], ["192.0.2.60"]),
        ([r'for=192.0.2.60;host="a, for=\"6.6.6.6"'], ["192.0.2.60"]),
        # what names nobody
        (["proto=https"], [None]),
        (["for=192.0.2.60;for=6.6.6.6"], [None]),
        ([""], [None]),
        # what is no element ends the line: what stands before it is hearsay
        (["for=6.6.6.6, rubbish"], [None]),
        (["for=6.6.6.6, rubbish, for=192.0.2.60"], ["192.0.2.60", None]),
        (["for=6.6.6.6,,for=192.0.2.60"], ["192.0.2.60", None]),
        (['for="192.0.2.60'], [None]),
        (["for = 192.0.2.60"], [None]),
        # more commas, or more of anything, than an element has
        ([f'for=192.0.2.60;host="{"," * 8}"'], [None]),
        ([f"for=192.0.2.60;host={'a' * 1024}"], [None]),
    ],
)  # fmt: skip
def test_forwarded(lines: list[str], nodes: list[str | None]) -> None:
    """RFC 7239, nearest first."""
    assert list(hops("forwarded", lines)) == nodes


@pytest.mark.parametrize("open_", ['for="', 'for="evil', 'for="a\\', "for=6.6.6.6;host=\"x, for='", '"', ";", "for="])
@pytest.mark.parametrize("added", ["for=192.0.2.60", 'for="192.0.2.60"', 'for="192.0.2.60";proto=https'])
def test_what_a_stranger_leaves_open_swallows_nothing(open_: str, added: str) -> None:
    """An honest proxy adds its element behind a comma; it is read as it was meant, whatever was open before it."""
    assert next(hops("Forwarded", [f"{open_}, {added}"])) == "192.0.2.60"


@given(
    before=st.text(st.sampled_from('for=";,\\ 6.[]:'), max_size=40),
    host=st.text(st.sampled_from('for=";,\\ 6.'), max_size=20),
)
def test_a_stranger_can_neither_hide_nor_replace_what_a_proxy_adds(before: str, host: str) -> None:
    """Not by what he sends in the header, not by a Host that the proxy repeats in quotes."""
    quoted = host.replace("\\", "\\\\").replace('"', '\\"')
    added = f'for="[2001:db8::1]:80";host="{quoted}"'
    node = next(hops("Forwarded", [f"{before}, {added}"]))
    assert node == "[2001:db8::1]:80" or host.count(",") >= 8


@given(lines=st.lists(st.text(max_size=80), max_size=3), header=st.sampled_from(["Forwarded", "X-Forwarded-For"]))
def test_nothing_breaks_it(lines: list[str], header: str) -> None:
    """Whatever stands there, it is nodes or nobody."""
    for node in hops(header, lines):
        assert node is None or address_of(node) is None or ":" in node or "." in node


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For"])
def test_only_so_many_hops_are_read(header: str) -> None:
    """A head of 32 KiB holds thousands, and each would be looked up."""
    one = "for=10.0.0.1" if header == "Forwarded" else "10.0.0.1"
    assert len(list(hops(header, [",".join([one] * 2000)]))) == MOST_HOPS


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("192.0.2.60", "192.0.2.60"),
        ("192.0.2.60:47011", "192.0.2.60"),
        ("192.0.2.60:_hidden-port", "192.0.2.60"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("[2001:db8::1]:_p", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:80", "fe80::1"),
        ("::ffff:192.0.2.60", "192.0.2.60"),
        ("[::ffff:192.0.2.60]:80", "192.0.2.60"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("192.0.2.60:", None),
        ("192.0.2.60:123456", None),
        ("192.0.2.60:80:80", None),
        ("192.0.2.256", None),
        ("192.0.2.060", None),
        ("[2001:db8::1]x", None),
        ("[192.0.2.60", None),
        ("2001:db8::1]:80", None),
        ("proxy.local", None),
        ("1" * 129, None),
    ],
)
def test_addresses_of_nodes(node: str, address: str | None) -> None:
    """With ports, zones and brackets; a name is nobody's address."""
    found = address_of(node)
    assert (None if found is None else str(found)) == address
