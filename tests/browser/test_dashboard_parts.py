"""Parts of the dashboard, each alone in real headless Chromium: words, numbers, what is copied to a shell, history, cost."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.states import ROWS, Category
from sidecar.watch.mechanisms import MECHANISMS
from tests.browser.dashboard import at, backend, status
from tests.house.test_operations import WARNINGS

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.dashboard import View


@pytest.fixture
def page(view: View) -> Page:
    """A page that has the modules at hand."""
    return view.open().page


def run(page: Page, module: str, script: str, *given: Any) -> Any:
    """Evaluate `script`, a function of the module and what is given."""
    return page.evaluate(
        f"async ([name, given]) => ({script})(await import(`/page/${{name}}.js`), ...given)", [module, list(given)]
    )


# --- words

# How the charts add up categories; a state of two categories is the backend's doing.
GROUPS = {
    Category.OK: "done",
    Category.WAIT: "refused",
    Category.BUSY: "refused",
    Category.LIMIT: "refused",
    Category.CLIENT: "declined",
    Category.FINAL: "declined",
    Category.UPSTREAM: "failed",
}
OTHERWISE = {"deferred": "done", "pass_expired": "refused", "backend_fault": "failed"}


def test_every_state_has_words_and_a_group(page: Page) -> None:
    """No state of the table is missing, and each is added up by its category."""
    words = run(page, "words", "(words) => words.STATES")
    assert set(words) == {row.name for row in ROWS if row.origin == "sidecar"}
    groups = {name: run(page, "words", "(words, name) => words.groupOf(name)", name) for name in words}
    assert groups == {row.name: GROUPS[row.category] for row in ROWS if row.origin == "sidecar"} | OTHERWISE
    assert run(page, "words", "(words) => words.groupOf('of tomorrow')") == "failed"


def test_every_mechanism_has_words(page: Page) -> None:
    """What refusals name is explained, and nothing else is."""
    assert set(run(page, "words", "(words) => words.MECHANISMS")) == set(MECHANISMS)


def test_every_warning_has_a_title_and_a_remedy(page: Page) -> None:
    """Whatever the sidecar sends and the page finds has a heading and a way out, even where no remedy comes with it."""
    words = run(page, "words", "(words) => words.WARNINGS")
    assert set(words) == {*WARNINGS, "gone", "unreadable"}
    assert [code for code, (title, remedy, _) in words.items() if not title or len(remedy) < 10] == []


def test_words_are_looked_up_in_no_prototype(page: Page) -> None:
    """A state that is called like a method of every object is not one of ours."""
    look_up = "(words, keys) => keys.map((key) => words.word(words.STATES, key))"
    assert run(page, "words", look_up, ["constructor", "toString", "__proto__", None]) == [None] * 4


# --- numbers

DASH = "\N{EN DASH}"


SAID: list[tuple[str, Any, Any]] = [
    ("count", 1234567, "1,234,567"),
    ("count", None, DASH),
    ("count", "7", DASH),
    ("rate", 12.34, "12.3"),
    ("rate", 312.5, "313"),
    ("rate", 0, "0"),
    ("bytes", 0, "0 bytes"),
    ("bytes", 1023, "1,023 bytes"),
    ("bytes", 1024, "1 KiB"),
    ("bytes", 268_435_456, "256 MiB"),
    ("bytes", 5 * 2**40, "5,120 GiB"),
    ("span", 0.2, "0 s"),
    ("span", 59, "59 s"),
    ("span", 60, "1 min"),
    ("span", 61, "1 min 1 s"),
    ("span", 3600, "1 h"),
    ("span", 11_000, "3 h 3 min"),
    ("span", 90_061, "1 d 1 h"),
    ("span", -5, "0 s"),
    ("span", None, DASH),
    ("text", "", DASH),
    ("text", True, "true"),
    ("text", {}, DASH),
    ("text", "x" * 401, "x" * 400 + "… (1 more characters)"),
    ("instant", "never", None),
    ("instant", "2026-11-28T03:12:44.000Z", 1_795_835_564_000),
]


def test_how_values_are_said(page: Page) -> None:
    """Short, in units, and a dash for what is not known."""
    said = run(
        page,
        "say",
        "(say, all) => all.map(([how, given]) => say[how](given))",
        [[how, given] for how, given, _ in SAID],
    )
    assert [(*row[:2], each) for row, each in zip(SAID, said, strict=True)] == SAID


def test_times_are_those_of_the_log(page: Page) -> None:
    """UTC, with the day where it is another one, and how long ago by the sidecar's clock."""
    ago = "(say, value, now) => say.ago(value, Date.parse(now))"
    assert run(page, "say", ago, at(-240), at(0)) == "03:08:44, 4 min ago"
    assert run(page, "say", ago, at(-90_000), at(0)) == "2026-11-27 02:12:44, 1 d ago"
    assert run(page, "say", ago, at(1), at(0)) == "03:12:45, just now"
    assert run(page, "say", "(say) => say.ago('2026-11-28T03:12:44Z', null)") == "2026-11-28 03:12:44"


