"""What is kept and shared: warnings, and what is *not* a contradiction. The contradictions are `broken/answers.txt`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import Beside, load_all
from sidecar.settings.names import Contract
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.problem import Problem

TAKES = Contract({"GetSeats": frozenset({"sKey", "n"}), "GetList": frozenset({"n"}), "GetOpen": None})


def told(folder: Path, rest: str, contract: Contract | None = None, protocol: str = "soap") -> list[Problem]:
    (folder / "a.wsdl").touch()
    wsdl = "wsdl: a.wsdl, " if protocol == "soap" else ""
    text = f"drain: {{timeout: 65s}}\nbackends: {{t: {{protocol: {protocol}, url: http://h/x, {wsdl}{rest}}}}}"
    (folder / "a.yaml").write_text(text)
    beside = Beside({"KEY": "a-secret-of-the-service"}, contract_of=lambda _: contract)
    try:
        return list(load_all(folder / "a.yaml", beside).warnings)
    except SettingsError as error:
        return list(error.problems)


def get(rest: str, more: str = "") -> str:
    return f"{more}operations: {{Get: {{safe: true, {rest}}}}}"


@pytest.mark.parametrize(
    ("rest", "code", "key", "said"),
    [
        (get("cache: {ttl: 1s, stale_while_revalidate: 1m, grace: 1m}"), "W405", "cache.grace", "given at once anyway"),
        (get("cache: {ttl: 1s, stale_while_revalidate: 1m, stale_if_error: 30s}"), "W405", "cache.stale_if_error", "up to 1m"),
        (get("cache: {ttl: 1s, soft_timeout: 1s}"), "W405", "cache.soft_timeout", "no old answer"),
        (get("cache: {ttl: 1s, grace: 1h, soft_timeout: 15s}"), "W405", "cache.soft_timeout", "no longer than 15s"),
        (get("cache: {ttl: 1s, negative: {states: [sold_out]}}"), "W414", "cache.negative.states[0]", "no rule of faults"),
        (get("invalidates: [a]"), "W417", "invalidates", "makes no answer old"),
        (get("cache: {ttl: 1s}, shared: true", "identity: {headers: [X-Account]}, "), "W415", "shared", "callers show X-Account"),
        (get("cache: {ttl: 1s}, shared: {as: {sKey: x}}", "identity: {params: [sKey]}, "), "W402", "shared.as.sKey", "for everybody"),
    ],
)  # fmt: skip
def test_warnings(tmp_path: Path, rest: str, code: str, key: str, said: str) -> None:
    """Nothing is wrong, but an operator would want to know."""
    (found,) = told(tmp_path, rest)
    assert (found.code, found.key.removeprefix("backends.t.operations.Get.")) == (code, key)
    assert said in found.what


@pytest.mark.parametrize(
    ("invalidates", "said"),
    [
        ("prf:{n}", "a tag like prf:{n}, did you mean perf:{n}?"),
        ("{n}", None),
        ("perf:{other}", None),
        ("perf:1", None),
        ("", None),
    ],
)
def test_what_a_write_makes_old_is_there(tmp_path: Path, invalidates: str, said: str | None) -> None:
    """A tag that nothing carries makes nothing old, and nothing else would say so."""
    listed = f'invalidates: ["{invalidates}"]' if invalidates else ""
    found = told(
        tmp_path, f'operations: {{Get: {{safe: true, cache: {{ttl: 1s, tags: ["perf:{{n}}"]}}}}, Buy: {{{listed}}}}}'
    )
    assert [(each.code, said in each.what) for each in found] == ([("W414", True)] if said else [])


def test_a_key_for_what_is_safe(tmp_path: Path) -> None:
    """Done twice it is as done once; and a memory store is told besides."""
    assert [each.code for each in told(tmp_path, get("idempotency: {key: header}"))] == ["W416", "W417"]


@pytest.mark.parametrize(
    ("rest", "keys"),
    [
        ("idempotency: {derived: 59s}", ["derived"]),
        ("idempotency: {derived: 60s}", []),
        ("timeout: 20s, idempotency: {derived: 15s}", ["derived"]),
        ("timeout: 10s, idempotency: {derived: 10s}", []),
        ("timeout: 65s, idempotency: {key: header, derived: 60s, ttl: 60s}", ["derived", "ttl"]),
        ("timeout: 65s, idempotency: {key: header}", []),
    ],
)
def test_an_outcome_that_comes_too_late_to_be_kept(tmp_path: Path, rest: str, keys: list[str]) -> None:
    """Allowed, and worth knowing: whoever repeats such a call after his own deadline makes it twice."""
    found = [
        each
        for each in told(tmp_path, f"identity: {{params: [sKey]}}, operations: {{Buy: {{{rest}}}}}")
        if each.code != "W416"
    ]
    assert [(each.code, each.key.rpartition(".")[2]) for each in found] == [("W418", key) for key in keys]
    assert all(each.severity == "warning" and "or longer" in each.remedy for each in found)


@pytest.mark.parametrize(
    ("operations", "code", "said"),
    [
        ("GetSeats: {safe: true, cache: {ttl: 1s}, shared: true}", "E313", "GetSeats takes an identity, sKey"),
        ("'Get*': {safe: true, cache: {ttl: 1s}, shared: true}", "E313", "GetSeats takes an identity"),
        ("'**': {safe: true, cache: {ttl: 1s}, shared: true}", "E313", "GetSeats takes an identity"),
        ("GetOpen: {safe: true, cache: {ttl: 1s}, shared: true}", "W415", "no WSDL says whether GetOpen takes one"),
        ("GetList: {safe: true, cache: {ttl: 1s}, shared: true}", None, ""),
        ("'Get*': {safe: true, cache: {ttl: 1s}, shared: true}, GetSeats: {}, GetOpen: {}", None, ""),
        ("GetSeats: {safe: true, cache: {ttl: 1s}, shared: drop}", None, ""),
        ("GetSeats: {safe: true, cache: {ttl: 1s}}", None, ""),
    ],
)
def test_who_takes_an_identity(tmp_path: Path, operations: str, code: str | None, said: str) -> None:
    """As the WSDL says of the operations that a line rules, and not of those that a longer pattern takes from it."""
    found = told(tmp_path, f"identity: {{params: [sKey]}}, operations: {{{operations}}}", TAKES)
    assert [(each.code, said in each.what) for each in found] == ([(code, True)] if code else [])
    assert all("drop or leader" in each.remedy for each in found)


@pytest.mark.parametrize(("who", "codes"), [("identity: {params: [sKey]}, ", ["W415"]), ("", [])])
@pytest.mark.parametrize("protocol", ["soap", "xmlrpc"])
def test_nobody_can_tell_without_a_wsdl(tmp_path: Path, protocol: str, who: str, codes: list[str]) -> None:
    """Where there are parameters that say who asks, it is said that nobody knows whether this takes one."""
    rest = get("cache: {ttl: 1s}, shared: true", who)
    assert [each.code for each in told(tmp_path, rest, protocol=protocol)] == codes


@pytest.mark.parametrize(
    "rest",
    [
        get("cache: {ttl: 0s}"),
        get("cache: {ttl: 1s, stale_while_revalidate: 1m, grace: 61s, stale_if_error: 2m, soft_timeout: 1s}"),
        get("cache: {ttl: 1s, freshness: origin, ignore_origin: [private]}"),
        get("cache: {ttl: 1s, vary: [Accept-Language]}, shared: drop"),
        get("cache: {ttl: 1s, tags: ['a:{n}'], consistency: strict}", "identity: {params: [sKey]}, "),
        get("cache: {ttl: 1s}, shared: {as: {authorization: '${KEY}'}}", "identity: {headers: [Authorization]}, "),
        get("cache: {ttl: 1s, negative: {states: [sold_out]}}", "faults: [{match: {faultcode: '1'}, state: sold_out}], "),
    ],
)  # fmt: skip
def test_nothing_to_say(tmp_path: Path, rest: str) -> None:
    """A note that says nothing teaches people to skip notes."""
    assert told(tmp_path, rest) == []


def test_what_came_out_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    """Neither in a message nor in a guess at what was meant."""
    operations = (
        'Get: {safe: true, cache: {ttl: 1s, tags: ["${KEY}"]}}, Buy: {invalidates: ["${KEY}s", a-secret-of-the-servic]}'
    )
    found = told(tmp_path, f"operations: {{{operations}}}")
    assert [each.code for each in found] == ["W414", "W414"]
    assert "a-secret-of-the-service" not in str(found)


def test_an_identity_that_is_no_ones(tmp_path: Path) -> None:
    """Nothing can be dropped, or be the leader's, where nothing says who asks."""
    (found,) = told(tmp_path, get("cache: {ttl: 1s}, shared: drop", "identity: {headers: []}, "))
    assert (found.code, found.key) == ("E301", "backends.t.operations.Get.shared")


def test_a_tag_of_who_asks(tmp_path: Path) -> None:
    """Where it does not count, an answer would carry the tag of whoever asked first."""
    rest = get("cache: {ttl: 1s, tags: ['cart:{sKey}']}, shared: {}", "identity: {params: [sKey]}, ")
    assert [each.code for each in told(tmp_path, rest.replace("shared: {}", "shared: leader"))] == ["E301"]
    assert told(tmp_path, rest.replace(", shared: {}", "")) == []


def test_a_size_that_never_fits(tmp_path: Path) -> None:
    """Told at the key that somebody wrote; the defaults fit each other."""
    for rest, key in (
        ("max_entry: 33MiB", "max_entry"),
        ("share: 1%, max_entry: 1MiB", "max_entry"),
        ("share: 1%", "share"),
    ):
        (found,) = told(tmp_path, get(f"cache: {{ttl: 1s, {rest}}}"))
        assert (found.code, found.key.rpartition(".")[2]) == ("E301", key)
