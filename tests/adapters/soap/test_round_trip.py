"""What the codec writes it reads again as it was, for schemas that nobody thought of; and what is not of a schema it does not write."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.json.pointers import pointer
from adapters.soap import decoding, encoding, growing, job, strangers
from adapters.soap.encoding import InvalidParams
from adapters.soap.speech import Speech
from tests.adapters.soap.invented.contract import Contract
from tests.adapters.soap.invented.model import Source, T, choices
from tests.adapters.soap.invented.values import Values, normal

if TYPE_CHECKING:
    from tests.adapters.soap.invented.values import Change

BYTES: Final = choices(400)
SHORT: Final = choices(150)
VALUES: Final = 2  # of each contract
LEAST: Final = (
    *((module, "WIDE", 1) for module in (decoding, strangers)),
    *((growing, name, 0) for name in ("BREATH", "_OPEN", "_HEAVY", "_LARGE")),
    (growing, "_MEMBERS", 1),
    (job, "BREATH", 0),
    (job, "_OPEN", 1),
    (encoding, "_QUICK", 0),
)
LEAN: Final = [HealthCheck.too_slow, HealthCheck.data_too_large]


def spoken(contract: Contract) -> Speech:
    return Speech.of({"http://b.example/?wsdl": contract.wsdl}, contract.options)


class _Documents(etree.Resolver):
    """Bring one schema to another."""

    def __init__(self, schemas: dict[str, str]) -> None:
        super().__init__()
        self._schemas = schemas

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # the stubs lack one
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
                body = etree.fromstring(message).find("{*}Body")
                assert body is not None
                schema.assertValid(body[0])


def both_ways(contract: Contract, value: Any) -> tuple[bytes, Any]:
    speech = spoken(contract)
    return speech.encode("Op", value, contract.dialect), speech.decode(
        "Op", speech.reply("Op", value, contract.dialect)
    )


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


@pytest.mark.unmeasured
@settings(max_examples=400, deadline=None, suppress_health_check=LEAN)
@given(BYTES, SHORT)
def test_a_value_comes_back_as_it_was_and_its_xml_is_valid(data: bytes, more: bytes) -> None:
    """Whatever the schema; where the style is document, libxml2 finds the message valid by the same schema."""
    round_trip(data, more)


@pytest.mark.unmeasured
@settings(max_examples=400, deadline=None, suppress_health_check=LEAN)
@given(BYTES, SHORT, st.integers(0, 200))
def test_a_value_that_is_spoilt_is_refused_with_its_place(data: bytes, more: bytes, which: int) -> None:
    """What is missing, unknown, too much or of another type is named by its pointer, and nothing else is."""
    spoilt(data, more, which)


@pytest.mark.unmeasured
@settings(max_examples=150, deadline=None, suppress_health_check=LEAN)
@given(BYTES, SHORT)
def test_what_is_done_bit_by_bit_comes_to_the_same(data: bytes, more: bytes) -> None:
    """Where nothing is small enough to be done at once, requests and values are what they are else."""
    contract = Contract(Source(data))
    value = Values(contract, Source(more)).make()
    whole = both_ways(contract, value)
    with pytest.MonkeyPatch.context() as patch:
        for module, name, least in LEAST:
            patch.setattr(module, name, least)
        assert both_ways(contract, value) == whole


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
