"""zeep, where it can, writes what the codec writes and reads what the codec reads, for every operation of real vendors.

Where they differ, `differences.json` says why, by WSDL and operation; what is listed there and is no difference any more fails.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from lxml import etree

from adapters.soap.encoding import InvalidParams
from adapters.soap.resolver import Unspeakable
from adapters.soap.samples import sample
from adapters.soap.speech import Speech
from sidecar.model import Dialect
from tests.adapters.soap.oracle import Unable, Zeep, blocks, difference, family, levelled, otherwise, tree
from tests.support.require import wsdl_corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.soap.types import Signature

    Ways = tuple[dict[str, Any], ...]

LISTED: Final = Path(__file__).with_name("differences.json")
WSDLS: Final = {
    "tessitura.wsdl": 230,
    "paypal/PayPalSvc.wsdl": 57,
    "salesforce/partner.wsdl": 57,
    "fedex/RateService_v24.wsdl": 1,
    "marketo.wsdl": 1,
    "onvif/ptz.wsdl": 27,
    "onvif/events.wsdl": 16,
    "tradetracker.wsdl": 26,
}
# The file was cut down for somebody's tests: it names types that it does not define. zeep loads nothing of it.
UNSPOKEN: Final = {"marketo.wsdl": {"paramsGetLeadChanges"}}
FEW: Final = ({}, {"full": False, "turn": 1})
WAYS: Final = (*FEW, {"turn": 1}, {"turn": 2}, {"full": False}, {"nil": True})
ROWS: Final = {"Table": [{"id": 1, "name": "text"}, {"id": 2, "name": None}]}
DIFFGRAM: Final = b"""<xs:schema id="NewDataSet" xmlns="" xmlns:xs="http://www.w3.org/2001/XMLSchema"
   xmlns:msdata="urn:schemas-microsoft-com:xml-msdata">
  <xs:element name="NewDataSet" msdata:IsDataSet="true" msdata:UseCurrentLocale="true"><xs:complexType>
   <xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="Table"><xs:complexType><xs:sequence>
    <xs:element name="id" type="xs:int" minOccurs="0"/><xs:element name="name" type="xs:string" minOccurs="0"/>
   </xs:sequence></xs:complexType></xs:element></xs:choice>
  </xs:complexType></xs:element>
 </xs:schema>
 <diffgr:diffgram xmlns:msdata="urn:schemas-microsoft-com:xml-msdata" xmlns:diffgr="urn:schemas-microsoft-com:xml-diffgram-v1">
  <NewDataSet xmlns=""><Table diffgr:id="Table1" msdata:rowOrder="0"><id>1</id><name>text</name></Table>
   <Table diffgr:id="Table2" msdata:rowOrder="1"><id>2</id></Table></NewDataSet>
 </diffgr:diffgram>"""


@pytest.mark.thinned(4)
@pytest.mark.unmeasured
@pytest.mark.parametrize("ways", [pytest.param(FEW, id="few"), pytest.param(WAYS, id="all", marks=pytest.mark.long)])
@pytest.mark.parametrize("first", WSDLS)
def test_every_operation_is_spoken_and_zeep_agrees(first: str, ways: Ways) -> None:
    """A full and a least example of each, encoded and, as a reply, decoded; at most 2 % of a WSDL's operations may differ."""
    documents = family(wsdl_corpus(), first)
    speech = Speech.of(documents)
    zeep = None if first in UNSPOKEN else Zeep(documents)
    names = [name for name in speech.names if _is_spoken(speech, name)]
    assert (len(speech.names), set(speech.names) - set(names)) == (WSDLS[first], UNSPOKEN.get(first, set()))
    found = {name: wrong for name in names if (wrong := next(disagreements(speech, zeep, name, ways), None))}
    listed = json.loads(LISTED.read_text()).get(first, {})
    assert found.keys() == listed.keys(), found
    assert len(listed) <= len(names) // 50


def test_zeep_says_why_it_cannot() -> None:
    """Documents that zeep does not load, and operations that it does not have."""
    with pytest.raises(Unable, match="StreamPosition"):
        Zeep(family(wsdl_corpus(), "marketo.wsdl"))
    with pytest.raises(Unable, match="does not have it"):
        Zeep(family(wsdl_corpus(), "tradetracker.wsdl")).request("none", {})


