"""What refers to values elsewhere in the Body is replaced by them, once for each who refers; what has no end is left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters import xml
from adapters.soap.multiref import expanded
from adapters.soap.namespaces import ENCODING12
from tests.adapters.soap.contracts import SOAP12_NS, XSI, both, outline, reply, rpc, sequence, told
from tests.adapters.soap.contracts import element as declared
from tests.adapters.soap.test_encoding import ANIMALS

if TYPE_CHECKING:
    from collections.abc import Callable

E12 = f'xmlns:f="{ENCODING12}"'
BEAN = sequence(declared("name"), declared("next", "t:Bean", 'minOccurs="0"'), name="Bean")


def whole(inside: str, elements_max: int = 1_000) -> tuple[str, int]:
    """Expand a Body, and return its first child as a person reads it, and how many elements that has."""
    body = xml.parse(reply(inside, more=E12), charset=None)[0]
    for _ in expanded(body, elements_max):
        pass
    return outline(body[0]), sum(1 for _ in body[0].iter())


@pytest.mark.parametrize(
    ("inside", "outcome"),
    [
        pytest.param('<r><a href="#1"/></r><m id="1">x</m>', "<r><a>x</></>", id="SOAP 1.1"),
        pytest.param('<r><a f:ref="#1"/></r><m f:id="1">x</m>', "<r><a>x</></>", id="SOAP 1.2"),
        pytest.param('<r><a href="#1"/></r><m id="1"><b>x</b>y</m>', "<r><a><b>x</>y</></>", id="children"),
        pytest.param(
            '<r><a href="#1"/></r><m id="1"><b href="#2"/></m><m id="2">x</m>', "<r><a><b>x</></></>", id="nested"
        ),
        pytest.param(
            '<r><a href="#1"/>t<b href="#1"/></r><m id="1"><c>x</c></m>',
            "<r><a><c>x</></>t<b><c>x</></></>",
            id="shared by two, with the text between them",
        ),
        pytest.param(
            '<r><a id="1">x</a><b href="#1"/></r>', '<r><a id="1">x</><b>x</></>', id="what stands in the reply itself"
        ),
        pytest.param(
            '<r><a href="#1" k="v" i:type="x:int"/></r><m id="1" i:type="x:string" e:encodingStyle="s">x</m>',
            '<r><a k="v" e:encodingStyle="s" i:type="x:string">x</></>',
            id="both say what they are, the value last",
        ),
        pytest.param('<r><a href="#1"/></r><m id="1">x</m><m id="1">y</m>', "<r><a>x</></>", id="the first of two"),
        pytest.param('<r><a href="#1"/></r>', '<r><a href="#1"/></>', id="no target"),
        pytest.param('<r><a href="#2"/></r><m id="1"/>', '<r><a href="#2"/></>', id="another's target"),
        pytest.param('<r><a href="cid:1"/></r><m id="cid:1"/>', '<r><a href="cid:1"/></>', id="what is elsewhere"),
        pytest.param('<r><a href="#"/></r><m id="">x</m>', '<r><a href="#"/></>', id="a reference to nothing"),
        pytest.param('<r href="#1"><a/></r><m id="1">x</m>', '<r href="#1"><a/></>', id="the reply itself is none"),
        pytest.param('<r><a>x</a></r><m href="#1"/><m id="1"/>', "<r><a>x</></>", id="only the reply is looked at"),
    ],
)
def test_what_refers_becomes_what_it_refers_to(inside: str, outcome: str) -> None:
    """Under its own name and in its own place."""
    assert whole(inside)[0] == outcome


@pytest.mark.parametrize(
    ("inside", "outcome"),
    [
        pytest.param(
            '<r><a href="#1"/></r><m id="1"><b href="#1"/></m>', '<r><a><b href="#1"/></></>', id="refers to itself"
        ),
        pytest.param(
            '<r><a href="#1"/></r><m id="1"><b href="#2"/></m><m id="2"><c href="#1"/></m>',
            '<r><a><b><c href="#1"/></></></>',
            id="two that refer to one another",
        ),
        pytest.param(
            '<r><a id="1"><b href="#1"/></a></r>', '<r><a id="1"><b href="#1"/></></>', id="stands in what it refers to"
        ),
        pytest.param(
            '<r><a href="#1"/></r><m id="1"><b><c><d href="#1"/></c></b></m>',
            '<r><a><b><c><d href="#1"/></></></></>',
            id="far below",
        ),
    ],
)
def test_a_cycle_is_left_as_the_reference_that_closes_it(inside: str, outcome: str) -> None:
    """Once round, and no further."""
    assert whole(inside)[0] == outcome


def doubling(steps: int) -> str:
    """Return a Body whose value doubles with every step."""
    bombs = (f'<m id="{n}"><a href="#{n + 1}"/><b href="#{n + 1}"/></m>' for n in range(steps))
    return f'<r><a href="#0"/></r>{"".join(bombs)}<m id="{steps}">x</m>'


@pytest.mark.parametrize("most", [0, 50, 500, 5_000])
def test_what_doubles_is_bounded(most: int) -> None:
    """Thirty steps would be a billion elements: no more come to be than may, and the rest stays a reference."""
    found, elements = whole(doubling(30), most)
    assert elements <= most + 2
    assert "href=" in found


def test_what_doubles_within_the_bound_is_whole() -> None:
    """Four steps are sixteen values."""
    found, _ = whole(doubling(4))
    assert found.count("x") == 16
    assert "href" not in found


def test_one_value_that_is_too_much_ends_it() -> None:
    """The last is expanded first; nothing is, once there is no room for one."""
    large = f'<m id="2">{"<b/>" * 50}</m>'
    inside = f'<r><a href="#1"/><b href="#2"/><c href="#1"/></r><m id="1">x</m>{large}'
    assert whole(inside, 100)[0] == '<r><a href="#1"/><b href="#2"/><c>x</></>'


def test_what_would_be_too_deep_is_left() -> None:
    """The parser takes 64 elements inside one another, and so does whoever reads what is made here."""
    chain = "".join(f'<m id="{n}"><a><a href="#{n + 1}"/></a></m>' for n in range(100))
    body = xml.parse(reply(f'<r><a href="#0"/></r>{chain}<m id="100">x</m>'), charset=None)[0]
    for _ in expanded(body, 100_000):
        pass
    deepest = max(sum(1 for _ in each.iterancestors()) for each in body.iter()) + 1
    assert 60 <= deepest <= 64
    assert "href" in outline(body[0])


def test_what_stands_at_the_bottom_already_is_left() -> None:
    """There is no room for a single element."""
    body = xml.parse(reply(f'{"<r>" * 61}<a href="#1"/>{"</r>" * 61}<m id="1">x<b/></m>'), charset=None)[0]
    for _ in expanded(body, 1_000):
        pass
    assert 'href="#1"' in outline(body[0])


def test_a_value_that_is_too_large_is_counted_in_pieces() -> None:
    """As far as the bound goes, once for all who refer to it."""
    refers = '<a href="#1"/>' * 3
    inside = f'<r>{refers}</r><m id="1">{"<b/>" * 9_000}</m>'
    body = xml.parse(reply(inside), charset=None, markup_max=xml.REPLY_MARKUP)[0]
    looked = sum(1 for _ in expanded(body, 100))
    body = xml.parse(reply(inside), charset=None, markup_max=xml.REPLY_MARKUP)[0]
    assert sum(1 for _ in expanded(body, 18_000)) > looked + 1
    assert outline(body[0]).count("<b/>") == 0


def test_a_large_value_is_copied_in_pieces() -> None:
    """Whole, with its texts, and with a yield every few elements."""
    rows = "".join(f"<row><n>{n}</n>tail</row>" for n in range(300))
    inside = f'<r><a href="#1"/></r><m id="1">head<rows k="v">t{rows}</rows>u<last/></m>'
    body = xml.parse(reply(inside), charset=None)[0]
    turns = sum(1 for _ in expanded(body, 10_000))
    assert outline(body[0][0]).replace("<a>", "<m>") == outline(body[1]).replace(' id="1"', "")
    assert turns > 600 / 50


TYPES: dict[str, Callable[[str], str]] = {
    "its own": lambda said: f'<m id="1" xmlns:n2="urn:t" {said}/>',
    "a parent's": lambda said: f'<p xmlns:n2="urn:t"><m id="1" {said}/></p>',
}


@pytest.mark.parametrize("place", TYPES)
@pytest.mark.parametrize("name", ["i:type", "c:arrayType", "f:itemType"])
def test_a_type_is_still_the_one_that_was_named(place: str, name: str) -> None:
    """Axis declares a prefix with every value, another one for the same namespace each time."""
    value = TYPES[place](f'{name}="n2:Bean[3]"')
    body = xml.parse(reply(f'<n1:r xmlns:n1="urn:t"><a href="#1"/></n1:r>{value}', more=E12), charset=None)[0]
    for _ in expanded(body, 100):
        pass
    text = str(body[0][0].values()[0])
    assert body[0][0].nsmap[text.partition(":")[0]] == "urn:t"
    assert text.endswith(":Bean[3]")


def test_a_type_without_a_prefix_is_that_of_the_default_namespace() -> None:
    """Which may have another meaning, or a prefix, or none, where the value is put."""
    said = '<m id="1" xmlns="urn:t"><b i:type="Bean"/></m>'
    for around in (
        '<n:r xmlns:n="urn:t"><a href="#1"/></n:r>',
        '<r xmlns="urn:t"><a href="#1"/></r>',
        '<r><a href="#1"/></r>',
    ):
        body = xml.parse(reply(around + said), charset=None)[0]
        for _ in expanded(body, 100):
            pass
        copy = body[0][0][0]
        prefix, _, plain = str(copy.get(f"{{{XSI}}}type")).rpartition(":")
        assert (copy.nsmap[prefix or None], plain) == ("urn:t", "Bean")


def test_an_axis_reply_is_read_by_the_types_that_it_names() -> None:
    """The extended type is said, and its own members are of their types."""
    speech = rpc(("r", "t:Animal"), inside=ANIMALS, encoded=True)
    dog = '<multiRef id="a" i:type="n2:Dog" xmlns:n2="urn:t"><name>Rex</name><bark href="#b"/></multiRef>'
    said = f'<n1:OpResponse xmlns:n1="urn:t"><r href="#a"/></n1:OpResponse>{dog}<multiRef id="b" i:type="x:int">3</multiRef>'
    assert speech.decode("Op", reply(said)) == {"r": {"@type": "Dog", "name": "Rex", "bark": 3}}


def test_values_of_soap_12() -> None:
    """Its references are attributes of its encoding's namespace, and its values may stand where they are needed first."""
    speech = rpc(("a", "t:Bean"), ("b", "t:Bean"), inside=BEAN, encoded=True, soap=SOAP12_NS)
    inside = f'<OpResponse {E12}><a f:id="1"><name>x</name></a><b f:ref="#1"/></OpResponse>'
    assert speech.decode("Op", reply(inside)) == {"a": {"name": "x"}, "b": {"name": "x"}}


