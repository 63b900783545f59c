"""What attackers send to the JSON facade, and what a hostile backend answers through it: refused or escaped, one by one.

A real sidecar; what the backend got is read from its own journal, byte for byte.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from lxml import etree

from tests.scenarios.json_box import RPC, Box, opened, posting, replying, rpc_reply, settings, wsdl
from tests.scenarios.reading import problem, state_of
from tests.support import envelopes as env
from tests.support.backend import ThreadBackend
from tests.support.client import ask
from tests.support.process import SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.client import Response

MIB: Final = 1024 * 1024
NOBODY: Final = "urn:nobody-has-it"  # the namespace of the one type that the WSDL lacks


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One for all; `open` offers everything that is not denied, `shut` what its settings call safe."""
    shut = {**RPC, "operations": {"system.*": {"safe": True}}, "deny": ["steal"]}
    del shut["expose"]
    more: dict[str, dict[str, Any]] = {"open": {"expose": ["*"]}, "shut": shut, "lax": {**shut, "expose": ["*"]}}
    with opened(tmp_path_factory.mktemp("box"), **more) as (box, sidecar):
        for name in ("box", "open"):
            sidecar.wait_line(f'"event":"indexed","backend":"{name}"')
        yield box
        assert sidecar.stop() == 0
        assert [line for line in sidecar.lines if '"bug"' in line or '"internal"' in line] == []


def refused(response: Response) -> str:
    """Return the state of a call that must not have been made."""
    state, parameters = state_of(response)
    assert 400 <= response.status < 500, response.raw[:300]
    assert parameters["executed"] == "no"
    assert response.header("Content-Type") in ("application/problem+json", None)
    return state


# --- what is written for the backend

STRINGS: Final = (
    "</sNote><sNote>two</sNote>",
    "]]><![CDATA[<x/>]]>",
    "<!-- --><?php ?>&lt;&amp;&#38;&xxe;",
    "\" ' > <a href='javascript:1'>",
    "</e:Body></e:Envelope><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
    " two  blanks\r\na line\tand a tab\n ",
    "Größe ☃ 𝄞 \u2028\u0085\u00a0\ufeff",
    "--b\r\nContent-Type: text/xml\r\n\r\n",
    "{{7*7}} ${jndi:ldap://x} %00 \\u0000",
)


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
async def test_a_string_is_text_to_the_backend(box: Box, text: str) -> None:
    """Whatever it holds: one element, with that text, and nothing beside it."""
    assert (await box.post("GetNote", {"sNote": text})).state == "ok"
    body = etree.fromstring(box.asked("GetNote")[-1].body)[0]
    (call,) = body
    (note,) = call
    assert (note.tag, note.text, len(note)) == (f"{{{env.NS}}}sNote", text, 0)


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
async def test_a_string_is_text_over_xmlrpc_too(box: Box, text: str) -> None:
    """As a value, and as the name of a struct's member."""
    assert (await box.post("buy", [text, {text: text}], at="rpc")).state == "ok"
    call = etree.fromstring(box.asked("buy")[-1].body)
    first, struct = call.findall("params/param/value")
    assert _text(first) == text
    (member,) = struct.findall("struct/member")
    name, value = member
    assert (name.text, _text(value)) == (text, text)


def _text(element: etree._Element) -> str:
    return str(element.xpath("string()"))


async def test_names_cannot_be_written_that_the_contract_has_not(box: Box) -> None:
    """No attribute, no namespace, no header, no element of the caller's invention."""
    names = (
        "@xmlns",
        "sNote xmlns='x'",
        "sNote/><x",
        "$headers",
        "$any",
        "@type",
        "$value",
        "SNOTE",
        "{urn:x}sNote",
        "",
    )
    for name in names:
        assert refused(await box.post("Reserve", {name: "a"})) == "invalid_params", name
    assert box.asked("Reserve") == []


