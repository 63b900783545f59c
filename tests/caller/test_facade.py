"""The facade stage: JSON in, a native request further in, JSON out; what is not exposed, wrong or unreadable has its state."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sidecar import pipeline
from sidecar.jsonview import entity_tag
from sidecar.model import Received, Refusal
from sidecar.plan import FallbackPlan, LimitsPlan, OperationPlan, Plan
from tests.support.people import Said, cached, reply
from tests.support.world import REFUSED, RESET, SAFE, UNSAFE, Scene, settle, tickets

if TYPE_CHECKING:
    from sidecar.model import Failed

pytestmark = pytest.mark.virtual

JSON = ("Content-Type", "application/json")
FAULT = reply(b"<fault/>", status=500)


class Pages:
    """A page that calls `GetSeats` (safe) and `Reserve` in JSON."""

    def __init__(self, read: OperationPlan = SAFE, write: OperationPlan = UNSAFE, **backend: Any) -> None:
        limits = backend.pop("limits", LimitsPlan())
        backend.setdefault("expose", ("*",))
        self.scene = Scene(tickets(operations=(read, write), **backend), Plan(limits=limits))
        self.road = pipeline.build(self.scene.plan, self.scene.world)

    async def called(
        self,
        operation: str,
        said: object = None,
        *headers: tuple[str, str],
        by: Received | Failed | None = None,
        method: str = "POST",
        query: str = "",
    ) -> Said:
        """Call an operation; the backend answers `by`, if it is asked."""
        self.scene.upstream.auto = lambda _: by or reply()
        body = json.dumps({} if said is None else said).encode() if method == "POST" else b""
        target = f"/tickets/json/{operation}" + (f"?{query}" if query else "")
        lines = (JSON, *headers) if method == "POST" else headers
        exchange = self.scene.exchange(body, method=method, target=target, headers=lines)
        try:
            return Said(await self.road(exchange))
        finally:
            if exchange.account is not None:
                exchange.account.close()
            await settle()

    async def got(self, operation: str, query: str = "", *headers: tuple[str, str], by: Any = None) -> Said:
        """Ask by GET."""
        return await self.called(operation, None, *headers, by=by, method="GET", query=query)

    @property
    def asks(self) -> list[Any]:
        """What the backend got."""
        return self.scene.upstream.asks


async def test_a_call_in_json_is_a_native_one_to_the_backend() -> None:
    """Its own words are written, its content lines are the protocol's, what is about JSON or the browser stays here."""
    pages = Pages()
    lines = (("Accept", "application/json"), ("Accept-Encoding", "gzip"), ("X-Tenant", "west"), ("If-None-Match", "*"))
    said = await pages.called("Reserve", {"event": 1201}, *lines)
    assert said.state == "ok;executed=yes"
    outbound = pages.asks[0].outbound
    assert (outbound.method, outbound.target, outbound.body) == ("POST", "/Tickets.asmx", b"Reserve event=1201")
    sent = {name.lower(): value for name, value in outbound.headers}
    assert (sent[b"content-type"], sent[b"soapaction"], sent[b"x-tenant"]) == (b"text/xml", b'"plain"', b"west")
    assert not sent.keys() & {b"accept", b"accept-encoding", b"if-none-match"}


async def test_a_success_has_one_shape() -> None:
    """State, category, executed, data and version; of a POST nobody keeps it."""
    said = await Pages().called("Reserve")
    assert json.loads(said.body) == {
        "state": "ok",
        "category": "ok",
        "executed": "yes",
        "data": {"said": "<ok/>"},
        "v": 1,
    }
    assert (said.header("Content-Type"), said.header("Cache-Control")) == ("application/json", "no-store")
    assert said.header("ETag") is None


