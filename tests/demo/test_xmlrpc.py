"""The XML-RPC face: nil, faults in HTTP 200, introspection, and a multicall that keeps its members apart."""

from __future__ import annotations

import xmlrpc.client as codec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import aiohttp

    from sidecar.demo.box_office import BoxOffice


async def _rpc(http: aiohttp.ClientSession, quick: BoxOffice, method: str, *params: Any) -> Any:
    body = codec.dumps(params, method, allow_none=True).encode()
    async with http.post(f"{quick.url}/xmlrpc", data=body, headers={"Content-Type": "text/xml"}) as reply:
        assert reply.status == 200
        return codec.loads(await reply.read())[0][0]


async def test_xmlrpc_tells_about_itself(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """listMethods, methodHelp and methodSignature answer for every operation and take no time of the law."""
    methods = await _rpc(http, quick, "system.listMethods")
    assert {"tickets.performances", "tickets.reserve", "tickets.checkout", "system.multicall"} <= set(methods)
    assert await _rpc(http, quick, "system.methodHelp", "tickets.hello") == "Answers a greeting; for probes."
    assert await _rpc(http, quick, "system.methodSignature", "tickets.reserve") == [
        ["int", "string", "string", "int", "int", "int"]
    ]
    assert quick.stats()["calls"] == 0


async def test_xmlrpc_knows_nil_both_ways(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """A null column is nil, and nil stands for a text parameter that is left out."""
    rows = await _rpc(http, quick, "tickets.performances", None)
    assert rows[0]["text1"] is None
    assert rows[1]["text1"] == "Relaxed performance"


async def test_multicall_answers_each_member_in_its_place(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Results come in arrays, faults as structs, and a nested multicall is not a method; all in one slot."""
    key = quick.house.open_session()
    members = [
        {"methodName": "tickets.hello", "params": []},
        {"methodName": "tickets.nothing", "params": []},
        {"methodName": "tickets.reserve", "params": [key, "A", 1203, 1, 1]},
        {"methodName": "system.multicall", "params": [[]]},
        "not a struct",
        {"methodName": "tickets.reserve", "params": [key, "A", 1201, 2, 1]},
    ]
    answers = await _rpc(http, quick, "system.multicall", members)
    assert answers[0] == ["Hello World"]
    assert [a["faultCode"] for a in answers[1:5]] == [-32601, 410, -32601, -32602]
    assert answers[5] == [2]
    assert (quick.stats()["calls"], quick.stats()["peak"]) == (1, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<methodCall>", -32700),
        (b"<methodResponse><params/></methodResponse>", -32600),
        (codec.dumps((), "tickets.nothing").encode(), -32601),
        (codec.dumps((), "tickets.reserve").encode(), -32602),
        (codec.dumps((1, 2), "tickets.hello").encode(), -32602),
        (codec.dumps(("k", 1.5, "N"), "tickets.seats").encode(), -32602),
        (codec.dumps((True,), "tickets.session").encode(), -32602),
        (codec.dumps((1,), "system.multicall").encode(), -32602),
        (codec.dumps(([{}] * 51,), "system.multicall").encode(), -32602),
        (codec.dumps(("no",), "system.methodHelp").encode(), -32602),
    ],
)
async def test_xmlrpc_that_cannot_be_read(
    quick: BoxOffice, http: aiohttp.ClientSession, body: bytes, code: int
) -> None:
    """Each kind of bad call is a fault of the interoperability range with HTTP 200, and nothing runs."""
    async with http.post(f"{quick.url}/xmlrpc", data=body, headers={"Content-Type": "text/xml"}) as reply:
        assert reply.status == 200
        with pytest.raises(codec.Fault) as caught:
            codec.loads(await reply.read())
    assert caught.value.faultCode == code
    assert quick.stats()["executed"] == {}
