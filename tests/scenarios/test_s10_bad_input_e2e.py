"""Bad input, byte for byte, against a sidecar as operators run it: the right state and dialect, nothing executed, nothing broken."""

from __future__ import annotations

import asyncio
import xmlrpc.client
from typing import TYPE_CHECKING, Any, Final

import pytest
from lxml import etree

from tests.scenarios.bad_input import CASES, GOOD, MIB, NS, SOAP11_NS, SOAP12_NS, Case
from tests.support.backend import ThreadBackend, answer
from tests.support.client import Client
from tests.support.envelopes import soap11_reply
from tests.support.process import SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.client import Response


AT_ONCE: Final = 8
GROWS_BYTES: Final = 64 * MIB
"""What bad input may cost in memory at its worst, all of it, eight at a time."""
BODY_BYTES: Final = 8 * MIB
REPLY: Final = soap11_reply("ReserveTickets")
STATE_NS: Final = "{urn:sidecar:state:1}"


class Stand:
    """One sidecar before one backend that answers every call, and what both were like at the start."""

    def __init__(self, backend: ThreadBackend, sidecar: SidecarProcess) -> None:
        self.backend, self.sidecar = backend, sidecar
        self.start_bytes = sidecar.rss_bytes()
        self.start_files = sidecar.fd_count()
        sidecar.reset_peak_rss()

    @property
    def reached(self) -> int:
        """How many calls came to the backend; its WSDL is fetched unasked."""
        return sum(not entry.target.lower().endswith("?wsdl") for entry in self.backend.journal)

    def client(self) -> Client:
        return Client(port=self.sidecar.port)

    async def serves(self) -> None:
        """Fail where a proper call on a new connection is not served."""
        before = self.reached
        async with self.client() as client:
            _check_served(await client.exchange(GOOD))
        assert self.reached == before + 1


def settings(url: str, **limits: Any) -> dict[str, Any]:
    """Return what an operator would write; time limits short enough to wait for, long enough for a busy machine."""
    return {
        # Two, so that an answer whose Origin could not be read ("*") is told from one whose could.
        "cors": {"origins": ["https://shop.example", "https://www.shop.example"]},
        "limits": {"header_timeout": "1500ms", "body_timeout": "1500ms", **limits},
        "backends": {
            "tickets": {
                "protocol": "soap",
                "url": f"{url}/Box.asmx",
                "deny": ["DestroyCache"],
                "operations": {"Get*": {"safe": True}},
            },
            "house": {
                "protocol": "soap",
                "url": f"{url}/",
                "endpoints": {"main": "Main.asmx", "reports": "Reports.asmx"},
            },
            "phones": {"protocol": "xmlrpc", "url": f"{url}/rpc", "deny": ["wipe"]},
        },
    }


