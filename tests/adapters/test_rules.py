"""The operator's rules: which line wins, what it says of effect, and how values compare."""

from __future__ import annotations

import pytest

from adapters.rules import OK, Rules, bad_reply, compares, fault, http_error, said
from sidecar.model import Call, Dialect, Executed, Grade
from sidecar.plan import FaultRule, ResultRule

NO, YES, UNKNOWN = Executed.NO, Executed.YES, Executed.UNKNOWN
SERVER = Grade("backend_fault", UNKNOWN, "server")


@pytest.mark.parametrize(
    ("value", "how", "than", "holds"),
    [
        ("0", "eq", "0", True),
        ("0.0", "eq", "0", True),
        (" 2\n", "eq", "2", True),
        ("2", "lt", "10", True),
        ("10", "lt", "2", False),
        ("2", "le", "2", True),
        ("3", "gt", "2", True),
        ("3", "ge", "4", False),
        ("3", "ne", "3.0", False),
        ("abc", "ne", "abd", True),
        ("abc", "eq", "abd", False),
        ("abc", "lt", "abd", False),
        ("", "lt", "1", False),
        ("", "eq", "", True),
        ("NaN", "lt", "1", False),
        ("1e999999", "gt", "1", True),
        ("true", "eq", "true", True),
    ],
)
def test_values_compare_as_numbers_where_both_are_and_as_text_for_equality(value, how, than, holds):
    """A count of "10" is more than "2"; what is no number is never less or more."""
    assert compares(value, how, than) is holds


@pytest.mark.parametrize(
    ("rule", "codes", "text", "expected"),
    [
        (
            FaultRule("business_no", faultstring="*on sale*"),
            ("soap:Server", "Server"),
            "not on sale yet",
            Grade("business_no", NO, "fault_rule"),
        ),
        (
            FaultRule("business_no", faultstring="*on sale*"),
            ("Server",),
            "a\nnot on sale\nat X",
            Grade("business_no", NO, "fault_rule"),
        ),
        (FaultRule("business_no", faultstring="on sale"), ("Server",), "not on sale", SERVER),
        (FaultRule("business_no", faultcode="Server", faultstring="x"), ("Client",), "x", SERVER),
        (
            FaultRule("business_no", faultcode="soap:*"),
            ("soap:Server", "Server"),
            "",
            Grade("business_no", NO, "fault_rule"),
        ),
        (FaultRule("business_no", faultcode="S*"), (), "x", SERVER),
        (FaultRule("business_no"), (), "x", Grade("business_no", NO, "fault_rule")),
        (FaultRule("backend_fault", faultstring="x", executed="no"), (), "x", Grade("backend_fault", NO, "fault_rule")),
        (FaultRule("backend_fault", faultstring="x"), (), "x", Grade("backend_fault", UNKNOWN, "fault_rule")),
        (
            FaultRule("overloaded", faultstring="*Timeout*"),
            (),
            "Timeout expired",
            Grade("overloaded", NO, None, healthy=False),
        ),
        (FaultRule("outcome_unknown", faultstring="x"), (), "x", Grade("outcome_unknown", UNKNOWN, None)),
    ],
)
def test_a_fault_that_matches_stands_for_the_state_of_its_rule(rule, codes, text, expected):
    """Both globs must match; effect is the rule's word, else the state's; an overload counts against the backend."""
    assert Rules((rule,)).of_fault(SERVER, codes, text, safe=False) == expected


def test_the_first_rule_that_matches_wins():
    """Lines are read from above, as everywhere in the file."""
    rules = Rules((FaultRule("sold_out", faultstring="a*"), FaultRule("business_no", faultstring="*")))
    assert [rules.of_fault(SERVER, (), text, safe=False).state for text in ("ab", "b")] == ["sold_out", "business_no"]


def test_a_result_rule_asks_only_its_own_operations_and_only_for_what_is_there():
    """No value, no parameter, another operation: the reply is ok, and nothing is read for another operation."""
    asked: list[str] = []

    def value_at(path: str) -> str | None:
        asked.append(path)
        return {"count": "1"}.get(path)

    rules = Rules(
        results=(
            ResultRule("Other", "secret", "eq", "1", False, "sold_out"),
            ResultRule("Res*", "absent", "eq", "1", False, "sold_out"),
            ResultRule("Res*", "count", "lt", "wanted", True, "partial"),
            ResultRule("Res*", "count", "eq", "1", False, "sold_out"),
        )
    )
    assert rules.parameters == {"wanted"}
    call = Call("b", "", "Reserve", Dialect.SOAP11, parameters={"wanted": "2"})
    assert rules.of_result(call, value_at, safe=False) == Grade("partial", YES, "result_rule")
    assert asked == ["absent", "count"]
    bare = Call("b", "", "Reserve", Dialect.SOAP11)
    assert rules.of_result(bare, value_at, safe=False) == Grade("sold_out", NO, "result_rule")
    assert rules.of_result(Call("b", "", "Else", Dialect.SOAP11), value_at, safe=False) is OK


def test_a_rule_for_a_state_that_does_not_exist_is_refused_at_once():
    """A typo in the configuration must not wait for the first fault."""
    with pytest.raises(ValueError, match="sold_ut"):
        Rules((FaultRule("sold_ut"),))


@pytest.mark.parametrize("safe", [True, False])
def test_effect_and_health_follow_the_contract(safe):
    """A safe operation did nothing; 5xx, 429 and a cut reply count against the backend; 401 promises that nothing ran."""
    effect = NO if safe else UNKNOWN
    assert bad_reply("html", 200, safe=safe) == Grade("backend_bad_reply", effect, "html")
    assert bad_reply("html", 502, safe=safe) == Grade("backend_bad_reply", effect, "html", healthy=False)
    assert bad_reply("html", 429, safe=safe).healthy is False
    assert bad_reply("truncated", 200, safe=safe) == Grade("backend_bad_reply", effect, "truncated", healthy=False)
    assert http_error(401, safe=safe) == Grade("backend_fault", NO, "http_error")
    assert http_error(403, safe=safe) == Grade("backend_fault", effect, "http_error")
    assert fault("client", "", safe=safe).executed is NO
    assert fault("server", "", safe=safe) == Grade("backend_fault", effect, "server")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("The seat map is locked", "The seat map is locked"),
        ("", None),
        (
            "Server was unable to process request. ---> Box.SaleException: not on sale\n   at Box.Api.Reserve()",
            "Box.SaleException: not on sale",
        ),
        ("x" * 1000, "x" * 300),
    ],
)
def test_what_a_fault_says_is_one_line_without_a_trace(text: str, line: str | None) -> None:
    """A page gets the message; the stack trace that .NET writes below it stays behind."""
    assert said(text) == line
