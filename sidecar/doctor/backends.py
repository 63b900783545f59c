"""What each backend says when it is asked something that changes nothing: found, reached, trusted, spoken with, and what time it has.

One thread for each endpoint, for a resolver cannot be interrupted; whoever has not ended when the time is up is told by the step that he
hangs on, and left. Each step is what the sidecar itself would do, with the same bounds and the same TLS.
"""

from __future__ import annotations

import http.client
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sidecar import __version__
from sidecar.doctor.answers import Answer, judge, question_for
from sidecar.doctor.reach import connect, resolve
from sidecar.doctor.report import Finding, Verdict
from sidecar.doctor.trust import trust
from sidecar.doctor.visit import STEP_S, StepFailed, Visit, reason, spoken_ms
from sidecar.durations import about

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from sidecar.plan import BackendPlan

WHOLE_S: Final = 10.0  # all steps of all backends, which are asked at once
_BODY_BYTES: Final = 64 * 1024  # enough to see what a document is
_SKEW_WARN_S: Final = 5.0  # a Date has whole seconds, and a slow answer makes it older
_SKEW_FAIL_S: Final = 300.0  # what WS-Security and Kerberos allow by default
_RESOLVER: Final = "look at this machine's resolver (/etc/resolv.conf); an address in url needs none"
_SILENT: Final = "look at the backend and at what lies between: something accepts and does not answer"


def ask(
    backends: Sequence[BackendPlan], *, probe: bool, wall: Callable[[], float], whole_s: float = WHOLE_S
) -> Callable[[], tuple[list[Finding], list[str]]]:
    """Begin to ask everybody at once; what is returned waits, and tells what was found and what was sent."""
    visits = [
        Visit(
            backend,
            url,
            f"{backend.name}/{name}" if name else backend.name,
            number == 0,
            question_for(backend, probe=probe),
            wall,
        )
        for backend in backends
        for number, (name, url) in enumerate(backend.endpoints)
    ]
    until_s = time.monotonic() + whole_s
    # Daemons: a resolver that hangs must not hold up the end of the process.
    threads = [Thread(target=_walk, args=(visit,), name=f"doctor {visit.about}", daemon=True) for visit in visits]
    for thread in threads:
        thread.start()

    def wait() -> tuple[list[Finding], list[str]]:
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        found = [finding for visit in visits for finding in _found(visit, whole_s)]
        return found, [line for visit in visits for line in tuple(visit.sent)]

    return wait


def _found(visit: Visit, whole_s: float) -> list[Finding]:
    findings = list(visit.findings)
    if not visit.ended:
        remedy = _RESOLVER if visit.step == "resolve" else _SILENT
        findings.append(Finding(visit.step, Verdict.FAIL, f"no end of it within {whole_s:g} s", remedy, visit.about))
    return findings


def _walk(visit: Visit) -> None:
    try:
        with suppress(StepFailed):
            _steps(visit)
    except Exception as error:  # noqa: BLE001 - what nobody foresaw at one backend must not silence the others
        what, remedy = f"the doctor itself failed here: {reason(error)}", "report it; the step says where"
        visit.findings.append(Finding(visit.step, Verdict.FAIL, what, remedy, visit.about))
    visit.ended = True


def _steps(visit: Visit) -> None:
    sock = connect(visit, resolve(visit))
    try:
        if visit.secure:
            sock = trust(visit, sock)
        _question(visit, sock)
    finally:
        sock.close()


def _question(visit: Visit, sock: socket.socket) -> None:
    """Ask, and judge the answer; the clock is looked at whatever the answer is."""
    visit.step = "answer"
    sock.settimeout(STEP_S)
    began_s, began_at = time.monotonic(), visit.wall()
    try:
        answer = _answer(visit, sock, began_s)
    except TimeoutError:
        visit.fail("answer", f"nothing came within {STEP_S:g} s", _SILENT)
    except (OSError, http.client.HTTPException, ValueError) as error:
        remedy = "is this an HTTP service, and https where it wants that? look at the backend's own log"
        visit.fail("answer", f"what came is no HTTP answer: {reason(error)}", remedy)
    verdict, what, remedy = judge(visit.question, answer, visit.backend)
    what = f"{what}, within {spoken_ms(answer.took_s)}"
    visit.tell(Finding("answer", verdict, what, remedy, visit.about))
    visit.step = "clock"
    _clock(visit, answer.headers.get("date", ""), began_at + answer.took_s / 2)


def _answer(visit: Visit, sock: socket.socket, began_s: float) -> Answer:
    question = visit.question
    # Over a TLS socket as well: it is connected already, and the right default port makes the right Host header.
    kind = http.client.HTTPSConnection if visit.secure else http.client.HTTPConnection
    connection = kind(visit.host, visit.port, timeout=STEP_S)
    connection.sock = sock
    headers = {"User-Agent": f"sidecar-doctor/{__version__}", "Accept": "*/*", "Connection": "close"}
    if question.body:
        headers["Content-Type"] = "text/xml"
    visit.sent.append(f"{question.method} {visit.url}{question.query}{question.said}")
    target = (urlsplit(visit.url).path or "/") + question.query
    connection.request(question.method, target, question.body or None, headers)
    response = connection.getresponse()
    body = response.read(_BODY_BYTES)
    fields = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, fields, body, time.monotonic() - began_s)


def _clock(visit: Visit, date: str, ours_at: float) -> None:
    """Compare the backend's Date (whole seconds, RFC 9110 section 6.6.1) with our clock in the middle of the question."""
    if not date:
        return
    try:
        skew_s = parsedate_to_datetime(date).timestamp() + 0.5 - ours_at
    except (ValueError, OverflowError):
        visit.warn("clock", "its Date header is no date", "nothing here depends on it; its own clock may be wrong")
        return
    if abs(skew_s) <= _SKEW_WARN_S:
        visit.ok("clock", "as ours, to a few seconds")
        return
    what = f"{about(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} ours"
    remedy = "let both take their time from the same servers (timedatectl here, w32tm /query /status on Windows)"
    if abs(skew_s) > _SKEW_FAIL_S:
        visit.fail("clock", what, remedy)
    visit.warn("clock", what, remedy)
