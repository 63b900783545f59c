"""Questions of SOAP requests: one digest for all who ask the same however they write it, another for all else, and who is left alone."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings

from adapters.soap.adapter import SoapAdapter
from adapters.soap.wsdl import index_one
from sidecar.answers import Fold, Keying, Question
from sidecar.model import Dialect
from tests.adapters.corpus import demo_index, head
from tests.adapters.soap.library import schema, types, wsdl
from tests.adapters.soap.spelling import EXAMPLES, OPERATIONS, S11, S12, SEEDS, changed, envelope
from tests.adapters.yardstick import parses

API = "http://boxoffice.example/api/"
WSA = "http://www.w3.org/2005/08/addressing"
WSA4 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
XML = (b"Content-Type", b"text/xml; charset=utf-8")
MEDIA12 = (b"Content-Type", b"application/soap+xml; charset=utf-8")
PLAIN = Keying()
ALONE = SoapAdapter(path="/svc")
KNOWN = SoapAdapter(demo_index, path="/box.asmx")


def ask(adapter: SoapAdapter, body: bytes | str, *lines: tuple[bytes, bytes], keying: Keying = PLAIN) -> Question | str:
    """Ask what an envelope asks, as text/xml where no line says otherwise."""
    raw = lines if any(name == b"Content-Type" for name, _ in lines) else (XML, *lines)
    return adapter.question(head("POST", "/t", raw), "", body.encode() if isinstance(body, str) else body, keying)


def asked(adapter: SoapAdapter, body: bytes | str, *lines: tuple[bytes, bytes], keying: Keying = PLAIN) -> Question:
    """As `ask`, of what must be shared."""
    found = ask(adapter, body, *lines, keying=keying)
    assert isinstance(found, Question), found
    return found


def soap(inside: str, header: str = "", version: str = S11, more: str = "") -> str:
    """Write an envelope."""
    return f'<s:Envelope xmlns:s="{version}"{more}>{header}<s:Body>{inside}</s:Body></s:Envelope>'


def seats(inside: str = "<iPerformanceNumber>7</iPerformanceNumber>") -> str:
    """Write the operation that most tests ask."""
    return f'<GetSeats xmlns="{API}">{inside}</GetSeats>'


@pytest.mark.unmeasured
@settings(max_examples=EXAMPLES, deadline=None)
@given(operation=OPERATIONS, one=SEEDS, other=SEEDS)
def test_a_question_is_what_a_message_says_and_not_how(operation, one, other):
    """Prefixes, declarations, attribute order, white space between elements, CDATA and references give one digest and one request; any
    other text, element, attribute, type, namespace or order gives another digest, and another request.
    """
    first, second = asked(ALONE, envelope(operation, one)), asked(ALONE, envelope(operation, other))
    assert first == second
    otherwise = changed(operation, Random(one))
    assume(otherwise != operation)
    third = asked(ALONE, envelope(otherwise, one))
    assert third.digest != first.digest
    assert third.request != first.request


@settings(max_examples=EXAMPLES // 10, deadline=None)
@given(operation=OPERATIONS, seed=SEEDS)
def test_a_request_asks_its_own_question(operation, seed):
    """What the backend is sent is read as the same question: nothing is lost or added on the way."""
    first = asked(ALONE, envelope(operation, seed))
    again = asked(ALONE, first.request.body, *first.request.headers)
    assert again.digest == first.digest
    assert again.request == first.request


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<n> A </n>", "<n>A</n>"),
        ("<n> </n>", "<n/>"),
        ("<n>\u00a0</n>", "<n/>"),
        ("<a><n>1</n>\u00a0</a>", "<a><n>1</n></a>"),
        ("<a>x<n>1</n> <n>2</n></a>", "<a>x<n>1</n><n>2</n></a>"),
        ("<n>A</n><n>B</n>", "<n>AB</n>"),
        ('<n a="1" b="2"/>', '<n a="1&quot; b=&quot;2"/>'),
        ("<n><m/></n>", "<n/><m/>"),
        ('<n x:nil="true" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"/>', "<n/>"),
        ('<p:n xmlns:p="urn:one">p:T</p:n>', '<p:n xmlns:p="urn:one" ><m>p:T</m></p:n>'),
        ('<n xmlns:p="urn:one">p:T</n>', '<n xmlns:p="urn:two">p:T</n>'),
        ('<n xmlns:p="urn:one" kind="p:T"/>', '<n xmlns:p="urn:two" kind="p:T"/>'),
        ('<n xmlns:p="urn:one">//p:T[1]</n>', '<n xmlns:p="urn:two">//p:T[1]</n>'),
        (
            '<n xmlns:p="urn:one" x:type="p:T" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"/>',
            '<n xmlns:p="urn:two" x:type="p:T" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"/>',
        ),
        (
            '<n xmlns="urn:one" x:type="T" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"/>',
            '<p:n xmlns:p="urn:one" x:type="T" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"/>',
        ),
    ],
)
def test_no_two_meanings_share_a_digest(one, other):
    """Every pair that some canonical form takes for one: stripped text, joined text, prefixes bound to different names."""
    first, second = asked(ALONE, soap(f"<Get>{one}</Get>")), asked(ALONE, soap(f"<Get>{other}</Get>"))
    assert first.digest != second.digest
    assert first.request.body != second.request.body


def test_two_long_bodies_that_differ_in_the_last_byte():
    """What comes after the first 16 KiB counts as what comes before."""
    long = "x" * 20_000
    assert (
        asked(ALONE, soap(f"<Get><n>{long}1</n></Get>")).digest
        != asked(ALONE, soap(f"<Get><n>{long}2</n></Get>")).digest
    )


def test_a_prefix_that_a_text_uses_goes_with_it():
    """A QName in a text keeps its prefix and what it is bound to, where the sender's declarations are dropped."""
    found = asked(ALONE, soap('<Get xmlns:p="urn:one"><kind>p:T</kind></Get>'))
    assert b'<kind xmlns:p="urn:one">p:T</kind>' in found.request.body


