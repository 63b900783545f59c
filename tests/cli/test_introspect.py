"""`sidecar introspect`: what it makes of servers that tell all, little, nothing, or never end."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xmlrpc.server import SimpleXMLRPCServer

import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from sidecar.cli.introspect import command
from sidecar.settings.signatures import Named, signatures_of
from sidecar.signatures import Kind, Member, Type
from tests.cli.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, arguments)


@contextmanager
def backend(
    signature: Callable[[str], Any], text: Callable[[str], Any] = lambda _: "", names: Any = None
) -> Iterator[str]:
    """Serve the three methods of introspection."""
    with SimpleXMLRPCServer(("127.0.0.1", 0), allow_none=True, logRequests=False) as server:
        server.register_function(
            lambda: ["tickets.list", "system.listMethods", "echo"] if names is None else names, "system.listMethods"
        )
        server.register_function(signature, "system.methodSignature")
        server.register_function(text, "system.methodHelp")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/RPC2"
        finally:
            server.shutdown()
            thread.join()


def signatures(result: Result) -> dict[str, Any]:
    """Read what was printed as settings do."""
    assert result.exit_code == 0, result.output
    read = YAML(typ="safe").load(result.stdout)
    assert set(read) == {"signatures"}
    found = TypeAdapter(Named).validate_python(read["signatures"])
    return {each.method: each for each in signatures_of(found, allow_nil=False, allow_i8=False).methods}


def test_a_server_that_tells_all() -> None:
    """Types, and help as text; what is only a variant that ends earlier makes the rest optional; our own names for theirs."""

    def signature(name: str) -> Any:
        return (
            [["i4", "string"], ["i4", "string", "dateTime.iso8601"], ["void"]] if name == "echo" else ["array", "weird"]
        )

    with backend(signature, lambda name: f'About \n  {name}: ${{HOME}} "quoted" # é\x00'.replace("\x00", "")) as url:
        result = run(url)
    found = signatures(result)
    assert list(found) == ["echo", "tickets.list"]
    assert found["echo"].params == (
        Member("p0", Type(Kind.STRING)),
        Member("p1", Type(Kind.DATETIME), optional=True),
    )
    assert found["echo"].returns == Type(Kind.INT)
    assert "# or: () returns nil" in result.stdout
    assert found["tickets.list"].params == (Member("p0", Type(Kind.ANY)),)
    assert found["tickets.list"].returns == Type(Kind.ARRAY)
    assert found["tickets.list"].text == 'About tickets.list: $${HOME} "quoted" # é'  # the settings read $${ as ${
    assert f"What {url} says of its methods: 2 of 2 with their types" in result.stdout


@pytest.mark.parametrize(
    "said",
    [[], "", "signatures not supported", "undef", None, 5, [[]], [5], [["int"], 5][1:], [["int", 5]], [["int"] * 101]],
)
def test_a_server_that_tells_little(said: Any) -> None:
    """What is not told stands in a comment, so that nobody takes a guess for a promise."""
    with backend(lambda _: said, lambda _: "what it does") as url:
        result = run(url)
    assert signatures(result) == {}
    assert "signatures: {}" in result.stdout
    assert '  # "echo": {params: [], returns: any}  # what it does' in result.stdout


def test_a_server_that_fails_at_each() -> None:
    """A fault is no answer, and no end."""

    def fail(_: str) -> Any:
        raise LookupError

    with backend(fail, fail) as url:
        result = run(url)
    assert signatures(result) == {}
    assert "# nothing is told" in result.stdout


@pytest.mark.parametrize("names", [[], "", None, 5, ["system.listMethods"], ["a b", "<x>"], [1]])
def test_a_server_without_names(names: Any) -> None:
    """Then there is nothing to print."""
    with backend(lambda _: [], names=names if names is not None else 0) as url:
        result = run(url)
    assert result.exit_code == 1
    assert "names no methods: write their signatures yourself" in result.stderr
    assert result.stdout == ""


def test_names_cannot_break_out() -> None:
    """Neither of the YAML nor of a comment."""
    odd = ["a:b", "yes", "a#b", "-", "{x", "é.ü", "*", "a.b\u2028c"]
    with backend(lambda name: [["int"]] if name != "*" else [], lambda _: "x\r\ny: {z\u2028signatures: 5", odd) as url:
        result = run(url)
    assert set(signatures(result)) == set(odd) - {"*", "a.b\u2028c"}
    assert all("signatures: 5" not in line or "#" in line or "text:" in line for line in result.stdout.splitlines())


def test_so_many_are_asked_about() -> None:
    """The others are named."""
    asked: list[str] = []
    with backend(lambda name: asked.append(name) or [["int"]], names=[f"tickets.m{at:03}" for at in range(20)]) as url:  # type: ignore[func-returns-value]  # append, and then the answer
        result = run(url, "--most", "3")
    assert asked == ["tickets.m000", "tickets.m001", "tickets.m002"]
    assert len(signatures(result)) == 3
    assert result.stdout.count("# not asked") == 17


def test_no_redirect_is_followed() -> None:
    """It says where it was."""
    with serving(status=302) as (where, asked):
        result = run(f"{where}/RPC2?a=1")
    assert result.exit_code == 1
    assert "answers 302 and sends whoever asks elsewhere, which is not followed" in result.stderr
    assert [(method, path) for method, path, _, _ in asked] == [("POST", "/RPC2?a=1")]
    assert b"<methodName>system.listMethods</methodName>" in asked[0][3]


@pytest.mark.parametrize("body", [b"", b"oops", b"<methodResponse/>", b"<methodResponse><params>", b"\xff" * 100])
def test_what_is_no_xmlrpc(body: bytes) -> None:
    """Is no list of names."""
    with serving(body=body) as (where, _):
        result = run(where)
    assert result.exit_code == 1
    assert "names no methods" in result.stderr


def test_a_reply_without_end() -> None:
    """Is left after a megabyte."""
    with serving(body=b"x" * 1_100_000) as (where, _):
        result = run(where)
    assert result.exit_code == 1
    assert "its answer has more than 1048576 bytes" in result.stderr


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nA: b\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
def test_a_server_that_says_no_more(said: bytes) -> None:
    """The time ends it, however far it came."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(said)
                while peer.recv(4096):
                    pass

        thread = threading.Thread(target=accept)
        thread.start()
        began = time.monotonic()
        result = run(f"http://127.0.0.1:{server.getsockname()[1]}/", "--timeout", "1")
        thread.join()
    assert result.exit_code == 1
    assert "does not answer: the time was up" in result.stderr
    assert time.monotonic() - began < 3.0


def test_a_server_that_stops_answering() -> None:
    """What was told until then is printed; the rest is said not to have been asked."""
    over = threading.Event()

    def signature(name: str) -> Any:
        if name == "b.b":
            over.wait(20)
        return [["int"]]

    with backend(signature, names=["a.a", "b.b", "c.c"]) as url:
        result = run(url, "--timeout", "1")
        over.set()
    assert set(signatures(result)) == {"a.a"}
    assert "  # c.c: {params: [], returns: any}  # not asked, the time was up" in result.stdout


def test_nobody_there() -> None:
    """The reason is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = run(f"http://127.0.0.1:{port}/")
    assert result.exit_code == 1
    assert "does not answer: " in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "ftp://a/",
        "a",
        "",
        "http://",
        "http://u:p@a/",
        "http://a:b/",
        "http://a/\r\nX: y",
        "http://[/",
        "http://é/",
    ],
)
def test_what_is_no_address(url: str) -> None:
    """Only http and https, without credentials; nothing is sent."""
    result = run(url)
    assert result.exit_code == 2
    assert "URL is no plain http:// or https:// address" in result.stderr
