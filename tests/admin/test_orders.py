"""An order over HTTP: what is refused before it is read, what is said of it, and that it is carried out once, whoever hangs up."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.admin import orders
from sidecar.admin.orders import BODY_BYTES, BODY_S, MOST
from sidecar.control import Order, OrderError, Verdict
from tests.admin.office import TOKEN, open_office, until

if TYPE_CHECKING:
    from tests.admin.office import Office

SET = {"backend": "tickets", "value": 8, "for": "10m"}
HEAD = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


async def test_an_order_is_carried_out_and_audited(office: Office) -> None:
    """The app gets it whole, its giver the verdict with its facts, the audit a line."""
    said = await office.order("limit/set", SET)
    assert (said.status, said.json()) == (200, {"v": 1, "more": 1, "ok": True, "text": "done"})
    assert office.control.orders == [Order("limit", "set", {"backend": "tickets", "value": 8}, "alice", "tests", 600.0)]
    assert office.audit() == [
        {
            "actor": "alice",
            "reason": "tests",
            "noun": "limit",
            "verb": "set",
            "arguments": {"backend": "tickets", "value": 8, "for_s": 600.0},
            "ok": True,
            "text": "done",
            "peer": "127.0.0.1",
        }
    ]


@pytest.mark.parametrize(("given", "noted"), [("4711", "***"), ("", "")])
async def test_what_a_customer_typed_is_not_in_the_audit(office: Office, given: str, noted: str) -> None:
    """Whom an operator looked for by the value of a parameter the app is told; the audit says that he did."""
    await office.order("queue/list", {"param": given, "actor": "alice", "reason": "he rang"})
    assert office.control.orders[0].arguments["param"] == given
    [entry] = office.audit()
    assert entry["arguments"]["param"] == noted


@pytest.mark.parametrize(
    ("changed", "pointer", "code"),
    [
        ({"for": None}, "/for", "missing"),
        ({"for": "25h"}, "/for", "range"),
        ({"for": None, "until": "2026-11-30T00:00:00Z"}, "/until", "past"),
        ({"for": None, "until": "2026-12-05T00:00:00Z"}, "/until", "range"),
        ({"for": None, "until": "2026-12-01T10:00:00"}, "/until", "zone"),
        ({"backend": "ticket"}, "/backend", "unknown"),
        ({"actor": ""}, "/actor", "missing"),
    ],
)
async def test_what_is_not_understood_changes_nothing(
    office: Office, changed: dict[str, Any], pointer: str, code: str
) -> None:
    """400 with where and why; the audit has the attempt, the app never hears of it."""
    body = {key: value for key, value in {**SET, **changed}.items() if value is not None}
    said = await office.order("limit/set", body)
    assert said.status == 400
    assert said.json()["code"] == "not_understood"
    assert [(each["pointer"], each["code"]) for each in said.json()["errors"]] == [(pointer, code)]
    assert office.control.orders == []
    [entry] = office.audit()
    assert (entry["ok"], entry["text"]) == (False, f"not understood: {pointer} {code}")


async def test_an_actor_that_is_no_text_stays_out_of_the_audit(office: Office) -> None:
    """An entry holds texts."""
    await office.order("limit/set", {**SET, "actor": {"a": 1}})
    assert office.audit()[0]["actor"] == ""


async def test_a_name_of_old_settings_is_found_in_the_status(office: Office) -> None:
    """`config use` takes the ids that the status shows."""
    assert (await office.order("config/use", {"id": "a0a0a0a0a0a0"})).status == 200
    said = await office.order("config/use", {"id": "a0a0a0a0a0a1"})
    assert "did you mean a0a0a0a0a0a0?" in said.json()["text"]


async def test_what_cannot_be_done(office: Office) -> None:
    """409 with the app's own words."""

    def refuse(_order: Order) -> Verdict:
        raise OrderError("nothing to clear")

    office.control.verdict = refuse
    said = await office.order("limit/clear", {"backend": "tickets"})
    assert (said.status, said.json()["code"], said.json()["text"]) == (409, "cannot_be_done", "nothing to clear")
    assert office.audit()[0]["ok"] is False