async def test_what_is_said_of_a_json_body_is_not_said_of_the_native_one() -> None:
    """Its digest would be wrong, its place would be another's."""
    pages = Pages()
    names = ("Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "Content-Range", "Content-Location")
    await pages.called("Reserve", {"event": 1}, *((name, "x") for name in names))
    sent = {name.lower().decode() for name, _ in pages.asks[0].outbound.headers}
    assert not sent & {name.lower() for name in names}


async def test_what_runs_others_is_offered_only_where_all_is() -> None:
    """Each member is asked about, for a path names none of them; native callers are not concerned."""
    pages = Pages(expose=("Batch", "GetSeats"))
    pages.scene.adapter.members = {"Batch": ("GetSeats", "Reserve")}
    assert (await pages.called("Batch")).state == "operation_denied;reason=expose;executed=no"
    assert pages.asks == []
    native = pages.scene.exchange(b"Batch", headers=(("Content-Type", "text/xml"),))
    assert Said(await pages.road(native)).state == "ok;executed=yes"
    pages.scene.adapter.members = {"Batch": ("GetSeats",)}
    assert (await pages.called("Batch")).state == "ok;executed=yes"


async def test_without_expose_only_what_is_safe_is_offered() -> None:
    """And a denied operation is never, whatever else is said of it."""
    pages = Pages(expose=None, deny=("GetSecrets",))
    assert (await pages.called("GetSeats")).state == "ok;executed=yes"
    for name, why in (("Reserve", "expose"), ("Other", "expose"), ("GetSecrets", "deny"), ("getsecrets", "deny")):
        assert (await pages.called(name)).state == f"operation_denied;reason={why};executed=no"
    named = Pages(expose=("Res*",), deny=("ReserveAll",))
    assert (await named.called("GetSeats")).state == "operation_denied;reason=expose;executed=no"
    assert (await named.called("Reserve")).state == "ok;executed=yes"
    assert (await named.called("ReserveAll")).state == "operation_denied;reason=deny;executed=no"
    assert len(pages.asks) + len(named.asks) == 2


@pytest.mark.parametrize(
    ("method", "headers", "state"),
    [
        ("GET", (), "method_not_allowed"),
        ("PUT", (JSON,), "method_not_allowed"),
        ("DELETE", (), "method_not_allowed"),
        ("POST", (("Content-Type", "text/plain"),), "unsupported_media"),
        ("POST", (("Content-Type", "application/x-www-form-urlencoded"),), "unsupported_media"),
        ("POST", (), "unsupported_media"),
        ("POST", (JSON, ("Content-Encoding", "gzip")), "unsupported_media"),
    ],
)
async def test_what_a_form_or_a_link_could_send_is_refused(
    method: str, headers: tuple[tuple[str, str], ...], state: str
) -> None:
    """An operation that may change something takes JSON by POST alone: no page can make a browser send that unasked."""
    pages = Pages()
    exchange = pages.scene.exchange(b"{}", method=method, target="/tickets/json/Reserve", headers=headers)
    said = Said(await pages.road(exchange))
    assert said.state.partition(";")[0] == state
    assert pages.asks == []


async def test_the_method_that_is_right_is_named() -> None:
    """Safe operations take GET as well."""
    pages = Pages()
    assert (await pages.called("Reserve", method="GET")).header("Allow") == "POST"
    assert (await pages.called("GetSeats", method="PUT")).header("Allow") == "GET, HEAD, POST"


async def test_a_page_of_a_foreign_origin_cannot_write() -> None:
    """The same rule as for a native call, and the backend is not asked."""
    pages = Pages()
    said = await pages.called("Reserve", {}, ("Origin", "https://elsewhere.example"))
    assert said.state == "origin_denied;executed=no"
    assert pages.asks == []


async def test_what_is_wrong_is_said_before_the_backend_is_asked() -> None:
    """As the contract says it: every place, or that nobody knows the contract yet."""
    pages = Pages()
    assert (await pages.called("Reserve", [1])).state == "invalid_params;executed=no"
    pages.scene.facade.refusal = Refusal("backend_unreachable", detail="the WSDL is not read yet")
    assert (await pages.called("Reserve")).state == "backend_unreachable;executed=no"
    assert (await pages.called("Unknown")).state == "not_found;reason=path;executed=no"
    assert (await pages.called("")).state == "not_found;reason=path;executed=no"
    assert pages.asks == []


async def test_a_body_is_bounded_as_any_other() -> None:
    """Before it is read as JSON, and once more as what the backend would get."""
    pages = Pages(limits=LimitsPlan(request_body_bytes=40))
    assert (await pages.called("Reserve", {"a": "x" * 25})).state == "ok;executed=yes"
    assert (await pages.called("Reserve", {"a": "x" * 35})).state.startswith("too_large")
    assert len(pages.asks) == 1


async def test_a_fault_is_a_problem_with_what_the_backend_said() -> None:
    """Its status and effect are the grade's."""
    said = await Pages().called("Reserve", by=FAULT)
    assert (said.reply.status, said.state) == (502, "backend_fault;reason=server;executed=unknown")
    assert b'{"fault":{"text": "<fault/>"}}' in said.body


async def test_a_business_no_comes_with_its_data() -> None:
    """A reply that a rule calls a no is a failure, and what it held is told."""
    said = await Pages().called("Reserve", by=reply(b"<no/>"))
    assert (said.reply.status, said.state) == (409, "business_no;reason=fault_rule;executed=no")
    assert b'{"data":{"said": "<no/>"}}' in said.body


async def test_a_good_reply_that_cannot_be_read_is_a_bad_one() -> None:
    """It confirms nothing, so whoever wrote is told where to ask; of what is safe nothing was done."""
    pages = Pages(write=replace(UNSAFE, confirm="GetOrder"))
    said = await pages.called("Reserve", by=reply(b"<odd/>"))
    assert (said.reply.status, said.state) == (502, "backend_bad_reply;reason=root;executed=unknown")
    assert "{'confirm': '/tickets/json/GetOrder'}" in said.body.decode()
    assert (await pages.called("GetSeats", by=reply(b"<odd/>"))).state == "backend_bad_reply;reason=root;executed=no"


async def test_whoever_does_not_know_what_became_of_a_call_is_told_where_to_ask() -> None:
    """Where the settings name the operation for it; a native caller's failure names it, too."""
    pages = Pages(write=replace(UNSAFE, confirm="GetOrder"))
    link = "{'confirm': '/tickets/json/GetOrder'}"
    for by in (RESET, FAULT):
        assert link in (await pages.called("Reserve", by=by)).body.decode()
    assert "confirm':" not in (await pages.called("Reserve", by=REFUSED)).body.decode()
    assert "confirm':" not in (await pages.called("GetSeats", by=RESET)).body.decode()


async def test_json_and_native_callers_share_what_is_kept() -> None:
    """One call for both, and what is kept is read into JSON once."""
    pages = Pages(cached(ttl_s=10.0))
    native = pages.scene.exchange(b"GetSeats event=1", headers=(("Content-Type", "text/xml"),))
    pages.scene.upstream.auto = lambda _: reply(b"<ok>1</ok>")
    assert Said(await pages.road(native)).state == "ok;executed=yes"
    for _ in range(3):
        said = await pages.called("GetSeats", {"event": "1"})
        assert said.state == "cached;age=0;executed=no"
        assert json.loads(said.body)["data"] == {"said": "<ok>1</ok>"}
    assert (await pages.got("GetSeats", "event=1")).state == "cached;age=0;executed=no"
    assert (len(pages.asks), pages.scene.facade.told) == (1, [b"<ok>1</ok>"])
    pages.scene.facade.form = "another"
    await pages.called("GetSeats", {"event": "1"})
    assert len(pages.scene.facade.told) == 2, "shown in another form it is made anew"


async def test_what_is_kept_in_json_is_weighed() -> None:
    """It takes room of the store."""
    pages = Pages(cached(ttl_s=10.0))
    await pages.called("GetSeats", {"event": "1"})
    native = Pages(cached(ttl_s=10.0))
    native.scene.upstream.auto = lambda _: reply()
    await native.road(native.scene.exchange(b"GetSeats event=1", headers=(("Content-Type", "text/xml"),)))
    more = pages.scene.answers.view().held_bytes - native.scene.answers.view().held_bytes
    assert more == len(b'{"said": "<ok/>"}')


async def test_a_tag_is_that_of_the_body_beside_it() -> None:
    """Also where it was reckoned before: an answer that is kept has one body while it is new, and another from then on."""
    pages = Pages(cached(ttl_s=10.0))
    said = [await pages.got("GetSeats", "event=1") for _ in range(3)]
    assert [each.header("ETag") for each in said] == [entity_tag(each.body).decode() for each in said]
    assert len({each.header("ETag") for each in said}) == 2


async def test_by_get_it_has_a_tag_and_a_time() -> None:
    """Browsers keep it as long as it is good, whoever has it is told so with 304, and only what is public goes to caches."""
    pages = Pages(cached(ttl_s=10.0, browser_s=10.0))
    await pages.got("GetSeats", "event=1")
    first = await pages.got("GetSeats", "event=1")
    tag = first.header("ETag")
    assert tag is not None
    assert (first.reply.status, first.header("Cache-Control")) == (200, "private, max-age=10")
    assert first.header("Vary") == "Authorization, Origin"
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await pages.got("GetSeats", "event=1", ("If-None-Match", sent))
        assert (again.reply.status, again.body, again.header("ETag")) == (304, b"", tag)
        assert again.header("Content-Type") is None
        assert again.header("Sidecar-State") == "cached;age=0;executed=no"
    assert (await pages.got("GetSeats", "event=1", ("If-None-Match", '"other"'))).reply.status == 200
    public = Pages(cached(ttl_s=10.0, browser_s=3.0, public=True))
    assert (await public.got("GetSeats")).header("Cache-Control") == "public, max-age=3"
    assert (await public.got("GetSeats")).header("Vary") == "Origin"
    assert (await Pages().got("GetSeats")).header("Cache-Control") == "private, no-cache"


async def test_what_is_stale_is_so_to_whoever_keeps_it() -> None:
    """However long browsers may keep what is fresh."""
    pages = Pages(cached(ttl_s=1.0, error_s=60.0, jitter=0.0, browser_s=30.0))
    assert (await pages.got("GetSeats")).header("Cache-Control") == "private, max-age=30"
    await asyncio.sleep(2.0)
    said = await pages.got("GetSeats", by=REFUSED)
    assert said.state == "stale;age=2;reason=backend-down;executed=no"
    assert said.header("Cache-Control") == "private, max-age=0"


async def test_what_stands_in_for_an_answer_is_not_kept_by_anybody() -> None:
    """An operator's own JSON is said in the contract's words, and read back."""
    data = FallbackPlan(frozenset({"backend_unreachable"}), "data", b"<free/>")
    pages = Pages(replace(SAFE, fallback=(data,)))
    said = await pages.got("GetSeats", by=REFUSED)
    assert said.state == "fallback;reason=backend_unreachable;executed=no"
    assert json.loads(said.body)["freshness"] == {"reason": "backend_unreachable"}
    assert (said.header("Cache-Control"), said.header("Cache-Status")) == ("no-store", None)


async def test_a_stream_has_no_json() -> None:
    """What is passed on unread cannot be read."""
    said = await Pages(replace(SAFE, stream=True)).called("GetSeats")
    assert said.state == "operation_denied;reason=schema;executed=no"


def test_it_says_what_is_exposed() -> None:
    """In one line of explain."""
    assert tickets().exposed == "the safe operations"
    assert tickets(expose=("Get*", "Reserve")).exposed == "Get*, Reserve"
    assert tickets(expose=()).exposed == "nothing"