def addressed(*blocks: str, space: str = WSA) -> str:
    """Write a header of WS-Addressing."""
    return f'<s:Header xmlns:a="{space}">{"".join(blocks)}</s:Header>'


ACTION = f"<a:Action s:mustUnderstand='1'>{API}GetSeats</a:Action><a:To>http://t/</a:To><a:MessageID>urn:uuid:1</a:MessageID>"
BACK = f"<a:ReplyTo><a:Address>{WSA}/anonymous</a:Address></a:ReplyTo>"
BACK4 = f"<a:FaultTo><a:Address>{WSA4}/role/anonymous</a:Address></a:FaultTo>"
AWAY = "<a:ReplyTo><a:Address>http://elsewhere.example/</a:Address></a:ReplyTo>"
MARKED = (
    f"<a:ReplyTo><a:Address>{WSA}/anonymous</a:Address><a:ReferenceParameters><k/></a:ReferenceParameters></a:ReplyTo>"
)


@pytest.mark.parametrize(
    ("word", "body"),
    [
        ("headers", soap(seats(), '<s:Header><wsse:Security xmlns:wsse="urn:wsse"/></s:Header>')),
        ("headers", soap(seats(), '<s:Header><Locale xmlns="urn:l" s:mustUnderstand="1">nl</Locale></s:Header>')),
        ("headers", soap(seats(), addressed(AWAY, '<Locale xmlns="urn:l">nl</Locale>'))),
        ("addressing", soap(seats(), addressed(ACTION, AWAY))),
        ("addressing", soap(seats(), addressed(ACTION, MARKED))),
        ("addressing", soap(seats(), addressed(f"<a:From><a:Address>{WSA}/anonymous</a:Address></a:From>"))),
        ("comments", soap(seats("<iPerformanceNumber>7<!-- x -->1</iPerformanceNumber>"))),
        ("comments", soap(seats("<?page 1?>"))),
        ("comments", "<!-- made by hand -->" + soap(seats())),
        ("href", soap(seats('<iPerformanceNumber href="#id1"/>'))),
        ("href", soap(seats('<a><b x:href="#id1" xmlns:x="urn:x"/></a>'))),
        ("href", soap(seats('<a e:ref="id1" xmlns:e="http://www.w3.org/2003/05/soap-encoding"/>'))),
        ("attachment", soap(seats('<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:1"/>'))),
        ("large", soap(seats(f"<n>{'x' * 65_536}</n>"))),
        ("large", soap(seats("<n/>" * 260))),
        ("large", soap(seats("<n " + " ".join(f'a{at}=""' for at in range(256)) + "/>"))),
        ("large", soap(seats("".join(f'<n xmlns:p{at}="urn:{at}"/>' for at in range(80))))),
        ("large", soap(seats(f"<n>{':' * 4_097}</n>"))),
        ("body", soap("")),
        ("body", soap(seats() + '<multi id="id1"/>')),
        ("body", soap(seats("between <n/> elements"))),
        ("body", soap(seats() + "after it")),
        ("body", soap(seats(), more=' id="1"')),
        ("body", soap(seats('<n xml:space="preserve"><m/> </n>'))),
        ("body", soap(seats(), version=S12)),
        ("body", "<s:Envelope"),
        ("batch", soap(f'<Batch xmlns="{API}"><requests/></Batch>')),
        ("qname", soap(seats("<n>k0:T</n>"))),
        ("qname", soap(seats("<n>soap:T</n>"))),
        ("qname", soap(seats('<n x:type="p:T" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"/>'))),
    ],
)
def test_who_is_left_alone(word, body):
    """A request that says what a key cannot hold is its sender's alone, and one word says why."""
    assert ask(KNOWN, body) == word


