"""The tap that keeps score in these tests: it must notice what the tests say did not happen."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.interop.conftest import Road
    from tests.interop.peers import Server
    from tests.interop.tap import Tap

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def tap(servers: dict[str, Server]) -> Tap:
    tap = servers["simple"].tap
    assert tap is not None
    tap.only(None)
    tap.clear()
    return tap


def post(port: int, body: bytes, headers: dict[str, str], path: str = "/RPC2") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, body, headers)
    reply = connection.getresponse()
    try:
        return reply.status, reply.read()
    finally:
        connection.close()


CALL = (
    b"<methodCall><methodName>add</methodName><params><param><value><int>%d</int></value></param></params></methodCall>"
)


def test_tells_bodies_apart(tap: Tap) -> None:
    """Two requests that differ in one byte have different fingerprints; equal ones have equal ones."""
    for number in (1, 2, 1):
        post(tap.port, CALL % number, {"Content-Type": "text/xml"})
    first, second, third = (each.fingerprint for each in tap.exchanges())
    assert first == third
    assert first[0] != second[0]


def test_records_what_the_client_got(tap: Tap) -> None:
    """The recorded exchange holds the same bytes that the client sent and received."""
    status, body = post(tap.port, CALL % 7, {"Content-Type": "text/xml"})
    (exchange,) = tap.exchanges()
    assert (exchange.status, exchange.reply_body, exchange.request_body) == (status, body, CALL % 7)


def test_a_stranger_is_seen(through: Road) -> None:
    """A connection that is not the sidecar's is marked, one that is the sidecar's is not."""
    through.clear("simple")
    back = through.back("simple")
    assert through.front is not None
    post(through.front.port, CALL % 1, {"Content-Type": "text/xml"}, "/simple")
    back.wait(lambda tap: len(tap.exchanges()) == 1)
    assert not [each for each in back.connections if each.foreign]
    before = len(back.connections)
    with socket.create_connection(("127.0.0.1", back.port)):
        back.wait(lambda tap: len(tap.connections) > before)
        assert [each.foreign for each in back.connections[before:]] == [True]


def test_exchanges_of_one_connection_in_order(tap: Tap) -> None:
    """Pipelined requests on one connection are read apart, chunked ones without their chunk sizes, 100 Continue noticed."""
    head = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
    one, two = CALL % 1, CALL % 2
    with socket.create_connection(("127.0.0.1", tap.port)) as client:
        client.sendall(f"{head}Content-Length: {len(one)}\r\n\r\n".encode() + one)
        tap.wait(lambda tap: len(tap.exchanges()) == 1)
        client.sendall(f"{head}Expect: 100-continue\r\nContent-Length: {len(two)}\r\n\r\n".encode() + two)
        tap.wait(lambda tap: len(tap.exchanges()) == 2)
    assert [each.request_body for each in tap.exchanges()] == [one, two]
    assert [each.interim for each in tap.exchanges()] == [False, True]


def test_cuts_and_comes_back(tap: Tap) -> None:
    """After `down` the port refuses, after `up` it serves: the dead backend of the other tests is really dead."""
    tap.down()
    with pytest.raises(ConnectionRefusedError):
        post(tap.port, CALL % 1, {})
    tap.up()
    assert post(tap.port, CALL % 1, {"Content-Type": "text/xml"})[0] == 200
