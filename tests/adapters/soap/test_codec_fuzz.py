"""Whatever a backend answers and whoever asks for what, the codec raises what it promises, and no text of a value becomes markup."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import xml
from adapters.soap.encoding import InvalidParams
from adapters.soap.queries import Queries
from adapters.soap.speech import NoReplyError, Speech
from tests.adapters.soap.contracts import ENCODING, ENVELOPE, XSI
from tests.adapters.soap.invented.contract import Contract
from tests.adapters.soap.invented.model import Field, R, Source, T, Type, choices
from tests.adapters.soap.invented.values import Values
from tests.adapters.soap.library import XSD_NS
from tests.adapters.test_fuzz import EDITS, mutated

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

CONTRACTS: Final = choices(300)
CHOICES: Final = choices(120)
LEAN: Final = [HealthCheck.too_slow, HealthCheck.data_too_large]
ENVELOPES: Final = (ENVELOPE, "http://www.w3.org/2003/05/soap-envelope")
PREFIXES: Final = (
    f'xmlns:t="{T}" xmlns:u="urn:u" xmlns:w="urn:w" xmlns:i="{XSI}" xmlns:x="{XSD_NS}" xmlns:c="{ENCODING}" '
    'xmlns:d="urn:schemas-microsoft-com:xml-diffgram-v1" xmlns:c2="http://www.w3.org/2003/05/soap-encoding"'
)
STRANGE: Final = (
    "e:Fault",
    "e:Body",
    "e:Envelope",
    "x:schema",
    "d:diffgram",
    "t:Op",
    "t:OpResponse",
    "multiRef",
    "__proto__",
    "item",
    "c:Array",
    "w:loose",
    "é",
)
ATTRIBUTES: Final = (
    ("i:nil", ("true", "1", "false", "")),
    (
        "i:type",
        ("x:int", "x:string", "c:Array", "x:anyType", "t:Nope", "no:prefix", "", ":", "a:b:c", "x:QName", "c:base64"),
    ),
    ("href", ("#a", "#b", "#c", "", "#", "x")),
    ("c2:ref", ("a", "b", "zz")),
    ("id", ("a", "b", "c", "")),
    ("c2:id", ("a", "b")),
    ("c:arrayType", ("x:int[2]", "t:Kind0[]", "[", "x:int[999999999]", "")),
    ("c:root", ("0", "1")),
    ("lang", ("en", "<&\n")),
    ("w:more", ("", "1")),
    ("At_3", ("1", "x")),
)
TEXTS: Final = (
    "",
    "1",
    " ",
    "text",
    "true",
    "-9" * 40,
    "NaN",
    "x:int",
    "]]>&<",
    "2024-02-29",
    "1 2 3",
    "AAEC",
    "é" * 300,
    "1_0",
    "٣",
)
KEYS: Final = (
    "$any",
    "$value",
    "$headers",
    "@type",
    "@lang",
    "{x}y",
    "@{urn:w}more",
    "",
    "__proto__",
    "xmlns",
    "@xmlns",
    "@xmlns:a",
    "{http://www.w3.org/2000/xmlns/}a",
    "{http://www.w3.org/XML/1998/namespace}lang",
    "{}",
    "{}a",
    "{",
    "}",
    "{a}b}c",
    "a b",
    "a><b",
    "\ud800",
    "\x00",
    "@",
    "a:b",
    "@{x}y z",
    f"{{{XSI}}}nil",
    f"@{{{XSI}}}type",
    f"{{{ENVELOPE}}}Body",
    "{&<\">'}a",
    "Evil",
)
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    10**400,
    2**63,
    1e308,
    -0.0,
    5e-324,
    float("inf"),
    float("nan"),
    1.5,
    "",
    " ",
    "</a><Evil/>",
    "]]><Evil/>",
    "<!--",
    "&#0;",
    '"><Evil a="',
    "\ud800",
    "\x00",
    "\ufffe",
    "\r\n\t",
    "9" * 5000,
    "P" + "1" * 400 + "D",
    "{urn:t}x",
    "{a b}c",
    "{}x",
    "t:x",
    "Kind0",
    "{urn:u}Kind1",
    "2024-02-29",
    "é" * 40,
    [],
    {},
    [[]],
    {"a": {}},
)


def whole(steps: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def spoken(contract: Contract) -> Speech:
    return Speech.of({"http://b.example/?wsdl": contract.wsdl}, contract.options)


def fields(kind: Any, seen: set[int]) -> Iterator[Field]:
    """Give all declarations that a type can reach."""
    if not isinstance(kind, Type) or id(kind) in seen:
        return
    seen.add(id(kind))
    for each in (kind, *kind.below):
        for one in each.fields:
            yield one
            yield from fields(one.type, seen)
    yield from fields(kind.value, seen)


# --- replies


def tree(contract: Contract, source: Source) -> str:
    """Return an element of names that mean something, in places where they may not."""
    prefixes = {T: "t:", "urn:u": "u:", "": ""}
    known = [f"{prefixes[each.space]}{each.plain}" for each in fields(contract.root, set())] or ["Item_1"]

    def element(depth: int) -> str:
        name = source.pick(STRANGE) if source.chance(5) else source.pick(known)
        return f"<{name}{attributes()}>{content(depth)}</{name}>"

    def content(depth: int) -> str:
        if depth > 5 or source.chance(3):
            return escape(source.pick(TEXTS))
        tail = escape(source.pick(TEXTS)) if source.chance(5) else ""
        return "".join(element(depth + 1) for _ in range(source.below(4))) + tail

    def attributes() -> str:
        said: dict[str, str] = {}
        while source.chance(3) and len(said) < 4:
            name, values = source.pick(ATTRIBUTES)
            said[name] = source.pick((*values, "t:Kind0", "u:Kind1")) if name == "i:type" else source.pick(values)
        return "".join(f" {name}={quoteattr(text)}" for name, text in said.items())

    root = (
        source.pick(("t:OpResponse", "r:OpResponse", "t:OpResponse", "t:Op"))
        if contract.style == "document"
        else "r:OpResponse"
    )
    others = "".join(element(3) for _ in range(source.below(3)))
    return f'<{root} xmlns:r="{R}"{attributes()}>{content(0)}</{root}>{others}'


def read_anything(data: bytes, more: bytes) -> None:
    source = Source(more)
    contract = Contract(Source(data))
    body = tree(contract, source)
    head = f"<e:Header>{tree(contract, source)}</e:Header>" if source.chance(3) else ""
    space = source.pick(ENVELOPES)
    envelope = f'<e:Envelope xmlns:e="{space}" {PREFIXES}>{head}<e:Body>{body}</e:Body></e:Envelope>'
    speech = spoken(contract)
    with contextlib.suppress(NoReplyError):
        json.dumps(speech.decode("Op", envelope.encode()))
    detail = xml.parse(envelope.encode(), charset=None).find("{*}Body")
    assert detail is not None, "it was written a moment ago"
    assert whole(speech.detail(speech.signature("Op"), detail)) is not None


def read_mutated(data: bytes, more: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    contract = Contract(Source(data))
    speech = spoken(contract)
    reply = speech.reply("Op", Values(contract, Source(more)).make(), contract.dialect)
    with contextlib.suppress(NoReplyError, xml.XmlRefused):
        speech.decode("Op", mutated(reply, edits))


# --- requests


def junk(source: Source, keys: tuple[str, ...], depth: int = 0) -> Any:
    """Return a JSON value that nobody means."""
    kind = source.below(4)
    if kind == 3 and depth < 5:
        return {source.pick(keys): junk(source, keys, depth + 1) for _ in range(source.below(4))}
    if kind == 2 and depth < 5:
        return [junk(source, keys, depth + 1) for _ in range(source.below(4))]
    return source.pick(ODD)


def disturbed(value: Any, source: Source, keys: tuple[str, ...]) -> Any:
    """Return a value with others in some places."""
    if source.chance(8):
        return junk(source, keys, 2)
    if isinstance(value, dict):
        found = {key: disturbed(each, source, keys) for key, each in value.items()}
        if source.chance(4):
            found[source.pick(keys)] = junk(source, keys, 3)
        return found
    return [disturbed(each, source, keys) for each in value] if isinstance(value, list) else value


def written(contract: Contract, value: Any) -> bool:
    """Write a value, and look at what came of it; False where it was refused."""
    request, errors = b"", tuple[tuple[str, str, str], ...]()
    try:
        request = spoken(contract).encode("Op", value, contract.dialect)
    except InvalidParams as wrong:
        errors = wrong.errors
    if not request:
        assert errors
        assert all(place == "" or place.startswith("/") for place, _, _ in errors)
        return False
    envelope = etree.fromstring(request, etree.XMLParser(resolve_entities=False, huge_tree=True))
    body = envelope.find("{*}Body")
    assert body is not None
    assert [each.tag for each in body] == [f"{{{T if contract.style == 'document' else R}}}Op"]
    assert [etree.QName(each).localname for each in envelope] in (["Body"], ["Header", "Body"])
    texts = {squeezed(each) for each in said(value)} | {""}
    names = {each.plain for each in fields(contract.root, set())} | {"Op", "item"}
    names |= {contract.header.plain} if contract.header else set()
    names |= {each.plain for each in fields(contract.header.type, set())} if contract.header else set()
    names |= {key.rpartition("}")[2] for key in keys_of(value)}
    for each in (*body.iter(), *envelope.iterfind("{*}Header//*")):
        assert isinstance(each.tag, str), "a comment, or the like"
        if each is body:
            continue
        assert etree.QName(each).localname in names
        assert not (each.tail or "").strip()
        texts_of = [
            text for name, text in each.items() if not name.startswith((f"{{{XSI}}}", f"{{{ENCODING}}}", "{http://"))
        ]
        for text in (each.text or "", *texts_of):
            assert squeezed(text) in texts or local_names(text) in texts, (text, value)
    return True


def said(value: Any) -> Iterator[str]:
    """Give the texts that a value may become."""
    if isinstance(value, dict):
        for each in value.values():
            yield from said(each)
    elif isinstance(value, list):
        for each in value:
            yield from said(each)
        if all(not isinstance(each, dict | list) for each in value):
            yield "".join(next(said(each)) for each in value)
            yield "".join([*said(each)][-1] for each in value)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | float):
        with contextlib.suppress(ValueError):
            yield str(value)
        with contextlib.suppress(OverflowError, ValueError):
            yield str(float(value))
        with contextlib.suppress(OverflowError, ValueError):
            yield str(int(value))
    else:
        yield value or ""
        yield (value or "").rpartition("}")[2]


def squeezed(text: str) -> str:
    return "".join(text.split())


def local_names(text: str) -> str:
    """Return a list of qualified names without their prefixes."""
    return "".join(each.rpartition(":")[2] for each in text.split())


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_of(each)


def write_disturbed(data: bytes, more: bytes, odd: str) -> None:
    contract, source = Contract(Source(data)), Source(more)
    keys = (*KEYS, odd, *(each.plain for each in fields(contract.root, set())))
    written(contract, disturbed(Values(contract, source).make(), source, keys))


JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from((*KEYS, "Item_1", "Item_2", "Part_1")) | st.text(max_size=4), inner, max_size=4
        )
    ),
    max_leaves=8,
)
QUERIES: Final = st.lists(
    st.tuples(
        st.sampled_from(("Item_1", "Item_2", "Item_3", "item1", "%", "%ff", "a=b", "", "__proto__"))
        | st.text(max_size=5),
        st.text(max_size=9).map(lambda text: quote(text, errors="replace"))
        | st.text(max_size=9)
        | st.just("%ed%a0%80"),
    ),
    max_size=5,
)


def ask_by_query(data: bytes, pairs: list[tuple[str, str]]) -> None:
    contract = Contract(Source(data), style="document")
    contract.root.group.parts = contract.root.group.parts[:2] if contract.root.group else []  # type: ignore[union-attr]  # asked just before
    speech = spoken(contract)
    signature = speech.signature("Op")
    with contextlib.suppress(InvalidParams):
        value = Queries(speech.types, signature).value("&".join(f"{name}={text}" for name, text in pairs))
        written(contract, value)


# --- the tests, and the long ones


def at_most(quick: int) -> Callable[[Any], Any]:
    return settings(max_examples=quick, deadline=None, suppress_health_check=LEAN)


@pytest.mark.unmeasured
@at_most(300)
@given(CONTRACTS, CHOICES)
def test_any_reply_is_read_or_is_none(data: bytes, more: bytes) -> None:
    """Elements, types, nil and references of any kind in any place; and the same as a fault's detail."""
    read_anything(data, more)


