"""Somebody stops everything with a sentence: every dialect says it in the reader's language, real clients read it, no crash forgets it.

Real processes and real files; orders are given as an operator gives them, on the command line.
"""

from __future__ import annotations

import json
import signal
import time
import urllib.request
import xml.etree.ElementTree as ET
import xmlrpc.client
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import requests
import zeep
import zeep.exceptions
from zeep.transports import Transport

from tests.scenarios.desk import Desk
from tests.scenarios.reading import state_of
from tests.support import envelopes as env
from tests.support import require
from tests.support.process import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.client import Response


ENGLISH, GERMAN = "Back at 9:20 & not before", "Um 9:20 Uhr geht es weiter"
TEXTS = ("--text", f"en={ENGLISH}", "--text", f"de={GERMAN}")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ExitStack() as stack:
        desk = Desk(stack, tmp_path_factory.mktemp("pause"))
        desk.theatre.sidecar.wait_line('"indexed","backend":"soap"')
        yield desk


@pytest.fixture
def desk(standing: Desk) -> Iterator[Desk]:
    """The sidecar, with nothing up afterwards."""
    yield standing
    for each in standing.status()["pauses"]:
        verb = ("resume",) if each["kind"] == "pause" else ("message", "clear")
        assert standing.order(*verb, each["target"], "--reason", "over").returncode == 0


def words(dialect: str, response: Response) -> str:
    """Return what people would read."""
    if dialect == "json":
        return str(response.json()["message"]["text"])
    if dialect == "asmx":
        return response.text
    if dialect == "xmlrpc":
        with pytest.raises(xmlrpc.client.Fault) as caught:
            xmlrpc.client.loads(response.text)
        return str(caught.value.faultString)
    path = ".//faultstring" if dialect == "soap11" else f".//{{{env.SOAP12_NS}}}Text"
    return ET.fromstring(response.text).findtext(path) or ""


@pytest.mark.parametrize("dialect", ["json", "soap11", "soap12", "asmx", "xmlrpc"])
@pytest.mark.parametrize("target", ["all", "backend"])
async def test_every_dialect_says_it(desk: Desk, dialect: str, target: str) -> None:
    """To whoever wants in, in his language, with when to come back; nothing reaches the backend, and a clear lets in again."""
    backend = "rpc" if dialect == "xmlrpc" else "soap"
    where = "all" if target == "all" else f"backend:{backend}"
    desk.pause(where, *TEXTS, "--next-update", "2m", "--for", "10m")
    before = len(desk.theatre.backend.journal)
    for accept, text in (("de-CH, fr;q=0.9", GERMAN), ("en-GB", ENGLISH), ("it", ENGLISH), (None, ENGLISH)):
        headers = (("Accept-Language", accept),) if accept else ()
        response = await desk.ask(dialect, "Fine", *headers)
        state, parameters = state_of(response)
        assert (state, parameters["reason"], parameters["executed"]) == (
            "paused",
            "everything" if target == "all" else "backend",
            "no",
        )
        assert 115 <= int(response.header("Retry-After") or 0) <= 180
        assert words(dialect, response).startswith(text)
        assert response.header("Content-Language") == ("de" if text == GERMAN else "en")
    assert len(desk.theatre.backend.journal) == before
    other = await desk.ask("xmlrpc" if dialect != "xmlrpc" else "soap11")
    assert other.state == ("paused" if target == "all" else "ok")
    assert desk.order("resume", where, "--reason", "x").returncode == 0
    assert (await desk.ask(dialect)).state == "ok"


async def test_what_is_kept_is_given(desk: Desk) -> None:
    """To newcomers, too: it costs the backend nothing."""
    assert (await desk.ask("soap11", "GetKept")).state == "ok"
    desk.pause("all", "--scope", "all", "--for", "10m")
    assert (await desk.ask("soap11", "GetKept")).state == "cached"
    assert (await desk.ask("soap11", "GetFine")).state == "paused"


async def test_a_message_is_on_refusals_and_holds_nobody_up(desk: Desk) -> None:
    """Of that backend, beside their own reason."""
    done = desk.order(
        "message", "backend:deadsoap", *TEXTS, "--severity", "critical", "--for", "10m", "--reason", "a test"
    )
    assert done.returncode == 0, done.stderr
    assert (await desk.ask("soap11")).state == "ok"
    response = await desk.ask("json", "Fine", ("Accept-Language", "de"), house="dead")
    said = response.json()
    assert (said["state"], said["message"]["text"], said["message"]["severity"]) == (
        "backend_unreachable",
        GERMAN,
        "critical",
    )
    native = words("soap11", await desk.ask("soap11", "Fine", house="dead"))
    assert native.startswith(f"{ENGLISH} (The backend cannot be reached")


