"""The one door of settings: a file to a Plan, or one SettingsError with everything that is wrong with it.

Four steps, each adding to the same list of problems: read (tree), shape (schema), meaning (lint), plan (build). What one step cannot use is
cut out before the next, so that one fault is told once and hides no other.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from sidecar.settings.build import build
from sidecar.settings.complaints import broken, complaints, node_at
from sidecar.settings.lint import lint
from sidecar.settings.names import compare
from sidecar.settings.problem import Lines, Place, Problem, SettingsError
from sidecar.settings.schema import Settings
from sidecar.settings.tree import Block, Scalar, core, plain, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.plan import Plan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.names import ContractOf

_FILE_BYTES: Final = 4 * 1024 * 1024  # far beyond what people write; what is larger was named by mistake


def load(path: str | Path, environ: Mapping[str, str] | None = None, contract_of: ContractOf | None = None) -> Plan:
    """Read `path` and return its plan. Raises SettingsError, and nothing else, whatever is in it.

    With `contract_of`, which reads a WSDL, names are compared with the WSDL files that the settings name.
    """
    shown = str(path)
    source = _text(Path(path), shown)
    return load_text(
        source, shown, Path(path).resolve().parent, os.environ if environ is None else environ, contract_of
    )


def load_text(
    source: str, file: str, folder: Path, environ: Mapping[str, str], contract_of: ContractOf | None = None
) -> Plan:
    """Return the plan of `source`, which is called `file` and stands in `folder`."""
    reading = read(source, environ)
    root, problems = reading.root, reading.problems
    if root is None and not problems:
        problems.append(Problem("E109", Place(), "", "nothing is set", _SMALLEST))
    if root is not None and not isinstance(root, Block):
        problems.append(Problem("E204", root.place, "", "settings are a block of keys", _SMALLEST))
    if not isinstance(root, Block):
        raise SettingsError(file, problems, source)
    settings = _shape(root, problems)
    if settings is not None:
        problems += lint(settings, root, folder)
        if contract_of is not None:
            problems += compare(settings, root, folder, contract_of)
    if problems or settings is None:
        raise SettingsError(file, problems, source)
    return build(settings, folder)


_SMALLEST: Final = (
    'the smallest file is: backends: {tickets: {protocol: soap, url: "http://127.0.0.1:9000/Tickets.asmx"}}'
)


def _text(path: Path, shown: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(shown, [Problem("E101", Place(), "", f"cannot be read: {reason}", "")]) from error
    if len(data) > _FILE_BYTES:
        raise SettingsError(
            shown, [Problem("E108", Place(), "", f"larger than {_FILE_BYTES} bytes", "is this the right file?")]
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Lines(before).place(len(before))
        raise SettingsError(shown, [Problem("E102", place, "", "not UTF-8 text", "save the file as UTF-8")]) from error


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
    try:
        return Settings.model_validate(data), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False, include_input=False))


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
