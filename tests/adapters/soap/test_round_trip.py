"""What the codec writes it reads again as it was, for schemas that nobody thought of; and what is not of a schema it does not write."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.json.pointers import pointer
from adapters.soap.encoding import InvalidParams
from adapters.soap.speech import Speech
from tests.adapters.soap.invented import Contract, Source, T, Values, normal

if TYPE_CHECKING:
    from tests.adapters.soap.invented import Change

BYTES: Final = st.binary(min_size=400, max_size=400)
SHORT: Final = st.binary(min_size=150, max_size=150)
VALUES: Final = 2  # of each contract
LEAN: Final = [HealthCheck.too_slow, HealthCheck.data_too_large]


def spoken(contract: Contract) -> Speech:
    return Speech.of({"http://b.example/?wsdl": contract.wsdl}, contract.options)


class _Documents(etree.Resolver):
    """Bring one schema to another."""

    def __init__(self, schemas: dict[str, str]) -> None:
        super().__init__()
        self._schemas = schemas

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:
        return self.resolve_string(self._schemas[system_url], context, base_url=system_url)


def validator(contract: Contract) -> etree.XMLSchema:
    """Return libxml2's reading of the contract's schemas."""
    schemas = contract.schemas
    parser = etree.XMLParser()
    parser.resolvers.add(_Documents(schemas))
    return etree.XMLSchema(etree.fromstring(schemas[T], parser, base_url=T))


def round_trip(data: bytes, more: bytes) -> None:
    contract = Contract(Source(data))
    speech = spoken(contract)
    schema = validator(contract) if contract.style == "document" else None
    values = Values(contract, Source(more))
    for _ in range(VALUES):
        value = values.make()
        given_ = copy.deepcopy(value)
        reply = speech.reply("Op", given_, contract.dialect)
        assert given_ == value, "the caller's value is the caller's"
        assert normal(speech.decode("Op", reply)) == normal(value)
        request = speech.encode("Op", value, contract.dialect)
        assert request == speech.encode("Op", value, contract.dialect)
        if schema is not None:
            for message in (reply, request):
                (element,) = etree.fromstring(message).find("{*}Body")
                schema.assertValid(element)


def spoilt(data: bytes, more: bytes, which: int) -> None:
    contract = Contract(Source(data))
    values = Values(contract, Source(more))
    value = values.make()
    if not values.changes:
        return
    change: Change = values.changes[which % len(values.changes)]
    change.apply(value)
    with pytest.raises(InvalidParams) as caught:
        spoken(contract).encode("Op", value, contract.dialect)
    named = {place for place, _, _ in caught.value.errors}
    assert len(named) == 1, (change, caught.value.errors)
    assert named <= {pointer(each) for each in change.wrong}, (change, caught.value.errors)


@settings(max_examples=400, deadline=None, suppress_health_check=LEAN)
@given(BYTES, SHORT)
def test_a_value_comes_back_as_it_was_and_its_xml_is_valid(data: bytes, more: bytes) -> None:
    """Whatever the schema; where the style is document, libxml2 finds the message valid by the same schema."""
    round_trip(data, more)


@settings(max_examples=400, deadline=None, suppress_health_check=LEAN)
@given(BYTES, SHORT, st.integers(0, 200))
def test_a_value_that_is_spoilt_is_refused_with_its_place(data: bytes, more: bytes, which: int) -> None:
    """What is missing, unknown, too much or of another type is named by its pointer, and nothing else is."""
    spoilt(data, more, which)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None, suppress_health_check=LEAN)
@given(BYTES, SHORT)
def test_many_values_come_back_as_they_were(data: bytes, more: bytes) -> None:
    """As above, of ten thousand contracts."""
    round_trip(data, more)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None, suppress_health_check=LEAN)
@given(BYTES, SHORT, st.integers(0, 200))
def test_many_values_that_are_spoilt_are_refused(data: bytes, more: bytes, which: int) -> None:
    """As above, of ten thousand contracts."""
    spoilt(data, more, which)
