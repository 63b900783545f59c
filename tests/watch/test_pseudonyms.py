"""Pseudonyms: they count people without naming them."""

from __future__ import annotations

import re

from sidecar.watch.pseudonyms import Pseudonyms


def test_the_same_client_is_the_same_number_for_one_key() -> None:
    """So that an operator can count; two processes agree where they have the key from somewhere."""
    one, two = Pseudonyms(b"key"), Pseudonyms(b"key")
    assert one.of("192.0.2.1") == one.of("192.0.2.1") == two.of("192.0.2.1")
    assert one.of("192.0.2.1") != one.of("192.0.2.2")


def test_it_is_twelve_digits_and_nothing_of_the_name() -> None:
    """Whatever the name is, an address, an empty one, or bytes that were never text."""
    names = Pseudonyms()
    for client in ("192.0.2.1", "2001:db8::/64", "", "local", "\udcff", "x" * 10_000):
        assert re.fullmatch(r"[0-9a-f]{12}", names.of(client))


def test_without_a_key_it_is_this_process_alone() -> None:
    """Nobody can try all addresses against a number from a log."""
    assert Pseudonyms().of("192.0.2.1") != Pseudonyms().of("192.0.2.1")


def test_the_sidecar_itself_has_no_secret() -> None:
    """Its own calls are not a person's."""
    assert Pseudonyms().of("sidecar") == "sidecar"
