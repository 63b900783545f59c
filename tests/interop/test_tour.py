"""Every client against every server that it can speak with: the same results, and byte for byte the same messages.

Each pair runs directly and through the sidecar, from the WSDL on; the taps before the sidecar and before the server keep score.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.peers import ordinary, pairs, without_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.interop.conftest import Road


TEXT = 'Grüße aus Ελλάδα: 1 < 2 & "3" ☃'

STEPS = {
    "soap11": "echo,add,seats,price,refuse",
    "soap12": "echo,add,seats,price,refuse",
    "rpc": "echo,add,seat,price,refuse",
    "xmlrpc": "echo,add,seats,refuse,multicall,methods",
    "supervisord": "version,state,program,nosuch,methods",
}

VALIDATOR1 = (
    "arrayOfStructsTest",
    "countTheEntities",
    "easyStructTest",
    "echoStructTest",
    "manyTypesTest",
    "moderateSizeArrayCheck",
    "nestedStructTest",
    "simpleStructReturnTest",
)

REPORT = "".join(f"{n:08d}".ljust(1_024, "x") for n in range(10_000)).encode()
"""What the 10 MB report holds, made here and not by the server."""

TOUR = ordinary(pairs(["spyne11", "spyne12", "php", "php-rpc", "simple", "supervisord"]))


def plain(value: Any) -> Any:
    """The value without the wrapping that npm soap keeps around rpc/encoded values (`$value` beside the type attribute)."""
    return value["$value"] if isinstance(value, dict) and "$value" in value else value


@pytest.mark.thinned(2)
@pytest.mark.parametrize(("client", "endpoint", "dialect"), TOUR)
def test_results_are_what_was_asked_for(
    direct: Road, ask: Callable[..., list[dict[str, Any]]], client: str, endpoint: str, dialect: str
) -> None:
    """Directly, a client gets what it asked for, and the server's own fault as its library's: what the next test compares with."""
    answers = {each["step"]: each for each in ask(client, direct.entrance(endpoint), steps(endpoint, dialect), dialect)}
    if endpoint == "supervisord":
        assert answers["state"]["value"] == {"statecode": 1, "statename": "RUNNING"}
        assert answers["program"]["value"]["name"] == "usher"
        assert answers["nosuch"]["fault"]["code"] == 10  # BAD_NAME of supervisor's own table
        assert "supervisor.getState" in answers["methods"]["value"]
        return
    assert plain(answers["echo"]["value"]) == TEXT
    assert plain(answers["add"]["value"]) == 42
    assert "not today" in answers["refuse"]["fault"]["text"]
    if "seats" in answers:
        seats = answers["seats"]["value"]
        seats = seats["Seat"] if isinstance(seats, dict) else seats
        assert [seat["price"] for seat in seats] == [12.25, 24.5, 36.75, 49.0]
    if "multicall" in answers:
        assert answers["multicall"]["value"] in ([3, TEXT], [[3], [TEXT]])  # xmlrpc.client unwraps, npm does not


@pytest.mark.thinned(4)
@pytest.mark.parametrize(("client", "endpoint", "dialect"), TOUR)
def test_nothing_changes_on_the_way(
    direct: Road,
    through: Road,
    ask: Callable[..., list[dict[str, Any]]],
    client: str,
    endpoint: str,
    dialect: str,
) -> None:
    """Results equal those of a direct call, bodies are identical at both ends, and nobody but the sidecar came."""
    plan = steps(endpoint, dialect)
    wanted = ask(client, direct.entrance(endpoint), plan, dialect)
    through.clear(endpoint)
    got = ask(client, through.entrance(endpoint), plan, dialect)
    assert without_time(got) == without_time(wanted)
    assert_identical(through, endpoint, len(plan.split(",")))


@pytest.mark.parametrize("client", ["xmlrpc.client", "xmlrpc"])
def test_validator1_eight_of_eight(road: Road, ask: Callable[..., list[dict[str, Any]]], client: str) -> None:
    """The classic XML-RPC suite passes whole."""
    answers = ask(client, road.entrance("simple"), ",".join(f"validator1.{name}" for name in VALIDATOR1))
    assert [each.get("value", each) for each in answers] == ["pass"] * 8


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    ("client", "endpoint", "dialect"),
    [
        *pairs(["spyne11", "simple"]),
        *(pytest.param(*each, marks=pytest.mark.long) for each in pairs(["spyne12", "php"])),
    ],
)
def test_ten_megabytes_arrive(
    direct: Road,
    through: Road,
    ask: Callable[..., list[dict[str, Any]]],
    client: str,
    endpoint: str,
    dialect: str,
) -> None:
    """A 10 MB reply arrives whole and unchanged."""
    wanted = {"rows": 10_000, "chars": 10_240_000, "sha256": hashlib.sha256(REPORT).hexdigest()}
    assert [each.get("value") for each in ask(client, direct.entrance(endpoint), "big", dialect)] == [wanted]
    through.clear(endpoint)
    assert [each.get("value", each) for each in ask(client, through.entrance(endpoint), "big", dialect)] == [wanted]
    assert_identical(through, endpoint, 1)


def steps(endpoint: str, dialect: str) -> str:
    return STEPS.get(endpoint) or STEPS[dialect]


def assert_identical(road: Road, endpoint: str, calls: int) -> None:
    """The taps before the sidecar and before the server saw the same bodies in the same order, and no stranger."""
    assert road.front is not None
    back = road.back(endpoint)
    asked, served = road.front.exchanges(), back.exchanges()
    assert len(asked) == calls
    assert [each.fingerprint for each in asked] == [each.fingerprint for each in served]
    assert [each.status for each in asked] == [each.status for each in served]
    assert [content(each.request_headers) for each in asked] == [content(each.request_headers) for each in served]
    assert [content(each.reply_headers) for each in asked] == [content(each.reply_headers) for each in served]
    assert not [each for each in back.connections if each.foreign], "somebody went past the sidecar"


def content(headers: Any) -> tuple[str | None, str | None]:
    """The two headers without which a body cannot be read."""
    return headers.get("Content-Type"), headers.get("Content-Encoding")
