"""Kept answers given again: in every binding what the demo itself says there, and each caller's own RelatesTo."""

from __future__ import annotations

import asyncio

import pytest
from lxml import etree

from adapters.soap import payload
from adapters.soap.adapter import SoapAdapter
from sidecar.answers import Entry, Keying, Question
from sidecar.demo.operations import OPERATIONS
from sidecar.model import Dialect, Executed, Grade
from sidecar.tasks import spawn
from tests.adapters.corpus import demo_index, head
from tests.adapters.soap.box import BINDINGS, DIALECTS, SOAP, Request, answer, answer_to, arguments, kept, request
from tests.adapters.soap.spelling import S11, S12

WSA = "http://www.w3.org/2005/08/addressing"
WSA4 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
API = "http://boxoffice.example/api/"
KNOWN = SoapAdapter(demo_index, path="/box.asmx")
MEDIA = {Dialect.SOAP11: b"text/xml; charset=utf-8", Dialect.SOAP12: b"application/soap+xml; charset=utf-8"}


def entry(body: bytes, dialect: Dialect = Dialect.SOAP11, status: int = 200, media: bytes | None = None) -> Entry:
    """Make an entry."""
    lines = ((b"Content-Type", media or MEDIA[dialect]), (b"X-AspNet-Version", b"4.0"))
    grade = Grade("ok", Executed.NO)
    return Entry(b"k", "b", "", "Op", dialect, 0.0, status, lines, body, grade)


async def replay(found: Entry, asked: Request, adapter: SoapAdapter = KNOWN) -> tuple[dict[bytes, bytes], bytes] | None:
    """Give an entry again."""
    made = await adapter.replay(found, asked.head, asked.rest, asked.body, Dialect.SOAP11)
    return None if made is None else (dict(made[0]), made[1])


def body_of(text: bytes) -> bytes:
    """Return what stands in the Body, or a whole document that is no envelope, in one spelling."""
    root = etree.fromstring(text)
    inside = root[-1][0] if root.tag.endswith("}Envelope") else root
    return etree.tostring(inside, method="c14n", exclusive=True, with_tail=False)


@pytest.mark.thinned(3)
@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_a_kept_answer_is_what_the_backend_says_in_each_binding(operation, binding):
    """Whatever the backend would have said to a caller in his binding, the kept answer says."""
    asked = request(binding, operation.name, arguments(operation))
    question = KNOWN.question(asked.head, asked.rest, asked.body, Keying())
    assert isinstance(question, Question)
    reply = answer_to(question.request)
    found = entry(reply.body, question.dialect, reply.status, reply.media.encode())
    own = answer(asked)
    made = await replay(found, asked)
    assert made is not None
    headers, text = made
    assert headers[b"Content-Type"] == own.media.encode()
    assert headers[b"X-AspNet-Version"] == b"4.0"
    if own.status == 500 and binding.startswith("asmx"):
        assert b"Exception: " in text
        assert text.split(b"Exception: ")[1].split(b"\n")[0] == own.body.split(b"Exception: ")[1].split(b"\n")[0]
    elif not own.body:
        assert text == b""
    else:
        assert body_of(text) == body_of(own.body)
        assert etree.fromstring(text).tag == etree.fromstring(own.body).tag


@pytest.mark.parametrize("binding", SOAP)
async def test_whoever_speaks_as_the_backend_was_asked_gets_its_bytes(binding):
    """The same version is byte for byte what came, headers too; the other is made once and remembered."""
    asked = request(binding, "HelloWorld", {})
    mine, other = (DIALECTS[each] for each in (binding, SOAP[1 - SOAP.index(binding)]))
    reply = answer(asked)
    found = entry(reply.body, mine)
    assert await KNOWN.replay(found, asked.head, "", asked.body, mine) == (found.headers, found.body)
    assert found.wrapped == {}
    twin = request(SOAP[1 - SOAP.index(binding)], "HelloWorld", {})
    first = await KNOWN.replay(found, twin.head, "", twin.body, other)
    assert first is not None
    assert [each.dialect for each in found.wrapped] == [other]
    again = await KNOWN.replay(found, twin.head, "", twin.body, other)
    assert again is not None
    assert again[1] is first[1]


