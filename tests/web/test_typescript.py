"""The types compile as strictly as TypeScript can, refuse what is wrong, and say what a description says."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar import contract
from sidecar.states import ROWS
from sidecar.web.typescript import types
from tests.support import require
from tests.web.descriptions import BARE, CLEAR, COMPONENTS, GET_SEATS, OFFICE, ref

if TYPE_CHECKING:
    from sidecar.described import JsonSchema

NODE = Path(__file__).parents[1] / "interop" / "node"

# Reserved words, names of types, and words that mean something in some places: a WSDL may call a type by any of them.
WORDS = """
abstract accessor any as asserts assert async await bigint boolean break case catch class const constructor continue debugger declare
default defer delete do else enum export extends false finally for from function get global if implements import in infer instanceof
interface intrinsic is keyof let module namespace never new null number object of out override package private protected public readonly
require return satisfies set static string super switch symbol this throw true try type typeof undefined unique unknown using var void
while with yield Array Date Error Exclude Extract Function Object Omit Partial Promise Record String Symbol
Category Executed RetryHow State Reasons Envelope States Success Failure Outcome Operations Call
__proto__ prototype toString 1st a-b a.b Ü
"""

PAGE = """\
import type { Call, Operations, Outcome, Seat } from "./tickets";

declare const call: Call;

export async function show(): Promise<string> {
  const got = await call("GetSeats", { iPerf_no: 1201, class: ["stalls"] });
  if (got.category === "ok") {
    const seat: Seat | undefined = got.data.GetSeatsResult?.Seat?.[0];
    const left: Seat | null | undefined = seat?.left;
    return `${seat?.row} ${seat?.["@id"].toFixed()} ${seat?.price?.trim()} ${left?.row} ${got.state === "stale" ? "old" : ""}`;
  }
  if (got.state === "sold_out") {
    const last: "final" = got.category;
    return last;
  }
  return `${got.retry?.after_s ?? "never"}`;
}

export async function take(): Promise<number> {
  const got = await call("ReserveSeats", { "@id": 7, row: "A", note: null });
  if (got.category === "ok") return got.data.ReserveSeatsResult ?? 0;
  return got.fault?.detail?.TooMany?.most ?? 0;
}

export async function clear(): Promise<null | undefined> {
  const got = await call("ClearCart", {});
  return got.category === "ok" ? got.data : null;
}

export function words(got: Outcome<string>): string {
  switch (got.category) {
    case "ok": return got.data;
    case "wait": case "busy": case "limit": return `${got.retry?.after_s}`;
    case "client": case "upstream": case "final": return got.detail ?? "";
  }
}

