"""The browser client: what it does with every state of the table, its size, its types, its package.

How a call and a room look from the outside is told by the *.test.mjs files beside this one; Node runs them.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.states import ROWS, Category, Effect, How, State
from sidecar.web.typescript import types
from tests.support import require
from tests.web.descriptions import OFFICE
from tests.web.test_typescript import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "js"
HERE = Path(__file__).parent
NODE = ("node", "--experimental-vm-modules", "--no-warnings")

MOST_BYTES = 6144
"""What is promised to pages; it fits the ten segments (14 KB) that a fresh connection sends at once (RFC 6928)."""

POLL = "/.sidecar/operations/7"
PATIENCE_MS = 60_000
ATTEMPTS = 4
AFTER_S = 5


def node(*argv: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run Node beside this file."""
    require.program("node", package="nodejs")
    return subprocess.run([*NODE, *map(str, argv)], cwd=HERE, input=said, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_conversations_that_stand_in_javascript(name: str) -> None:
    """Every test of the file holds."""
    done = node("--test", "--test-reporter=tap", name)
    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout


# --- each state, with each effect, by each method: repeated or not, and when


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation: what is said each time it is asked, and what the client is asked to do."""

    row: State | None
    body: dict[str, Any]
    method: str = "POST"
    key: str | None = None
    status: int = 503
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def wish(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "key": self.key,
            "options": {},
            "replies": [{"body": self.body, "status": self.status} | self.more],
        }

    def __str__(self) -> str:
        body = self.body
        retry = body.get("retry", {})
        words = (body.get("state"), body.get("category"), body.get("executed"), retry.get("how"), retry.get("same_key"))
        return "-".join(map(str, (*words, self.method, self.key)))


def hows(row: State, executed: str) -> How:
    """Return what the sidecar says: what is not known is confirmed, what certainly was not done is tried again."""
    if row.how is How.CONFIRM and executed == "no":
        return How.WAIT
    if row.how is How.WAIT and executed == "unknown":
        return How.CONFIRM
    return row.how


def told(row: State, executed: str, how: How, **retry: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"state": row.name, "category": row.category.value, "executed": executed, "v": 1}
    if how:
        body["retry"] = {"how": how.value, "after_s": AFTER_S, "same_key": True, **retry}
    if how is How.POLL:
        body["links"] = {"poll": POLL}
    return body


OURS = [row for row in ROWS if row.origin == "sidecar"]
METHODS: Sequence[tuple[str, str | None]] = (
    ("GET", None),
    ("HEAD", None),
    ("POST", None),
    ("POST", "k"),
    ("PUT", None),
)
CASES = [
    Case(row, told(row, executed, hows(row, executed), same_key=same_key), method, key, row.status)
    for row in OURS
    for executed in ("no", "yes", "unknown")
    for method, key in METHODS
    for same_key in (True, False)
]
# As above, but the sidecar says "wait" whatever the effect: the client's own rule has to hold.
CASES += [
    Case(row, told(row, executed, How.WAIT, same_key=same_key), method, key, row.status)
    for row in OURS
    if row.category is not Category.OK
    for executed in ("no", "yes", "unknown")
    for method, key in METHODS
    for same_key in (True, False)
]
# States that nobody knows yet, treated by their category alone.
CASES += [
    Case(None, {"state": "moonlit", "category": category.value, "executed": executed, "v": 1}, method, key)
    for category in Category
    for executed in ("no", "yes", "unknown")
    for method, key in METHODS
]


def expected_at(case: Case) -> list[int]:
    """Return when each request is made, in ms; Math.random() is 0, so that a wait is as long as it was told."""
    body, retry = case.body, case.body.get("retry")
    read, executed = case.method in ("GET", "HEAD"), body["executed"]
    how = retry["how"] if retry else ""
    if retry is None and body["category"] in ("wait", "busy", "limit", "upstream"):
        how = "wait" if executed == "no" else "confirm"
    protected = executed == "unknown" and case.key is not None and retry is not None and retry["same_key"]
    if how == "poll":
        return list(range(0, PATIENCE_MS + 1, AFTER_S * 1000))
    if how == "wait" and (executed == "no" or read or protected):
        return [n * AFTER_S * 1000 for n in range(ATTEMPTS)] if retry else [0, 1000, 3000, 7000]
    return [0]


def held(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """Hold them all in one process, and return what came of each."""
    done = node("conversations.mjs", said="".join(json.dumps(case.wish) + "\n" for case in cases))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_state_is_repeated_as_its_effect_allows_and_not_otherwise() -> None:
    """The whole table: when each request leaves, with which method and key, and what the caller gets in the end."""
    wrong = []
    for case, got in zip(CASES, held(CASES), strict=True):
        poll = case.body.get("retry", {}).get("how") == "poll"
        paths = ["/tickets/json/Reserve", *([POLL] * 100)] if poll else ["/tickets/json/Reserve"] * 100
        methods = [case.method, *(["GET"] * 100)] if poll else [case.method] * 100
        at = expected_at(case)
        want = {
            "at": at,
            "asked": [f"{methods[n]} {paths[n]}" for n in range(len(at))],
            "keys": [f'"{case.key}"' if case.key else None] * len(at),
        }
        have = {name: got[name] for name in want}
        end = tuple(got["end"][name] for name in ("state", "category", "executed"))
        if have != want or end != tuple(case.body[name] for name in ("state", "category", "executed")):
            wrong.append((str(case), want, have, end))
    assert wrong == []


def test_the_table_of_conversations_is_the_table_of_states() -> None:
    """Each state of the sidecar's is in it, with each effect that it can have."""
    seen = {(case.body["state"], case.body["executed"]) for case in CASES}
    can = {
        Effect.NO: {"no"},
        Effect.YES: {"yes"},
        Effect.UNKNOWN: {"unknown"},
        Effect.UNSAFE_UNKNOWN: {"no", "unknown"},
        Effect.AFTER_SEND_UNKNOWN: {"no", "unknown"},
        Effect.INHERITED: {"no", "yes", "unknown"},
    }
    assert {(row.name, executed) for row in OURS for executed in can[row.effect]} - seen == set()
    assert {row.name for row in ROWS} - {state for state, _ in seen} == {"unreachable", "offline", "aborted"}


@pytest.mark.parametrize(("status", "dialect"), [(None, "json"), (500, "soap"), (200, "xmlrpc")])
def test_the_header_alone_gives_each_state_its_category(status: int | None, dialect: str) -> None:
    """Where the body is one of another dialect, or was lost: no failure passes for a success, whatever its HTTP status."""
    rows = [row for row in OURS if status is None or row.status >= 400]
    cases = [
        Case(
            row,
            {},
            status=status or row.status,
            more={
                "body": f"<{dialect}/>",
                "state": f"{row.name};executed=unknown" + (f";reason={row.reasons[0]}" if row.reasons else ""),
            },
        )
        for row in rows
    ]
    got = [(each["end"]["state"], each["end"]["category"], each["end"]["executed"]) for each in held(cases)]
    wrong = {
        (row.name, row.category.value): end
        for row, end in zip(rows, got, strict=True)
        if end != (row.name, row.category.value, "unknown")
    }
    if (
        dialect == "soap"
    ):  # its 500 says nothing; what is to be fixed is taken for the backend's doing, never for a success
        wrong = {row: end for row, end in wrong.items() if (row[1], end[1]) != ("client", "upstream")}
    assert wrong == {}


def test_a_place_in_line_goes_back_once() -> None:
    """The place of a full queue is sent with the repetition, and that of another reply is not."""
    full = told(next(row for row in ROWS if row.name == "overloaded"), "no", How.WAIT)
    full["queue"] = {"kind": "call", "place": "p1.x", "next_poll_ms": 9000}
    room = full | {"queue": {"kind": "room", "place": "p1.y"}}
    cases = [Case(None, body) for body in (full, room, full | {"state": "draining"})]
    got = held(cases)
    assert [each["places"] for each in got] == [[None, "p1.x", "p1.x", "p1.x"], [None] * 4, [None] * 4]
    assert got[0]["at"] == [0, 9000, 18000, 27000]


def test_patience_ends_before_a_wait_that_is_longer() -> None:
    """Nobody waits for what he would not see."""
    row = next(row for row in ROWS if row.name == "paused")
    cases = [Case(None, told(row, "no", How.WAIT, after_s=after_s)) for after_s in (25, 61, 10**300, 0)]
    assert [len(each["at"]) for each in held(cases)] == [3, 1, 1, 4]


# --- as it is shipped


def test_it_fits_into_six_kilobytes() -> None:
    """As it stands in the tree, comments and all: there is no build step."""
    size = len(gzip.compress((CLIENT / "sidecar.js").read_bytes(), 9))
    assert size <= MOST_BYTES, f"{size} bytes, {size - MOST_BYTES} too many"


def test_it_needs_nothing_and_runs_under_a_strict_policy() -> None:
    """No import, no code or markup from text, no address of anybody; a tab that closes says nothing."""
    code = (CLIENT / "sidecar.js").read_text()
    assert re.findall(r"\bimport\b(?!\.meta\.url)|\brequire\(|\beval\(|new Function|innerHTML|https?://", code) == []
    assert re.findall(r"unload|pagehide|sendBeacon", code) == []
    assert re.findall(r"^export .*", code, re.MULTILINE) == ['export function sidecar(base = "/", options = {}) {']


def test_the_package_is_the_projects() -> None:
    """Version and licence are those of the project, and every file that it names is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    package = json.loads((CLIENT / "package.json").read_text())
    assert (package["version"], package["license"]) == (project["version"], project["license"])
    assert package["type"] == "module"
    assert not {"dependencies", "devDependencies", "scripts"} & set(package)
    named = [*package["files"], package["types"], *package["exports"]["."].values()]
    assert [name for name in named if not (CLIENT / name).is_file()] == []
    assert {path.name for path in CLIENT.iterdir()} - set(package["files"]) == {"package.json", "README.md"}


# --- types

PAGE = """\
import { sidecar, type CallOptions, type Reply, type Room, type State } from "./sidecar";

const api = sidecar("https://api.theatre.example", {
  language: "de", onstate: (reply, { path, again_ms }) => console.log(path, reply.state, again_ms ?? "the end"),
});

export async function buy(seats: number, signal: AbortSignal): Promise<string> {
  const wish: CallOptions = { body: { seats }, key: true, signal, room: true };
  const reply = await api.call<{ ReserveTicketsResult: number }>("/tickets/json/ReserveTickets", wish);
  switch (reply.category) {
    case "ok": return `${reply.data?.ReserveTicketsResult.toFixed()} ${reply.headers.get("X-Request-Id")}`;
    case "wait": case "busy": case "limit": return `${reply.queue?.place_code} ${reply.retry?.after_s}`;
    case "client": case "upstream": case "final": return `${reply.status} ${reply.executed} ${reply.detail}`;
  }
}

export function stand(): Room {
  const room = api.join("hamlet", { account: "ann", claim: "manual" });
  room.addEventListener("called", ({ detail }) => {
    const until: string | null | undefined = detail.queue?.claim_by;
    if (Date.parse(until ?? "") > room.now()) void room.claim().then((reply: Reply) => reply.pass?.expires_at);
  });
  room.addEventListener("lost", (event) => console.log(event.detail.reason, event.detail.room?.title), { once: true });
  const off: () => void = api.on("paused" satisfies State, (reply) => console.log(reply.message?.text));
  off();
  void room.turn().then(() => room.pass?.length);
  return room;
}
"""


def typed(folder: Path, page: str, **more: str) -> list[str]:
    """Return the compiler's complaints about a page beside the client's types."""
    declared = {f"{name}_d": (CLIENT / f"{name}.d.ts").read_text() for name in ("sidecar", "states")}
    return [line for line in compiled(folder, page=page, **declared, **more) if not line.startswith(" ")]


def test_a_page_compiles_against_the_types(tmp_path: Path) -> None:
    """What a page does with a call, a room and what it hears, as strictly as TypeScript can."""
    assert typed(tmp_path, PAGE) == []


def test_the_types_of_a_backend_fit_on_it(tmp_path: Path) -> None:
    """As the README says: an operation's name decides what it takes and gives."""
    call = "const call = ((operation, args) => api.call(`/tickets/json/${operation}`, { body: args })) as Call;"
    assert call in (CLIENT / "README.md").read_text()
    lines = [
        'import { sidecar } from "./sidecar";',
        'import type { Call } from "./tickets";',
        "const api = sidecar();",
        call,
        'void call("GetSeats", { iPerf_no: 1 }).then((got) => got.category === "ok" && got.data.GetSeatsResult?.Seat);',
        'void call("GetSeats", { iPerf_no: "1" });',
    ]
    tickets = {"tickets_d": types(OFFICE, states_types=False)}
    assert [line.partition(",")[0] for line in typed(tmp_path, "\n".join(lines), **tickets)] == ["page.ts(6"]


@pytest.mark.thinned(4)
@pytest.mark.parametrize(
    "wrong",
    [
        'api.call("/x", { key: 5 });',  # no key
        'api.call("/x").then((reply) => reply.data.seats);',  # not known to be there
        'api.call("/x").then((reply) => reply.category === "gone");',  # no such category
        'api.call("/x").then((reply) => { reply.headers = new Headers(); });',  # not the page's to say
        'api.join("hamlet", { claim: "never" });',  # no such habit
        'api.join("hamlet").pass.length;',  # there may be none
        'api.join("hamlet").addEventListener("called", ({ detail }) => detail.visitor);',  # stands in queue
        "sidecar(5);",  # no address
    ],
)
def test_what_is_wrong_does_not_compile(tmp_path: Path, wrong: str) -> None:
    """Each mistake is one error, in its own line."""
    page = f'import {{ sidecar }} from "./sidecar";\nconst api = sidecar();\n{wrong}\n'
    assert [line.partition(",")[0] for line in typed(tmp_path, page)] == ["page.ts(3"]