def test_an_attachment_is_left_alone():
    """A message in parts holds more than its envelope."""
    assert ask(KNOWN, soap(seats()), (b"Content-Type", b"multipart/related; boundary=x")) == "attachment"


@pytest.mark.parametrize("blocks", [(ACTION, BACK), (BACK,), (ACTION,)])
def test_addressing_that_says_where_from_is_dropped(blocks):
    """What WCF sends with every call is no part of the question where the contract has SOAP 1.1; nor does it reach the backend."""
    plain = asked(KNOWN, soap(seats()))
    found = asked(KNOWN, soap(seats(), addressed(*blocks)))
    assert found == plain
    assert b"uuid" not in found.request.body
    older = asked(KNOWN, soap(seats(), addressed(BACK4, space=WSA4)))
    assert older == plain


def test_addressing_without_a_contract_is_left_alone():
    """A backend that nobody knows may go by wsa:Action, and the question has none."""
    assert ask(ALONE, soap(seats(), addressed(ACTION))) == "addressing"
    only12 = SoapAdapter(lambda: index_one(both(("soap12",))), path="/t")
    body = soap('<Get xmlns="urn:t"/>', addressed("<a:MessageID>1</a:MessageID>"), S12)
    assert ask(only12, body, MEDIA12) == "addressing"


def test_cdata_is_no_comment():
    """CDATA is another way to write text."""
    one = soap(seats("<iPerformanceNumber><![CDATA[7]]></iPerformanceNumber>"))
    assert asked(KNOWN, one).digest == asked(KNOWN, soap(seats())).digest


def test_both_versions_ask_one_question():
    """By the contract, a 1.2 envelope is the 1.1 envelope's question, and is asked as 1.1 with the contract's action."""
    one = asked(KNOWN, soap(seats()), (b"SOAPAction", b'""'))
    other = asked(
        KNOWN, soap(seats(), version=S12), (b"Content-Type", MEDIA12[1] + f'; action="{API}GetSeats"'.encode())
    )
    assert one == other
    assert one.dialect is Dialect.SOAP11
    assert one.expects == f"{{{API}}}GetSeatsResponse"
    assert one.request.method == "POST"
    assert one.request.target == "/box.asmx"
    assert one.request.headers == (XML, (b"SOAPAction", f'"{API}GetSeats"'.encode()))


def test_without_a_contract_version_and_action_are_part_of_the_question():
    """Nobody proves that two versions or two actions mean the same, so each is asked as its caller did."""
    plain = asked(ALONE, soap(seats()))
    empty = asked(ALONE, soap(seats()), (b"SOAPAction", b'""'))
    named = asked(ALONE, soap(seats()), (b"SOAPAction", b"urn:x/GetSeats"))
    newer = asked(
        ALONE, soap(seats(), version=S12), (b"Content-Type", b'application/soap+xml; action="urn:x/GetSeats"')
    )
    assert len({each.digest for each in (plain, empty, named, newer)}) == 4
    assert plain.request.headers == (XML,)
    assert empty.request.headers == (XML, (b"SOAPAction", b'""'))
    assert named.request.headers == (XML, (b"SOAPAction", b'"urn:x/GetSeats"'))
    assert newer.request.headers == (
        (b"Content-Type", b'application/soap+xml; charset=utf-8; action="urn:x/GetSeats"'),
    )
    assert newer.dialect is Dialect.SOAP12
    assert plain.expects == ""