BODIES: Final[dict[str, tuple[bytes, str]]] = {
    "a key twice": (b'{"sNote":"a","sNote":"b"}', "invalid_params"),
    "a key twice, one escaped": (b'{"sNote":"a","\\u0073Note":"b"}', "invalid_params"),
    "NaN": (b'{"iEvent":NaN}', "malformed"),
    "Infinity": (b'{"iEvent":-Infinity}', "malformed"),
    "1e400": (b'{"iEvent":1e400}', "invalid_params"),
    "too large an integer": (b'{"iEvent":' + b"9" * 5_000 + b"}", "invalid_params"),
    "__proto__": (b'{"__proto__":{"admin":true}}', "invalid_params"),
    "constructor": (b'{"constructor":{"prototype":{}}}', "invalid_params"),
    "deep arrays": (b"[" * 100_000, "malformed"),
    "deep objects": (b'{"a":' * 100_000, "malformed"),
    "NUL": (b'{"sNote":"a\\u0000"}', "invalid_params"),
    "a control character": (b'{"sNote":"a\\u0008"}', "invalid_params"),
    "a raw control character": (b'{"sNote":"a\x08"}', "malformed"),
    "half a pair": (b'{"sNote":"a\\ud800"}', "invalid_params"),
    "no character": (b'{"sNote":"a\\uffff"}', "invalid_params"),
    "no UTF-8": (b'{"sNote":"\xff"}', "malformed"),
    "overlong UTF-8": (b'{"sNote":"\xc0\xbc"}', "malformed"),
    "UTF-16": ('{"sNote":"a"}'.encode("utf-16"), "malformed"),
    "two values": (b"{} {}", "malformed"),
    "a comment": (b"{/* */}", "malformed"),
    "a string": (b'"a"', "invalid_params"),
    "an array": (b'[{"sNote":"a"}]', "invalid_params"),
    "an object for a string": (b'{"sNote":{"$value":"a"}}', "invalid_params"),
    "XML": (b"<Reserve/>", "malformed"),
    "more than is taken": (b'{"sNote":"' + b"x" * (3 * MIB) + b'"}', "too_large"),
    "more once it is escaped": (b'{"sNote":"' + b"<" * MIB + b'"}', "too_large"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_not_taken(box: Box, name: str) -> None:
    """The backend never hears of it."""
    body, state = BODIES[name]
    assert refused(await box.post("Reserve", body)) == state
    assert box.asked("Reserve") == []


async def test_two_mebibytes_are_taken(box: Box) -> None:
    """They are within the limit, and arrive whole."""
    text = "x<" * 250_000 + "y" * MIB
    assert (await box.post("GetNote", {"sNote": text})).state == "ok"
    (note,) = etree.fromstring(box.asked("GetNote")[-1].body, etree.XMLParser(huge_tree=True))[0][0]
    assert note.text == text


# --- which operation is called

PATHS: Final = (
    *("..%2f", "%2e%2e%2fReserve", "%2e", "%2e%2e", "..", ".", "Reserve%2f..", "Reserve/", "/Reserve", "..%5cReserve"),
    *("Reserve%00", "Reserve%20", "%20Reserve", "Reserve%0d%0aX:y", "Reserve;x=1", "Reserve%3fx", "Reserve%23", "Reserve."),
    *("A" * 200, "A" * 8_000, "%41" * 2_000, "%", "%zz", "%ff", "%c0%ae", "%e2%98%83", "%2552eserve"),
    *("reserve", "RESERVE", "__proto__", "constructor", "{urn:x}Reserve", "*", "Get*", "%2a"),
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:24])
async def test_a_path_that_names_nothing(box: Box, path: str) -> None:
    """Refused, and nothing is asked of the backend, under that name or another."""
    before = len(box.backend.journal)
    response = await ask(box.url, posting(f"/open/json/{path}", b"{}"))
    assert refused(response) in ("operation_denied", "not_found", "malformed")
    assert len(box.backend.journal) == before


@pytest.mark.parametrize(
    "name", ["GetSecrets", "getsecrets", "GETSECRETS", "gEtSeCrEtS", "%47etSecrets", "%67etsecrets"]
)
async def test_what_is_denied_is_denied_in_any_spelling(box: Box, name: str) -> None:
    """Where all is exposed, and where little is; by POST and by GET; and nothing tells that it is there."""
    for at in ("open", "box"):
        assert refused(await box.post(name, at=at)) == "operation_denied"
        assert refused(await box.get(f"/{at}/json/{name}")) == "operation_denied"
        assert b"GetSecrets" not in (await box.get(f"/{at}/openapi.json")).body
        assert b"GetSecrets" not in (await box.get(f"/{at}/types.ts")).body
    assert box.asked("GetSecrets") == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "GET", "HEAD"])
async def test_only_the_method_itself_counts(box: Box, method: str) -> None:
    """Not what a header says that it were."""
    lines = [(name, "POST") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]
    response = await box.get("/box/json/Reserve?_method=POST", *lines, method=method)
    assert (response.status, response.header("Allow")) == (405, "POST")
    assert box.asked("Reserve") == []