def test_it_is_shown(desk: Desk) -> None:
    """On the screen, among the warnings, as a metric and in the audit: what, who, since when, until when."""
    desk.pause("backend:soap", *TEXTS)
    [shown] = desk.status()["pauses"]
    assert (shown["target"], shown["actor"], shown["until"], shown["remind_s"]) == (
        "backend:soap",
        "alice",
        None,
        900.0,
    )
    assert "pause backend:soap (entry)" in desk.order("status").stdout
    assert [each["code"] for each in desk.status()["warnings"] if each["code"] == "paused"] == ["paused"]
    with urllib.request.urlopen(f"{desk.sidecar.admin_url}/metrics", timeout=5) as reply:
        assert b'sidecar_paused{scope="entry",target="backend:soap"} 1.0' in reply.read()
    with urllib.request.urlopen(f"{desk.sidecar.admin_url}/admin/v1/audit?last=1", timeout=5) as reply:
        [entry] = json.load(reply)["audit"]
    assert (entry["noun"], entry["actor"], entry["arguments"]["text"]["de"]) == ("pause", "alice", GERMAN)
    refused = desk.order("pause", "backend:saop", "--reason", "x")
    assert (refused.returncode, "did you mean backend:soap?" in refused.stderr) == (2, True)


async def test_a_crash_forgets_nothing(desk: Desk) -> None:
    """Paused before a kill -9, paused after it, to the same end; so it is after a reload; and the file is its owner's."""
    desk.pause("backend:soap", *TEXTS, "--for", "1h")
    [before] = desk.status()["pauses"]
    desk.sidecar.send_signal(signal.SIGHUP)
    desk.sidecar.wait_line('"event":"config_re')
    assert (await desk.ask("soap11")).state == "paused"
    desk.crash()
    assert (await desk.ask("soap11")).state == "paused"
    [after] = desk.status()["pauses"]
    assert {key: after[key] for key in ("id", "texts", "actor", "reason")} == {
        key: before[key] for key in ("id", "texts", "actor", "reason")
    }
    assert after["until"][:18] == before["until"][:18]
    desk.sidecar.wait_line('"event":"pause_restored"')
    assert desk.keys.with_name("sidecar.keys.orders").stat().st_mode & 0o777 == 0o600
    assert desk.order("resume", "backend:soap", "--reason", "x").returncode == 0
    desk.crash()
    assert (await desk.ask("soap11")).state == "ok"


async def test_a_file_that_says_nonsense_keeps_nobody_from_starting(desk: Desk) -> None:
    """It is put aside, and said."""
    desk.pause("all", "--for", "1h")
    desk.keys.with_name("sidecar.keys.orders").write_bytes(b"\x00half a fil")
    desk.crash()
    line = json.loads(desk.sidecar.wait_line('"event":"orders_unreadable"').string)
    assert line["what"].endswith("sidecar.keys.orders.bad")
    assert (await desk.ask("soap11")).state == "ok"


async def test_it_ends_by_itself(desk: Desk) -> None:
    """At its end, with a line in the audit in the sidecar's own name."""
    desk.pause("all", "--for", "2s")
    assert (await desk.ask("soap11")).state == "paused"
    end = time.monotonic() + 10
    while (await desk.ask("soap11")).state == "paused":
        assert time.monotonic() < end
    assert desk.status()["pauses"] == []
    desk.sidecar.wait_line('"event":"audit","actor":"sidecar".*"noun":"pause"')


# --- clients that were never written for us


def test_zeep_reads_it(desk: Desk) -> None:
    """As the message of a fault; the members stand in its detail."""
    with requests.Session() as session:
        session.headers["Accept-Language"] = "de-CH"
        client = zeep.Client(f"{desk.sidecar.url}/soap?wsdl", transport=Transport(session=session))
        desk.pause("all", *TEXTS, "--for", "10m")
        with pytest.raises(zeep.exceptions.Fault) as caught:
            client.service.Fine(iNumberOfSeats=1)
    assert caught.value.message == GERMAN
    assert caught.value.detail.find(".//{urn:sidecar:state:1}severity").text == "warning"


def test_the_standard_librarys_xmlrpc_client_reads_it(desk: Desk) -> None:
    """As a fault string, the sentence first."""
    desk.pause("all", *TEXTS, "--for", "10m")
    with (
        xmlrpc.client.ServerProxy(f"{desk.sidecar.url}/rpc", headers=[("Accept-Language", "de")]) as server,
        pytest.raises(xmlrpc.client.Fault) as caught,
    ):
        server.Fine(1)
    assert caught.value.faultCode == -32051
    assert caught.value.faultString.startswith(f"{GERMAN} [state=paused retry_after=")


PHP = """
$client = new SoapClient(null, ['location' => $argv[1], 'uri' => 'urn:x', 'exceptions' => true]);
try { $client->Fine(1); } catch (SoapFault $fault) { echo $fault->faultcode, '|', $fault->getMessage(); }
"""


def test_php_reads_it(desk: Desk) -> None:
    """As the message of a SoapFault."""
    php = require.program("php", package="php-cli php-soap")
    desk.pause("all", *TEXTS, "--for", "10m")
    with Program([php, "-r", PHP, f"{desk.sidecar.url}/soap"], name="php") as program:
        said = program.wait_line(r"\|(.+)")
    assert said[1].startswith(ENGLISH)