def both(kinds: tuple[str, ...], *, use: str = "literal", style: str = "document") -> bytes:
    """Return a WSDL with one operation in the SOAP bindings of `kinds`."""
    spaces = {"soap": "http://schemas.xmlsoap.org/wsdl/soap/", "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/"}
    bindings = "".join(
        f'<w:binding name="B{kind}" type="t:T" xmlns:k="{spaces[kind]}"><k:binding style="{style}"/>'
        f'<w:operation name="Get"><k:operation soapAction="urn:t/Get"/><w:input><k:body use="{use}" namespace="urn:t"/></w:input>'
        f'<w:output><k:body use="{use}" namespace="urn:t"/></w:output></w:operation></w:binding>'
        for kind in kinds
    )
    return wsdl(
        types(schema('<x:element name="Get"><x:complexType/></x:element><x:element name="GetResponse"/>')),
        '<w:message name="In"><w:part name="p" element="t:Get"/></w:message>'
        '<w:message name="Out"><w:part name="p" element="t:GetResponse"/></w:message>'
        '<w:portType name="T"><w:operation name="Get"><w:input message="t:In"/><w:output message="t:Out"/></w:operation></w:portType>',
        bindings,
        address="",
    )


def test_a_version_that_the_contract_lacks_is_left_alone():
    """Who speaks a version that no binding has gets what the backend says to that, not what others got."""
    get = '<Get xmlns="urn:t"/>'
    old = SoapAdapter(lambda: index_one(both(("soap",))), path="/t")
    new = SoapAdapter(lambda: index_one(both(("soap12",))), path="/t")
    assert ask(old, soap(get, version=S12), MEDIA12) == "binding"
    assert ask(new, soap(get)) == "binding"
    found = asked(new, soap(get, version=S12), MEDIA12)
    assert found.request.headers == ((b"Content-Type", b'application/soap+xml; charset=utf-8; action="urn:t/Get"'),)
    assert found.request.body.count(S12.encode()) == 1


def test_an_encoded_message_is_asked_in_its_own_version():
    """SOAP's own encoding is spelled otherwise in each version, so neither is put into the other; without references it is shared."""
    style = ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'
    typed = '<n x:type="xs:int" xmlns:x="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema">1</n>'
    around = asked(KNOWN, soap(seats(typed), more=style))
    assert b"encodingStyle=" in around.request.body
    assert around.digest != asked(KNOWN, soap(seats(typed))).digest
    inside = asked(KNOWN, soap(seats(typed).replace("<GetSeats", f"<GetSeats{style}", 1)))
    assert inside.digest == around.digest


def test_a_charset_does_not_matter():
    """Bytes of another charset that hold the same text ask the same."""
    text = soap(seats("<n>é</n>"))
    plain = asked(ALONE, text)
    latin = ask(ALONE, text.encode("latin-1"), (b"Content-Type", b"text/xml; charset=iso-8859-1"))
    wide = ask(ALONE, text.encode("utf-16"), (b"Content-Type", b"text/xml; charset=utf-16"))
    assert isinstance(latin, Question)
    assert isinstance(wide, Question)
    assert plain.digest == latin.digest == wide.digest


def test_a_simple_operation_is_its_text():
    """An operation without parameters may hold a text, which is all that it says."""
    one, other = asked(ALONE, soap("<Get>1</Get>")), asked(ALONE, soap("<Get>2</Get>"))
    assert one.digest != other.digest
    assert b"<Get>1</Get>" in one.request.body


def test_what_has_become_unknown_is_left_alone():
    """A strict backend whose contract has gone since the request was classified takes no part in sharing."""
    assert ask(SoapAdapter(strict=True), soap(seats())) == "body"


def test_a_new_contract_is_asked_anew():
    """What is remembered of a contract goes with it."""
    shelf = [index_one(both(("soap",)))]
    adapter = SoapAdapter(lambda: shelf[0], path="/t")
    assert asked(adapter, soap('<Get xmlns="urn:t"/>')).expects == "{urn:t}GetResponse"
    shelf[0] = replace(index_one(both(("soap12",))))
    assert ask(adapter, soap('<Get xmlns="urn:t"/>')) == "binding"


def test_a_question_costs_little():
    """An envelope of 1.4 kB costs a small part of what may be done in one go: 60 us where it was measured."""
    body = soap(
        seats("".join(f"<sParameter{at}>the value of parameter {at:20}</sParameter{at}>" for at in range(17)))
    ).encode()
    assert 1_300 < len(body) < 1_500
    assert parses(lambda: ask(KNOWN, body)) < 0.3


