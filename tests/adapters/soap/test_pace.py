"""Whatever a megabyte holds, no turn of the loop is longer than 5 ms while it becomes JSON, or XML: by the parser's measure, in CPU time.

In a process set up as the sidecar's is: what the allocator and the collector do there is part of a turn.
"""

from __future__ import annotations

import asyncio
import gc
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest

from adapters.soap.facade import SoapFacade
from adapters.soap.resolver import Options
from adapters.soap.wsdl import index
from sidecar import heap
from sidecar.model import Refusal
from tests.adapters.soap.contracts import ENCODING, QUALIFIED, answer, element, reply, sequence, wrapper, wsdl
from tests.adapters.soap.library import schema
from tests.adapters.soap.test_decoding import DATASET, MIXED, ROWS
from tests.adapters.soap.test_encoding import ANIMALS, ANY, MANY, MAY, PRICE
from tests.adapters.yardstick import LIMIT, longest

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE: Final = 1_000_000
XML_TYPE: Final = ((b"Content-Type", b"text/xml"),)
SIX: Final = [element(f"f{each}") for each in range(6)]
KINDS: Final = (
    ANIMALS
    + PRICE
    + MIXED
    + sequence(*SIX, name="Row")
    + sequence(element("n", "t:N", MANY), element("v", more=MANY), name="N")
    + sequence(element("x", more=MAY), name="S", more="<x:anyAttribute/>")
    + sequence(*(element(f"m{each}", more=MAY) for each in range(300)), name="Large")
)
CHOICE: Final = f'<x:choice maxOccurs="unbounded">{element("c")}{element("d")}</x:choice>'
INSIDE: Final = {
    "typed": "".join(
        [
            *(element("row", "t:Row", MANY), element("a", "t:Animal", MANY), element("p", "t:Price", MANY)),
            *(
                element("n", "t:N", MANY),
                element("s", "t:S", MANY),
                element("v", "x:anyType", MANY),
                element("m", "t:M", MAY),
            ),
            *(element("t", more=MANY), element("q", "x:QName", MANY), element("o", "x:base64Binary", MAY), DATASET),
            *(element("large", "t:Large", MANY), element("once", more=MAY)),
        ]
    ),
    "any": ANY,
    "choice": CHOICE,
}


def facade(contract: bytes) -> SoapFacade:
    """Return the facade of a contract."""
    documents = {"http://box/?wsdl": contract}
    known = index(documents)
    return SoapFacade(lambda: known, lambda: documents, path="/", options=Options())


def _document(inside: str) -> bytes:
    loose = inside.replace('<x:element name="ds">', '<x:element name="ds" minOccurs="0">')
    return wsdl(schema(KINDS, *(wrapper(name, loose) for name in ("Op", "OpResponse")), more=QUALIFIED))


PARTS: Final = '<w:part name="a" type="x:anyType"/>'
RPC: Final = wsdl(
    asked=PARTS, answered=PARTS, style="rpc", body=f'namespace="urn:r" use="encoded" encodingStyle="{ENCODING}"'
)


