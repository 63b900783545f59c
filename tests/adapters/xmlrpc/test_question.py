"""Questions of XML-RPC requests: typed values make the digest, rules fold them, and what has no meaning is left alone."""

from __future__ import annotations

import xmlrpc.client as codec
from base64 import b64encode
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.xmlrpc.adapter import XmlRpcAdapter
from sidecar.answers import Fold, Keying, Question, Shared
from sidecar.model import Dialect
from tests.adapters.corpus import head
from tests.adapters.yardstick import parses

EXAMPLES: Final = 2_000 if settings.default is None or settings.default.max_examples < 100 else 10_000
ADAPTER = XmlRpcAdapter(path="/xmlrpc")
PLAIN = Keying()
XML = ((b"Content-Type", b"text/xml"),)

_TEXTS = st.text(alphabet="aA7 <&>]\"'\r\n\té\U0001f3ad", max_size=5)
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.floats(-9, 9) | _TEXTS | st.none() | st.binary(max_size=4),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(_TEXTS, inside, max_size=3),
    max_leaves=8,
)
SEEDS = st.integers(0, 2**32 - 1)


def ask(body: str | bytes, keying: Keying = PLAIN) -> Question | str:
    """Ask what a document asks."""
    return ADAPTER.question(head("POST", "/r", XML), "", body.encode() if isinstance(body, str) else body, keying)


def call(*values: str, method: str = "tickets.seats") -> str:
    """Write a call; values are what stands inside their value elements."""
    params = "".join(f"<param><value>{each}</value></param>" for each in values)
    return f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>"


def asked(*values: str, keying: Keying = PLAIN) -> Question:
    """As `ask`, of what must be shared."""
    found = ask(call(*values), keying)
    assert isinstance(found, Question), found
    return found


def sent(question: Question) -> list[str]:
    """Return the values of a request as they stand there."""
    inside = question.request.body.decode().partition("<params>")[2].partition("</params>")[0]
    return [each.partition("<value>")[2].rpartition("</value>")[0] for each in inside.split("</param>")[:-1]]


def spelled(value: Any, chance: Random) -> str:
    """Write the inside of a value, as chance will have it."""
    gap = chance.choice(["", " ", "\n  "])
    if value is None:
        return chance.choice(["<nil/>", "<nil></nil>"])
    if isinstance(value, bool):
        return f"{gap}<boolean>{int(value)}</boolean>{gap}"
    if isinstance(value, int):
        return f"{gap}{chance.choice(['<int>%d</int>', '<i4>%d</i4>']) % value}"
    if isinstance(value, float):
        return f"<double>{value!r}</double>{gap}"
    if isinstance(value, bytes):
        raw = "".join(chance.choice(["", " ", "\n"]) + each for each in b64encode(value).decode())
        return f"<base64>{raw}</base64>"
    if isinstance(value, str):
        text = "".join(f"&#{ord(each)};" if each in "<&>\r" or chance.random() < 0.2 else each for each in value)
        return text if chance.random() < 0.3 else f"{gap}<string>{text}</string>"
    if isinstance(value, list):
        items = "".join(f"{gap}<value>{spelled(each, chance)}</value>" for each in value)
        return f"<array>{gap}<data>{items}{gap}</data></array>"
    names = [*value]
    chance.shuffle(names)
    members = "".join(
        f"<member>{gap}<name>{_plain(name)}</name>{gap}<value>{spelled(value[name], chance)}</value></member>"
        for name in names
    )
    return f"{gap}<struct>{members}</struct>{gap}"


def _plain(text: str) -> str:
    return "".join(f"&#{ord(each)};" if each in "<&>\r" else each for each in text)


@pytest.mark.unmeasured
@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(values=st.lists(VALUES, max_size=3), one=SEEDS, other=SEEDS)
def test_how_a_call_is_written_does_not_matter(values, one, other):
    """`i4` or `int`, typed strings or bare ones, the order of members, gaps, and references give one digest and one request."""
    first, second = (asked(*(spelled(each, Random(seed)) for each in values)) for seed in (one, other))
    assert first == second
    again = ask(first.request.body)
    assert again == first


@pytest.mark.unmeasured
@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(one=st.lists(VALUES, max_size=2), other=st.lists(VALUES, max_size=2), seed=SEEDS)
def test_what_a_call_says_matters(one, other, seed):
    """Two calls have one digest where they are equal, types and all, and only there."""
    first, second = (asked(*(spelled(each, Random(seed)) for each in values)) for values in (one, other))
    same = _typed(one) == _typed(other)
    assert (first.digest == second.digest) is same
    assert (first.request == second.request) is same


def _typed(value: Any) -> Any:
    """Return a value that is equal to those of its own types alone."""
    if isinstance(value, list):
        return [_typed(each) for each in value]
    if isinstance(value, dict):
        return {name: _typed(each) for name, each in value.items()}
    return (type(value).__name__, repr(value))


