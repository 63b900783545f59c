"""The path alone decides, and no path climbs out of its endpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.model import Protocol
from sidecar.plan import BackendPlan, Plan
from sidecar.policy.routing import Routes

TICKETS = BackendPlan("tickets", Protocol.SOAP, "/tickets", (("", "http://h/T.asmx"),))
SEATS = BackendPlan("seats", Protocol.SOAP, "/seats", (("main", "http://h/A.asmx"), ("reports", "http://h/B.asmx")))
ROUTES = Routes(Plan(backends=(TICKETS, SEATS)))


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/tickets", ("tickets", "", "")),
        ("/tickets/", ("tickets", "", "")),
        ("/tickets/GetPerformances", ("tickets", "", "/GetPerformances")),
        ("/tickets/a.b_c~d-9", ("tickets", "", "/a.b_c~d-9")),
        ("/tickets/...", ("tickets", "", "/...")),
        ("/seats/main", ("seats", "main", "")),
        ("/seats/reports/Run", ("seats", "reports", "/Run")),
        ("/seats", None),
        ("/seats/other", None),
        ("/tickets/a/b", None),
        ("/tickets//", None),
        ("/tickets/.", None),
        ("/tickets/..", None),
        ("/tickets/%2e%2e", None),
        ("/tickets/a;b", None),
        ("/tickets/" + "a" * 129, None),
        ("/Tickets", None),
        ("/", None),
        ("", None),
        ("*", None),
        ("tickets", None),
    ],
)
def test_where_a_path_leads(path: str, where: tuple[str, str, str] | None) -> None:
    """One line, one path; case counts, a slash at the end does not."""
    found = ROUTES.find(path)
    assert (None if found is None else (found.backend.name, found.endpoint, found.rest)) == where


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/tickets/json/GetSeats", ("json", "", "/GetSeats")),
        ("/tickets/json/system.list%2Fmethods", ("json", "", "/system.list%2Fmethods")),
        ("/tickets/json/%C3%9Cbersicht", ("json", "", "/%C3%9Cbersicht")),
        ("/tickets/json/a:b", ("json", "", "/a:b")),
        ("/tickets/json", ("json", "", "")),
        ("/tickets/json/", ("json", "", "")),
        ("/tickets/json/a/b", None),
        ("/tickets/json/..", None),
        ("/tickets/json/a%2", None),
        ("/tickets/json/a b", None),
        ("/tickets/json/" + "a" * 513, None),
        ("/tickets/openapi.json", ("openapi.json", "", "")),
        ("/tickets/openapi.json/more", None),
        ("/tickets/docs", ("docs", "", "")),
        ("/seats/json/Run", ("json", "main", "/Run")),
        ("/seats/types.ts", ("types.ts", "main", "")),
        ("/seats/main/json", ("", "main", "/json")),
    ],
)
def test_the_json_side_of_a_backend(path: str, where: tuple[str, str, str] | None) -> None:
    """Its calls and pages lie below its own path, whatever endpoints it has; names come escaped as browsers send them."""
    found = ROUTES.find(path)
    assert (None if found is None else (found.facade, found.endpoint, found.rest)) == where


@given(rest=st.text(max_size=40))
def test_the_rest_is_at_most_one_plain_segment(rest: str) -> None:
    """Nothing below an endpoint can name another path of the backend."""
    found = ROUTES.find("/tickets/" + rest)
    if found is not None:
        assert found.rest in ("", "/" + rest)
        assert "/" not in found.rest[1:]
        assert found.rest not in ("/.", "/..")


def test_the_reserved_path_is_ours_even_before_a_backend_at_the_root() -> None:
    """A backend at "/" gets every one-segment path but ours."""
    root = Routes(Plan(backends=(BackendPlan("all", Protocol.SOAP, "", (("", "http://h/"),)),)))
    found = root.find("/Op")
    assert found is not None
    assert found.rest == "/Op"
    assert root.find("/") is not None
    assert root.find("/.sidecar") is None
    assert root.find("/.sidecar/states") is None


def test_whose_path_it_would_be() -> None:
    """An error that came before routing is written for the backend of its path."""
    assert ROUTES.origin_of("/tickets/x") is TICKETS
    assert ROUTES.origin_of("/nowhere") is None
