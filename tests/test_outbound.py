"""A private flight's request: the caller's own bytes, and one canonical SOAPAction."""

from __future__ import annotations

import pytest

from sidecar.model import Call, Dialect, Exchange, Peer
from sidecar.outbound import private_request
from tests.support.world import Body, head

NEW = "urn:office/Reserve"


def exchange(
    *lines: tuple[str, str], target: str = "/tickets", action: str | None = NEW, dialect: Dialect = Dialect.SOAP11
) -> Exchange:
    made = Exchange(head("POST", target, lines), Body(b""), Peer("192.0.2.1", tls=False), 0.0)
    made.body = b"<raw  />"
    made.call = Call("tickets", "", "Reserve", dialect, action=action)
    return made


def actions(*given: str, **changes: object) -> list[bytes]:
    made = exchange(*(("SOAPAction", each) for each in given), **changes)  # type: ignore[arg-type]  # as above
    headers = private_request(made, "/Office.asmx").headers
    return [value for name, value in headers if name.lower() == b"soapaction"]


def test_the_body_goes_as_it_came() -> None:
    """To the byte, and with the caller's own lines but those that end with the connection."""
    made = private_request(exchange(("X-Own", "1"), ("Connection", "x-hop"), ("X-Hop", "1")), "/Office.asmx")
    assert (made.method, made.target, made.body) == ("POST", "/Office.asmx", b"<raw  />")
    assert (b"X-Own", b"1") in made.headers
    assert not {name.lower() for name, _ in made.headers} & {b"x-hop", b"connection"}


@pytest.mark.parametrize(
    ("base", "rest", "query", "target"),
    [
        ("/Office.asmx", "", "", "/Office.asmx"),
        ("/Office.asmx", "/Reserve", "a=1&b=%20", "/Office.asmx/Reserve?a=1&b=%20"),
        ("/", "/Reserve", "", "/Reserve"),
        ("/", "", "a", "/?a"),
    ],
)
def test_the_address_is_the_backends(base: str, rest: str, query: str, target: str) -> None:
    """What follows the endpoint's own path, and the query as it came."""
    made = exchange(target=f"/tickets{rest}?{query}" if query else f"/tickets{rest}")
    made.rest = rest
    assert private_request(made, base).target == target


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (['"urn:office/Reserve"'], [b'"urn:office/Reserve"']),
        (["urn:office/Reserve"], [b"urn:office/Reserve"]),  # unquoted says the same
        (['""'], [b'"urn:office/Reserve"']),
        (['"urn:office/Reserve"', '"urn:office/Other"'], [b'"urn:office/Reserve"']),
        ([], []),
    ],
)
def test_one_action_is_sent(given: list[str], sent: list[bytes]) -> None:
    """ASMX runs what the action names, so the backend gets one, and it is the body's; a caller without one has none made up."""
    assert actions(*given) == sent


@pytest.mark.parametrize("changes", [{"action": None}, {"dialect": Dialect.SOAP12}])
def test_where_no_contract_says_the_action_passes(changes: dict[str, object]) -> None:
    """Nor is it anything but a line of the caller's in SOAP 1.2."""
    assert actions('"urn:any"', **changes) == [b'"urn:any"']