@settings(max_examples=EXAMPLES // 20, deadline=None)
@given(values=st.lists(VALUES, max_size=3), seed=SEEDS)
def test_a_server_reads_the_same_values(values, seed):
    """The request that is sent holds the values that were asked with, as another implementation reads them."""
    text = asked(*(spelled(each, Random(seed)) for each in values)).request.body
    params, method = codec.loads(text, use_builtin_types=True)
    assert method == "tickets.seats"
    assert _typed([*params]) == _typed(values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<int>1</int>", "<string>1</string>"),
        ("<int>1</int>", "<i8>1</i8>"),
        ("<int>1</int>", "<int>01</int>"),
        ("<double>1.0</double>", "<double>1.00</double>"),
        ("<string> a</string>", "<string>a</string>"),
        (" ", ""),
        ("<nil/>", "<string/>"),
        (
            "<nil/>",
            '<ex:nil xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions"/>',
        ),
        (
            "<dateTime.iso8601>20261120T20:00:00</dateTime.iso8601>",
            "<dateTime.iso8601>20261120T20:00:01</dateTime.iso8601>",
        ),
        ("<array><data><value>a</value></data></array>", "<array><data><value>a</value><value/></data></array>"),
        ("<array><data><value>a</value></data></array>", "a"),
        (
            "<struct><member><name>a</name><value>b</value></member></struct>",
            "<struct><member><name>b</name><value>a</value></member></struct>",
        ),
    ],
)
def test_no_two_meanings_share_a_digest(one, other):
    """A type, a lexical form, a space or a nesting is another question."""
    assert asked(one).digest != asked(other).digest
    assert asked(one).request != asked(other).request


def test_the_method_and_the_number_of_values_count():
    """A call of another method, or with one more value, is another question."""
    other = ask(call("a", method="tickets.cart"))
    assert isinstance(other, Question)
    assert len({each.digest for each in (asked("a"), asked("a", "b"), asked("ab"), asked(), other)}) == 5


def test_the_request():
    """It is posted to the endpoint's own path, in ASCII."""
    found = asked("é", "<i4>1</i4>")
    assert found.dialect is Dialect.XMLRPC
    assert found.expects == ""
    assert (found.request.method, found.request.target, found.request.headers) == ("POST", "/xmlrpc", XML)
    assert found.request.body == (
        b'<?xml version="1.0"?><methodCall><methodName>tickets.seats</methodName><params><param><value><string>&#233;</string>'
        b"</value></param><param><value><int>1</int></value></param></params></methodCall>"
    )
    assert asked().request.body.endswith(b"<methodName>tickets.seats</methodName></methodCall>")


@pytest.mark.parametrize(
    ("word", "body"),
    [
        ("comments", call("a<!-- b -->")),
        ("comments", call("<?x?>a")),
        ("large", call("x" * 65_536)),
        ("large", call(f"<array><data>{'<value/>' * 1_020}</data></array>")),
        ("batch", call("<array><data/></array>", method="system.multicall")),
        ("struct", call("<struct>" + "<member><name>a</name><value>1</value></member>" * 2 + "</struct>")),
        ("struct", call("<array><data><value><struct><value/></struct></value></data></array>")),
        ("type", call("<money>1</money>")),
        ("type", call("<string><b/></string>")),
        ("type", call("<array><value/></array>")),
        ("type", call("<nil>x</nil>")),
        ("type", call("<int>1</int><int>2</int>")),
        ("body", call('<string lang="nl">a</string>')),
        ("body", call("text<int>1</int>")),
        ("body", call("a").replace("<params>", "<params>text")),
        ("body", "<methodCall/>"),
        ("body", "<methodCall>"),
    ],
)
def test_who_is_left_alone(word, body):
    """A request that says what a key cannot hold is its sender's alone, and one word says why."""
    assert ask(body) == word


STRUCT = "<struct><member><name>key</name><value>{}</value></member><member><name>n</name><value><int>1</int></value></member></struct>"