def test_what_differs_is_seen() -> None:
    """In a request, whichever part of an element it is; in a reply, however deep."""
    base = "<a xmlns='urn:a' x='1'><b>1</b><c/></a>"
    one = tree(etree.fromstring(base), encoded=False)
    assert (
        otherwise(one, tree(etree.fromstring("<p:a xmlns:p='urn:a' x='1'> <p:b>1</p:b><p:c/></p:a>"), encoded=False))
        is None
    )
    for what in (
        "urn:a'|urn:b'",
        "x='1'|x='2'",
        "<b>1|<b>2",
        "<c/>|",
        "<c/>|<c/><c/>",
        "<b>1</b><c/>|<c/><b>1</b>",
        "<c/>|<d/>",
    ):
        assert otherwise(one, tree(etree.fromstring(base.replace(*what.split("|"))), encoded=False)), what
    value = {"a": [{"b": "1.50", "c": True, "n": None}], "q": "{urn:x}y"}
    same = {"a": [{"b": Decimal("1.5"), "c": True, "e": []}], "q": "p:y"}
    assert difference(levelled(value), levelled(same)) is None
    for other in ({"b": 2}, {"c": "true"}, {"c": 1}, {"b": None}, {"n": "x"}):
        wrong = difference(levelled(value), levelled({**same, "a": [same["a"][0] | other]}))
        assert wrong, other
        assert wrong.startswith("/a/0/"), wrong
    assert difference(levelled(value), levelled({**same, "a": same["a"] * 2}))


def disagreements(speech: Speech, zeep: Zeep | None, name: str, ways: Ways) -> Iterator[str]:
    """Say what is wrong with an operation, and where zeep says something else."""
    if zeep is not None and name not in zeep.names:
        yield from disagreements(speech, None, name, ways)
        yield "zeep does not have it"
        return
    signature = speech.signature(name)
    for how in ways:
        try:
            yield from (f"request, {how}: {wrong}" for wrong in written(speech, zeep, signature, how))
            yield from (f"reply, {how}: {wrong}" for wrong in read(speech, zeep, signature, how))
        except InvalidParams as wrong:
            yield f"refused, {how}: {wrong.errors[:3]}"
        except Unable as reason:
            yield f"{how}: {reason}"


def _is_spoken(speech: Speech, name: str) -> bool:
    try:
        speech.signature(name)
    except Unspeakable:
        return False
    return True


def written(speech: Speech, zeep: Zeep | None, signature: Signature, how: dict[str, Any]) -> Iterator[str]:
    """Say where zeep sends something else."""
    value = sample(signature.input, speech.types, sent=True, wild=True, **how)
    if "$headers" in value:  # zeep copies headers, and does not know its own Nil again in a copy
        value["$headers"] = sample(signature.input, speech.types, **how | {"nil": False})["$headers"]
    dialect = Dialect.SOAP11 if zeep is None else zeep.dialect(signature.name)
    ours = etree.fromstring(speech.encode(signature.name, _copy(value), dialect))
    if zeep is None:
        return
    theirs = zeep.request(signature.name, value)
    encoded = signature.input.encoded
    if wrong := otherwise(blocks(ours, encoded=encoded), blocks(theirs, encoded=encoded)):
        yield wrong


def read(speech: Speech, zeep: Zeep | None, signature: Signature, how: dict[str, Any]) -> Iterator[str]:
    """Say where a reply does not come back as it was, and where zeep reads something else in it."""
    if signature.output is None:
        return
    sent = sample(signature.output, speech.types, sent=True, wild=True, **how)
    shown = sample(signature.output, speech.types, wild=True, **how)
    dialect = Dialect.SOAP11 if zeep is None else zeep.dialect(signature.name)
    reply = speech.reply(signature.name, _copy(sent), dialect)
    for name in set(datasets(shown)):  # the codec reads and never writes them
        reply = re.sub(rb"<(\w+:%s)/>" % name.encode(), rb"<\1>" + DIFFGRAM + rb"</\1>", reply)
    ours = levelled(speech.decode(signature.name, reply))
    if wrong := difference(ours, levelled(shown)):
        yield f"not as it was sent: {wrong}"
    if zeep is not None and (wrong := difference(ours, levelled(zeep.reply(signature.name, reply)))):
        yield wrong


def datasets(shown: Any) -> Iterator[str]:
    """Give the members that hold DataSets, and put into each the rows that the diffgram has."""
    for key, each in shown.items() if isinstance(shown, dict) else ():
        for one in each if isinstance(each, list) else (each,):
            if isinstance(one, dict) and "Table" in one:
                one.update(ROWS)
                yield key
            else:
                yield from datasets(one)


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))