async def test_what_was_tried_and_failed(office: Office) -> None:
    """422 with the facts of the verdict: a script must not take a failed reload for a success."""
    office.control.verdict = lambda _: Verdict(
        False, "1 error", {"errors": [{"line": 3}], "code": 7, "remedy": "mend it"}
    )
    said = await office.order("config/reload", {})
    assert said.status == 422
    assert said.json() == {
        "v": 1,
        "ok": False,
        "status": 422,
        "code": "failed",
        "text": "1 error",
        "remedy": "mend it",
        "errors": [{"line": 3}],
    }
    assert office.audit()[0]["text"] == "1 error"


async def test_an_error_of_our_own(office: Office) -> None:
    """Its giver learns nothing of it but where to look; the log has it, and the next order works."""

    def stumble(_order: Order) -> Verdict:
        raise RuntimeError("a secret of the machine")

    office.control.verdict = stumble
    said = await office.order("limit/set", SET)
    assert (said.status, said.json()["code"]) == (500, "internal")
    assert b"secret" not in said.raw
    assert isinstance(office.log.named("bug")[0]["error"], RuntimeError)
    assert office.audit()[0]["ok"] is False
    office.control.verdict = lambda _: Verdict(True, "done")
    assert (await office.order("limit/set", SET)).status == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "not_json"),
        (b"[1]", "not_json"),
        (b"\xff", "not_json"),
        (b'"x"', "not_json"),
        (b"[" * 60_000, "not_json"),
        (b"", "not_understood"),
        (b"{}", "not_understood"),
    ],
)
async def test_bodies_that_are_no_order(office: Office, body: bytes, code: str) -> None:
    """No object, no order."""
    said = await office.ask("POST", "/admin/v1/limit/set", HEAD, body)
    assert (said.status, said.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "", "text/json"],
)
async def test_a_form_is_no_order(office: Office, content_type: str) -> None:
    """What a page can post without asking first is refused unread, whatever token it shows."""
    said = await office.ask("POST", "/admin/v1/limit/set", {**HEAD, "Content-Type": content_type}, b"a=1")
    assert (said.status, said.json()["code"]) == (415, "unsupported_media")
    assert office.control.orders == []


async def test_json_may_say_its_charset_and_may_not_be_packed(office: Office) -> None:
    """UTF-8 is the only one; a packed body may be anything's size."""
    body = json.dumps({"actor": "alice", "reason": "x", **SET}).encode()
    said = await office.ask(
        "POST", "/admin/v1/limit/set", {**HEAD, "Content-Type": "application/json; charset=utf-8"}, body
    )
    assert said.status == 200
    said = await office.ask("POST", "/admin/v1/limit/set", {**HEAD, "Content-Encoding": "gzip"}, body)
    assert said.status == 415


async def test_a_huge_body_is_refused_unread(office: Office) -> None:
    """By its length before a byte of it, and by count where the length is not said; the connection is closed."""
    async with office.client() as client:
        await client.send(
            office.request("POST", "/admin/v1/limit/set", {**HEAD, "Content-Length": str(BODY_BYTES + 1)})
        )
        said = await client.response()
        assert (said.status, said.json()["code"], said.header("Connection")) == (413, "too_large", "close")
    async with office.client() as client:
        head = office.request(
            "POST", "/admin/v1/limit/set", {**HEAD, "Content-Length": "", "Transfer-Encoding": "chunked"}
        )
        await client.send(head)
        await client.send_pieces(b"4000\r\n" + b"x" * 0x4000 + b"\r\n" for _ in range(5))
        assert (await client.response()).status == 413
    assert office.control.orders == []


async def test_a_body_of_just_the_size_is_read(office: Office) -> None:
    """The bound belongs to the range."""
    body = b'{"x": "' + b"y" * (BODY_BYTES - 9) + b'"}'
    assert len(body) == BODY_BYTES
    said = await office.ask("POST", "/admin/v1/limit/set", HEAD, body)
    assert said.status == 400


