"""XML-RPC replies as JSON: each type, the corners where readers differ, and what is no reply at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.xml import REPLY_MARKUP, parse
from adapters.xmlrpc.telling import ELEMENTS, Unreadable, failure, result
from sidecar.pieces import whole
from sidecar.signatures import ANY, Kind, Member, Type
from tests.adapters.yardstick import PIECE, longest_piece

REPLY = "<methodResponse><params><param><value>{}</value></param></params></methodResponse>"
EX = "http://ws.apache.org/xmlrpc/namespaces/extensions"

BYTES = "<member><name>{}</name><value><base64>AA==</base64></value></member>"


def told(inside: str, kind: Type = ANY, frame: str = REPLY) -> str:
    """Return the JSON of a reply."""
    root = parse(frame.format(inside).encode(), charset=None, markup_max=REPLY_MARKUP)
    return b"".join(whole(result(root, kind))).decode()


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        *((f"<{kind}>5</{kind}>", "5") for kind in ("i1", "i2", "i4", "i8", "int", "biginteger")),
        *((f"<{kind}>-1.50</{kind}>", "-1.5") for kind in ("double", "float")),
        ("<bigdecimal>1.50</bigdecimal>", '"1.50"'),
        ("<nil/>", "null"),
        (f'<ex:nil xmlns:ex="{EX}"/>', "null"),
        (f'<ex:i8 xmlns:ex="{EX}">9007199254740992</ex:i8>', "9007199254740992"),
        ("<i8>9007199254740993</i8>", '"9007199254740993"'),
        ("<i8>-9007199254740993</i8>", '"-9007199254740993"'),
        ("<biginteger>" + "9" * 5000 + "</biginteger>", '"' + "9" * 5000 + '"'),
        ("<int> +007 </int>", "7"),
        ("<int>1.0</int>", '"1.0"'),
        ("<int/>", '""'),
        ("<int>1_0</int>", '"1_0"'),
        ("<int>\u0663</int>", '"\u0663"'),
        ("<double>1e3</double>", "1000.0"),
        ("<double>5</double>", "5.0"),
        ("<double>NaN</double>", '"NaN"'),
        ("<double>-inf</double>", '"-inf"'),
        ("<double>1e400</double>", '"1e400"'),
        ("<double>1_0.0</double>", '"1_0.0"'),
        *((f"<boolean>{text}</boolean>", "true") for text in ("1", "true", " True ")),
        *((f"<boolean>{text}</boolean>", "false") for text in ("0", "false")),
        ("<boolean>yes</boolean>", '"yes"'),
        ("", '""'),
        (" a\n ", '" a\\n "'),
        ("<string> a </string>", '" a "'),
        ("<string/>", '""'),
        ("<string>a<!-- b -->c</string>", '"ac"'),
        ("<string><![CDATA[<b>]]></string>", '"<b>"'),
        (" <int>5</int>\n", "5"),
        ("<base64>AAE\nAg==\n</base64>", '{"$base64":"AAEAg=="}'),
        ("<base64/>", '{"$base64":""}'),
        ("<dateTime.iso8601>20261201T09:00:00</dateTime.iso8601>", '{"$dateTime":"20261201T09:00:00"}'),
        ("<dateTime.iso8601>2026-12-01T09:00:00Z</dateTime.iso8601>", '{"$dateTime":"2026-12-01T09:00:00Z"}'),
        (f'<ex:dateTime xmlns:ex="{EX}">2026-12-01T09:00:00</ex:dateTime>', '{"$dateTime":"2026-12-01T09:00:00"}'),
        ("<struct/>", "{}"),
        ("<struct><member><name>a</name><value>1</value></member></struct>", '{"a":"1"}'),
        ("<struct><member><value>1</value><name>a</name></member></struct>", '{"a":"1"}'),
        ("<struct><member><name/><value>1</value></member></struct>", '{"":"1"}'),
        ("<struct><member><name>__proto__</name><value>1</value></member></struct>", '{"__proto__":"1"}'),
        ("<array/>", "[]"),
        ("<array><data/></array>", "[]"),
        ("<array><data><value><int>1</int></value><value>a</value></data></array>", '[1,"a"]'),
        ("<price>5</price>", '"5"'),
        ('\u2028\U0001f3ad&amp;&lt;"\\', '"\u2028\U0001f3ad&<\\"\\\\"'),
    ],
)  # fmt: skip
def test_what_a_value_is(xml: str, said: str) -> None:
    """Numbers where every reader gets the same one, texts for all else; what is not what its type says keeps its text."""
    assert told(xml) == said
    json.loads(said)


@pytest.mark.parametrize(
    ("xml", "kind", "said"),
    [
        ("<base64>AA\nE=</base64>", Type(Kind.BASE64), '"AAE="'),
        ("<dateTime.iso8601>20261201T09:00:00</dateTime.iso8601>", Type(Kind.DATETIME), '"2026-12-01T09:00:00"'),
        ("<dateTime.iso8601> 2026-12-01T09:00:00Z </dateTime.iso8601>", Type(Kind.DATETIME), '"2026-12-01T09:00:00Z"'),
        ("<dateTime.iso8601>soon</dateTime.iso8601>", Type(Kind.DATETIME), '"soon"'),
        ("<int>5</int>", Type(Kind.STRING), "5"),
        ("<array><data><value><base64>AA==</base64></value></data></array>", Type(Kind.ARRAY, items=Type(Kind.BASE64)), '["AA=="]'),
        (
            f"<struct>{BYTES.format('a')}{BYTES.format('b')}</struct>",
            Type(Kind.STRUCT, (Member("a", Type(Kind.BASE64)),)),
            '{"a":"AA==","b":{"$base64":"AA=="}}',
        ),
    ],
)  # fmt: skip
def test_what_a_signature_makes_plain(xml: str, kind: Type, said: str) -> None:
    """Where it says that something is bytes or a time, no mark is needed; what the reply is, it is all the same."""
    assert told(xml, kind) == said


def test_a_name_twice() -> None:
    """The first counts: it is the one that a rule of `results:` has read."""
    member = "<member><name>a</name><value>{}</value></member>"
    assert told(f"<struct>{member.format(1)}{member.format('<array><data/></array>')}{member.format(2)}</struct>") == (
        '{"a":"1"}'
    )


@pytest.mark.parametrize("frame", ["<methodResponse/>", "<methodResponse><params/></methodResponse>"])
def test_nothing_is_null(frame: str) -> None:
    """A method without a result may leave it out."""
    assert told("", frame=frame) == "null"


@pytest.mark.parametrize(
    "frame",
    [
        "<methodCall/>",
        "<html/>",
        "<methodResponse><fault><value/></fault></methodResponse>",
        "<methodResponse><params/><params/></methodResponse>",
        "<methodResponse><params><param/></params></methodResponse>",
        "<methodResponse><params><param><value/></param><param><value/></param></params></methodResponse>",
        "<methodResponse><params><param><int>5</int></param></params></methodResponse>",
        REPLY.format("<int>1</int><int>2</int>"),
        REPLY.format("<string>a<b/>c</string>"),
        REPLY.format("<price><b/></price>"),
        REPLY.format("<array><value/></array>"),
        REPLY.format("<array><data/><data/></array>"),
        REPLY.format("<array><data><int>5</int></data></array>"),
        REPLY.format("<struct><name>a</name></struct>"),
        REPLY.format("<struct><member><name>a</name></member></struct>"),
        REPLY.format("<struct><member><name>a</name><int>5</int></member></struct>"),
        REPLY.format("<struct><member><name>a</name><name>b</name></member></struct>"),
        REPLY.format("<struct><member><name>a<b/></name><value/></member></struct>"),
        REPLY.format("<struct><item><name>a</name><value/></item></struct>"),
    ],
)
def test_what_is_no_reply(frame: str) -> None:
    """Markup where a text should be would lose half of it: it is refused, not cut."""
    with pytest.raises(Unreadable) as caught:
        told("", frame=frame)
    assert caught.value.reason == "root"
    assert caught.value.detail.startswith("the reply is no XML-RPC: ")


def test_a_fault() -> None:
    """Whatever its value is; and nothing else is one."""
    code = "<struct><member><name>faultCode</name><value>Server</value></member></struct>"
    frame = f"<methodResponse><fault><value>{code}</value></fault></methodResponse>"
    assert b"".join(whole(failure(parse(frame.encode(), charset=None)))) == b'{"faultCode":"Server"}'
    for other in ("<methodResponse/>", REPLY.format(1), "<a/>"):
        with pytest.raises(Unreadable):
            whole(failure(parse(other.encode(), charset=None)))


def test_what_is_large_is_written_in_slices() -> None:
    """With the same result."""
    text = 'aé\U0001f3ad\n"' * 20_000
    assert json.loads(told(f"<string>{text}</string>")) == text
    assert json.loads(told(text)) == text
    dense = "AAEC" * 30_000
    spaced = "\r\n".join(dense[at : at + 76] for at in range(0, len(dense), 76))
    assert json.loads(told(f"<base64>{spaced}</base64>")) == {"$base64": dense}
    assert json.loads(told(f"<base64>{spaced}</base64>", Type(Kind.BASE64))) == dense
    wide = {f"n{at}": str(at) for at in range(100)}
    members = "".join(f"<member><name>{name}</name><value>{text}</value></member>" for name, text in wide.items())
    assert json.loads(told(f"<struct>{members}</struct>")) == wide
    assert json.loads(told(f"<int>{'1' * 10_000}</int>")) == "1" * 10_000
    many = [*range(5_000), "a" * 10_000, *range(5_000)]
    items = "".join(f"<value>{f'<int>{each}</int>' if isinstance(each, int) else each}</value>" for each in many)
    assert json.loads(told(f"<array><data>{items}</data></array>")) == many


def test_a_reply_has_an_end() -> None:
    """200 000 elements, and not one more."""
    frame = 5 + 2  # methodResponse to array and data, of which the first three are not counted
    most = ELEMENTS - (frame - 3)
    assert len(json.loads(told("<array><data>" + "<value/>" * most + "</data></array>"))) == most
    with pytest.raises(Unreadable) as caught:
        told("<array><data>" + "<value/>" * (most + 40) + "</data></array>")
    assert caught.value.reason == "too_large"


RECORD = "<struct>" + "".join(f"<member><name>n{at}</name><value><int>{at}</int></value></member>" for at in range(8))


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "inside",
    [
        "<array><data>" + f"<value>{RECORD}</struct></value>" * 1_500 + "</data></array>",
        "<array><data>" + "<value/>" * 120_000 + "</data></array>",
        "<array><data>" + f"<value>{'é' * 4_000}</value>" * 120 + "</data></array>",
        "é" * 500_000,
        "<base64>" + "AAAA\n" * 200_000 + "</base64>",
    ],
    ids=["records", "values", "texts", "text", "base64"],
)
def test_no_step_holds_the_loop(inside: str) -> None:
    """Of a megabyte, each piece of work takes less than the 2 ms that nobody may exceed."""
    root: Any = parse(REPLY.format(inside).encode(), charset=None, markup_max=REPLY_MARKUP)

    assert longest_piece(lambda: result(root, ANY)) < PIECE
