"""The table of states, walked: each state that can exist is reached by a real request in every dialect that it exists in.

A row without a way, or a dialect without one that `IMPOSSIBLE` does not explain, fails. What is read back is compared with the contract
(docs/states.md) in this file's own words: header, status, executed, Retry-After, and the body in the dialect's own form.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
import xmlrpc.client
from typing import TYPE_CHECKING, Any, Final

import pytest

from sidecar.contract import json_schema
from sidecar.states import ROWS, Blame, Effect, State
from tests.scenarios.envelope_schema import complaints
from tests.scenarios.reading import state_of
from tests.scenarios.theatre import opened
from tests.scenarios.ways import WAYS, Scene
from tests.support import envelopes as env

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.client import Response

DIALECTS: Final = ("json", "soap11", "soap12", "asmx", "xmlrpc")
_RELAYED: Final = "an answer is in the words of the protocol that it was asked in: the JSON facade is not built"
_NO_XML: Final = "a form has no document type"
_NO_ACTION: Final = "has no SOAPAction that could disagree"
_ROOM: Final = "a waiting room is joined and polled in JSON, whatever its calls speak"
_OPAQUE: Final = "parameters of XML bodies pass through unread; only those of an address can stand twice"

# (row, dialect): why no request can get there. What has no dialect, a document or a resource, stands under json.
IMPOSSIBLE: Final[dict[tuple[str, str], str]] = {
    ("partial", "json"): _RELAYED,
    ("fallback", "json"): _RELAYED,
    ("backend_fault:client", "asmx"): "an ASMX error is an HTTP error with text: it does not say whose fault it was",
    (
        "backend_fault:client",
        "xmlrpc",
    ): "an XML-RPC fault is a number of the backend's own: it does not say whose fault it was",
    ("doctype_refused", "asmx"): _NO_XML,
    ("action_mismatch", "asmx"): _NO_ACTION,
    ("action_mismatch", "xmlrpc"): _NO_ACTION,
    **{("invalid_params", dialect): _OPAQUE for dialect in ("soap11", "soap12", "xmlrpc")},
    **{
        (state, dialect): _ROOM
        for state in ("account_limit", "verify_required", "poll_too_soon")
        for dialect in ("soap11", "soap12", "asmx", "xmlrpc")
    },
}

# Rows whose body is the backend's own, in the dialects that it speaks.
RELAYED_STATUS: Final = {"soap11": 500, "soap12": 500, "asmx": 500, "xmlrpc": 200}


def key_of(row: State) -> str:
    """Name a row; the second of a state's two rows by its reason."""
    first = next(each for each in ROWS if each.name == row.name)
    return row.name if row is first else f"{row.name}:{row.reasons[0]}"


BUILT: Final = {key_of(row): row for row in ROWS if row.built and row.origin == "sidecar"}