@pytest.mark.parametrize(
    "name",
    ["$(reboot)", "'; reboot; '", "a\\b"]
    + [
        pytest.param(each, marks=pytest.mark.long)
        for each in ["tickets", "a b", "`reboot`", "it's", "-x", "~", '"', "*", "é"]
    ],
)
def test_what_is_copied_is_one_word_to_a_shell(page: Page, name: str) -> None:
    """A name out of a status cannot become a command of its own where somebody pastes it."""
    word = run(page, "say", "(say, name) => say.quoted(name)", name)
    done = subprocess.run(["sh", "-c", f"printf '[%s]' {word}"], capture_output=True, text=True, check=True)
    assert done.stdout == f"[{name}]"


def test_control_characters_are_not_copied(page: Page) -> None:
    """A line feed in a name would start the command before anybody has read it."""
    assert run(page, "say", "(say) => say.quoted('a\\nreboot\\u001b[2J')") == "'areboot[2J'"


# --- history

# A status each second, counted as the sidecar counts: buckets of ten seconds, thirty of them.
_LIVE = """
({ History }, seconds, perSecond, skip, reset) => {
  const history = new History(), came = [];
  for (let t = 0; t < seconds; t++) {
    came.push(perSecond[Math.min(perSecond.length - 1, Math.floor(t / (seconds / perSecond.length)))]);
    if (skip && t >= skip[0] && t < skip[1]) continue;
    const from = Math.max(0, 10 * Math.floor(t / 10) - 290, reset && t >= reset ? reset : 0);
    const count = came.slice(from).reduce((sum, n) => sum + n, 0);
    history.add(1000 + t, {
      server_time: new Date(1e12 + t * 1000).toISOString(),
      backends: [{ name: 'a', in_flight: t % 7, queued: 0, limit: 16 }],
      states: { window_s: 300, by: [{ backend: 'a', state: 'ok', count }, { backend: 'b', state: 'ok', count: 5 }] },
    });
  }
  const { done, ...rest } = history.columns.get('a');
  return { times: history.times, done, rest };
}
"""


def test_a_steady_stream_has_its_rate(page: Page) -> None:
    """Twelve a second are twelve a second from the second status on, also while the window forgets in steps."""
    lived = run(page, "history", _LIVE, 700, [12])
    assert len(lived["times"]) == len(lived["done"]) == 301
    assert lived["done"] == [12] * 301
    assert {tuple(lived["rest"][group]) for group in ("refused", "failed", "declined")} == {(0,) * 301}


def test_a_new_rate_shows_within_five_seconds(page: Page) -> None:
    """The average is a short one: what begins or ends is seen at once."""
    done = run(page, "history", _LIVE, 200, [10, 50])["done"]
    assert (done[99], done[105]) == (10, 50)
    assert done[0] is None  # one status alone has no rate


def test_a_hole_is_a_hole(page: Page) -> None:
    """Where nobody asked for a while, the line is broken, and no rate is made across it."""
    lived = run(page, "history", _LIVE, 100, [10], [40, 60])
    hole = lived["times"].index(1040)
    assert (lived["rest"]["in_flight"][hole], lived["done"][hole]) == (None, None)
    assert lived["times"][hole + 1] == 1060
    assert lived["done"][hole + 1] is None
    assert set(lived["done"][hole + 2 :]) == {10}


def test_another_process_counts_anew(page: Page) -> None:
    """Counts that fall to nothing are no arrivals and no negative rate."""
    done = run(page, "history", _LIVE, 100, [10], None, 50)["done"]
    assert set(done[1:]) == {10}


def test_the_history_is_bounded(page: Page) -> None:
    """A clock that runs a hundred times too slow fills no memory; a backend that is gone is forgotten."""
    script = """
    ({ History }, status) => {
      const history = new History();
      for (let t = 0; t < 2000; t++) history.add(t / 100, status);
      const rows = [history.times.length, ...Object.values(history.columns.get('old')).map((column) => column.length)];
      history.add(21, { backends: [{ name: 'new', in_flight: 1 }] });
      return [rows, [...history.columns.keys()], history.columns.get('new').in_flight.length, history.columns.get('new').in_flight.at(-1)];
    }
    """
    rows, names, length, last = run(page, "history", script, status(backend("old")))
    assert rows == [400] * 8
    assert (names, length, last) == (["new"], 400, 1)


# --- charts


@pytest.mark.long
def test_forty_backends_cost_little(page: Page, view: View) -> None:
    """With forty backends, a second of the page costs a small part of a core; a fifth of one is far above what was measured."""
    said = status(*(backend(f"backend-{n:02}") for n in range(40)))
    states = ("ok", "cached", "stale")
    said["states"]["by"] = [
        {"backend": f"backend-{n:02}", "state": each, "count": 9} for n in range(40) for each in states
    ]
    for _ in range(20):
        view.see(said)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def spent_s() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    before = spent_s()
    for _ in range(10):
        view.tick()
    cost_ms = (spent_s() - before) * 100
    print(f"{cost_ms:.1f} ms a second")
    assert cost_ms < 200