def wcf(dialect: Dialect, *blocks: str, space: str = WSA) -> Request:
    """Write a request with WS-Addressing."""
    version = S12 if dialect is Dialect.SOAP12 else S11
    text = (
        f'<s:Envelope xmlns:s="{version}" xmlns:a="{space}"><s:Header>{"".join(blocks)}</s:Header>'
        f'<s:Body><HelloWorld xmlns="{API}"/></s:Body></s:Envelope>'
    )
    lines = ((b"Content-Type", MEDIA[dialect]), (b"SOAPAction", b'"urn:line"'))
    return Request(head("POST", "/t", lines), "", text.encode())


@pytest.mark.parametrize("space", [WSA, WSA4])
@pytest.mark.parametrize("dialect", [Dialect.SOAP11, Dialect.SOAP12])
async def test_a_message_id_is_answered(dialect, space):
    """Each caller's RelatesTo is his own MessageID in his own namespace, and what was made for him is not given to the next."""
    found = entry(answer(request("soap11", "HelloWorld", {})).body)
    for name in ("urn:uuid:1", "urn:uuid:2&lt;"):
        asked = wcf(dialect, "<a:Action>urn:said</a:Action>", f"<a:MessageID> {name} </a:MessageID>", space=space)
        made = await replay(found, asked)
        assert made is not None
        root = etree.fromstring(made[1])
        assert [each.tag for each in root] == [f"{root.tag[:-8]}Header", f"{root.tag[:-8]}Body"]
        assert root.findtext(f"*/{{{space}}}RelatesTo") == name.replace("&lt;", "<")
        assert root.findtext(f"*/{{{space}}}Action") == "urn:saidResponse"
        assert body_of(made[1]) == body_of(found.body)
    assert all(b"RelatesTo" not in text for _, text in found.wrapped.values())


async def test_the_action_of_a_fault_is_the_fault_s():
    """A fault answers with the action that addressing has for faults; a request that names none is answered by its SOAPAction."""
    fault = b'<s:Envelope xmlns:s="%b"><s:Body><s:Fault><faultcode>s:Server</faultcode></s:Fault></s:Body></s:Envelope>'
    asked = wcf(Dialect.SOAP11, "<a:MessageID>1</a:MessageID>")
    made = await replay(entry(fault % S11.encode(), status=500), asked)
    assert made is not None
    assert etree.fromstring(made[1]).findtext(f"*/{{{WSA}}}Action") == f"{WSA}/soap/fault"
    made = await replay(entry(answer(request("soap11", "HelloWorld", {})).body), asked)
    assert made is not None
    assert etree.fromstring(made[1]).findtext(f"*/{{{WSA}}}Action") == "urn:lineResponse"


async def test_a_request_that_cannot_be_read_is_answered_all_the_same():
    """Whoever only speaks of a MessageID, or in a way that nobody reads, gets what is kept."""
    found = entry(answer(request("soap11", "HelloWorld", {})).body)
    for body in (b"<MessageID", b"<MessageID/>", b"<!DOCTYPE MessageID []><a/>"):
        assert await KNOWN.replay(found, wcf(Dialect.SOAP11).head, "", body, Dialect.SOAP11) == (
            found.headers,
            found.body,
        )


async def test_addressing_of_the_kept_reply_is_dropped():
    """What a kept reply relates to is somebody's else: no other envelope gets it."""
    body = (
        f'<s:Envelope xmlns:s="{S11}"><s:Header><a:RelatesTo xmlns:a="{WSA}">urn:uuid:9</a:RelatesTo></s:Header>'
        f'<s:Body><r xmlns="urn:x"/></s:Body></s:Envelope>'
    )
    made = await replay(entry(body.encode()), request("soap12", "HelloWorld", {}))
    assert made is not None
    assert b"urn:uuid:9" not in made[1]


async def test_what_a_payload_stands_in_goes_with_it():
    """Prefixes that only values use are declared in the new envelope too."""
    body = f'<s:Envelope xmlns:s="{S11}" xmlns:t="urn:t"><s:Body><r kind="t:T">t:U</r></s:Body></s:Envelope>'
    made = await replay(entry(body.encode()), request("soap12", "HelloWorld", {}))
    assert made is not None
    root = etree.fromstring(made[1])
    assert root.tag == f"{{{S12}}}Envelope"
    assert root[0][0].nsmap["t"] == "urn:t"
    assert root[0][0].text == "t:U"