export const safe: Operations["GetSeats"]["safe"] = true;
"""


def compiled(folder: Path, **texts: str) -> list[str]:
    """Return what the compiler says of some files, by the line; names end in _d where they are declarations alone."""
    require.program("node", package="nodejs")
    compiler = require.node_package("typescript", NODE) / "bin" / "tsc"
    paths = []
    for name, text in texts.items():
        paths.append(folder / (f"{name.removesuffix('_d')}.d.ts" if name.endswith("_d") else f"{name}.ts"))
        paths[-1].write_text(text)
    strict = (
        "--strict",
        "--noEmit",
        "--exactOptionalPropertyTypes",
        "--noImplicitReturns",
        "--noUncheckedIndexedAccess",
    )
    done = subprocess.run(
        ["node", str(compiler), *strict, "--target", "es2022", "--skipLibCheck", "false", *map(str, paths)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    assert (done.returncode != 0) is bool(done.stdout)
    return done.stdout.splitlines()


# --- by the compiler


@pytest.mark.parametrize("name", ["tickets", "tickets_d"])
def test_a_page_compiles_against_them(tmp_path: Path, name: str) -> None:
    """As a file of declarations and as one of source: what a page does with each operation, and with each way that a call may end."""
    assert compiled(tmp_path, page=PAGE, **{name: types(OFFICE)}) == []


def test_nothing_to_offer_compiles() -> None:
    """A backend without operations has types, too."""
    assert "export interface Operations {\n}" in types(BARE)


@pytest.mark.thinned(5)
@pytest.mark.parametrize(
    "wrong",
    [
        'call("GetSeat", { iPerf_no: 1 });',  # no such operation
        'call("GetSeats", {});',  # a parameter is missing
        'call("GetSeats", { iPerf_no: "1" });',  # of another type
        'call("GetSeats", { iPerf_no: 1, class: ["pit"] });',  # no word of the enumeration
        'call("GetSeats", { iPerf_no: 1, sort: "row" });',  # unknown
        'call("ReserveSeats", { "@id": 7, row: null });',  # null where there is none
        'call("ClearCart", { all: true });',  # takes nothing
        'call("GetSeats", { iPerf_no: 1 }).then((got) => got.data.GetSeatsResult);',  # it may have failed
        'call("GetSeats", { iPerf_no: 1 }).then((got) => got.state === "sold");',  # no such state
        'call("ReserveSeats", { "@id": 7, row: "A" }).then((got) => got.category === "ok" && got.fault);',  # a fault is none
    ],
)
def test_what_is_wrong_does_not_compile(tmp_path: Path, wrong: str) -> None:
    """Each mistake is one error, in its own line."""
    page = f'import type {{ Call }} from "./tickets";\ndeclare const call: Call;\n{wrong}\n'
    said = [line for line in compiled(tmp_path, page=page, tickets=types(OFFICE)) if not line.startswith(" ")]
    assert [line.partition(",")[0] for line in said] == ["page.ts(3"]


def test_any_name_compiles(tmp_path: Path) -> None:
    """Words of the language, our own types and global ones, as names of types, members and operations, and all referring to each other."""
    words = WORDS.split()
    members = {
        "type": "object",
        "properties": {word: {"type": ["array", "null"], "items": ref(word)} for word in words},
    }
    components = {word: members if i % 2 else {"enum": [word, None]} for i, word in enumerate(words)}
    operations = tuple(replace(GET_SEATS, name=word, input=ref(word), output=members, detail=members) for word in words)
    assert compiled(tmp_path, every=types(replace(OFFICE, operations=operations, components=components))) == []


def test_every_ring_of_types_compiles(tmp_path: Path) -> None:
    """Through members and items a type may hold itself; one that is nothing but itself can be anything."""
    rings = {
        "A": {"anyOf": [ref("B"), {"type": "null"}]},
        "B": ref("C"),
        "C": {"oneOf": [ref("A"), {"type": "string"}]},
        "D": {"type": "array", "items": ref("D")},
        "E": {"type": "object", "additionalProperties": ref("E")},
        "F": {"anyOf": [{"type": "object", "properties": {"f": ref("F")}}, ref("D")]},
        "G": {"allOf": [ref("H"), {"type": "object", "properties": {"g": ref("G")}}]},
        "H": {"type": "object", "properties": {"h": ref("G")}},
        "I": {"oneOf": [ref("A"), ref("I")]},
    }
    text = types(replace(OFFICE, components=rings, operations=()))
    assert compiled(tmp_path, rings=text) == []
    unknown = re.findall(r"^export type (\w) = unknown;$", text, re.MULTILINE)
    assert unknown == ["A", "B", "C", "I"]


def test_without_the_states_they_are_taken_from_the_file_beside_it(tmp_path: Path) -> None:
    """Two backends of one page share them."""
    text = types(OFFICE, states_types=False)
    assert "export interface Envelope" not in text
    assert compiled(tmp_path, page=PAGE, tickets_d=text, states_d=contract.typescript()) == []


# --- by the text


def test_the_states_are_the_contracts() -> None:
    """The very text of the client's types stands in it, and every state has its category."""
    text = types(OFFICE)
    assert contract.typescript().partition("\n")[2].strip() in text
    lines = dict(
        re.findall(r"^  (\w+): (.*);$", text.split("export interface States {")[1].split("}")[0], re.MULTILINE)
    )
    for row in ROWS:
        assert f'"{row.name}"' in lines[row.category.value]


def test_it_is_the_same_each_time() -> None:
    """Whatever order the components come in."""
    assert types(replace(OFFICE, components=dict(reversed(COMPONENTS.items())))) == types(OFFICE)