@pytest.mark.unmeasured
@at_most(300)
@given(CONTRACTS, CHOICES, EDITS)
def test_a_mutated_reply_is_read_or_refused(data: bytes, more: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    """Bytes are changed anywhere in what was a reply."""
    read_mutated(data, more, edits)


@pytest.mark.unmeasured
@at_most(400)
@given(CONTRACTS, CHOICES, st.text(max_size=6))
def test_a_value_with_anything_in_it_is_written_as_text_or_refused(data: bytes, more: bytes, odd: str) -> None:
    """One element in the Body, of names that the schema or the caller has, and no text but the caller's."""
    write_disturbed(data, more, odd)


@pytest.mark.unmeasured
@at_most(150)
@given(CONTRACTS, JSON)
def test_any_json_is_written_as_text_or_refused(data: bytes, value: Any) -> None:
    """As above, of values that know nothing of the schema."""
    written(Contract(Source(data)), value)


@at_most(150)
@given(CONTRACTS, QUERIES)
def test_any_query_is_read_or_refused(data: bytes, pairs: list[tuple[str, str]]) -> None:
    """What comes of one is written as any other value is."""
    ask_by_query(data, pairs)


@at_most(100)
@given(CONTRACTS, st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes, body: bytes) -> None:
    """They are no reply, whatever they are."""
    with pytest.raises((NoReplyError, xml.XmlRefused)):
        spoken(Contract(Source(data))).decode("Op", body)


@pytest.mark.long
@at_most(10_000)
@given(CONTRACTS, CHOICES)
def test_very_many_replies_are_read_or_are_none(data: bytes, more: bytes) -> None:
    """As above, ten thousand times."""
    read_anything(data, more)


@pytest.mark.long
@at_most(10_000)
@given(CONTRACTS, CHOICES, EDITS)
def test_very_many_mutated_replies_are_read_or_refused(
    data: bytes, more: bytes, edits: list[tuple[float, int, bytes]]
) -> None:
    """As above, ten thousand times."""
    read_mutated(data, more, edits)


@pytest.mark.long
@at_most(10_000)
@given(CONTRACTS, CHOICES, st.text(max_size=6))
def test_very_many_values_with_anything_in_them_are_written_as_text_or_refused(
    data: bytes, more: bytes, odd: str
) -> None:
    """As above, ten thousand times."""
    write_disturbed(data, more, odd)
