"""JSON callers when what is around them goes wrong: the contract, the backend, its replies, the settings; and what they share with others.

A real sidecar before a backend that does what each test says. What callers are told of effect is compared with what it executed.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from adapters.soap import catalogue
from sidecar.app import App
from sidecar.settings.load import load
from sidecar.tasks import spawn
from tests.listener.hall import until
from tests.scenarios.json_box import (
    BACKEND,
    RULES,
    Box,
    envelope,
    flat,
    opened,
    posting,
    replying,
    rpc_fault,
    rpc_reply,
    settings,
    wsdl,
)
from tests.scenarios.reading import problem, readable, state_of, unreadable
from tests.scenarios.theatre import SHOP, SOAP12, STRANGER
from tests.scenarios.ways import LateClock
from tests.support import envelopes as env
from tests.support.backend import Gate, ThreadBackend
from tests.support.client import Client, Response, ask
from tests.support.plays import Play, Point, Way, answer, cut, silent
from tests.support.ports import free_port
from tests.support.process import Program, SidecarProcess
from tests.support.replies import Reply, garbage, gzipped, html, huge, utf16
from tests.support.replies import http as reply_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY: Final = "Idempotency-Key"
CONFIRM: Final = {"confirm": "/box/json/GetOrder"}
TRACE: Final = "System.InvalidOperationException: No such seat\r\n   at BoxOffice.Reserve() in C:\\box\\Box.cs:line 42"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, SidecarProcess]]:
    """One for all that leaves nothing behind; three of its backends have no WSDL that can be read."""
    more: dict[str, dict[str, Any]] = {"none": {}, "html": {}, "half": {}, "told": {"json": {"stack_traces": True}}}
    with opened(tmp_path_factory.mktemp("box"), **more) as (box, sidecar):
        for name in ("box", "told"):
            sidecar.wait_line(f'"event":"indexed","backend":"{name}"')
        yield box, sidecar
        nothing_is_wrong(sidecar)


@pytest.fixture
def box(house: tuple[Box, SidecarProcess]) -> Box:
    return house[0]


def nothing_is_wrong(sidecar: SidecarProcess) -> None:
    """Stop it, and fail where its log tells of a bug of its own."""
    assert sidecar.stop() == 0
    assert [line for line in sidecar.lines if '"bug"' in line or '"internal"' in line] == []


def data(response: Response) -> Any:
    assert response.status == 200, response.raw
    assert response.header("Content-Type") == "application/json"
    return response.json()["data"]


def said(response: Response) -> tuple[str, str | None, str]:
    """Return state, reason and effect, which the body tells as the header does."""
    word, parameters = state_of(response)
    body = response.json()
    assert (body["state"], body["executed"]) == (word, parameters["executed"])
    return word, parameters.get("reason"), parameters["executed"]


# --- the contract


@pytest.mark.parametrize("name", ["none", "html", "half"])
async def test_without_a_contract_json_waits_and_native_calls_pass(box: Box, name: str) -> None:
    """It says so, and when to come back; so does the OpenAPI document."""
    for response in (await box.post("GetNote", {"sNote": "a"}, at=name), await box.get(f"/{name}/openapi.json")):
        body = problem(response, "backend_unreachable", 503)
        assert (body["executed"], body["retry"]["how"]) == ("no", "wait")
        assert "WSDL" in body["detail"]
    assert (await box.native("GetNote", {"sNote": "a"}, at=name)).state == "ok"


async def test_a_contract_that_comes_late_is_taken(tmp_path: Path) -> None:
    """As soon as it is there: nothing has to be restarted."""
    with opened(tmp_path, html={}) as (box, sidecar):
        sidecar.wait_line('"event":"index_waits","backend":"html"')
        assert (await box.post("GetNote", at="html")).state == "backend_unreachable"
        del box.documents["/html.asmx"]
        await asyncio.to_thread(sidecar.wait_line, '"event":"indexed","backend":"html"')
        assert data(await box.post("GetNote", {"sNote": "a"}, at="html")) == {"GetNoteResult": "done"}
        nothing_is_wrong(sidecar)


async def test_a_new_release_of_the_backend_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has new is offered, and what it had before goes on meanwhile."""
    monkeypatch.setattr(catalogue, "_EVERY_S", 0.05)
    clock = LateClock()
    with ThreadBackend() as backend:
        box = Box(backend)
        config = tmp_path / "sidecar.yaml"
        config.write_text(json.dumps({"version": 1, "admin": {"port": 0}, **settings(backend)}))
        plan = load(config)
        app = App(replace(plan, listen=replace(plan.listen, port=0)), clock=clock)
        await app.start()
        try:
            box.url = app.urls[0]
            while (await box.post("GetNote")).state == "backend_unreachable":
                pass
            assert (await box.post("GetLater")).state == "not_found"
            before = (await box.get("/box/openapi.json")).header("ETag")
            box.documents["/box.asmx"] = reply_of(
                wsdl({"GetLater": ({"iDay": "s:int"}, {"GetLaterResult": "s:string"})})
            )
            clock.late_s = 61.0
            while (later := await box.post("GetLater", {"iDay": 2})).state == "not_found":
                assert data(await box.post("GetNote")) == {"GetNoteResult": "done"}
            assert data(later) == {"GetLaterResult": "done"}
            document = await box.get("/box/openapi.json")
            assert document.header("ETag") != before
            assert "/box/json/GetLater" in document.json()["paths"]
        finally:
            await app.stop(at_once=True)