def test_a_list_that_ends_in_itself_ends_in_json_too() -> None:
    """With what refers, as the attribute that it is."""
    speech = rpc(("a", "t:Bean"), inside=BEAN, encoded=True)
    inside = '<OpResponse><a href="#1"/></OpResponse><m id="1"><name>x</name><next href="#1"/></m>'
    found: Any = speech.decode("Op", reply(inside))
    assert found["a"]["name"] == "x"
    assert "next" in found["a"]


def test_a_literal_reply_has_its_own_href() -> None:
    """It is the schema's, and refers to nothing of ours."""
    attributes = '<x:complexType><x:attribute name="href"/><x:attribute name="id"/></x:complexType>'
    link = f'<x:element name="a" maxOccurs="unbounded">{attributes}</x:element>'
    assert told(both(link), '<a href="#1"/><a id="1"/>') == {"a": [{"@href": "#1"}, {"@id": "1"}]}


def test_an_array_of_references() -> None:
    """Each item stands elsewhere."""
    array = (
        '<x:complexType name="Beans"><x:complexContent><x:restriction base="e:Array"><x:attribute ref="e:arrayType" '
        'w:arrayType="t:Bean[]" xmlns:w="http://schemas.xmlsoap.org/wsdl/"/></x:restriction></x:complexContent></x:complexType>'
    )
    speech = rpc(("a", "t:Beans"), inside=BEAN + array, encoded=True)
    items = "".join(f'<i{n} href="#{n}"/>' for n in range(3))
    values = "".join(f'<m id="{n}"><name>{n}</name></m>' for n in range(3))
    inside = f'<OpResponse><a i:type="c:Array" c:arrayType="t:Bean[3]">{items}</a></OpResponse>{values}'
    assert speech.decode("Op", reply(inside)) == {"a": [{"name": "0"}, {"name": "1"}, {"name": "2"}]}
