"""What a backend is asked, and what its answer says about whether this is the right address. Pure: it neither sends nor waits.

The question is one that executes nothing: a GET, for the WSDL where there is one. A GET changes nothing (RFC 9110 section 9.2.1), and
XML-RPC executes none at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sidecar.doctor.report import Verdict
from sidecar.model import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.plan import BackendPlan

_SLOW_S: Final = 2.0  # people at a page begin to leave; a document or a refusal costs a healthy backend milliseconds
_METHODS: Final = b'<?xml version="1.0"?><methodCall><methodName>system.listMethods</methodName><params/></methodCall>'
_START_BYTES: Final = 4096  # the root of a document, past its comments


@dataclass(frozen=True, slots=True)
class Question:
    """One request; `said` is what people are told about its body."""

    method: str
    query: str = ""
    body: bytes = b""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: names of headers in lower case, of the body as much as is needed, the time from question to answer in seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float

    @property
    def start(self) -> bytes:
        """Return the beginning of the body, for a look; UTF-16 loses its zeros."""
        return self.body[:_START_BYTES].replace(b"\0", b"").lower()


def question_for(backend: BackendPlan, *, probe: bool) -> Question:
    """Return what is asked: of XML-RPC a call only where `probe` allows it, and `deny` does not forbid it."""
    if backend.protocol is Protocol.SOAP:
        return Question("GET", "?wsdl")
    if probe and not backend.denies("system.listMethods"):
        return Question("POST", body=_METHODS, said=" system.listMethods")
    return Question("GET")


def judge(question: Question, answer: Answer, backend: BackendPlan) -> tuple[Verdict, str, str]:
    """Return the verdict, what was seen and the remedy."""
    verdict, what, remedy = _judge(question, answer, backend)
    if verdict is Verdict.OK and answer.took_s > _SLOW_S:
        return Verdict.WARN, what, "slow for something that costs it nothing: is it busy, far away, or starting?"
    return verdict, what, remedy


def _judge(question: Question, answer: Answer, backend: BackendPlan) -> tuple[Verdict, str, str]:
    at = f"backends.{backend.name}"
    status = answer.status
    if 300 <= status < 400:
        what = f"answers {status} and sends whoever asks elsewhere{_elsewhere(answer)}"
        return Verdict.FAIL, what, f"the sidecar follows nobody: write the right address in {at}.url"
    if status in (401, 403, 407):
        what = f"answers {status}: it wants to know who asks"
        return Verdict.WARN, what, "callers bring their own credentials; here nobody had any, so nothing more is known"
    if backend.protocol is Protocol.SOAP:
        return _wsdl(answer, backend, at)
    return _methods(answer, at) if question.body else _xmlrpc(answer, at)


def _wsdl(answer: Answer, backend: BackendPlan, at: str) -> tuple[Verdict, str, str]:
    start = answer.start
    if answer.status == 200 and b"<" in start and (b"definitions" in start or b":description" in start):
        return Verdict.OK, "answers with its WSDL", ""
    seen = _seen(answer)
    if answer.status >= 500:
        return Verdict.FAIL, f"answers {seen} to ?wsdl", "it is not well: look at its own log"
    if backend.wsdl is not None:
        what = f"answers {seen} to ?wsdl, and {at}.wsdl stands in for that"
        return Verdict.WARN, what, "is the path in url right? make one call of your own to be sure"
    remedy = f"is the path in {at}.url right? where it is and there is no WSDL to be had, name a copy in {at}.wsdl"
    return Verdict.FAIL, f"answers {seen} to ?wsdl, not with a WSDL", remedy


def _xmlrpc(answer: Answer, at: str) -> tuple[Verdict, str, str]:
    """Judge a GET: an XML-RPC service refuses it, one way or another."""
    if answer.status in (405, 501) or (answer.status < 400 and not _is_html(answer)):
        return Verdict.OK, f"answers {answer.status} to a GET, as XML-RPC services do", ""
    if answer.status >= 500:
        return Verdict.FAIL, f"answers {_seen(answer)} to a GET", "it is not well: look at its own log"
    remedy = (
        f"is the path in {at}.url right? with --probe it is asked for system.listMethods, a call that changes nothing"
    )
    return Verdict.WARN, f"answers {_seen(answer)} to a GET", remedy


def _methods(answer: Answer, at: str) -> tuple[Verdict, str, str]:
    if answer.status == 200 and b"methodresponse" in answer.start:
        fault = b"<fault>" in answer.start
        said = "with a fault: it names no methods" if fault else "and names its methods"
        return Verdict.OK, f"speaks XML-RPC {said}", ""
    what = f"answers {_seen(answer)} to system.listMethods, not with XML-RPC"
    return Verdict.FAIL, what, f"is the path in {at}.url right? is it protocol: xmlrpc?"


def _seen(answer: Answer) -> str:
    return f"{answer.status} with a page of HTML" if _is_html(answer) else str(answer.status)


def _is_html(answer: Answer) -> bool:
    return "html" in answer.headers.get("content-type", "").lower() or b"<html" in answer.start


def _elsewhere(answer: Answer) -> str:
    """Return where to, without what may be secret in its query."""
    try:
        parts = urlsplit(answer.headers.get("location", ""))
    except ValueError:
        return ""
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else parts.path
    shown = "".join(each if each.isprintable() else "?" for each in where[:200])
    return f" ({shown})" if shown else ""