# --- the walk


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One sidecar for all ways that do not end it."""
    folder = tmp_path_factory.mktemp("theatre")
    with opened(folder) as theatre:
        theatre.sidecar.wait_line('"indexed","backend":"soap"')  # what proves that a form asks what an envelope does
        yield Scene(theatre, folder)


def _walk() -> list[tuple[str, str, bool]]:
    """Return (row, dialect, safe); both kinds of operation where `executed` depends on it."""
    steps = []
    for key, row in BUILT.items():
        kinds = (True, False) if row.effect in (Effect.UNSAFE_UNKNOWN, Effect.AFTER_SEND_UNKNOWN) else (False,)
        steps += [(key, dialect, safe) for dialect in DIALECTS if (key, dialect) not in IMPOSSIBLE for safe in kinds]
    return steps


def test_every_built_state_has_a_way() -> None:
    """Whoever adds a state says here how it is reached, and a reason that explains nothing is none."""
    assert set(BUILT) == set(WAYS)
    assert {key for key, _ in IMPOSSIBLE} <= set(BUILT)
    assert all(len(reason) > 15 for reason in IMPOSSIBLE.values())
    for key in BUILT:
        assert any((key, dialect) not in IMPOSSIBLE for dialect in DIALECTS), f"{key} is reached in no dialect"


@pytest.mark.thinned(3)
@pytest.mark.parametrize(("key", "dialect", "safe"), _walk())
async def test_a_state_is_reached_and_says_what_the_table_says(
    scene: Scene, key: str, dialect: str, safe: bool
) -> None:
    """Header, status, executed, retry and body agree with the row and with each other."""
    row = BUILT[key]
    response = await WAYS[key](scene, dialect, safe)
    state, parameters = state_of(response)
    assert state == row.name, response.raw[:800]
    assert parameters.get("reason") in (None, *row.reasons)
    assert parameters["executed"] == expected_effect(row, key, dialect, safe)
    assert response.header("X-Request-Id")
    if row.effect is not Effect.YES and row.category != "ok":
        check_retry(row, response, parameters["executed"], safe)
    if row.category == "ok":
        assert response.status == 200
        return
    if row.blame is Blame.RELAYED and dialect != "json":
        assert response.status == (200 if "result" in parameters["reason"] else RELAYED_STATUS[dialect])
        return
    FORMS[dialect](row, response, parameters)


def expected_effect(row: State, key: str, dialect: str, safe: bool) -> str:
    """Say what docs/states.md says of `executed`."""
    if key == "ok" and dialect == "json":
        return "no"  # a resource of our own: no backend was asked
    if row.effect is Effect.AFTER_SEND_UNKNOWN:
        return "no" if safe else "unknown"  # this file's way: before the call was sent, and after
    if row.effect is Effect.INHERITED:
        return {"fallback": "no", "replayed": "yes"}[key]  # a bad reply to what is safe, and a call that was done
    return {
        Effect.NO: "no",
        Effect.YES: "yes",
        Effect.UNKNOWN: "unknown",
        Effect.UNSAFE_UNKNOWN: "no" if safe else "unknown",
    }[row.effect]


def check_retry(row: State, response: Response, effect: str, safe: bool) -> None:
    """Retry-After stands wherever coming back makes sense, and nowhere else: never where the effect must be confirmed first."""
    how = row.how
    if effect == "unknown" and how != "poll":  # whoever polls repeats nothing
        how = "confirm"
    elif how == "confirm":
        how = "wait"
    after = response.header("Retry-After")
    if how in ("wait", "poll", "join"):
        assert after is not None, f"{row.name} safe={safe}"
        assert int(after) >= 1
    else:
        assert after is None


def check_json(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == row.status
    assert response.header("Content-Type") == "application/problem+json"
    body = response.json()
    assert complaints(body, json.loads(json_schema())) == []
    check_members(row, response, parameters, body)
    assert body["status"] == response.status
    assert body["type"].endswith(f"/states#{row.name}")


def check_members(row: State, response: Response, parameters: dict[str, str], body: dict[str, Any]) -> None:
    """The members of a failure, however they are written."""
    assert (body["state"], body["category"], body["executed"]) == (row.name, row.category, parameters["executed"])
    assert body["title"] == row.title
    assert body["detail"]
    assert body["instance"] == response.header("X-Request-Id")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["server_time"])
    after = body["retry"].get("after_s")
    assert (None if after in (None, "") else str(after)) == response.header("Retry-After")


_STATE_NS: Final = "{urn:sidecar:state:1}"


def _members(detail: ET.Element | None) -> dict[str, Any]:
    assert detail is not None
    failure = detail.find(f"{_STATE_NS}failure")
    assert failure is not None
    found: dict[str, Any] = {each.tag.removeprefix(_STATE_NS): each.text or "" for each in failure}
    retry = failure.find(f"{_STATE_NS}retry")
    found["retry"] = {} if retry is None else {each.tag.removeprefix(_STATE_NS): each.text for each in retry}
    return found


def check_soap11(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == 500
    assert (response.header("Content-Type") or "").startswith("text/xml")
    fault = ET.fromstring(response.text).find(f"{{{env.SOAP11_NS}}}Body/{{{env.SOAP11_NS}}}Fault")
    assert fault is not None
    assert fault.findtext("faultcode") == f"soap:{row.blame}"
    assert row.title in (fault.findtext("faultstring") or "")
    check_members(row, response, parameters, _members(fault.find("detail")))


def check_soap12(row: State, response: Response, parameters: dict[str, str]) -> None:
    client = row.blame is Blame.CLIENT
    assert response.status == (400 if client else 500)
    assert (response.header("Content-Type") or "").startswith("application/soap+xml")
    ns = f"{{{env.SOAP12_NS}}}"
    fault = ET.fromstring(response.text).find(f"{ns}Body/{ns}Fault")
    assert fault is not None
    assert fault.findtext(f"{ns}Code/{ns}Value") == ("soap:Sender" if client else "soap:Receiver")
    assert fault.findtext(f"{ns}Code/{ns}Subcode/{ns}Value") == f"state:{row.name}"
    assert b'xmlns:state="urn:sidecar:state:1">state:' in response.body  # the prefix of a QName in text is bound
    assert row.title in (fault.findtext(f"{ns}Reason/{ns}Text") or "")
    check_members(row, response, parameters, _members(fault.find(f"{ns}Detail")))


def check_asmx(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == row.status
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    line = response.text
    assert line.endswith("\r\n")
    assert len(line.splitlines()) == 1
    assert line.startswith(row.title)
    check_suffix(row, response, parameters, line.rstrip())


def check_xmlrpc(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == 200
    assert (response.header("Content-Type") or "").startswith("text/xml")
    with pytest.raises(xmlrpc.client.Fault) as caught:
        xmlrpc.client.loads(response.text)
    # A call that could be read and is none is "not conforming", whatever makes it so (Libby's codes).
    conforming = row.name != "malformed" or parameters.get("reason") in ("http", "xml", "charset", "incomplete")
    assert caught.value.faultCode == (row.xmlrpc if conforming else -32600)
    check_suffix(row, response, parameters, caught.value.faultString)


def check_suffix(row: State, response: Response, parameters: dict[str, str], text: str) -> None:
    after = response.header("Retry-After")
    told = "" if after is None else f" retry_after={after}"
    suffix = f"[state={row.name}{told} executed={parameters['executed']} ref={response.header('X-Request-Id')}]"
    assert text.endswith(suffix)


FORMS: Final = {
    "json": check_json,
    "soap11": check_soap11,
    "soap12": check_soap12,
    "asmx": check_asmx,
    "xmlrpc": check_xmlrpc,
}
