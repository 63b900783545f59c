"""Calls that carry their caller's name and a backend that answers each with the name it was given: a mix-up cannot hide.

Stands behind the scenarios about desynchronised connections and about what `executed` says. It knows the wire, nothing of the product.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.support.envelopes import soap11, soap11_reply
from tests.support.plays import Point, answer
from tests.support.replies import XML, Reply, http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.client import Response
    from tests.support.journal import Entry
    from tests.support.visit import Visit

_NAME: Final = re.compile(rb"<who>([^<]*)</who>")
_ECHO: Final = re.compile(rb"Result>([^<]*)<")


def ask(who: str, operation: str = "ReserveTickets", *headers: tuple[str, str]) -> bytes:
    """Return one caller's whole request; `Get…` is safe where the settings below are used."""
    return soap11(operation, {"who": who}).raw(headers=(("X-Call", who), *headers))


def name_in(body: bytes) -> str:
    found = _NAME.search(body)
    return found[1].decode() if found else ""


def told(response: Response) -> str | None:
    """Return whose name a reply holds, None where it is none of the backend's."""
    found = _ECHO.search(response.body)
    return found[1].decode() if found and response.status == 200 else None


def state(response: Response) -> str:
    return response.header("Sidecar-State") or ""


def effect(response: Response) -> str:
    return state(response).rpartition("executed=")[2]


def reply_to(who: str) -> Reply:
    return http(soap11_reply("ReserveTickets", who))


def bytes_of(reply: Reply) -> bytes:
    return reply.head + reply.body


async def read(visit: Visit) -> str:
    """Read and execute the call; return who asks. The unasked fetch of a WSDL is told to go away."""
    visit.executes = Point.BODY
    await visit.read_to(Point.BODY)
    return name_in(visit.entry.body)


async def echo(visit: Visit) -> None:
    """Play: a backend without faults."""
    if is_wsdl(visit):
        await no_wsdl(visit)
        return
    await visit.answer(reply_to(await read(visit)))


def is_wsdl(visit: Visit) -> bool:
    return bytes(visit.wire.unread[:4]) == b"GET "


async def no_wsdl(visit: Visit) -> None:
    await answer(http("no", 404, content_type="text/plain"), executes=None)(visit)


def calls(play: Callable[[Visit], Awaitable[None]]) -> Callable[[Visit], Awaitable[None]]:
    """Let `play` have the calls, and answer the unasked fetch of a WSDL apart from it."""

    async def choose(visit: Visit) -> None:
        await (no_wsdl if is_wsdl(visit) else play)(visit)

    return choose


def entries(journal: Any) -> list[Entry]:
    """Return the journal's calls, without the fetches of a WSDL."""
    return [entry for entry in journal if entry.method != "GET"]


def settings(url: str, *, limits: dict[str, Any] | None = None, **backend: Any) -> dict[str, Any]:
    """Return what an operator would write for one backend of calls that are safe where they say Get."""
    return {
        "cors": {"origins": ["https://shop.example"]},
        "limits": limits or {},
        "backends": {
            "tickets": {
                "protocol": "soap",
                "url": f"{url}/Box.asmx",
                "timeouts": {"connect": "1s", "first_byte": "5s", "total": "5s"},
                "operations": {"Get*": {"safe": True}},
                "breaker": {"mode": "off"},
                "retry": {"budget": "0%"},
                **backend,
            }
        },
    }


__all__ = [
    "XML", "ask", "bytes_of", "calls", "echo", "effect", "entries", "is_wsdl", "name_in", "no_wsdl", "read", "reply_to",
    "settings", "state", "told",
]  # fmt: skip