def fill(unit: str, size: int = MEGABYTE) -> str:
    """Repeat it to a megabyte."""
    return unit * (size // len(unit))


def _multi(inside: str) -> bytes:
    return reply(f'<m:OpResponse xmlns:m="urn:r"><a href="#0"/></m:OpResponse>{inside}')


REPLIES: Final[dict[str, tuple[str, str]]] = {
    "rows": ("typed", fill("<row><f0>abc</f0><f1>def</f1><f2>1</f2><f3/><f4>x</f4><f5>a longer text</f5></row>")),
    "empty items": ("typed", fill("<t/>", 760_000)),
    "one that comes again": ("typed", fill("<once>1</once>")),
    "strangers": ("typed", fill("<z>1</z>")),
    "strangers of many names": ("typed", "".join(f"<z{each}>1</z{each}>" for each in range(60_000))),
    "strangers inside a small type": ("typed", f"<s>{fill('<z>' + '<y>1</y>' * 240 + '</z>')}</s>"),
    "strangers deep": ("typed", fill("<z>" * 40 + "<y/>" * 8 + "</z>" * 40)),
    "anything": ("typed", fill("<v>1</v>")),
    "anything typed": ("typed", fill('<v i:type="x:int">1</v>')),
    "anything wide and mixed": ("typed", f"<v>{fill('<q/>txt')}</v>"),
    "anything of many names": ("typed", f"<v>{''.join(f'<q{each}><a/></q{each}>' for each in range(40_000))}</v>"),
    "nested arrays": ("typed", fill("<n>" * 55 + "<v>x</v>" + "</n>" * 55)),
    "nested arrays, wide": ("typed", "<n>" * 50 + fill("<n>" + "<v>x</v>" * 100 + "</n>") + "</n>" * 50),
    "types in place of others": ("typed", fill('<a i:type="t:Dog"><name>x</name><bark>1</bark></a>')),
    "text beside attributes": ("typed", fill('<p currency="EUR">1</p>')),
    "attributes": ("typed", fill("<s " + " ".join(f"a{each}='v'" for each in range(200)) + "/>")),
    "namespaces": (
        "typed",
        fill("<s " + " ".join(f"xmlns:p{each}='urn:{each}'" for each in range(200)) + " i:type='p1:x'/>"),
    ),
    "mixed content": ("typed", f"<m>{fill('t<b>1</b>')}</m>"),
    "a text of quotes": ("typed", f"<once>{'&quot;' * (MEGABYTE // 6)}</once>"),
    "a text of lines": ("typed", "<once>x" + "\n" * MEGABYTE + "</once>"),
    "octets": ("typed", f"<o>{fill('QUJD' * 19 + chr(10))}</o>"),
    "names": ("typed", fill("<q>u:x</q>")),
    "rows of a DataSet": ("typed", f"<ds>{ROWS.format(fill('<T><n>1</n><m>22</m></T>'))}</ds>"),
    "a wildcard": ("any", fill("<a>1</a>")),
    "trees in a wildcard": ("any", fill('<a><b>1</b><c k="v">2</c></a>')),
}


def _to(name: int, times: int = 1) -> str:
    return f'<z href="#{name}"/>' * times


REFERENCES: Final = {
    "a large one": _multi(f'<q id="0">{fill("<k>1</k>")}</q>'),
    "many": _multi(f'<q id="0">{_to(1, 30_000)}</q><q id="1"><z/></q>'),
    "doubled": _multi("".join(f'<q id="{at}">{_to(at + 1, 2)}</q>' for at in range(40)) + '<q id="40"/>'),
    "by the hundred": _multi("".join(f'<q id="{at}">{_to(at + 1, 100)}</q>' for at in range(9)) + '<q id="9"/>'),
}
CALLS: Final[dict[str, tuple[str, Any]]] = {
    "rows": ("typed", {"row": [{f"f{each}": "abc" for each in range(6)}] * 4_000}),
    "texts": ("typed", {"t": ["x"] * 30_000}),
    "too many texts": ("typed", {"t": ["x"] * 99_000}),
    "a text": ("typed", {"once": "x" * MEGABYTE}),
    "a text of markup": ("typed", {"once": "<" * MEGABYTE}),
    "octets": ("typed", {"o": "QUJD" * (MEGABYTE // 4)}),
    "mistakes": ("typed", {"t": [1] * 99_000}),
    "unknown names": ("typed", {"large": [{f"{'name' * 12}{each}": 1 for each in range(15_000)}]}),
    "anything": ("typed", {"v": [{"a": 1}] * 20_000}),
    "anything of many names": ("typed", {"v": [{f"k{each}": 1 for each in range(50_000)}]}),
    "anything of many namespaces": ("typed", {"v": [{f"{{urn:{each}}}k": 1 for each in range(40_000)}]}),
    "nothing, often": ("typed", {"v": [{}] * 99_000}),
    "nested": ("typed", {"n": [{"n": [{"n": [{"v": ["x"] * 10}] * 10}] * 10}] * 20}),
    "types in place of others": ("typed", {"a": [{"@type": "Dog", "name": "x", "bark": 1}] * 9_000}),
    "wrong types": ("typed", {"a": [{"@type": "Dgo", "name": "x", "bark": 1}] * 20_000}),
    "attributes": ("typed", {"s": [{f"@a{each}": "x" for each in range(200)}] * 300}),
    "attributes of one": ("typed", {"s": [{f"@a{each}": "x" for each in range(50_000)}]}),
    "names": ("typed", {"q": ["{urn:a}b"] * 30_000}),
    "names of many namespaces": ("typed", {"q": [f"{{urn:a{each}}}b" for each in range(30_000)]}),
    "few of many": ("typed", {"large": [{"m1": "x", "m299": "y"}] * 20_000}),
    "a choice": ("choice", {"c": ["x"] * 15_000, "d": ["y"] * 15_000}),
    "a wildcard": ("any", {"$any": [{"a": {"b": [{"c": ["x"] * 50}] * 30}}] * 15}),
}
OFTEN: Final = {
    "rows",
    "strangers",
    "a text of markup",
}


def _cases(names: dict[str, Any]) -> list[Any]:
    return [pytest.param(name, marks=() if name in OFTEN else pytest.mark.long) for name in names]


@pytest.fixture(scope="module", autouse=True)
def _settled() -> Iterator[None]:
    """Let memory be managed as in the sidecar's process."""
    before = gc.get_threshold()
    heap.settle()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


FACADES: Final = {name: facade(_document(inside)) for name, inside in INSIDE.items()}
SPOKEN: Final = facade(RPC)


@pytest.mark.thinned(2)
@pytest.mark.unmeasured
@pytest.mark.parametrize("name", _cases(REPLIES))
async def test_no_reply_holds_the_loop(name: str) -> None:
    """It is told in JSON, whatever fills it."""
    kind, inside = REPLIES[name]
    body = answer(inside)
    assert isinstance(await FACADES[kind].tell("Op", XML_TYPE, answer("")), bytes)
    assert isinstance(await FACADES[kind].tell("Op", XML_TYPE, body), bytes)
    assert await longest(lambda: FACADES[kind].tell("Op", XML_TYPE, body)) < LIMIT


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", _cases(REFERENCES))
async def test_no_references_hold_the_loop(name: str) -> None:
    """Nor do they grow past what a reply may have."""
    told = await SPOKEN.tell("Op", XML_TYPE, REFERENCES[name])
    assert isinstance(told, bytes)
    assert len(told) < 8 * MEGABYTE
    assert await longest(lambda: SPOKEN.tell("Op", XML_TYPE, REFERENCES[name])) < LIMIT


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", _cases(CALLS))
async def test_no_call_holds_the_loop(name: str) -> None:
    """It is written, or refused with its mistakes."""
    kind, value = CALLS[name]
    body = orjson.dumps(value)
    await FACADES[kind].ask("Op", body, "")
    assert await longest(lambda: FACADES[kind].ask("Op", body, "")) < LIMIT


@pytest.mark.unmeasured
async def test_no_fault_holds_the_loop() -> None:
    """Wherever in it the megabyte is."""
    for inside in (
        f"<faultstring>{fill('x at y&#10;')}</faultstring>",
        f"<detail>{fill('<x>1</x>')}</detail>",
        fill("<faultcode>x</faultcode>"),
        "<e:Code>" * 50 + fill("<e:Value>x</e:Value>") + "</e:Code>" * 50,
    ):
        body = reply(f"<e:Fault>{inside}</e:Fault>")
        assert await longest(lambda body=body: FACADES["typed"].fault("Op", XML_TYPE, body)) < LIMIT  # type: ignore[misc]  # bound by its default


async def test_a_reply_of_more_elements_than_are_read_is_refused() -> None:
    """In words, before it is parsed; text that looks like tags does not count."""
    told = await FACADES["typed"].tell("Op", XML_TYPE, answer("<t/>" * 200_001))
    assert isinstance(told, Refusal)
    assert (told.state, told.reason) == ("backend_bad_reply", "too_large")
    few = answer(f"<once><![CDATA[{'</x>' * 150_000}]]></once>" + "<t></t>" * 40_000)
    assert isinstance(await FACADES["typed"].tell("Op", XML_TYPE, few), bytes)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.long
@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "unit",
    [
        "<t/>",
        "<row><f0>abc</f0><f1>d</f1></row>",
        "<z>1</z>",
        '<a i:type="t:Dog"><name>x</name></a>',
        '<v i:type="x:int">1</v>',
    ],
)
async def test_an_element_of_a_reply_takes_four_hundred_bytes_at_most(unit: str) -> None:
    """Of the largest reply that is read, at the worst moment: tree, text and what has become of it so far."""
    elements = unit.count("<") - unit.count("</")
    body = answer(unit * (199_000 // elements))
    await FACADES["typed"].tell("Op", XML_TYPE, answer(""))
    before, peak = _resident_bytes(), 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, _resident_bytes())
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        await FACADES["typed"].tell("Op", XML_TYPE, body)
        watching.cancel()
    assert 0 < peak - before < 400 * 199_000