async def test_headers_cannot_name_another_operation(box: Box) -> None:
    """SOAPAction and Content-Type are the sidecar's own; what was said of the JSON body is not said of the XML."""
    action = f'"{env.NS}DestroyCache"'
    lines = [
        *(("SOAPAction", action), ("soapaction", action), ("Content-Type", f"application/json; action={action}")),
        *(("Content-MD5", "eA=="), ("Digest", "md5=eA=="), ("Content-Digest", "md5=:eA==:"), ("Content-Location", "/a")),
        *(("Accept", "text/xml"), ("Accept-Encoding", "gzip"), ("Range", "bytes=0-1"), ("X-Tenant", "west")),
    ]  # fmt: skip
    for name in ("GetNote", "DestroyCache"):
        response = await box.post(name, {"sNote": "a"}, *lines)
        assert response.state == ("ok" if name == "GetNote" else "operation_denied")
    entry = box.asked("GetNote")[-1]
    sent = [(key.decode().lower(), value.decode()) for key, value in entry.headers]
    assert [value for key, value in sent if key == "soapaction"] == [f'"{env.NS}GetNote"']
    assert [value for key, value in sent if key == "content-type"] == ["text/xml; charset=utf-8"]
    assert [value for key, value in sent if key == "content-length"] == [str(len(entry.body))]
    assert dict(sent)["x-tenant"] == "west"
    gone = {"content-md5", "digest", "content-digest", "content-location", "accept", "accept-encoding", "range"}
    assert not gone & dict(sent).keys()
    assert b"DestroyCache" not in entry.head + entry.body
    assert box.asked("DestroyCache") == []


async def test_two_content_types_are_none(box: Box) -> None:
    """A browser could add one without a preflight, if the other counted."""
    for pair in (("text/plain", "application/json"), ("application/json", "text/plain")):
        lines = tuple(("Content-Type", each) for each in pair)
        assert refused(await box.post("Reserve", {"iEvent": 1}, *lines)) in ("malformed", "unsupported_media")
    assert box.asked("Reserve") == []


async def test_an_operation_that_runs_others_does_not_run_what_is_not_exposed(box: Box) -> None:
    """`system.*` is called safe, and so is offered; `system.multicall` would run anything."""
    inside = [[{"methodName": "buy", "params": [1]}]]
    before = len(box.backend.journal)
    for name in ("system.multicall", "SYSTEM.multicall", "system%2emulticall"):
        assert refused(await box.post(name, inside, at="shut")) == "operation_denied"
    stolen = [[{"methodName": "steal", "params": []}]]
    assert refused(await box.post("system.multicall", stolen, at="lax")) == "operation_denied"
    assert len(box.backend.journal) == before
    assert (await box.post("system.listMethods", [], at="shut")).state == "ok"


# --- a hostile backend