async def test_an_operation_whose_schema_is_broken_is_not_offered_and_all_others_are(box: Box) -> None:
    """JSON callers are told why, so are readers of the document; native callers notice nothing."""
    refused = problem(await box.post("GetBroken"), "operation_denied", 403)
    assert "{urn:nobody-has-it}Filter" in refused["detail"]
    assert box.asked("GetBroken") == []
    document = (await box.get("/box/openapi.json")).json()
    assert "{urn:nobody-has-it}Filter" in document["x-not-offered"]["GetBroken"]
    assert "/box/json/GetBroken" not in document["paths"]
    assert data(await box.post("GetSeats", {"iEvent": 7})) == {
        "GetSeatsResult": {"Seat": [{"@Row": "A", "Number": 1, "Price": "12.50"}]}
    }
    assert (await box.native("GetBroken")).state == "ok"


# --- the backend breaks

BREAKS: Final[dict[str, tuple[Play, str, str]]] = {
    "silent": (silent(), "outcome_unknown", "timeout"),
    "reset in the body": (cut(Point.HALF_BODY, executes=None), "outcome_unknown", "reset"),
    "reset after the body": (cut(Point.BODY), "outcome_unknown", "reset"),
    "closed after the body": (cut(Point.BODY, Way.FIN), "outcome_unknown", "closed"),
    "half a reply": (cut(Point.HALF_REPLY_BODY, Way.FIN, replying("Reserve", 2)), "backend_bad_reply", "truncated"),
    "a byte now and then": (answer(replying("Reserve", 2), piece_bytes=4, gap_s=0.1), "outcome_unknown", "timeout"),
    "no http": (answer(garbage()), "backend_bad_reply", "http"),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_backend_that_breaks_off(box: Box, name: str) -> None:
    """Whoever may have bought is told where to ask; whoever has only read may come back."""
    play, state, reason = BREAKS[name]
    with box.doing("Reserve", play), box.doing("GetNote", play):
        wrote = await box.post("Reserve", {"iEvent": 1})
        read = await box.post("GetNote", {"sNote": "a"})
    body = problem(wrote, state, 504 if state == "outcome_unknown" else 502)
    assert said(wrote) == (state, reason, "unknown")
    assert (body["links"], body["retry"]["how"], body["retry"]["after_s"]) == (CONFIRM, "confirm", None)
    assert said(read) == (state, reason, "no")
    told = read.json()
    assert "links" not in told
    assert (told["retry"]["how"], read.header("Retry-After")) == ("wait", str(told["retry"]["after_s"]))
    assert data(await box.post("GetOrder", {"iOrder": 1})) == {"GetOrderResult": "done"}, "the link leads somewhere"


async def test_a_backend_that_is_killed_frozen_and_not_there(tmp_path: Path) -> None:
    """A process of its own under a purchase in JSON: unknown, unknown, and certainly not."""
    port = free_port()
    contract = tmp_path / "box.wsdl"
    contract.write_text(wsdl({"ReserveTickets": ({"who": "s:string"}, {"ReserveTicketsResult": "s:string"})}))
    made = settings_of_one(f"http://127.0.0.1:{port}/box.asmx", wsdl=str(contract), expose=["*"], limit={"fixed": 4})
    made["backends"]["box"]["operations"] = {**RULES, "ReserveTickets": {"confirm": {"operation": "GetOrder"}}}

    def backend(work_ms: int) -> Program:
        argv = [sys.executable, "-m", "tests.scenarios.frail_backend", str(port), "--work-ms", str(work_ms)]
        program = Program(argv, name="backend")
        program.wait_port(port)
        return program

    async def buys(who: str) -> Response:
        call = posting("/box/json/ReserveTickets", json.dumps({"who": who}).encode(), ("X-Call", who))
        return await ask(sidecar.url, call)

    async with SidecarProcess(made, tmp_path) as sidecar:
        await asyncio.to_thread(sidecar.wait_line, '"event":"indexed"')
        with backend(work_ms=400) as slow:
            flying = spawn(buys("ada"), "a purchase")
            await asyncio.to_thread(_until_executed, port, "ada")
            slow.kill()
            killed = await flying
        away = await buys("bob")
        with backend(work_ms=0) as frozen:
            assert (await buys("cyd")).state == "ok"
            frozen.send_signal(signal.SIGSTOP)
            hangs = await buys("dan")
            frozen.send_signal(signal.SIGCONT)
            assert (await buys("eve")).state == "ok"
            assert {"cyd", "eve"} <= set(_executed(port)) <= {"cyd", "dan", "eve"}, "bob's was never there"
        assert said(killed) in (("outcome_unknown", "reset", "unknown"), ("outcome_unknown", "closed", "unknown"))
        assert said(away) == ("backend_unreachable", "refused", "no")
        assert said(hangs) == ("outcome_unknown", "timeout", "unknown")
        assert [each.json().get("links") for each in (killed, away, hangs)] == [CONFIRM, None, CONFIRM]
        nothing_is_wrong(sidecar)


def settings_of_one(url: str, **more: Any) -> dict[str, Any]:
    return {"backends": {"box": {**BACKEND, "url": url, **more}}}


def _until_executed(port: int, who: str) -> None:
    while who not in _executed(port):
        pass


def _executed(port: int) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/_journal")
        names: list[str] = json.loads(connection.getresponse().read())["executed"]
        return names
    finally:
        connection.close()


async def test_a_caller_who_hangs_up(house: tuple[Box, SidecarProcess]) -> None:
    """What he wrote was done once, and what he asked for is kept for whoever comes next."""
    box, _ = house
    gate = Gate()
    wrote, read = len(box.asked("Reserve")), len(box.asked("GetKept"))
    with (
        box.doing("Reserve", answer(replying("Reserve", 2), gate=gate)),
        box.doing("GetKept", answer(replying("GetKept", "for all"), gate=gate)),
    ):
        for operation, body in (("Reserve", b'{"iEvent": 900}'), ("GetKept", b'{"iEvent": 900}')):
            async with Client.to(box.url) as caller:
                await caller.send(posting(f"/box/json/{operation}", body))
                await asyncio.to_thread(box.came, operation, (wrote if operation == "Reserve" else read) + 1)
        gate.open()
        kept = await box.post("GetKept", {"iEvent": 900})
    assert data(kept) == {"GetKeptResult": "for all"}
    assert len(box.asked("GetKept")) == read + 1
    (purchase,) = box.asked("Reserve")[wrote:]
    assert purchase.executed


# --- what comes back

_GOOD: Final = replying("GetNote", "done").body


def _listed(count: int) -> Reply:
    numbers = "<int>1</int>" * count
    return replying("GetNumbers", numbers)


REPLIES: Final[dict[str, tuple[Reply, str]]] = {
    "html": (html(), "html"),
    "html and 500": (html(500), "html"),
    "empty": (reply_of(b""), "empty"),
    "no envelope": (reply_of("<ok/>"), "root"),
    "another operation's": (replying("GetOther"), "root"),
    "an empty body": (reply_of(envelope("")), "root"),
    "cut": (reply_of(_GOOD[:-20]), "truncated"),
    "json": (reply_of(b'{"a": 1}', content_type="application/json"), "not_xml"),
    "gzip, unasked": (gzipped(_GOOD), "not_xml"),
    "not utf-8": (reply_of(_GOOD.replace(b"done", b"d\xf3ne")), "not_xml"),
    "two charsets": (reply_of(b'<?xml version="1.0" encoding="iso-8859-1"?>' + _GOOD), "not_xml"),
    "with attachments": (
        reply_of(
            b"--b\r\nContent-Type: application/xop+xml\r\n\r\n" + _GOOD + b"\r\n--b--\r\n",
            content_type='multipart/related; boundary=b; type="application/xop+xml"',
        ),
        "not_xml",
    ),
    "a redirect": (reply_of(b"", 302, headers=[("Location", "file:///etc/passwd")]), "http"),
    "longer than is read": (huge(17 * 1024 * 1024), "too_large"),
}


@pytest.mark.parametrize("name", REPLIES)
async def test_a_reply_that_is_none(box: Box, name: str) -> None:
    """Told as the backend's failure; it confirms nothing, whatever its status was."""
    reply, reason = REPLIES[name]
    with box.doing("GetNote", reply), box.doing("Reserve", reply):
        read = await box.post("GetNote", {"sNote": "a"})
        wrote = await box.post("Reserve", {"iEvent": 1})
    problem(read, "backend_bad_reply", 502)
    assert said(read) == ("backend_bad_reply", reason, "no")
    assert said(wrote)[0::2] == ("backend_bad_reply", "unknown")
    assert wrote.json()["links"] == CONFIRM


async def test_a_reply_in_another_charset_is_read(box: Box) -> None:
    """Where it says which."""
    text = '<?xml version="1.0" encoding="utf-8"?>' + _GOOD.decode().replace("done", "Grüße ☃")
    with box.doing("GetNote", utf16(text)):
        assert data(await box.post("GetNote")) == {"GetNoteResult": "Grüße ☃"}


async def test_a_reply_of_a_million_elements(box: Box) -> None:
    """It is refused before it is read; 16 MB of it hold nobody up, and a purchase is not doubted for it."""
    with box.doing("GetNumbers", _listed(1_000_000)):
        response, other = await asyncio.gather(box.post("GetNumbers"), box.post("GetNote"))
    assert said(response) == ("backend_bad_reply", "too_large", "no")
    assert data(other) == {"GetNoteResult": "done"}
    with box.doing("GetNumbers", _listed(20_000)):
        assert len(data(await box.post("GetNumbers"))["GetNumbersResult"]["int"]) == 20_000
    many = f'<ReserveResponse xmlns="{env.NS}">{"<a/>" * 250_000}<ReserveResult>2</ReserveResult></ReserveResponse>'
    with box.doing("Reserve", reply_of(envelope(many))):
        assert said(await box.post("Reserve")) == ("backend_bad_reply", "too_large", "yes")


RPC_REPLIES: Final[dict[str, tuple[Reply, str]]] = {
    "html": (html(), "html"),
    "empty": (reply_of(b""), "empty"),
    "another root": (reply_of(b"<a/>"), "root"),
    "cut": (reply_of(rpc_reply("<int>1</int>")[:-20]), "truncated"),
    "gzip, unasked": (gzipped(rpc_reply("<int>1</int>")), "not_xml"),
    "not utf-8": (reply_of(rpc_reply("<string>d</string>").replace(b"d<", b"d\xf3<")), "not_xml"),
    "a million elements": (
        reply_of(rpc_reply("<array><data>" + "<value><int>1</int></value>" * 500_000 + "</data></array>")),
        "too_large",
    ),
}


@pytest.mark.parametrize("name", RPC_REPLIES)
async def test_an_xmlrpc_reply_that_is_none(box: Box, name: str) -> None:
    """The same, in the other protocol."""
    reply, reason = RPC_REPLIES[name]
    with box.doing("getSeats", reply), box.doing("buy", reply):
        read = await box.post("getSeats", {"event": 1}, at="rpc")
        wrote = await box.post("buy", [1], at="rpc")
    problem(read, "backend_bad_reply", 502)
    assert said(read) == ("backend_bad_reply", reason, "no")
    assert said(wrote) == ("backend_bad_reply", reason, "yes" if reason == "too_large" else "unknown")


# --- what the backend says is wrong

GONE: Final = f'<SeatsGone xmlns="{env.NS}"><Left>1</Left><Row>A</Row></SeatsGone>'
FAULTS: Final = {
    "soap11": (reply_of(env.soap11_fault(text="The seats are gone", detail=GONE), 500), "Server"),
    "soap12": (
        reply_of(env.soap12_fault(text="The seats are gone", detail=GONE), 500, content_type=SOAP12),
        "Receiver",
    ),
}


@pytest.mark.parametrize("version", FAULTS)
async def test_a_fault_is_a_problem_with_its_declared_detail(box: Box, version: str) -> None:
    """As the contract types it: an integer is one, a list of one is a list."""
    reply, code = FAULTS[version]
    with box.doing("Reserve", reply):
        body = problem(await box.post("Reserve", {"iEvent": 1}), "backend_fault", 502)
    assert body["fault"] == {
        "code": code,
        "text": "The seats are gone",
        "detail": {"SeatsGone": {"Left": 1, "Row": ["A"]}},
    }
    assert (body["executed"], body["links"]) == ("unknown", CONFIRM)


async def test_a_fault_that_blames_the_caller(box: Box) -> None:
    """Nothing was done, and he has to mend it."""
    with box.doing("Reserve", reply_of(env.soap11_fault("soap:Client", "No session"), 500)):
        body = problem(await box.post("Reserve", {"iEvent": 1}), "backend_fault", 400)
    assert (body["executed"], body["retry"]["how"], body["fault"]["text"]) == ("no", "fix", "No session")


async def test_a_stack_trace_is_told_to_whom_it_is_meant_for(box: Box) -> None:
    """Stripped, unless the settings say otherwise."""
    with box.doing("GetNote", reply_of(env.soap11_fault(text=TRACE), 500)):
        stripped = await box.post("GetNote")
        whole = await box.post("GetNote", at="told")
    assert stripped.json()["fault"]["text"] == "System.InvalidOperationException: No such seat"
    assert b"Box.cs" not in stripped.raw
    assert "Box.cs:line 42" in whole.json()["fault"]["text"]


async def test_a_fault_that_a_rule_names_is_the_businesss_no(box: Box) -> None:
    """409, and what the backend said stands in it; over XML-RPC, where its status is 200, too."""
    text = "Performance 7 is not on sale"
    with (
        box.doing("Reserve", reply_of(env.soap11_fault(text=text), 500)),
        box.doing("buy", reply_of(rpc_fault(4, text))),
    ):
        body = problem(await box.post("Reserve", {"iEvent": 7}), "business_no", 409)
        assert (body["fault"], body["executed"], body["retry"]) == (
            {"code": "Server", "text": text},
            "no",
            {"how": "never"},
        )
        assert problem(await box.post("buy", [7], at="rpc"), "business_no", 409)["fault"] == {"code": 4, "text": text}


async def test_an_xmlrpc_fault_is_a_problem(box: Box) -> None:
    """Nobody knows whose it is: of what may change something, the outcome is unknown."""
    with box.doing("buy", reply_of(rpc_fault(17, "No seats"))), box.doing("getSeats", reply_of(rpc_fault(17, "No"))):
        wrote = problem(await box.post("buy", [7], at="rpc"), "backend_fault", 502)
        read = problem(await box.post("getSeats", {"event": 1}, at="rpc"), "backend_fault", 502)
    assert (wrote["fault"], wrote["executed"]) == ({"code": 17, "text": "No seats"}, "unknown")
    assert (read["fault"], read["executed"]) == ({"code": 17, "text": "No"}, "no")


async def test_results_that_rules_name(box: Box) -> None:
    """None is `sold_out`, fewer than asked is `partial`; both with what the backend said."""
    with box.doing("Reserve", replying("Reserve", 0)):
        body = problem(await box.post("Reserve", {"iNumberOfSeats": 4}), "sold_out", 409)
        assert (body["data"], body["executed"], body["retry"]["how"]) == ({"ReserveResult": 0}, "no", "never")
    with box.doing("Reserve", replying("Reserve", 3)):
        fewer = await box.post("Reserve", {"iNumberOfSeats": 4})
        assert (data(fewer), said(fewer)[0::2]) == ({"ReserveResult": 3}, ("partial", "yes"))
        assert said(await box.post("Reserve", {"iNumberOfSeats": 3})) == ("ok", None, "yes")


# --- by GET, for browsers and what is before us


async def test_a_safe_operation_by_get_is_kept_by_browsers(box: Box) -> None:
    """With a tag and a time, private unless the settings say otherwise; whoever has it gets 304, and nobody asks the backend."""
    await box.get("/box/json/GetPublic?iEvent=1")
    kept = await box.get("/box/json/GetPublic?iEvent=1")
    assert (kept.state, kept.header("Cache-Control")) == ("cached", "public, max-age=5")
    assert kept.header("Age") is not None
    tag = kept.header("ETag")
    assert tag is not None
    again = await box.get("/box/json/GetPublic?iEvent=1", ("If-None-Match", f'"other", {tag}'))
    assert (again.status, again.body, again.header("ETag")) == (304, b"", tag)
    assert again.header("Cache-Control") == "public, max-age=5"
    head = await box.get("/box/json/GetPublic?iEvent=1", method="HEAD")
    assert (head.status, head.body, head.header("ETag")) == (200, b"", tag)
    assert head.header("Content-Length") == str(len(kept.body))
    assert (await box.get("/box/json/GetKept?iEvent=1")).header("Cache-Control") == "private, max-age=3600"
    assert (await box.get("/box/json/GetNote?sNote=a%26b")).header("Cache-Control") == "private, no-cache"
    assert b"<sNote>a&amp;b</sNote>" in flat(box.asked("GetNote")[-1].body)
    assert len([each for each in box.asked("GetPublic") if b">1<" in each.body]) == 1


async def test_what_may_change_something_is_not_read(box: Box) -> None:
    """A link, an image, a prefetch: none of them buys."""
    before = len(box.asked("Reserve"))
    for method in ("GET", "HEAD"):
        response = await box.get("/box/json/Reserve?iEvent=1", method=method)
        assert (response.status, response.header("Allow")) == (405, "POST")
    assert len(box.asked("Reserve")) == before


async def test_a_stale_answer_is_stale_to_everybody(box: Box) -> None:
    """While the backend is away no cache takes it for fresh; of what stands in for an answer nobody keeps anything."""
    assert (await box.get("/box/json/GetOld?iEvent=1")).header("Cache-Control") == "private, max-age=2"
    with box.doing("GetOld", cut(Point.HEAD)):
        while (stale := await box.get("/box/json/GetOld?iEvent=1")).state == "cached":  # within its 10 ms
            pass
    assert said(stale) == ("stale", "backend-slow", "no")
    assert stale.json()["freshness"] == {"reason": "backend-slow"}
    age, limit = stale.header("Age"), (stale.header("Cache-Control") or "").rpartition("max-age=")[2]
    assert age is not None
    assert int(age) >= int(limit), "a cache before us would give it as fresh"
    with box.doing("GetStandIn", html()):
        fallback = await box.get("/box/json/GetStandIn")
    assert (said(fallback)[0], fallback.header("Cache-Control")) == ("fallback", "no-store")


# --- one answer for all who ask the same


async def test_all_dialects_share_one_answer(box: Box) -> None:
    """Whoever asks first; each is told in his own words, and the backend once."""
    asked = len(box.asked("GetKept"))
    with box.doing("GetKept", replying("GetKept", "for &amp; all")):
        first = await box.post("GetKept", {"iEvent": 41})
        soap11, soap12, asmx = [
            await ask(box.url, make("GetKept", {"iEvent": 41}).raw("/box"))
            for make in (env.soap11, env.soap12, env.asmx_get)
        ]
        by_get = await box.get("/box/json/GetKept?iEvent=41")
    assert (first.state, *(each.state for each in (soap11, soap12, asmx, by_get))) == ("ok", *("cached",) * 4)
    assert data(first) == data(by_get) == {"GetKeptResult": "for & all"}
    assert all(b"for &amp; all" in each.body for each in (soap11, soap12, asmx))
    assert env.SOAP11_NS.encode() in soap11.body
    assert env.SOAP12_NS.encode() in soap12.body
    assert b"<string" in asmx.body
    assert len(box.asked("GetKept")) == asked + 1


async def test_all_dialects_share_one_flight(box: Box) -> None:
    """Five who come while the backend works wait for it together, and get the same."""
    gate, asked = Gate(), len(box.asked("GetKept"))
    makers = (env.json_call, env.soap11, env.soap12, env.asmx_get, env.json_call)
    async with AsyncExitStack() as stack:
        stack.enter_context(box.doing("GetKept", answer(replying("GetKept", "together"), gate=gate)))
        callers = [await stack.enter_async_context(Client.to(box.url)) for _ in makers]
        for caller, make in zip(callers, makers, strict=True):
            await caller.send(make("GetKept", {"iEvent": 42}).raw("/box"))
        await asyncio.to_thread(box.came, "GetKept", asked + 1)
        for _ in range(5):
            await box.get("/.sidecar/healthz")  # whoever was before it has been read
        gate.open()
        responses = [await caller.response() for caller in callers]
    assert [each.state for each in responses] == ["ok"] * 5
    assert all(b"together" in each.body for each in responses)
    assert sum("collapsed" in (each.header("Cache-Status") or "") for each in responses) == 4
    assert len(box.asked("GetKept")) == asked + 1


async def test_after_a_restart_a_kept_answer_is_served_as_json(tmp_path: Path) -> None:
    """What a SOAP client had asked for, from the file, with the backend away."""
    with ThreadBackend() as backend:
        box = Box(backend)
        contract = tmp_path / "box.wsdl"
        contract.write_text(wsdl())
        made = settings_of_one(f"{backend.url}/box.asmx", wsdl=str(contract))
        made["store"] = f"sqlite:{tmp_path / 'state.db'}"
        async with SidecarProcess(made, tmp_path) as first:
            box.url = first.url
            assert (await box.native("GetKept", {"iEvent": 1})).state == "ok"
        async with SidecarProcess(made, tmp_path) as second:
            box.url = second.url
            await asyncio.to_thread(second.wait_line, '"event":"indexed"')
            kept = await box.get("/box/json/GetKept?iEvent=1")
            assert (kept.state, data(kept)) == ("cached", {"GetKeptResult": "done"})
            nothing_is_wrong(second)
        assert len(box.asked("GetKept")) == 1


# --- purchases under a key


async def test_a_purchase_under_a_key_is_made_once(box: Box) -> None:
    """Repeated it is told again, in whichever dialect; with another body it is refused."""
    key, asked = (KEY, "order-1"), len(box.asked("Checkout"))
    first, again = [await box.post("Checkout", {"sNote": "a"}, key) for _ in range(2)]
    assert (first.state, again.state) == ("ok", "replayed")
    assert data(first) == data(again) == {"CheckoutResult": 4711}
    native = await ask(box.url, env.soap11("Checkout", {"sNote": "a"}).raw("/box", headers=(key,)))
    assert (native.state, b"4711" in native.body) == ("replayed", True)
    assert said(await box.post("Checkout", {"sNote": "b"}, key)) == ("key_reused", None, "no")
    assert len(box.asked("Checkout")) == asked + 1
    assert box.asked("Checkout")[-1].header("content-type") is not None


async def test_what_became_of_a_purchase_is_told_in_json(box: Box) -> None:
    """While it runs, when it is done, where nobody knows: to whoever shows its key."""
    key, gate = (KEY, "order-2"), Gate()
    asked = len(box.asked("Checkout"))
    with box.doing("Checkout", answer(replying("Checkout", 5), gate=gate)):
        async with Client.to(box.url) as first:
            await first.send(posting("/box/json/Checkout", b'{"sNote": "c"}', key))
            await asyncio.to_thread(box.came, "Checkout", asked + 1)
            running = problem(await box.post("Checkout", {"sNote": "c"}, key), "in_progress", 409)
            place = running["links"]["poll"]
            assert problem(await box.get(place, key), "in_progress", 409)["links"] == {"poll": place}
            gate.open()
            assert data(await first.response()) == {"CheckoutResult": 5}
    told = await box.get(place, key, ("Accept", "application/json"))
    assert (told.status, told.header("Content-Type"), told.json()["executed"]) == (200, "application/json", "yes")
    assert told.json()["first"] == {"state": "ok", "reason": None, "status": 200}
    assert (await box.get(place)).state == "not_found"


async def test_a_purchase_that_was_lost(box: Box) -> None:
    """Its caller is told where to ask what became of it, and asking again under the key does not buy again."""
    key, asked = (KEY, "order-3"), len(box.asked("Checkout"))
    with box.doing("Checkout", cut(Point.BODY)):
        lost, again = [problem(await box.post("Checkout", {"sNote": "d"}, key), "outcome_unknown", 504) for _ in "12"]
    assert lost["links"] == again["links"]
    assert lost["links"].keys() == {"poll", "confirm"}
    assert problem(await box.get(lost["links"]["poll"], key), "outcome_unknown", 504)["executed"] == "unknown"
    assert len(box.asked("Checkout")) == asked + 1


# --- what stands in for an answer


async def test_a_stand_in_is_said_in_every_dialect(box: Box) -> None:
    """An operator's JSON, as the contract has it: read by pages and by SOAP clients."""
    with box.doing("GetStandIn", html()):
        page = await box.post("GetStandIn")
        native = await box.native("GetStandIn")
        newer = await ask(box.url, env.soap12("GetStandIn").raw("/box"))
    assert (page.state, data(page), native.state) == ("fallback", {"GetStandInResult": 7}, "fallback")
    assert said(page) == ("fallback", "backend_bad_reply", "no")
    for response, namespace in ((native, env.SOAP11_NS), (newer, env.SOAP12_NS)):
        assert namespace.encode() in response.body
        assert b"GetStandInResult>7</" in response.body


async def test_a_stand_in_that_does_not_fit_the_contract(house: tuple[Box, SidecarProcess]) -> None:
    """Callers get the failure itself, the operator a line that says what is wrong with his."""
    box, sidecar = house
    with box.doing("GetMisfit", html()):
        assert said(await box.post("GetMisfit")) == ("backend_bad_reply", "html", "no")
        assert (await box.native("GetMisfit")).state == "backend_bad_reply"
    assert "GetMisfitResult" in sidecar.wait_line('"event":"fallback_unsaid".*').string


# --- pages of other origins


async def test_the_shops_pages_call_and_read(box: Box) -> None:
    """Allowed before they ask, and every word of a failure is theirs to read."""
    asks = (
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type, idempotency-key"),
    )
    allowed = await box.get("/box/json/Reserve", ("Origin", SHOP), *asks, method="OPTIONS")
    assert (allowed.status, allowed.header("Access-Control-Allow-Origin")) == (204, SHOP)
    assert "POST" in (allowed.header("Access-Control-Allow-Methods") or "")
    assert {"content-type", "idempotency-key"} <= {
        each.strip().lower() for each in (allowed.header("Access-Control-Allow-Headers") or "").split(",")
    }
    readable(await box.post("GetNote", {"sNote": "a"}, ("Origin", SHOP)))
    wrong = await box.post("Reserve", {"iEvent": "x", "iEvnt": 1}, ("Origin", SHOP))
    readable(wrong)
    assert {each["pointer"] for each in problem(wrong, "invalid_params", 400)["errors"]} == {"/iEvent", "/iEvnt"}
    with box.doing("Reserve", html()):
        readable(await box.post("Reserve", {}, ("Origin", SHOP)))


async def test_a_strangers_page_cannot_write_or_read(box: Box) -> None:
    """Not with JSON, not as a form, not as the plain text that needs no leave."""
    before = len(box.asked("Reserve"))
    foreign = await box.post("Reserve", {"iEvent": 1}, ("Origin", STRANGER))
    problem(foreign, "origin_denied", 403)
    unreadable(foreign)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""):
        for origin in (STRANGER, SHOP):
            sent = await box.post("Reserve", {"iEvent": 1}, ("Content-Type", kind), ("Origin", origin))
            assert sent.state in ("unsupported_media", "origin_denied"), (kind, origin)
    unreadable(await box.post("GetNote", {"sNote": "a"}, ("Origin", STRANGER)))
    assert len(box.asked("Reserve")) == before


