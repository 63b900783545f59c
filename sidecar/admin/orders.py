"""Hears one order over HTTP: its form, its token, its body, what it means; has it carried out, and writes down what came of it.

Stands behind the listener's door. It answers everything that can be wrong with an order; what an order does, the app decides.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from sidecar.admin import answers, reading
from sidecar.admin.table import VEILED
from sidecar.admin.wire import peer_of
from sidecar.control import Order, OrderError, Verdict
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.admin.audit import Audit
    from sidecar.admin.table import Row
    from sidecar.control import Control
    from sidecar.ports import Clock, Log

BODY_BYTES: Final = 64 * 1024  # an order is a hundred bytes
BODY_S: Final = 10.0  # from the head to the last byte of the body
MOST: Final = 8  # under way at once: a reload that hangs must not gather others behind it without bound


class Orders:
    """`hear` is called for who has come through the door, with the row that the path names."""

    def __init__(self, control: Control, clock: Clock, log: Log, audit: Audit) -> None:
        self._control, self._clock, self._log, self._audit = control, clock, log, audit
        self._under_way = 0

    async def hear(self, row: Row, request: web.BaseRequest) -> web.Response:
        """Return what came of it."""
        body = await _body(request)
        if isinstance(body, web.Response):
            return body
        order = reading.read(row, body, self._known(), _actor(request))
        if not isinstance(order, Order):
            text = "not understood: " + "; ".join(f"{each.pointer} {each.code}" for each in order)
            actor = body.get("actor")
            actor = actor[: reading.ACTOR_CHARS] if isinstance(actor, str) else ""
            self._audit.note(row.noun, row.verb, actor=actor, ok=False, text=text, peer=peer_of(request))
            return answers.not_understood(order)
        if self._under_way >= MOST:
            return answers.problem(503, "busy", f"{MOST} orders are under way", "wait for one of them, then ask again")
        self._under_way += 1
        # Its giver may hang up; what was begun goes on to its end, and the audit says what came of it.
        return await asyncio.shield(spawn(self._carry_out(row, order, peer_of(request)), f"order {row.name}"))

    def _known(self) -> reading.Known:
        status = self._control.status()
        backends = [str(each["name"]) for each in status.get("backends", ())]
        configs = [str(each["id"]) for each in status.get("config", {}).get("history", ())]
        rooms = [str(each["name"]) for each in status.get("rooms", ())]
        held = [str(each["target"]) for each in status.get("pauses", ())]
        return reading.Known(backends, configs, self._clock.wall(), rooms, held)

    async def _carry_out(self, row: Row, order: Order, peer: str) -> web.Response:
        veiled = {each.name: VEILED for each in row.arguments if each.veiled and order.arguments[each.name]}
        note = partial(
            self._audit.note,
            order.noun,
            order.verb,
            actor=order.actor,
            reason=order.reason,
            arguments={
                **order.arguments,
                **veiled,
                **({} if order.for_s is None else {"for_s": round(order.for_s, 3)}),
                **({} if order.remind_s is None else {"remind_s": round(order.remind_s, 3)}),
            },
            peer=peer,
        )
        try:
            verdict = await self._control.carry_out(order)
        except OrderError as error:
            note(ok=False, text=str(error))
            return answers.problem(409, "cannot_be_done", str(error), "nothing has changed; look at GET /status")
        except Exception as error:  # noqa: BLE001 - whatever it is, its giver gets an answer and the audit a line
            note(ok=False, text="an error of the sidecar's own")
            self._log.event("bug", where=f"order {order.noun} {order.verb}", error=error)
            return answers.internal()
        finally:
            self._under_way -= 1
        note(ok=verdict.ok, text=verdict.text)
        return _said(verdict)


def _said(verdict: Verdict) -> web.Response:
    """Return what came of an order; one that was understood and failed (settings that are wrong) is no success for a script either."""
    if verdict.ok:
        return answers.facts({**verdict.facts, "ok": True, "text": verdict.text})
    facts = {
        key: value for key, value in verdict.facts.items() if key not in ("ok", "text", "status", "code", "remedy")
    }
    return answers.problem(
        422, "failed", verdict.text, str(verdict.facts.get("remedy", "nothing has changed")), **facts
    )


async def _body(request: web.BaseRequest) -> Mapping[str, Any] | web.Response:
    """Return the members of an order, or why there are none."""
    try:
        async with asyncio.timeout(BODY_S):
            raw = await _bytes(request)
    except TimeoutError:
        return _closing(answers.problem(408, "body_timeout", f"no body within {BODY_S:g} s", "send it at once"))
    except (web.RequestPayloadError, ConnectionError):
        return _closing(answers.problem(400, "malformed", "the body is broken off or wrongly framed", "send it again"))
    if raw is None:
        text = f"an order may have {BODY_BYTES // 1024} KiB"
        return _closing(answers.problem(413, "too_large", text, "send only what GET /admin/v1/commands lists"))
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return answers.problem(
            400, "not_json", f"the body is no JSON ({where})", 'send an object, as in {"actor": "alice"}'
        )
    if not isinstance(body, dict):
        return answers.problem(
            400, "not_json", "the body is no JSON object", 'send an object, as in {"actor": "alice"}'
        )
    return body


async def _bytes(request: web.BaseRequest) -> bytes | None:
    """Return the whole body, None where it is too large."""
    if (request.content_length or 0) > BODY_BYTES:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(
            b"HTTP/1.1 100 Continue\r\n\r\n"
        )  # curl and .NET wait for it, aiohttp's server is silent
    pieces, size = [], 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > BODY_BYTES:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _closing(said: web.Response) -> web.Response:
    said.force_close()
    return said


def _actor(request: web.BaseRequest) -> str:
    """Return who gives an order that does not say so: behind a unix socket the machine knows at least the user."""
    return "" if request.remote else f"unknown@{peer_of(request)}"
