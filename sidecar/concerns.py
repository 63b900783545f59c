"""What somebody should look at now, as the status, `top` and the dashboard show it: code, severity, text, remedy, and where to read on.

Made from the facts of the status alone, each time they are asked for. It knows nothing and remembers nothing; what it names by a code has
a section of that name in docs/operations.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GUIDE = "docs/operations.md#"


def concerns(facts: Mapping[str, Any], counts: Mapping[str, int], *, open_to_all: bool) -> list[dict[str, Any]]:
    """Return the warnings of a status. `counts` are rare events since the start; `open_to_all` where reads of admin need no token and
    more than this machine may reach it.
    """
    return [*_configuration(facts), *_by_hand(facts), *_backends(facts), *_process(facts, counts, open_to_all)]


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


def _by_hand(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in facts["overrides"]:
        yield _concern(
            "override_active",
            "warning",
            f"the limit of {each['backend']} is {each['value']} by hand, not {each['was']}",
            f"it ends by itself; sidecar limit clear {each['backend']} --reason TEXT ends it now",
            each["since"],
        )


def _backends(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in facts["backends"]:
        name, last = each["name"], each["last_failure"]
        if each["pressure"] == "down":
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