_XSI = 'xmlns:x="http://www.w3.org/2001/XMLSchema-instance"'
_MANY = " ".join(f'xmlns:p{at}="urn:{at}"' for at in range(22))


@pytest.mark.parametrize(
    "inside",
    [
        "<n/>" * 240,
        f"<o {_MANY}>{'<n>p1:b</n>' * 120}</o>",
        f"<o {_MANY} {_XSI}>" + '<n x:type="p1:T">p1:b</n>' * 120 + "</o>",
        f"<n>{'a&amp;' * 10_000}</n>",
        f"<n>{'k1' * 30_000}:</n>",
        f"<n>{'k:' * 4_000}</n>",
        f"<n>{'0' * 60_000}x</n>",
        f"<n>{' ' * 60_000}</n>",
        "<n/>" * 16_000,
    ],
    ids=["elements", "prefixes", "types", "references", "ours", "colons", "digits", "spaces", "too many"],
)
def test_no_question_holds_the_loop(inside):
    """Whatever is sent, it is asked or left alone in one go."""
    body, keying = soap(seats(inside)).encode(), Keying((("n", Fold.INT), ("n", Fold.SET)))
    assert parses(lambda: ask(KNOWN, body, keying=keying)) < 1.5


@pytest.mark.parametrize("adapter", [ALONE, KNOWN])
def test_an_endpoint_may_go_by_its_query(adapter):
    """It is in the key and in the request, as it is in a call that passes."""
    one, other, none = (
        adapter.question(head("POST", f"/t{query}", (XML,)), "", soap(seats()).encode(), PLAIN)
        for query in ("?tenant=a", "?tenant=b", "")
    )
    assert len({one.digest, other.digest, none.digest}) == 3
    assert one.request.target.endswith("?tenant=a")
    assert "?" not in none.request.target


@pytest.mark.parametrize("version", [S11, S12])
@pytest.mark.parametrize("order", [1, -1])
def test_what_is_known_again_needs_no_contract(version: str, order: int) -> None:
    """A call that is repeated once the contract is there, in another version or without its action, is the same; another value is not."""
    values = ["<iPerformanceNumber>7</iPerformanceNumber>", "<iZone>2</iZone>"][::order]
    keying, action = Keying(alone=True), (b"SOAPAction", f'"{API}GetSeats"'.encode())
    first = asked(ALONE, soap(seats("".join(values))), action, keying=keying).digest
    media = MEDIA12 if version == S12 else XML
    for adapter in (ALONE, KNOWN):
        assert asked(adapter, soap(seats("".join(values)), version=version), media, keying=keying).digest == first
    assert asked(KNOWN, soap(seats("".join(values)).replace("7", "8")), action, keying=keying).digest != first


def test_a_header_that_is_set_aside() -> None:
    """It may stand there, alone or beside addressing, and is no part of the question; any other makes a call its sender's alone."""
    keying = Keying(alone=True, aside="OrderKey")
    key, other = '<k:OrderKey xmlns:k="urn:k">{}</k:OrderKey>', '<k:Other xmlns:k="urn:k"/>'
    addressed = f'<a:MessageID xmlns:a="{WSA}">urn:{{}}</a:MessageID>'
    found = {
        asked(KNOWN, soap(seats(), f"<s:Header>{blocks}</s:Header>"), keying=keying).digest
        for blocks in (key.format(1), key.format(2), key.format(1) + addressed.format(1), addressed.format(2))
    }
    assert found == {asked(KNOWN, soap(seats()), keying=keying).digest}
    assert ask(KNOWN, soap(seats(), f"<s:Header>{key.format(1)}{other}</s:Header>"), keying=keying) == "headers"
    assert ask(KNOWN, soap(seats(), f"<s:Header>{key.format(1)}</s:Header>")) == "headers"


def test_a_knock_is_a_call_without_parameters() -> None:
    """A probe asks as the contract has it asked, and reads as that operation; without a contract, or of an unknown one, there is none."""
    knocked = KNOWN.knock("HelloWorld")
    assert knocked is not None
    dialect, request = knocked
    assert dialect is Dialect.SOAP11
    assert (b"SOAPAction", f'"{API}HelloWorld"'.encode()) in request.headers
    assert asked(KNOWN, request.body, *request.headers).request == request
    assert KNOWN.knock("Nothing") is None
    assert ALONE.knock("HelloWorld") is None
