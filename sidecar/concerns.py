"""What somebody should look at now, as the status, `top` and the dashboard show it: code, severity, text, remedy, and where to read on.

Made from the facts of the status alone, each time they are asked for. It knows nothing and remembers nothing; what it names by a code has
a section of that name in docs/operations.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sidecar.durations import rough
from sidecar.policy.overrides import EVERY
from sidecar.policy.pauses import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GUIDE = "docs/operations.md#"


def concerns(facts: Mapping[str, Any], counts: Mapping[str, int], *, open_to_all: bool) -> list[dict[str, Any]]:
    """Return the warnings of a status. `counts` are rare events since the start; `open_to_all` where reads of admin need no token and
    more than this machine may reach it.
    """
    return [
        *_configuration(facts),
        *_by_hand(facts),
        *_paused(facts),
        *_rooms(facts),
        *_backends(facts),
        *_lines(facts),
        *_process(facts, counts, open_to_all),
    ]


def _configuration(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    config = facts["config"]
    last = config["last_reload"]
    if last is not None and not last["ok"]:
        found = len(last["errors"])
        what = f"{found} error{'s' if found != 1 else ''} in the files" if found else last["text"]
        yield _concern(
            "reload_failed",
            "error",
            f"the last reload failed: {what}; the configuration from before runs on",
            f"sidecar check {config['file']}, mend what it says, then sidecar reload",
            last["at"],
        )
    elif config["differs_from_disk"]:
        yield _concern(
            "config_differs",
            "warning",
            "the files on disk are not what runs",
            f"sidecar check {config['file']} --diff running shows how; sidecar reload takes them",
        )


# Noun of an override -> code, and what it means; any other is as a limit is.
_BY_HAND: Final = {
    "limit": ("override_active", "the limit of {at} is {value} by hand, not {was}"),
    "observe": ("observing", "protection is taken out of {at}: {value} may refuse nobody"),
    "fault": ("fault_active", "calls of {at} go wrong on purpose: {value}"),
}
_OTHER: Final = ("override_active", "{noun} of {at} is {value} by hand, not {was}")


def _by_hand(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in facts["overrides"]:
        noun, backend = each["noun"], each["backend"]
        code, text = _BY_HAND.get(noun, _OTHER)
        at, where = ("every backend", "") if backend == EVERY else (backend, f" {backend}")
        yield _concern(
            code,
            "warning",
            text.format(noun=noun, at=at, value=each["value"], was=each["was"]),
            f"it ends by itself; sidecar {noun} clear{where} --reason TEXT ends it now",
            each["since"],
        )


def _paused(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in facts["pauses"]:
        if each["kind"] == "pause":
            at, whom = each["target"], "everybody" if each["scope"] == "all" else "newcomers"
            end = f"until {each['until']}" if each["until"] else "until somebody resumes it"
            yield _concern(
                "paused",
                "warning",
                f"{'everything' if at == ALL else at} is paused for {whom} {end}, by {each['actor']}: {each['reason']}",
                f"sidecar resume {at} --reason TEXT ends it now",
                each["since"],
            )


def _rooms(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in facts.get("rooms", ()):
        hand = each["by_hand"]
        if hand is not None:
            yield _concern(
                "room_by_hand",
                "warning",
                f"the state of room {each['name']} is {hand['state']} by hand, by {hand['actor']}: {hand['reason']}",
                "nothing, if it is meant: a room never goes back; sidecar room set NAME STATE takes it on",
                hand["since"],
            )


def _backends(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in facts["backends"]:
        name, last = each["name"], each["last_failure"]
        breaker = each.get("breaker") or {}
        if breaker.get("state") not in (None, "closed"):
            cut_off = f"cut off for {rough(breaker['left_s'])}" if breaker["left_s"] else breaker["state"]
            yield _concern(
                "backend_down",
                "error",
                f"{name} failed too often and is {cut_off}: callers are refused at once, or get what is kept",
                "look at its host and its web server; it is tried again by itself",
            )
        elif each["pressure"] == "down":
            because = f": {last['state']} ({last['reason'] or 'no reason'})" if last else ""
            yield _concern(
                "backend_down",
                "error",
                f"{name} cannot be reached{because}",
                "look at its host and its web server; the sidecar goes on by itself once it answers",
                last["at"] if last else None,
            )
        if each["unasked"]:
            yield _concern(
                "unasked",
                "warning",
                f"{name} sends more than it is asked for; its connections are not kept",
                "its people must mend that; until then every call pays for a new connection",
            )


# End of a range -> what it means that a limit has rested there for a minute while calls came, and what to do.
_PINNED: Final = {
    "minimum": (
        "limit_at_minimum",
        "{name} gets {limit} calls at once, the fewest that the settings let it: even so few are too many, or get no answer",
        "look at the backend: it hangs or fails; the limit rises by itself once it answers",
    ),
    "maximum": (
        "limit_at_maximum",
        "{name} gets {limit} calls at once and more wait: the settings hold the limit back, not the backend",
        "if the backend has room, raise limit.adaptive.max; else leave it",
    ),
}


def _lines(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in facts["backends"]:
        pinned = each["limiter"].get("pinned")
        if pinned is not None:
            code, text, remedy = _PINNED[pinned["at"]]
            yield _concern(
                code, "warning", text.format(name=each["name"], limit=each["limit"]), remedy, pinned["since"]
            )
    full = [row for row in facts["refusals"]["by"] if row["mechanism"] == "queue"]
    for row in full:
        yield _concern(
            "queue_full",
            "warning",
            f"the line of {row['backend']} is full: {row['count']} calls were refused in the last {rough(facts['refusals']['window_s'])}",
            "sidecar queue list shows who waits; is one client or a script among them, or is it demand?",
        )


def _process(facts: Mapping[str, Any], counts: Mapping[str, int], open_to_all: bool) -> Iterator[dict[str, Any]]:
    if counts.get("bugs"):
        text = f"{counts['bugs']} errors of the sidecar's own since its start"
        yield _concern("bug", "error", text, "report the log's lines of the event bug")
    if counts.get("nofile_low"):
        yield _concern(
            "nofile_low",
            "warning",
            "the process may open fewer descriptors than limits.connections needs",
            "raise LimitNOFILE= (ulimit -n), or lower limits.connections, and restart",
        )
    if facts["log"]["dropped"]:
        yield _concern(
            "log_dropped",
            "warning",
            f"{facts['log']['dropped']} log lines were dropped: whoever reads them is too slow",
            "look at what reads standard output; the traffic is not held up",
        )
    if open_to_all:
        yield _concern(
            "admin_open",
            "warning",
            "others than this machine may reach the admin listener",
            "bind it to loopback or a unix socket, or let only operators through to it",
        )


def _concern(code: str, severity: str, text: str, remedy: str, since: str | None = None) -> dict[str, Any]:
    more = _GUIDE + code.replace("_", "-")
    return {"code": code, "severity": severity, "text": text, "remedy": remedy, "since": since, "more": more}
