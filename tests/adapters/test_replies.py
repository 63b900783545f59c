"""What a call that runs several is worth when some of them failed, in both protocols."""

from __future__ import annotations

import gzip
from xmlrpc.client import Fault, dumps

import pytest

from adapters import peek
from adapters.rules import OK
from sidecar.model import Call, Dialect, Executed
from tests.adapters.corpus import graded, soap, xmlrpc
from tests.support.envelopes import soap11_fault, soap11_reply

SEVERAL = Call("b", "", "system.multicall", Dialect.XMLRPC, members=("buy",))
BATCH = Call("b", "", "Batch", Dialect.SOAP11, members=("Buy", "Pay"))
BY_ACTION = Call("b", "", "Foo", Dialect.SOAP11, members=("Foo", "Batch"))
FAULT = {"faultCode": 1, "faultString": "no"}
FAULTED = "<r><ResponseError>sold out</ResponseError></r>"


def answers(*values: object) -> bytes:
    """Write the reply of a multicall."""
    return dumps((list(values),), methodresponse=True).encode()


def of_calls(body: bytes, *headers: tuple[bytes, bytes], safe: bool = False, partial: bool = False) -> str:
    """Grade the reply of a multicall."""
    return graded(xmlrpc().grade(SEVERAL, 200, headers, (body,), safe=safe, partial=partial))


def reply(inside: str) -> bytes:
    """Write an envelope around a result."""
    return soap11_reply("Batch", "HERE").replace(b"HERE", inside.encode())


def of_batch(inside: str, *, call: Call = BATCH, safe: bool = False, partial: bool = False) -> str:
    """Grade the reply of a Batch."""
    return graded(soap().grade(call, 200, (), (reply(inside),), safe=safe, partial=partial))


def test_a_multicall_of_which_a_member_faulted_has_not_confirmed_itself():
    """It is ok, for the reply is relayed as it came, and what it did is unknown; one of two is enough."""
    assert of_calls(answers([1], [2])) == "ok executed yes"
    assert of_calls(answers([1], FAULT)) == "ok executed unknown"
    assert of_calls(answers(FAULT)) == "ok executed unknown"


def test_a_multicall_that_only_reads_is_ok_whatever_its_members_said():
    """A member that failed did nothing, and neither did the others."""
    assert of_calls(answers([1], FAULT), safe=True) == "ok executed yes"


def test_a_single_call_may_speak_of_fault_codes():
    """Only the reply of a multicall has members that fail."""
    call = Call("b", "", "faults.list", Dialect.XMLRPC, members=("faults.list",))
    assert xmlrpc().grade(call, 200, (), (answers(FAULT),), safe=False) is OK


def test_a_fault_of_the_whole_stays_a_fault():
    """The server refused the multicall itself."""
    body = dumps(Fault(1, "no"), methodresponse=True).encode()
    assert of_calls(body) == "backend_fault/xmlrpc executed unknown"


def test_what_is_out_of_sight_is_not_confirmed():
    """A member's fault may stand behind the beginning, in what is still on the way, or in a coding that nobody here reads."""
    long = answers(["x" * peek.HEAD_BYTES], [1])
    assert of_calls(long) == "ok executed unknown"
    assert of_calls(answers([1]), partial=True) == "ok executed unknown"
    assert of_calls(b"\x0b\x02\x80", (b"Content-Encoding", b"br")) == "ok executed unknown"
    assert of_calls(long, safe=True) == "ok executed yes"


@pytest.mark.parametrize("size", [10, 5_000, 60_000])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_that_is_seen_whole_is_believed(size, codec, packed):
    """Short or longer than a tail, in any encoding, compressed or not: nothing of it is out of sight."""
    body = answers(["x" * (size // (2 if codec == "utf-16" else 1))]).decode().encode(codec)
    headers = ((b"Content-Encoding", b"gzip"),) if packed else ()
    assert of_calls(gzip.compress(body) if packed else body, *headers) == "ok executed yes"


@pytest.mark.parametrize(
    "inside",
    [
        FAULTED,
        '<r xmlns:a="urn:a"><a:ResponseError a:b=">" >sold out</a:ResponseError></r>',
        "<r><Fault><faultcode>Server</faultcode></Fault></r>",
        "<SqlException>deadlock</SqlException>",
    ],
)
def test_a_batch_of_which_a_member_failed_has_not_confirmed_itself(inside):
    """As for a multicall, whatever the contract calls the member's failure."""
    assert of_batch(inside) == "ok executed unknown"
    assert of_batch(inside, safe=True) == "ok executed yes"
    assert of_batch(inside, call=BY_ACTION) == "ok executed unknown"


@pytest.mark.parametrize(
    "inside",
    [
        "<r><ResponseInt>1</ResponseInt></r>",
        "<r><ResponseError/><ResponseError /><ResponseError></ResponseError><ResponseError> </ResponseError></r>",
        '<r xmlns:i="urn:i"><ResponseError i:nil="true" /></r>',
        "<Errors>0</Errors>",
    ],
)
def test_a_batch_without_a_failure_is_confirmed(inside):
    """An element that could hold one and is empty says that there is none."""
    assert of_batch(inside) == "ok executed yes"


def test_a_batch_that_is_not_seen_to_its_end_is_not_confirmed():
    """As for a multicall."""
    assert of_batch("x" * peek.HEAD_BYTES) == "ok executed unknown"
    assert of_batch("<a/>", partial=True) == "ok executed unknown"


def test_only_a_batch_has_members_that_fail():
    """An operation's own error element is its result."""
    call = Call("b", "", "Buy", Dialect.SOAP11, members=("Buy",))
    assert soap().grade(call, 200, (), (reply(FAULTED),), safe=False).executed is Executed.YES


def test_a_fault_of_the_whole_batch_stays_a_fault():
    """The server refused the Batch itself."""
    verdict = soap().grade(BATCH, 500, (), (soap11_fault(),), safe=False)
    assert verdict.state == "backend_fault"