BOMB: Final = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "boom"}">' for n in range(10))
HOSTILE: Final = {
    "a file": ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"),
    "a parameter entity": ('<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>', "&x;"),
    "a bomb": (f"<!DOCTYPE a [{BOMB}]>", "&e9;"),
    "an external subset": ('<!DOCTYPE a SYSTEM "file:///etc/passwd">', "x"),
    "an entity that nobody declared": ("", "&x;"),
    "a long entity": (f'<!DOCTYPE a [<!ENTITY x "{"y" * 100_000}">]>', "&x;" * 100),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_reply_with_entities_is_not_read(box: Box, name: str) -> None:
    """In neither protocol: no file, no network, no bomb, and nothing of it is told."""
    declared, used = HOSTILE[name]
    soap = declared.encode() + replying("GetNote", used).body
    rpc = declared.encode() + rpc_reply(f"<string>{used}</string>")
    with box.doing("GetNote", http(soap)), box.doing("getSeats", http(rpc)):
        for response in (await box.post("GetNote"), await box.post("getSeats", {"event": 1}, at="rpc")):
            body = problem(response, "backend_bad_reply", 502)
            assert body["executed"] == "no"
            assert not any(told in response.text for told in ("root:", "boom", "yyyy", "/etc/passwd"))
            assert len(response.body) < 2_000


async def test_what_a_backend_writes_into_names_is_data(box: Box) -> None:
    """Quotes, scripts, prototype keys: JSON of a reply says what it says and no more."""
    inside = "&lt;script&gt;alert(1)&lt;/script&gt;\\u0022,&quot;state&quot;:&quot;ok"
    with box.doing("GetNote", replying("GetNote", inside)):
        response = await box.post("GetNote")
    assert response.json()["data"] == {"GetNoteResult": '<script>alert(1)</script>\\u0022,"state":"ok'}
    assert response.header("Content-Type") == "application/json"
    struct = "<struct><member><name>__proto__</name><value><string>x</string></value></member></struct>"
    with box.doing("buy", http(rpc_reply(struct))):
        told = await box.post("buy", [], at="rpc")
    assert json.loads(told.body)["state"] == "ok"


async def test_a_fault_cannot_pretend(box: Box) -> None:
    """Its words stay inside `fault`: they neither set the state nor a header."""
    text = 'ok", "state": "ok", "executed": "yes"\r\nSidecar-State: ok'
    with box.doing("Reserve", http(env.soap11_fault(text=text), 500)):
        body = problem(await box.post("Reserve"), "backend_fault", 502)
    assert (body["state"], body["executed"]) == ("backend_fault", "unknown")


# --- documents that lead elsewhere

FILTER: Final = (
    f'<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="{NOBODY}"><s:complexType name="Filter">'
    '<s:sequence><s:element name="Row" type="s:string" form="qualified"/></s:sequence></s:complexType></s:schema>'
)


async def test_no_document_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    """No file, no other host, no redirect: the schema that lies there would let an operation be called. The backend's own does."""
    secret = tmp_path / "secret.xsd"
    secret.write_text(FILTER)
    with ThreadBackend() as backend, ThreadBackend() as tap:
        box, far = Box(backend), Box(tap)
        far.documents["/far.xsd"] = far.documents["/leap.asmx"] = http(FILTER)
        leads = {
            "near": f"{backend.url}/near.xsd",
            "file": secret.as_uri(),
            "bare": str(secret),
            "far": f"{tap.url}/far.xsd",
            "meta": "http://169.254.169.254/latest/meta-data/",
            "data": "data:text/xml," + FILTER.replace('"', "%22").replace("<", "%3C"),
            "user": f"http://{backend.url.removeprefix('http://')}@{tap.url.removeprefix('http://')}/far.xsd",
            "away": "away.xsd",
            "home": "home.xsd",
        }
        for name, location in leads.items():
            imported = f'<s:import namespace="{NOBODY}" schemaLocation="{location}"/>'
            box.documents[f"/{name}.asmx"] = http(wsdl(schema=imported))
        box.documents["/near.xsd"] = http(FILTER)
        box.documents["/away.xsd"] = http(b"", 302, headers=[("Location", f"{tap.url}/far.xsd")])
        box.documents["/home.xsd"] = http(b"", 302, headers=[("Location", secret.as_uri())])
        made = settings(backend, **{name: {} for name in leads})
        async with SidecarProcess(made, tmp_path) as sidecar:
            box.url = sidecar.url
            for name in leads:
                await asyncio.to_thread(sidecar.wait_line, f'"event":"indexed","backend":"{name}"')
            states = {name: (await box.post("GetBroken", {}, at=name)).state for name in leads}
            assert states == {name: "ok" if name == "near" else "operation_denied" for name in leads}
            assert (await box.post("GetNote", {"sNote": "a"}, at="meta")).state == "ok"
            assert not [line for line in sidecar.lines if '"bug"' in line]
        assert list(tap.journal) == []


async def test_a_wsdl_that_leads_elsewhere_or_explodes(tmp_path: Path) -> None:
    """A redirect is not followed, entities are not read: JSON waits, and native calls pass."""
    with ThreadBackend() as backend, ThreadBackend() as tap:
        box, _ = Box(backend), Box(tap)
        box.documents |= {
            "/jump.asmx": http(b"", 302, headers=[("Location", "file:///etc/hostname")]),
            "/leap.asmx": http(b"", 302, headers=[("Location", f"{tap.url}/leap.asmx?wsdl")]),
            "/bomb.asmx": http(wsdl().replace("?>", f"?><!DOCTYPE a [{BOMB}]>").replace(">done<", ">&e9;<")),
        }
        names = ("jump", "leap", "bomb")
        async with SidecarProcess(settings(backend, **{name: {} for name in names}), tmp_path) as sidecar:
            box.url = sidecar.url
            for name in names:
                await asyncio.to_thread(sidecar.wait_line, f'"event":"index_(waits|failed)","backend":"{name}"')
                assert (await box.post("GetNote", at=name)).state == "backend_unreachable"
                assert (await box.native("GetNote", at=name)).state == "ok"
            assert not [line for line in sidecar.lines if '"bug"' in line]
        assert list(tap.journal) == []
