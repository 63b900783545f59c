"""The door of settings: golden files (settings above, plan or errors below), random damage, files that are no text."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from sidecar.plan import BackendPlan, Plan
from sidecar.settings.load import Beside, load, load_all, load_text
from sidecar.settings.problem import Lines, SettingsError
from tests.settings.dump import dumped

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
CUT = "---8<---\n"
ENV = {"TIX_HOST": "tix.local", "TIX_PORT": "9000", "TIX_SAFE": "true", "EMPTY": "", "SECRET": "hunter2"}
EXAMPLES = sorted((ROOT / "config").glob("*.yaml"))
PARTS = sorted((ROOT / "config").glob("*/*.yaml"))
EXAMPLE_ENV = {"SIDECAR_ADMIN_TOKEN": "0123456789abcdef", "SERVICE_SESSION": "a-session"}


def outcome(source: str, env: Mapping[str, str] = ENV) -> str:
    """Return the plan or the errors of `source`, free of this machine's paths."""
    try:
        said = dumped(load_text(source, "sidecar.yaml", GOLDEN, env))
    except SettingsError as error:
        said = error.text()
    return said.replace(str(GOLDEN), "FOLDER") + "\n"


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_golden(case: Path) -> None:
    """What stands above the line gives what stands below it. SIDECAR_GOLDEN=write writes the lower halves anew, to be read in the diff."""
    source, cut, expected = case.read_text("utf-8").partition(CUT)
    got = outcome(source)
    if os.environ.get("SIDECAR_GOLDEN") == "write":
        case.write_text(source + CUT + got, "utf-8")
    else:
        assert cut, f"{case.name} has no line {CUT!r}"
        assert got == expected


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_load(example: Path) -> None:
    """What we hand to operators is right, and needs no variable but those of secrets, which have no default on purpose."""
    loaded = load_all(example, Beside(EXAMPLE_ENV))
    assert loaded.plan.backends
    assert not {each.code for each in loaded.warnings} & {"W402", "W404", "W405", "W407"} or example.name == "demo.yaml"


@pytest.mark.parametrize("example", [*EXAMPLES, *PARTS], ids=lambda path: path.name)
def test_examples_tell_the_editor_their_schema(example: Path) -> None:
    """In the first line, relative to the file; the second one says what the example is about."""
    modeline, about, *_ = example.read_text("utf-8").splitlines()
    assert modeline.startswith("# yaml-language-server: $schema=")
    assert (example.parent / modeline.partition("=")[2]).resolve() == ROOT / "config" / "sidecar.schema.json"
    assert about.startswith("# ")


def test_every_part_is_part_of_an_example() -> None:
    """A file in a folder of examples that nobody includes would be checked by nobody."""
    included = {Path(each.path) for example in EXAMPLES for each in load_all(example, Beside(EXAMPLE_ENV)).sources}
    assert set(PARTS) <= included


