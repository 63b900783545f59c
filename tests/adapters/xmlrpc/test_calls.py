"""XML-RPC calls beyond the corpus: shapes of multicall, values that are kept, bounds."""

from __future__ import annotations

import xmlrpc.client

import pytest

from sidecar.model import Dialect
from tests.adapters.corpus import MOST, head, told
from tests.adapters.corpus import xmlrpc as adapter

_ONE = "<param><value><array><data><value><struct>{}</struct></value></data></array></value></param>"
XML = ((b"Content-Type", b"text/xml"),)


async def ask(body: str | bytes, *, strict: bool = False) -> str:
    """Classify a call."""
    data = body.encode() if isinstance(body, str) else body
    return told(await adapter(strict=strict).classify(head("POST", "/t", XML), "", Dialect.XMLRPC, data))


async def test_what_the_standard_library_sends_is_understood():
    """One and many calls, of the client that most people have."""
    assert (
        await ask(xmlrpc.client.dumps(("K1", 7, 2), "tickets.reserve"))
        == "tickets.reserve as xmlrpc; values {'2': '2'}"
    )
    calls = [{"methodName": name, "params": [1]} for name in ("tickets.seats", "tickets.clear")]
    assert (
        await ask(xmlrpc.client.dumps((calls,), "system.multicall"))
        == "system.multicall as xmlrpc; runs tickets.seats tickets.clear"
    )


async def test_a_multicall_of_as_many_as_may_be_is_taken_and_one_more_is_not():
    """The bound counts calls."""
    call = {"methodName": "a", "params": []}
    assert await ask(xmlrpc.client.dumps(([call] * MOST,), "system.multicall")) == "system.multicall as xmlrpc; runs a"
    assert await ask(xmlrpc.client.dumps(([call] * (MOST + 1),), "system.multicall")) == "refused too_large"


@pytest.mark.parametrize("name", ["system.multicall", "system.multiCall", " SYSTEM.MULTICALL\n"])
async def test_a_multicall_in_a_multicall_is_refused_in_any_spelling(name):
    """It would hide its members."""
    calls = [{"methodName": name, "params": []}]
    assert await ask(xmlrpc.client.dumps((calls,), "system.multicall")) == "refused malformed/nested"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<param><value><array><data/></array></value></param>" * 2,
        "<param><value><struct/></value></param>",
        "<param><value><array><data><value>a</value></data></array></value></param>",
        "<param><value><array><data><x/></data></array></value></param>",
        "<param><value><array><data/><data/></array></value></param>",
        _ONE.format("<member><value>a</value><name>methodName</name></member>"),
        _ONE.format("<member><name>methodName</name><value><struct/></value></member>"),
    ],
)
async def test_a_multicall_whose_members_nobody_can_tell_is_refused(content):
    """Servers disagree about such shapes, so nobody can say which rules apply."""
    body = f"<methodCall><methodName>system.multicall</methodName><params>{content}</params></methodCall>"
    assert await ask(body) == "refused malformed/operation"


async def test_every_member_of_a_multicall_is_held_against_a_strict_backend():
    """One member that nobody declared is enough."""
    calls = [{"methodName": name, "params": []} for name in ("tickets.seats", "admin.drop")]
    assert (
        await ask(xmlrpc.client.dumps((calls,), "system.multicall"), strict=True) == "refused operation_denied/strict"
    )
    assert (await ask(xmlrpc.client.dumps((calls[:1],), "system.multicall"), strict=True)).endswith(
        "runs tickets.seats"
    )


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("<int>2</int>", "2"),
        ("<i8>2</i8>", "2"),
        ("<ex:i8 xmlns:ex='urn:ex'>2</ex:i8>", "2"),
        ("two", "two"),
        ("<string> two </string>", " two "),
        ("<string/>", ""),
        ("<boolean>1</boolean>", "1"),
        ("<nil/>", None),
        ("<struct/>", None),
        ("<array><data/></array>", None),
        ("<string>a<b/></string>", None),
    ],
)
async def test_scalars_are_kept_as_they_are_written(value, kept):
    """By position; what is no scalar is not kept."""
    params = f"<param><value>0</value></param><param><value>1</value></param><param><value>{value}</value></param>"
    told_so = await ask(f"<methodCall><methodName>m</methodName><params>{params}</params></methodCall>")
    assert told_so == "m as xmlrpc" + ("" if kept is None else f"; values {{'2': {kept!r}}}")


async def test_a_member_that_stands_twice_says_nothing():
    """Nobody knows which one the server takes."""
    member = "<member><name>count</name><value><int>1</int></value></member>"
    body = "<methodCall><methodName>m</methodName><params><param><value><struct>{}</struct></value></param></params></methodCall>"
    assert await ask(body.format(member)) == "m as xmlrpc; values {'count': '1'}"
    assert await ask(body.format(member * 2)) == "m as xmlrpc"


@pytest.mark.parametrize("params", ["<param/>", "<param><x/></param>", "<x/>", "<param><value/><value/></param>"])
async def test_params_of_another_shape_are_refused(params):
    """A reader that is more forgiving than we are would run something else."""
    assert (
        await ask(f"<methodCall><methodName>m</methodName><params>{params}</params></methodCall>")
        == "refused malformed/envelope"
    )


async def test_more_parameters_than_any_method_has_are_refused():
    """Reading a thousand takes half a millisecond; the parser would let twenty thousand through."""
    params = "<param><value/></param>" * 1_001
    assert (
        await ask(f"<methodCall><methodName>m</methodName><params>{params}</params></methodCall>")
        == "refused malformed/elements"
    )
