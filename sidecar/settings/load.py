"""The one door of settings: a file, with what it includes, to a plan, or one SettingsError with everything that is wrong.

Five steps, each adding to the same list of problems: read (tree, include, flags), shape (schema), meaning (lint, names), plan (build),
and what is said about it (notes, effective). What one step cannot use is cut out before the next, so that one fault is told once and
hides no other.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from sidecar.settings import evenings
from sidecar.settings.build import build
from sidecar.settings.complaints import addressless, broken, complaints, node_at
from sidecar.settings.effective import effective, variables
from sidecar.settings.files import Files
from sidecar.settings.flags import FLAGS, shown, with_flags
from sidecar.settings.include import UnreadableError, contents, gather
from sidecar.settings.lint import lint
from sidecar.settings.loaded import Loaded
from sidecar.settings.names import compare
from sidecar.settings.notes import notes
from sidecar.settings.problem import Place, Problem, SettingsError, illustrated
from sidecar.settings.schema import Settings
from sidecar.settings.sources import Source, identity, look
from sidecar.settings.tree import Block, Scalar, core, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sidecar.plan import Plan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import RootOf
    from sidecar.settings.names import ContractOf


@dataclass(frozen=True, slots=True)
class Beside:
    """What settings are read with besides their file: the environment, flags (`KEY=VALUE`), and what only `check` has at hand.

    `contract_of` reads a WSDL; with it, names are compared with the WSDL files that the settings name, or those in `wsdls` by backend, or
    by `backend/endpoint`. `root_of` reads XML: the bodies of fallbacks are looked at by it. `nofile` is the most file descriptors that the
    process may have, None where nobody knows. `elsewhere` where the settings are for another machine: files with absolute names need not be
    on this one. `volatile`: somebody said that places in waiting rooms may be lost with the process. `wall` is what time it is, for people:
    whether an opening has passed.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    flags: Sequence[str] = ()
    contract_of: ContractOf | None = None
    root_of: RootOf | None = None
    wsdls: Mapping[str, Path] = field(default_factory=dict)
    nofile: int | None = None
    elsewhere: bool = False
    volatile: bool = False
    wall: Callable[[], float] = time.time


def load(path: str | Path, environ: Mapping[str, str] | None = None, contract_of: ContractOf | None = None) -> Plan:
    """Read `path` and return its plan alone; see `load_all`."""
    return load_all(path, Beside(os.environ if environ is None else environ, contract_of=contract_of)).plan


def load_all(path: str | Path, beside: Beside | None = None) -> Loaded:
    """Read `path` and return its plan with what it was made of. Raises SettingsError, and nothing else, whatever is in it.

    It reads files and takes 10 ms for a usual one, seconds for 500 backends: on the loop it belongs in a thread.
    """
    shown_name = str(path)
    where = Path(path).absolute()  # links are not followed: a ConfigMap swaps them
    try:
        text, digest = contents(where)
    except UnreadableError as error:
        sources = [look("settings", str(where))]
        raise SettingsError(shown_name, [error.problem], sources=sources) from error.__cause__
    return _loaded(text, shown_name, where.parent, beside or Beside(), [Source("settings", str(where), digest)])


def load_text(
    source: str, file: str, folder: Path, environ: Mapping[str, str], contract_of: ContractOf | None = None
) -> Plan:
    """Return the plan of `source`, which is called `file` and stands in `folder`."""
    return _loaded(source, file, folder, Beside(environ, contract_of=contract_of), []).plan


def _loaded(text: str, file: str, folder: Path, beside: Beside, own: list[Source]) -> Loaded:
    read = gather(text, file, folder, beside.environ)
    root, problems = read.root, read.problems
    if root is None and not problems:
        problems.append(Problem("E109", Place(), "", "nothing is set", _SMALLEST))
    if root is not None and not isinstance(root, Block):
        problems.append(Problem("E204", root.place, "", "settings are a block of keys", _SMALLEST))
    if isinstance(root, Block) and beside.flags:
        root = with_flags(root, beside.flags, problems)
        read.texts[FLAGS] = shown(beside.flags)
    settings, files = None, Files(folder)
    if isinstance(root, Block):
        settings, files = _shape(root, problems), Files(folder, root, read.folders, file, elsewhere=beside.elsewhere)
    if isinstance(root, Block) and settings is not None:
        problems += lint(settings, root, files, beside.root_of, volatile=beside.volatile)
        if beside.contract_of is not None:
            problems += compare(settings, root, files, beside.contract_of, beside.wsdls, beside.root_of)
    sources = (*own, *read.sources, *files.sources)
    if not isinstance(root, Block) or settings is None or any(each.severity == "error" for each in problems):
        errors = [each for each in problems if each.severity == "error"]
        raise SettingsError(file, errors, text, read.texts, sources)
    plan = build(settings, files)
    more = evenings.notes(settings, plan, root, beside.wall())
    warnings = illustrated([*problems, *notes(plan, root, beside.nofile, more)], read.texts)
    names = sorted(variables(root))
    return Loaded(
        plan,
        identity(sources, {name: beside.environ.get(name, "") for name in names} | dict.fromkeys(beside.flags, "")),
        sources,
        effective(settings, root, plan, files, file),
        warnings,
        tuple(names),
        file,
    )


_SMALLEST: Final = (
    'the smallest file is: backends: {tickets: {protocol: soap, url: "http://127.0.0.1:9000/Tickets.asmx"}}'
)


def _shape(root: Block, problems: list[Problem]) -> Settings | None:
    """Return what of `root` has the right shape; None where nothing usable is left. Adds what has not to `problems`."""
    data = plain(root)
    unusable = broken(root)
    settings, errors = _validated(data)
    if errors and _unquote(data, root, errors):
        settings, errors = _validated(data)
    if settings is not None and not unusable:
        return settings
    found, spoilt = complaints(errors, root)
    problems += found
    unusable += spoilt
    for loc in unusable:
        _cut(data, loc)
    if not isinstance(data.get("backends"), dict):
        data["backends"] = {}
    return _validated(data)[0]


def _validated(data: Any) -> tuple[Settings | None, list[Any]]:
    absent = addressless(data)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        return None, [*error.errors(include_url=False, include_input=False), *absent]
    return (None, absent) if absent else (settings, [])


def _unquote(data: Any, root: Block, errors: list[Any]) -> bool:
    """Read quoted references as numbers and truths where such are wanted: between { and } YAML wants quotes around `${PORT}`."""
    changed = False
    for error in errors:
        loc = tuple(error["loc"])
        node = node_at(root, loc)
        if error["type"] in _NOT_TEXT and isinstance(node, Scalar) and node.expanded and isinstance(node.value, str):
            _parent(data, loc)[loc[-1]] = core(node.value)
            changed = True
    return changed


_NOT_TEXT: Final = frozenset({"int_type", "bool_type", "literal_error"})


def _parent(data: Any, loc: Loc) -> Any:
    for step in loc[:-1]:
        data = data[step]
    return data


def _cut(data: Any, loc: Loc) -> None:
    """Take what stands at `loc` out of `data`; harmless where it has gone with something larger."""
    try:
        parent = _parent(data, loc)
    except (LookupError, TypeError):
        return
    if isinstance(parent, dict):
        parent.pop(loc[-1], None)
