"""The table of operations: names meet nowhere twice, and everything that needs a session refuses a wrong one."""

from __future__ import annotations

import random

import pytest

from sidecar.demo.inventory import SEASON, House, Sorry
from sidecar.demo.operations import BY_NAME, BY_RPC, OPERATIONS, Operation

SESSION_NAMES = {"sSessionKey", "SessionKey", "sWebSessionId", "sWebSessionID"}


def test_every_operation_has_its_own_name_in_both_worlds() -> None:
    """No two share a SOAP name or an XML-RPC name."""
    assert len(OPERATIONS) == len(BY_NAME) == len(BY_RPC)


def test_the_session_key_goes_under_four_names() -> None:
    """As in ticketing systems that grew: a proxy cannot rely on one."""
    assert {param.name for op in OPERATIONS for param in op.params} & SESSION_NAMES == SESSION_NAMES


@pytest.mark.parametrize(
    "operation",
    [op for op in OPERATIONS if {p.name for p in op.params} & SESSION_NAMES and op.name != "GetSalesReport"],
    ids=lambda op: op.name,
)
def test_a_wrong_session_is_refused(operation: Operation) -> None:
    """Whoever asks with a key that was never given learns nothing and changes nothing."""
    house = House(random.Random(1), lambda: 0.0, SEASON)
    args = {p.name: 1201 if p.type == "int" else "N" for p in operation.params}
    with pytest.raises(Sorry, match="session key is not valid"):
        operation.run(house, dict(args))


def test_a_report_is_bounded() -> None:
    """It gives the rows asked for, none for a negative number, and never more than its bound."""
    house = House(random.Random(1), lambda: 0.0, SEASON)
    for asked, given in ((7, 7), (-5, 0), (10**6, 100_000)):
        value = BY_NAME["GetSalesReport"].run(house, {"SessionKey": "", "iRows": asked}).value
        assert len(value.tables[0].rows) == given  # type: ignore[union-attr] # this operation gives a DataSet