# --- settings change


async def test_settings_change_while_pages_call(tmp_path: Path) -> None:
    """Nobody's call fails; what is exposed and how it is shown is as the new settings say, of kept answers, too."""
    with opened(tmp_path) as (box, sidecar):
        sidecar.wait_line('"event":"indexed"')
        over, states = asyncio.Event(), list[str | None]()

        async def calls() -> None:
            async with Client.to(box.url) as client:
                while not over.is_set():
                    states.append((await client.exchange(posting("/box/json/GetSeats", b'{"iEvent": 1}'))).state)

        async with asyncio.TaskGroup() as group:
            group.create_task(calls())
            assert data(await box.post("GetKept", {"iEvent": 1})) == {"GetKeptResult": "done"}
            assert data(await box.post("Reserve")) == {"ReserveResult": 2}
            whole = json.loads(sidecar.config.read_text("utf-8"))
            whole["backends"]["box"] |= {"expose": ["Get*"], "json": {"camel_case": True, "flatten": True}}
            sidecar.config.write_text(json.dumps(whole), "utf-8")
            sidecar.send_signal(signal.SIGHUP)
            await asyncio.to_thread(sidecar.wait_line, '"event":"config_reloaded"')
            seen = len(states)
            await until(lambda: len(states) > seen + 3)
            assert data(await box.post("GetKept", {"iEvent": 1})) == {"getKeptResult": "done"}
            assert data(await box.post("GetSeats", {"iEvent": 1})) == {
                "getSeatsResult": [{"@row": "A", "number": 1, "price": "12.50"}]
            }
            assert said(await box.post("Reserve")) == ("operation_denied", "expose", "no")
            assert "/box/json/Reserve" not in (await box.get("/box/openapi.json")).json()["paths"]
            over.set()
        assert set(states) == {"ok"}
        nothing_is_wrong(sidecar)
