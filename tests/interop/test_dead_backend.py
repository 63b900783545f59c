"""A backend that does not answer its door: each client library raises its own kind of fault, with our state inside."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.conftest import company, lay
from tests.interop.peers import CLIENTS, ENDPOINTS, HERE, Visit, ordinary, pairs
from tests.support.ports import free_port
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.interop.conftest import Road
    from tests.interop.peers import Client


TAIL = re.compile(r" \[state=backend_unreachable retry_after=[1-9]\d* executed=no ref=\S+\]$")

MORTAL = {"soap11": "spyne11", "soap12": "spyne12", "xmlrpc": "simple"}


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SidecarProcess]:
    """A sidecar whose backends were never there; the WSDLs are files, so that clients can still bootstrap."""
    directory = tmp_path_factory.mktemp("dead")
    nobody = f"http://127.0.0.1:{free_port()}"
    wsdls = {"php": "boxoffice.wsdl", "php-rpc": "boxoffice-rpc.wsdl"}
    backends: dict[str, Any] = {
        "simple": {"protocol": "xmlrpc", "path": "/simple", "url": f"{nobody}/RPC2", "limit": {"fixed": 16}}
    }
    for name, file in wsdls.items():
        text = (HERE / "wsdl" / file).read_text(encoding="utf-8").replace("@ADDRESS@", nobody + ENDPOINTS[name].path)
        (directory / file).write_text(text, encoding="utf-8")
        backends[name] = {
            "protocol": "soap",
            "path": f"/{name}",
            "url": nobody + ENDPOINTS[name].path,
            "wsdl": str(directory / file),
            "limit": {"fixed": 16},
        }
    with SidecarProcess({"backends": backends}, directory) as sidecar:
        yield sidecar


@pytest.mark.thinned(3)
@pytest.mark.parametrize(("client", "endpoint", "dialect"), ordinary(pairs(["php", "php-rpc", "simple"])))
def test_own_kind_of_fault(
    dead: SidecarProcess, ask: Callable[..., list[dict[str, Any]]], client: str, endpoint: str, dialect: str
) -> None:
    """The library raises what it raises for faults, not for broken replies, and state and `executed` can be read from it."""
    url = f"{dead.url}/{endpoint}" + ("?wsdl" if ENDPOINTS[endpoint].protocol == "soap" else "")
    answers = ask(client, url, "add,add", dialect)
    for answer in answers:
        assert answer.get("fault", answer)["class"] == CLIENTS[client].fault
        assert_state(answer["fault"], dialect)


def assert_state(fault: dict[str, Any], dialect: str) -> None:
    """The fault says backend_unreachable and that nothing was executed, where its dialect has the place for it."""
    if dialect == "xmlrpc":
        assert fault["code"] == -32054
        assert TAIL.search(fault["text"]), fault["text"]
        return
    whole = json.dumps(fault)
    assert ("Receiver" if dialect == "soap12" else "Server") in whole
    # npm soap keeps a SOAP 1.1 detail and a SOAP 1.2 Detail under `fault`; the others under `detail`.
    detail = fault["detail"] if "detail" in fault else json.dumps(fault["fault"])
    assert "backend_unreachable" in detail
    assert re.search(r"executed\W+(\w+\W+)??no\b", detail), detail
    if subcodes := fault.get("subcodes") or fault.get("subcode"):
        assert "backend_unreachable" in str(subcodes)


@pytest.mark.thinned(3)
@pytest.mark.parametrize(("client", "dialect"), [(name, dialect) for name, _, dialect in pairs(["php", "simple"])])
def test_fault_while_it_is_gone_and_answers_when_it_is_back(
    clients: Callable[[str], Client], mortal: Road, client: str, dialect: str
) -> None:
    """A backend that dies after a client's first call is told as unreachable, and the client goes on when it is back."""
    endpoint = MORTAL[dialect]
    back = mortal.back(endpoint)
    visit = Visit(clients(client), mortal.entrance(endpoint), "add,wait,add,wait,add", dialect)
    assert [each.get("value", each) for each in visit.until_wait()] == [42]
    back.down()
    visit.go_on()
    (answer,) = visit.until_wait()
    assert answer.get("fault", answer)["class"] == CLIENTS[client].fault
    assert_state(answer["fault"], dialect)
    back.up()
    visit.go_on()
    assert [each.get("value", each) for each in visit.answers()] == [42]


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """A road whose backends can be cut off and brought back, without anybody else's calls on it."""
    directory = tmp_path_factory.mktemp("mortal")
    with company(["spyne", "simple"], directory) as servers, lay(servers, MORTAL.values(), directory) as road:
        yield road
