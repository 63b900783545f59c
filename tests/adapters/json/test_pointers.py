"""A place is told as RFC 6901 writes it, and a name that was misspelt is told the one that was meant, in little time."""

import random

import pytest

from adapters.json.pointers import nearest, pointer, pointer_to
from tests.support.timing import best_s

PAYPAL = ("CurrencyID", "BillingAgreementID", "BillingAgreementStatus", "BuyerID", "ShipToAddress", "PaymentDetails")


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((), ""),
        (("",), "/"),
        (("a/b",), "/a~1b"),
        (("m~n",), "/m~0n"),
        (("~1",), "/~01"),  # RFC 6901 section 4: ~ before /, or this would be /
        (("items", 3, "@id", "$value"), "/items/3/@id/$value"),
        (("{urn:x/y}a",), "/{urn:x~1y}a"),
    ],
)
def test_a_place_is_told_as_a_pointer(steps, told):
    """The examples of RFC 6901 sections 3 to 5, and members as the facade names them."""
    place = None
    for step in steps:
        place = (place, step)
    assert pointer(steps) == pointer_to(place) == told


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("currencyId", "CurrencyID"),
        ("BilingAgreementStatus", "BillingAgreementStatus"),
        ("PaymentDetail", "PaymentDetails"),
        ("Seats", ""),
        ("", ""),
        ("BuyerID" * 10, ""),
    ],
)
def test_what_is_similar_is_meant(name, meant):
    """A name that resembles none, or is longer than names are, gets no guess."""
    assert nearest(name, PAYPAL) == (f", did you mean '{meant}'?" if meant else "")


def test_names_made_to_resemble_take_little_time():
    """Whoever calls chooses the name, so the work is bounded, not the luck."""
    dice = random.Random(6)
    names = ["".join(dice.choices("abAB", k=60)) for _ in range(5000)]
    assert best_s(lambda: nearest("abAB" * 15, names), 3) < 0.01