def test_what_is_not_offered_is_said_at_the_top() -> None:
    """Each in one line, so that nothing of it is code."""
    head = types(OFFICE).split("\n\n")[0].splitlines()
    assert head[1:] == [
        "// Not offered: Admin: it has two bodies",
        "// Not offered: Print: its schema has a type of a namespace that nobody gives",
    ]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "unknown"),
        (True, "unknown"),
        (False, "never"),
        ({"type": "integer"}, "number"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"type": "null"}, "null"),
        ({"type": "strange"}, "unknown"),
        ({"const": "a"}, '"a"'),
        ({"const": [1]}, "unknown[]"),
        ({"enum": ["a", 1, 1.5, True, None]}, '"a" | 1 | 1.5 | true | null'),
        ({"enum": ["a\u2028", {}]}, '"a\\u2028" | { [name: string]: unknown }'),
        ({"enum": []}, "never"),
        ({"type": "array"}, "unknown[]"),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "(string | null)[]"),
        ({"type": ["array", "null"], "items": {"enum": ["a", "b"]}}, '("a" | "b")[] | null'),
        ({"items": {"type": "array", "items": {"type": "boolean"}}}, "boolean[][]"),
        ({"type": "object"}, "{ [name: string]: unknown }"),
        ({"type": "object", "additionalProperties": False}, "{ [name: string]: never }"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "{ [name: string]: string }"),
        ({"anyOf": [{"type": "string"}, {"type": "string"}]}, "string"),
        ({"anyOf": [{"type": "string"}, ref("Nobody")]}, "string | unknown"),
        ({"type": "object", "oneOf": [ref("Seat"), ref("Table")]}, "({ [name: string]: unknown }) & (Seat | Table)"),
        ({"allOf": [ref("Seat"), {}]}, "Seat"),
    ],
)
def test_a_schema_as_a_type(schema: object, said: str) -> None:
    """Each word of a schema that changes what TypeScript can say."""
    operation = replace(CLEAR, output={"type": "object", "properties": {"it": schema}, "required": ["it"]})
    text = types(replace(OFFICE, operations=(operation,)))
    assert f"export interface ClearCartResult {{\n  it: {said};\n}}" in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"additionalProperties": {"type": "string"}}, "  [name: string]: unknown;\n"),
        ({"additionalProperties": True}, "  [name: string]: unknown;\n"),
        ({"patternProperties": {"^@": {"type": "string"}}}, "  [name: `@${string}`]: unknown;\n"),
        ({"patternProperties": {"^x-": {"type": "string"}}}, "  [name: string]: unknown;\n"),
        ({"x-derived": {"Box": "#/components/schemas/Seat"}}, "  [name: string]: unknown;\n"),
        ({"additionalProperties": False}, ""),
        ({}, ""),
    ],
)
def test_members_of_other_names_are_allowed_where_they_are(tmp_path: Path, more: JsonSchema, said: str) -> None:
    """Beside members that are known they may be anything, as TypeScript wants these to fit them."""
    shape = {"type": "object", "properties": {"@a": {"type": "number"}}} | more
    text = types(replace(OFFICE, operations=(replace(CLEAR, output=shape),)))
    assert f'export interface ClearCartResult {{\n  "@a"?: number;\n{said}}}' in text
    assert ("Or what is derived from it, by @type: Box." in text) is ("x-derived" in more)
    assert compiled(tmp_path, more=text) == []


def test_a_comment_does_not_end_early() -> None:
    """Nothing that a WSDL says of itself becomes code."""
    text = types(OFFICE)
    assert "/** One seat; its neighbours *\\/ are seats too. */" in text
    assert len(re.findall(r"/\*\*", text)) == len(re.findall(r"\*/", text.replace('"box */"', "")))


def test_names_of_operations_come_before_those_of_types() -> None:
    """`XParams` and `XResult` are where a reader looks for them; a type of that name has a number."""
    text = types(OFFICE)
    assert "export interface GetSeatsResult {\n  GetSeatsResult?: GetSeatsResult2;\n}" in text
    assert "export interface GetSeatsResult2 {\n  Seat?: Seat[] | null;" in text