def test_the_smallest_file() -> None:
    """One backend of two keys is enough; everything else is the plan's own default."""
    plan = load(ROOT / "config" / "minimal.yaml", {})
    url = "http://127.0.0.1:9000/Tessitura.asmx"
    assert plan == Plan(backends=(BackendPlan("tickets", plan.backends[0].protocol, "/tickets", (("", url),)),))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Problems of reading, of shape and of meaning come together, in the order of lines, each once."""
    source = (
        "listen: {port: 99999}\n"
        "limits: {reply_body: 1GiB}\n"
        "backends:\n"
        "  one: {protocol: soap, url: 'http://${NOWHERE}/x', limt: 5}\n"
        "  two: {protocol: soap, url: http://h/x, path: /.sidecar, queue: {size: 1, size: 2}}\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_text(source, "x.yaml", tmp_path, {})
    told = [(problem.place.line, problem.key, problem.code) for problem in caught.value.problems]
    assert told == [
        (1, "listen.port", "E205"),
        (2, "limits.reply_body", "E301"),
        (4, "backends.one.url", "E106"),
        (4, "backends.one.limt", "E201"),
        (5, "backends.two.path", "E304"),
        (5, "backends.two.queue.size", "E104"),
    ]


def test_a_broken_value_causes_no_second_problem() -> None:
    """A variable that is not set is told once, not again as a bad url or a file that is not there."""
    source = "backends: {t: {protocol: soap, url: 'http://${A}/x', wsdl: '${B}/x.wsdl', limit: {fixed: '${C}'}}}"
    with pytest.raises(SettingsError) as caught:
        load_text(source, "x.yaml", GOLDEN, {})
    assert [problem.code for problem in caught.value.problems] == ["E106", "E106", "E106"]


def test_quoted_references_become_numbers_where_numbers_are_wanted() -> None:
    """Between braces YAML demands the quotes; they must not turn a port into a text."""
    backends = "backends: {t: {protocol: soap, url: 'http://h/', strict: '${S}', soap12_sender_status: '${F}'}}"
    plan = load_text(f"listen: {{port: '${{P}}'}}\n{backends}", "x", GOLDEN, {"P": "81", "S": "true", "F": "500"})
    assert (plan.listen.port, plan.backends[0].strict, plan.backends[0].sender_status) == (81, True, 500)


def test_what_a_reference_holds_is_never_shown() -> None:
    """Errors reach logs and tickets; a secret in the environment must not come with them."""
    source = "backends: {t: {protocol: '${SECRET}', url: 'http://u:${SECRET}@h/', path: '${SECRET}'}}"
    with pytest.raises(SettingsError) as caught:
        load_text(source, "x", GOLDEN, ENV)
    assert len(caught.value.problems) == 3
    assert "hunter2" not in caught.value.text() + json.dumps(caught.value.facts())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is an error of settings like any other, with the name in it."""
    with pytest.raises(SettingsError, match=r"absent\.yaml:1:1: cannot be read: No such file"):
        load(tmp_path / "absent.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nor does a folder raise anything else."""
    with pytest.raises(SettingsError, match="Is a directory"):
        load(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """The place is where the first bad byte stands."""
    file = tmp_path / "a.yaml"
    file.write_bytes(b"version: 1\nlisten: \xff\n")
    with pytest.raises(SettingsError, match=r"a\.yaml:2:9: not UTF-8"):
        load(file)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """A database dump named by mistake is refused before it is parsed."""
    file = tmp_path / "a.yaml"
    with file.open("wb") as handle:
        handle.truncate(5 * 1024 * 1024)
    with pytest.raises(SettingsError, match="larger than"):
        load(file)


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    """Windows editors write one."""
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + (ROOT / "config" / "minimal.yaml").read_bytes())
    assert load(file, {}) == load(ROOT / "config" / "minimal.yaml", {})


def test_relative_files_lie_beside_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service manager starts us in /: the folder of the file counts, not the current one."""
    (tmp_path / "a.wsdl").write_text("<x/>")
    (tmp_path / "a.yaml").write_text("backends: {t: {protocol: soap, url: 'http://h/x', wsdl: a.wsdl}}")
    monkeypatch.chdir("/")
    assert load(tmp_path / "a.yaml", {}).backends[0].wsdl == str(tmp_path / "a.wsdl")


def test_the_environment_of_the_process_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody hands one in."""
    monkeypatch.setenv("SETTINGS_TEST_HOST", "h.example")
    (tmp_path / "a.yaml").write_text("backends: {t: {protocol: soap, url: 'http://${SETTINGS_TEST_HOST}/x'}}")
    assert load(tmp_path / "a.yaml").backends[0].endpoints == (("", "http://h.example/x"),)


SOURCES = [path.read_text("utf-8") for path in EXAMPLES] + [
    path.read_text("utf-8").partition(CUT)[0] for path in sorted(GOLDEN.glob("*.yaml"))
]
SCRAPS = (
    "\t",
    "\n",
    "  ",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "${",
    "${X}",
    "&a ",
    "*a",
    "!!int ",
    "'",
    '"',
    "|",
    ">",
    "#",
    "%",
    "\0",
    "é",
    "---\n",
    "?",
    "<<: ",
    "999999999999999999999",
    "1e999",
    ".nan",
    "0x",
    "1s",
    "\u2028",
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A settings file after some edits of a clumsy hand."""
    text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 6))):
        at, width = draw(st.integers(0, len(text))), draw(st.integers(0, 30))
        scrap = draw(st.one_of(st.sampled_from(SCRAPS), st.text(max_size=8), st.just(text[at : at + width])))
        text = text[:at] + scrap + text[at + draw(st.sampled_from((0, 0, 1, width))) :]
    return text


def loads_or_complains(text: str) -> None:
    caught: SettingsError | None = None
    try:
        load_text(text, "x.yaml", GOLDEN, ENV)
    except SettingsError as error:
        caught = error
    if caught is not None:
        lines = Lines(text).texts
        assert caught.problems
        assert len(caught.facts()) == len(caught.problems)
        for problem in caught.problems:
            assert 1 <= problem.place.line <= len(lines)
            assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1
            assert problem.what


@given(damaged())
def test_damage_is_told_or_harmless(text: str) -> None:
    """Whatever a file becomes, it loads or raises SettingsError, whose places lie in the file."""
    loads_or_complains(text)


@given(st.text())
def test_any_text_is_told_or_harmless(text: str) -> None:
    """As above, for texts that never were settings."""
    loads_or_complains(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(("1s", "64KiB", "http://h/", "*", "${EMPTY:-}", "${TIX_PORT}")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_value_anywhere_is_told_or_harmless(data: st.DataObject) -> None:
    """A right file with one value replaced by anything that YAML can say."""
    tree = YAML(typ="safe", pure=True).load(data.draw(st.sampled_from(SOURCES[: len(EXAMPLES)])))
    node: Any = tree
    while True:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        below = node[key]
        if not isinstance(below, (dict, list)) or not below or data.draw(st.booleans()):
            node[key] = data.draw(values)
            break
        node = below
    loads_or_complains(json.dumps(tree))


@given(st.binary(max_size=64))
def test_any_bytes_are_told_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """A file of anything raises nothing but SettingsError."""
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    with pytest.raises(SettingsError):  # nothing so short protects a backend
        load(file, {})