async def test_a_null_result_has_a_root_by_path():
    """Where the SOAP reply leaves its result out, the root by path is there and nil, as .NET writes it."""
    body = f'<s:Envelope xmlns:s="{S11}"><s:Body><HelloWorldResponse xmlns="{API}"/></s:Body></s:Envelope>'
    made = await replay(entry(body.encode()), request("asmx_get", "HelloWorld", {}))
    assert made is not None
    root = etree.fromstring(made[1])
    assert root.tag == f"{{{API}}}string"
    assert root.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"


@pytest.mark.parametrize(
    "body",
    [
        b"<s:Envelope",
        b"<html/>",
        b'<s:Envelope xmlns:s="%b"><s:Body/></s:Envelope>' % S11.encode(),
        b'<s:Envelope xmlns:s="%b"><s:Body><a/><b/></s:Body></s:Envelope>' % S11.encode(),
    ],
)
async def test_what_cannot_be_put_into_another_envelope(body):
    """A body that is no message, or has values that others refer to, is given to its own version alone."""
    assert await replay(entry(body), request("soap12", "HelloWorld", {})) is None
    made = await replay(entry(body), request("soap11", "HelloWorld", {}))
    assert made is not None
    assert made[1] == body


async def test_by_path_nothing_is_said_without_a_contract():
    """Without a WSDL nobody knows the root of a reply by path."""
    found = entry(answer(request("soap11", "HelloWorld", {})).body)
    assert await replay(found, request("asmx_get", "HelloWorld", {}), SoapAdapter(path="/box.asmx")) is None
    assert await replay(found, request("asmx_get", "Goodbye", {})) is None


async def test_a_large_answer_never_holds_the_loop():
    """Two megabytes are put into another envelope with the loop free after each 8 KiB, and nothing of them is lost."""
    rows = b"".join(b"<row><seat>%d</seat><status>free</status></row>" % at for at in range(40_000))
    body = b'<s:Envelope xmlns:s="%b"><s:Body><r xmlns="urn:x">%b</r></s:Body></s:Envelope>' % (S11.encode(), rows)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = spawn(count(), "count")
    made = await replay(entry(body), request("soap12", "HelloWorld", {}))
    counting.cancel()
    assert made is not None
    assert turns > len(body) / 8_192
    assert body_of(made[1]) == body_of(body)


def test_a_reply_of_the_demo_may_be_kept():
    """Every operation of the demo that answers well answers what the contract says, but for those that have a header of their own."""
    for operation in OPERATIONS:
        asked = request("soap11", operation.name, arguments(operation))
        question = KNOWN.question(asked.head, "", asked.body, Keying())
        assert isinstance(question, Question)
        reply = answer_to(question.request)
        word = KNOWN.veto(question, kept(reply, "ok" if reply.status == 200 else "backend_fault"))
        assert word == ("fault" if reply.status == 500 else "header" if operation.header else None), operation.name


async def test_a_copy_is_made_once_for_all_who_wait(monkeypatch):
    """A large answer is parsed in pieces, and who comes meanwhile waits for that; that it cannot be said is known from then on."""
    large = f"<s:Envelope xmlns:s='{S11}'><s:Body><r xmlns='u'>{'<a>1</a>' * 20_000}</r></s:Body></s:Envelope>"
    several = f"<s:Envelope xmlns:s='{S11}'><s:Body><r xmlns='u'/><q/></s:Body></s:Envelope>"
    parses = []
    real = payload.xml.parse_in_pieces

    async def counted(*args, **more):
        parses.append(args)
        return await real(*args, **more)

    monkeypatch.setattr(payload.xml, "parse_in_pieces", counted)
    asked = head("POST", "/t", ((b"Content-Type", b"application/soap+xml"),))
    for text, known in ((large, True), (several, False)):
        kept_one = entry(text.encode())
        told = await asyncio.gather(*(payload.replay(kept_one, asked, "", b"", None, None) for _ in range(50)))
        assert {each is not None for each in told} == {known}
        assert len({id(each) for each in told}) == 1
        await payload.replay(kept_one, asked, "", b"", None, None)
        assert len(parses) == 1
        assert not kept_one.making
        parses.clear()
