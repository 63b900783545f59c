"""The nouns of signatures: what settings makes and the adapter reads."""

from __future__ import annotations

import dataclasses

import pytest

from sidecar.signatures import ANY, SIMPLE, Kind, Member, Signature, Signatures, Type


def test_what_a_query_can_say() -> None:
    """Everything but what holds other values, nothing, and what may be either."""
    assert set(Kind) - SIMPLE == {Kind.NIL, Kind.ANY, Kind.STRUCT, Kind.ARRAY}


def test_what_nobody_says_is_open() -> None:
    """A parameter without a type and a method without a result may be anything; extensions are off."""
    assert Member("a").type == Signature("m").returns == ANY == Type(Kind.ANY)
    assert (Signatures().allow_nil, Signatures().allow_i8, Signatures().methods) == (False, False, ())


def test_they_are_values() -> None:
    """A plan holds them, and two plans are compared."""
    one = Signatures((Signature("m", (Member("a", Type(Kind.ARRAY, items=ANY)),)),))
    assert one == Signatures((Signature("m", (Member("a", Type(Kind.ARRAY, items=ANY)),)),))
    assert hash(one) == hash(Signatures((Signature("m", (Member("a", Type(Kind.ARRAY, items=ANY)),)),)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.allow_nil = True  # type: ignore[misc]  # what is refused