@pytest.mark.virtual
@pytest.mark.parametrize(("gap_s", "status"), [(0, 400), (1, 408)])
async def test_a_broken_chunk(gap_s: float, status: int) -> None:
    """A body that is wrongly framed is nobody's order; where it comes after its head, it never comes."""
    async with open_office() as office, office.client() as client:
        head = office.request(
            "POST", "/admin/v1/limit/set", {**HEAD, "Content-Length": "", "Transfer-Encoding": "chunked"}
        )
        pieces = [head, b"zz\r\n"] if gap_s else [head + b"zz\r\n"]
        await client.send_pieces(pieces, gap_s=gap_s)
        assert (await client.response(within_s=60)).status == status
        assert office.control.orders == []


@pytest.mark.virtual
async def test_a_slow_body_is_not_waited_for() -> None:
    """A byte now and then keeps no connection for longer than an order takes."""
    async with open_office() as office, office.client() as client:
        loop = asyncio.get_running_loop()
        await client.send(office.request("POST", "/admin/v1/limit/set", {**HEAD, "Content-Length": "100"}))
        began = loop.time()
        said = None
        for _ in range(100):
            await client.send(b"{")
            if await client.bytes_within(1.0):
                said = await client.response()
                break
        assert said is not None
        assert (said.status, said.json()["code"], said.header("Connection")) == (408, "body_timeout", "close")
        assert loop.time() - began == pytest.approx(BODY_S, abs=1.1)
        assert office.control.orders == []


async def test_expect_100_is_answered_once_the_token_is_seen(office: Office) -> None:
    """Curl and .NET wait for it; who has no token gets his 401 instead."""
    async with office.client() as client:
        body = json.dumps({"actor": "alice", "reason": "x", **SET}).encode()
        head = office.request(
            "POST", "/admin/v1/limit/set", {**HEAD, "Expect": "100-continue", "Content-Length": str(len(body))}
        )
        await client.send(head)
        assert (await client.bytes_within(5)).startswith(b"HTTP/1.1 100 ")
        await client.send(body)
        assert (await client.response()).status == 200


async def test_what_was_begun_goes_on_when_its_giver_hangs_up(office: Office) -> None:
    """A reload is not broken off half-way by a Ctrl-C; the audit says what came of it."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def reload() -> Verdict:
        begun.set()
        await may_end.wait()
        return Verdict(True, "reloaded")

    office.control.verdict = lambda _: reload()
    async with office.client() as client:
        await client.send(office.request("POST", "/admin/v1/config/reload", HEAD, b'{"actor": "alice"}'))
        await begun.wait()
        client.rst()
    [server] = office.listener._servers
    await until(lambda: not server.connections)
    may_end.set()
    await until(office.audit)
    assert office.audit()[0]["text"] == "reloaded"


async def test_orders_under_way_are_bounded(office: Office) -> None:
    """One reload that hangs gathers no crowd behind it; afterwards there is room again."""
    may_end = asyncio.Event()

    async def reload() -> Verdict:
        await may_end.wait()
        return Verdict(True, "reloaded")

    office.control.verdict = lambda _: reload()
    clients = []
    try:
        for _ in range(MOST):
            client = office.client()
            await client.open()
            clients.append(client)
            await client.send(office.request("POST", "/admin/v1/config/reload", HEAD, b'{"actor": "alice"}'))
        await until(lambda: len(office.control.orders) == MOST)
        said = await office.order("config/reload", {})
        assert (said.status, said.json()["code"]) == (503, "busy")
        may_end.set()
        for client in clients:
            assert (await client.response()).status == 200
        assert (await office.order("config/reload", {})).status == 200
    finally:
        for client in clients:
            await client.close()


async def test_no_limit_of_the_body_is_an_accident() -> None:
    """64 KiB, as the documents say."""
    assert orders.BODY_BYTES == 64 * 1024