def _stand(folder: Path, **limits: Any) -> Iterator[Stand]:
    with (
        ThreadBackend(answer(http(REPLY))) as backend,
        SidecarProcess(settings(backend.url, **limits), folder) as sidecar,
    ):
        yield Stand(backend, sidecar)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    yield from _stand(tmp_path_factory.mktemp("stand"))


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A sidecar whose operator allows bodies of 8 MiB."""
    yield from _stand(tmp_path_factory.mktemp("roomy"), request_body="8MiB", body_timeout="10s")


async def _hear(stand: Stand, case: Case, *, again: bool) -> None:
    """Send it, check what comes back, and, `again`, whether the connection is as it should be afterwards."""
    async with stand.client() as client:
        await client.send_pieces(case.pieces, gap_s=case.gap_s)
        if case.then == "fin":
            client.half_close()
        elif case.then == "rst":
            client.rst()
            return
        if not case.state:
            assert await client.until_end() == "fin"
            assert not client.unread
            return
        for _ in range(case.first):
            _check_served(await client.response())
        response = await client.response()
        _check(case, response)
        if case.keeps is False:
            assert await client.until_end() == "fin", "the answer must not be reset away"
            assert not client.unread, "nothing may follow it"
        elif case.keeps and again:
            _check_served(await client.exchange(GOOD))


def _check_served(response: Response) -> None:
    assert (response.status, response.header("Sidecar-State"), response.body) == (200, "ok;executed=yes", REPLY)


def _check(case: Case, response: Response) -> None:
    if case.state == "ok":
        _check_served(response)
    else:
        why = "" if case.reason is None else f";reason={case.reason}"
        said = (response.status, response.header("Sidecar-State"))
        assert said == (case.answered_status, f"{case.state}{why};executed=no")
        assert TELLS[case.dialect](response) == (case.state, "no")
        assert response.header("Cache-Control") == "no-store"
        # A page cannot be made to run what it is told, and nobody gets back much more than he sent.
        assert b"<script" not in response.raw
        assert len(response.raw) < 4096
    assert response.header("Access-Control-Allow-Origin") == case.origin
    assert "Origin" in (response.header("Vary") or "") or case.origin == "*"
    assert (response.header("Connection") == "close") is (case.keeps is False) or case.keeps is None


def _in_json(response: Response) -> tuple[str, str]:
    assert response.header("Content-Type") == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status
    return body["state"], body["executed"]


def _in_line(response: Response) -> tuple[str, str]:
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    return _signed(response.text)


def _in_xmlrpc(response: Response) -> tuple[str, str]:
    with pytest.raises(xmlrpc.client.Fault) as fault:
        xmlrpc.client.loads(response.text)
    return _signed(fault.value.faultString)


def _signed(line: str) -> tuple[str, str]:
    facts = dict(each.split("=", 1) for each in line[line.rindex("[") + 1 :].rstrip("]\r\n").split())
    return facts["state"], facts["executed"]


def _in_soap11(response: Response) -> tuple[str, str]:
    fault = etree.fromstring(response.body).find(f"{{{SOAP11_NS}}}Body/{{{SOAP11_NS}}}Fault")
    assert fault.findtext("faultcode") == "soap:Client"
    return _detailed(fault)


def _in_soap12(response: Response) -> tuple[str, str]:
    fault = etree.fromstring(response.body).find(f"{{{SOAP12_NS}}}Body/{{{SOAP12_NS}}}Fault")
    assert fault.findtext(f"{{{SOAP12_NS}}}Code/{{{SOAP12_NS}}}Value") == "soap:Sender"
    return _detailed(fault)


def _detailed(fault: etree._Element) -> tuple[str, str]:
    return fault.findtext(f".//{STATE_NS}state"), fault.findtext(f".//{STATE_NS}executed")


TELLS: Final = {
    "json": _in_json, "asmx": _in_line, "xmlrpc": _in_xmlrpc, "soap11": _in_soap11, "soap12": _in_soap12,
}  # fmt: skip


async def _run(stand: Stand, case: Case) -> None:
    """Once, then eight at once; afterwards everybody else is served."""
    each = case.first + (case.state == "ok")
    before = stand.reached
    await _hear(stand, case, again=True)
    assert stand.reached == before + each + bool(case.keeps), "what is refused must not reach the backend"
    before = stand.reached
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_hear(stand, case, again=False))
    assert stand.reached == before + AT_ONCE * each
    await stand.serves()


def _finish(stand: Stand, grows_bytes: int) -> None:
    """Fail where memory grew beyond its bound, or where the log tells of a bug."""
    grew = stand.sidecar.peak_rss_bytes() - stand.start_bytes
    assert grew <= grows_bytes, f"the peak is {grew / MIB:.1f} MiB above the start"
    assert stand.sidecar.stop() == 0, stand.sidecar.lines[-10:]
    log = "\n".join(stand.sidecar.lines)
    assert "Traceback" not in log
    assert '"event":"bug"' not in log
    assert '"internal' not in log


SMALL: Final = [name for name, case in CASES.items() if not case.large]
LARGE: Final = [name for name, case in CASES.items() if case.large]


def test_the_table_is_large_enough() -> None:
    """There are at least sixty ways to be wrong, in every dialect, and each says what must come of it."""
    assert len(SMALL) >= 60
    assert {case.dialect for case in CASES.values()} == set(TELLS)
    assert {case.state for case in CASES.values()} >= {"malformed", "doctype_refused", "body_timeout", "too_large", ""}


@pytest.mark.thinned(4)
@pytest.mark.parametrize("name", SMALL)
async def test_bad_input(name: str, stand: Stand) -> None:
    """It gets its own state in its own dialect, nothing of it reaches the backend, and the next caller is served."""
    await _run(stand, CASES[name])


@pytest.mark.parametrize("name", LARGE)
async def test_large_bad_input(name: str, roomy: Stand) -> None:
    """So it is where 8 MiB may be sent, and a million empty elements cost no more than their bytes."""
    await _run(roomy, CASES[name])
    if name == "a million empty elements":
        assert roomy.sidecar.peak_rss_bytes() - roomy.start_bytes <= GROWS_BYTES


def test_all_of_it_left_no_trace(stand: Stand) -> None:
    """After all of it the sidecar has grown by no more than 64 MB at its peak, and its log tells of no bug of its own."""
    _finish(stand, GROWS_BYTES)


def test_large_ones_left_no_trace(roomy: Stand) -> None:
    """Eight bodies of 8 MiB at once may be held thrice: as they come, whole, and while they are read; never more."""
    _finish(roomy, GROWS_BYTES + 3 * AT_ONCE * BODY_BYTES)


def test_good_call_is_good() -> None:
    """The call that must be served after everything is one that names its action as the contract does."""
    assert NS.encode() in GOOD
