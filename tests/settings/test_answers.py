"""The vocabulary of what is shared and kept: which states it may name, and the values that are a word or a block."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.settings.answers import FALLBACK_STATES, NEGATIVE_STATES, Cache, Fallback, Idempotency, Negative
from sidecar.settings.schema import Operation
from sidecar.states import TABLE, Category


def test_which_noes_may_be_kept() -> None:
    """Those of the business: a failure is over before its time is."""
    assert set(NEGATIVE_STATES) == {"business_no", "sold_out"}
    with pytest.raises(ValidationError):
        Negative.model_validate({"states": ["overloaded"]})


def test_in_whose_place_something_may_be_said() -> None:
    """The backend's failures; never a refusal about the caller, a bug of ours, or an answer."""
    assert set(FALLBACK_STATES) == {
        "overloaded",
        "backend_unreachable",
        "outcome_unknown",
        "backend_bad_reply",
        "backend_fault",
    }
    assert {TABLE[state].category for state in FALLBACK_STATES} == {Category.BUSY, Category.UPSTREAM}


@pytest.mark.parametrize("shared", [True, "drop", "leader", {"as": {"sKey": "x"}}, {"as": {"a": "x", "B": "y"}}])
def test_ways_to_share(shared: Any) -> None:
    """As they are written."""
    assert Operation.model_validate({"shared": shared}).shared == shared


@pytest.mark.parametrize(
    "shared",
    [False, 1.5, "true", "as", {}, {"as": {}}, {"as": "x"}, {"as": {"a": 5}}, {"as": {"a": ""}}, {"as": {"a": "x\ny"}}, {"drop": True}, []],
)  # fmt: skip
def test_no_ways_to_share(shared: Any) -> None:
    """One of four, and a text for each identity."""
    with pytest.raises(ValidationError, match=r"must be|is a text"):
        Operation.model_validate({"shared": shared})


@pytest.mark.parametrize("key", ["header", {"header": "X-Id"}, {"soap_header": "Id"}, {"param": "sRef"}])
def test_where_keys_stand(key: Any) -> None:
    """As they are written."""
    assert Idempotency.model_validate({"key": key}).key == key


@pytest.mark.parametrize(
    "key", ["cookie", {}, {"header": "a b"}, {"param": 5}, {"param": ""}, {"a": "b"}, {"header": "a", "param": "b"}, 5]
)
def test_where_keys_do_not_stand(key: Any) -> None:
    """Nor in two places."""
    with pytest.raises(ValidationError):
        Idempotency.model_validate({"key": key})


@pytest.mark.parametrize(
    ("data", "json"),
    [
        ({"a": [1, "x", True, 2.5]}, '{"a":[1,"x",true,2.5]}'),
        ([], "[]"),
        (0, "0"),
        ("é", '"é"'),
        (2**31 - 1, "2147483647"),
    ],
)
def test_fixed_answers(data: Any, json: str) -> None:
    """Are held as JSON, whatever can be said in XML-RPC."""
    assert Fallback.model_validate({"on": ["overloaded"], "data": data}).data == json


@pytest.mark.parametrize(
    "data", [None, [None], {"a": {"b": None}}, float("nan"), [float("inf")], 2**31, [-(2**40)], "\ud800"]
)
def test_what_no_fixed_answer_can_say(data: Any) -> None:
    """XML-RPC has no nothing, no infinity and 32 bits."""
    with pytest.raises(ValidationError):
        Fallback.model_validate({"on": ["overloaded"], "data": data})


@pytest.mark.parametrize("word", ["private", "no-store", "no-cache", "max-age", "vary"])
def test_vetoes_that_can_be_waived(word: str) -> None:
    """Those of a backend that stamps everything."""
    assert Cache.model_validate({"ttl": "1s", "ignore_origin": [word]}).ignore_origin == [word]


@pytest.mark.parametrize(
    ("word", "said"),
    [("set-cookie", "never waived"), ("Set-Cookie", "never waived"), ("age", "not one of"), (5, "not one of")],
)
def test_vetoes_that_cannot(word: Any, said: str) -> None:
    """A cookie is one person's."""
    with pytest.raises(ValidationError, match=said):
        Cache.model_validate({"ttl": "1s", "ignore_origin": [word]})


@pytest.mark.parametrize("key", ["stale", "spare"])
def test_a_rule_that_does_nothing(key: str) -> None:
    """Is not switched off but left out."""
    assert getattr(Fallback.model_validate({"on": ["overloaded"], key: True}), key) is True
    with pytest.raises(ValidationError, match="is not true"):
        Fallback.model_validate({"on": ["overloaded"], key: False})