@pytest.mark.parametrize(
    ("keying", "one", "other", "values"),
    [
        (Keying((("0", Fold.LOWER),)), ("AB",), ("ab",), ["<string>ab</string>"]),
        (Keying((("0", Fold.INT),)), ("<int>007</int>",), ("<i4>7</i4>",), ["<int>7</int>"]),
        (
            Keying((("key", Fold.LOWER),)),
            (STRUCT.format("A"),),
            (STRUCT.format("a"),),
            [STRUCT.format("<string>a</string>")],
        ),
        (Keying((("1", Fold.IGNORE),)), ("a", "b"), ("a",), ["<string>a</string>"]),
        (Keying((("0", Fold.IGNORE),)), ("a", "b"), ("<int>1</int>", "b"), ["<string></string>", "<string>b</string>"]),
        (
            Keying((("key", Fold.IGNORE),)),
            (STRUCT.format("A"),),
            ("<struct><member><name>n</name><value><int>1</int></value></member></struct>",),
            ["<struct><member><name>n</name><value><int>1</int></value></member></struct>"],
        ),
        (
            Keying((("0", Fold.SET),)),
            ("<array><data><value>b</value><value>a</value></data></array>",),
            ("<array><data><value>a</value><value>b</value></data></array>",),
            ["<array><data><value><string>a</string></value><value><string>b</string></value></data></array>"],
        ),
    ],
)
def test_what_a_rule_makes_equal(keying, one, other, values):
    """Two spellings of a parameter, by position or by name, are one question and one request."""
    assert asked(*one, keying=keying) == asked(*other, keying=keying)
    assert sent(asked(*one, keying=keying)) == values
    assert asked(*one).digest != asked(*other).digest


@pytest.mark.parametrize("shared", [None, Shared.OPEN])
def test_an_identity_is_in_the_key(shared):
    """Unless an operation is shared, whoever asks with another identity asks another question."""
    keying = Keying((), ("0", "key"), shared)
    assert asked("A", keying=keying).digest != asked("B", keying=keying).digest
    assert asked("A", keying=keying).identified
    assert not asked("", keying=keying).identified
    assert asked("", STRUCT.format("A"), keying=keying).identified
    assert not asked("", STRUCT.format(""), keying=keying).identified


@pytest.mark.parametrize("name", ["0", "key"])
def test_identities_of_shared_questions(name):
    """DROP leaves none, LEADER sends the caller's own, AS the settings' in the caller's type; the digest holds none of them."""
    first, second = (("A",), ("B",)) if name == "0" else ((STRUCT.format("A"),), (STRUCT.format("B"),))
    for shared in (Shared.DROP, Shared.LEADER, Shared.AS):
        keying = Keying((), (name,), shared, ((name, "S<1>"),))
        one, other = asked(*first, keying=keying), asked(*second, keying=keying)
        assert one.digest == other.digest
        assert one.identified
        assert name not in one.parameters
        assert (b">A<" in one.request.body) is (shared is Shared.LEADER)
        assert (b"S&lt;1&gt;" in one.request.body) is (shared is Shared.AS)
        assert (one.request == other.request) is (shared is not Shared.LEADER)


def test_a_service_s_identity_has_the_caller_s_type():
    """A type is part of the question: a server that reads a number gets one."""
    keying = Keying((), ("0",), Shared.AS, (("0", "7"),))
    number, text = asked("<i4>1</i4>", keying=keying), asked("1", keying=keying)
    assert sent(number) == ["<int>7</int>"]
    assert sent(text) == ["<string>7</string>"]
    assert number.digest != text.digest


@pytest.mark.parametrize(
    "inside",
    [
        f"<array><data>{'<value/>' * 1_000}</data></array>",
        f"<array><data>{'<value/>' * 7_000}</data></array>",
        "<struct>" + "".join(f"<member><name>{at}</name><value>1</value></member>" for at in range(120)) + "</struct>",
        "a&amp;" * 10_000,
        f"<base64>{'A ' * 30_000}</base64>",
    ],
    ids=["values", "too many", "members", "references", "base64"],
)
def test_no_question_holds_the_loop(inside):
    """Whatever is sent, it is asked or left alone in one go."""
    body = call(inside).encode()
    assert parses(lambda: ask(body)) < 1.5


def test_simple_parameters_are_shown():
    """Tags see folded scalars by position and by member; a name that stands twice says nothing."""
    keying = Keying((("n", Fold.INT),))
    found = asked(
        "a", STRUCT.format("<int>2</int>").replace("<int>1", "<int>01"), "<array><data/></array>", keying=keying
    )
    assert dict(found.parameters) == {"0": "a", "key": "2", "n": "1"}
    assert dict(asked(STRUCT.format("a"), STRUCT.format("a")).parameters) == {}


def test_an_endpoint_may_go_by_its_query() -> None:
    """It is in the key and in the request, as it is in a call that passes."""
    body = call("<int>1</int>").encode()
    one, other = (ADAPTER.question(head("POST", f"/r?tenant={name}", XML), "", body, PLAIN) for name in "ab")
    assert isinstance(one, Question)
    assert isinstance(other, Question)
    assert one.digest != other.digest
    assert one.request.target == "/xmlrpc?tenant=a"


def test_a_knock_is_a_call_without_parameters() -> None:
    """A probe asks a method with nothing, and a server reads just that."""
    knocked = ADAPTER.knock("tickets.hello")
    assert knocked is not None
    dialect, request = knocked
    assert (dialect, request.target) == (Dialect.XMLRPC, "/xmlrpc")
    assert codec.loads(request.body) == ((), "tickets.hello")
