"""Prints `docs/admin.md` from the table of orders: `python -m sidecar.admin.reference`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from sidecar.admin.table import ROOT, TABLE, Argument, Kind, Row
from sidecar.durations import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD: Final = """\
# The admin listener

Generated from `sidecar/admin/table.py` by `make generate`; do not edit.

Where operators look and give orders: `admin: {{host: 127.0.0.1, port: 8081}}` unless the settings say otherwise, or `admin: {{unix: PATH}}`
(mode 0600). It is never the public listener. The commands below are `sidecar …` on the same machine; elsewhere say
`--admin http://HOST:PORT` or `--admin unix:/PATH`, or set `$SIDECAR_ADMIN`.

## Who may

- **Looking** is open on a loopback address and on a unix socket. On any other address it needs the token, but for `/healthz`, `/readyz` and
  the dashboard's files.
- **Changing** always needs the token of `admin.token_file` (or `admin.token`): `Authorization: Bearer TOKEN`; the commands take
  `--token-file FILE`, `$SIDECAR_ADMIN_TOKEN_FILE` or `$SIDECAR_ADMIN_TOKEN`. Without a token in the settings nobody can change anything. A
  reload takes a new one. Wrong ones are answered one after the other, a tenth of a second each.
- `Host` must be `localhost`, the host of the settings, or an address of the listener; `Origin`, where a page sends it, the listener's own.
  There are no CORS headers. `metrics:` of its own serves `/metrics` and nothing else, to whoever reaches it.

## Looking

| path | says |
|---|---|
| `GET /status` | what `sidecar status` shows: text for people (`curl`), JSON with `Accept: application/json` or `?format=json` |
| `GET /healthz` | 200 while the process answers |
| `GET /readyz` | 200, or 503 from the moment that a drain begins; it does not follow the backends' health |
| `GET /metrics` | the metrics, for Prometheus |
| `GET {root}/config` | the settings in force, secrets masked, each with its origin |
| `GET {root}/commands` | the orders below, for machines |
| `GET {root}/audit?last=50` | the last orders, who gave them, why, and what came of them; refused attempts, too |
| `GET /` | the dashboard |

## Orders

`POST {root}/NOUN/VERB` with `Content-Type: application/json`, at most 64 KiB:

- `actor`: who gives it, as in `alice@ops`; only behind a unix socket it may be left out, and is then the user's number;
- `reason`: why, for whoever reads the audit tomorrow; needed wherever traffic changes;
- `for` (a duration, as in `10m`) or `until` (a time with its zone, as in `2026-12-01T09:00:00Z`) where the order must end;
- `remind` (a duration) of a pause or a message whose end nobody knows, or of a room's state: so often the log says that it still holds;
- its arguments.

Everything that is wrong with an order is said at once. Every order, whatever came of it, is a line `audit` of the log. What was changed by
hand ends by itself, is shown in the status until then, survives a reload, and does not survive a restart. Pauses, messages, the states of
rooms and holds do: they are written to a file beside the store or the keys of the settings before the reply comes; where there is neither,
the reply says so.

| status | means |
|---|---|
| 200 | done: `ok`, `text` and what the order says besides |
| 400 `not_understood`, `not_json` | `errors` lists all of it, each with a pointer |
| 401 `token_missing`, `token_wrong`; 403 `no_token_configured` | show the token; configure one |
| 403 `origin_denied`, 421 `misdirected` | the request came from another page, or for another host |
| 404 `unknown_order`, 405, 408, 413, 415 | as in HTTP |
| 409 `cannot_be_done` | it was understood, and cannot be done now; nothing has changed |
| 422 `failed` | it was tried and failed (a reload of wrong settings: `errors`); nothing has changed |
| 503 `busy` | too many orders are under way |

The commands exit with 0 done, 1 refused or failed, 2 not understood, 78 wrong settings.
"""

_SHORT: Final = {
    "config reload": "sidecar reload",
    "sidecar drain": "sidecar drain",
    "cache purge": "sidecar purge",
    "observe set": "sidecar observe",
    "pause set": "sidecar pause",
    "pause clear": "sidecar resume",
    "message set": "sidecar message",
}


def markdown() -> str:
    """Return the document."""
    return "\n".join([_HEAD.format(root=ROOT), *(line for row in TABLE for line in _section(row))])


def _section(row: Row) -> Iterator[str]:
    yield f"### {row.name}\n"
    yield f"{row.help} {row.more}\n"
    for each in row.arguments:
        bounds = f", from {each.low} to {each.high}" if each.kind is Kind.INTEGER else ""
        words = f" ({', '.join(each.choices)})" if each.choices else ""
        yield f"- `{each.name}`: {each.help}{bounds}{words}"
    if row.end is not None:
        bounds = f"from {spoken(row.end.shortest_s)} to {spoken(row.end.longest_s)}"
        reminder = f"or `remind`, how often it is said that it holds; left out, too: every {spoken(row.end.remind_s)}"
        yield f"- `for` or `until`: {bounds}; {reminder if row.end.open else 'there is no default'}"
    if row.remind_s:
        yield f"- `remind`: how often it is said that it was done by hand; left out: every {spoken(row.remind_s)}"
    yield f"- `reason`: {'needed' if row.reason_needed else 'may be left out'}\n"
    yield f"```sh\n{command(row)}"
    body: dict[str, Any] = {"actor": "alice@ops"}
    body |= {each.name: each.example for each in row.arguments}
    body |= {} if row.end is None else {"for": spoken(row.end.suggested_s)}
    body |= {"reason": row.why} if row.reason_needed else {}
    yield "curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\"
    yield f"     -d '{json.dumps(body)}' http://127.0.0.1:8081{row.path}\n```\n"


def command(row: Row) -> str:
    """Return the order as somebody might write it; what is wanted stands in its place, what may be left out has its name before it."""
    words = [_SHORT.get(row.name, f"sidecar {row.name}")]
    words += [_quoted(str(each.example)) for each in row.arguments if not each.is_option]
    words += [
        f"--{each.name.replace('_', '-')} {_quoted(example)}"
        for each in row.arguments
        if each.is_option
        for example in _examples(each)
    ]
    words += [] if row.end is None else [f"--for {spoken(row.end.suggested_s)}"]
    words += [f'--reason "{row.why}"'] if row.reason_needed else []
    return " ".join(words)


def _examples(argument: Argument) -> list[str]:
    """Return what stands behind its option, once for each language."""
    if isinstance(argument.example, dict):
        return [f"{language}={text}" for language, text in argument.example.items()]
    return [str(argument.example)]


def _quoted(word: str) -> str:
    """Return a word as a shell takes it: a pattern that stands bare means files."""
    return f'"{word}"' if set(word) & set("*?[ ~") else word


if __name__ == "__main__":
    sys.stdout.write(markdown())
