"""`sidecar check`: every error of a settings file at once, and for a right one what it amounts to, what would change, what a pod needs."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sidecar.cli import BAD_SETTINGS
from sidecar.cli.plans import SET, VOLATILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.settings.loaded import Loaded, Setting
    from sidecar.settings.problem import Problem

_RUNNING: Final = "running"
_NO_MANIFEST: Final = "-"


@click.command("check")
@click.argument("file", metavar="FILE", envvar="SIDECAR_CONFIG")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="For people, for machines, or as annotations in GitHub's workflows.",
)
@click.option(
    "--diff", "other", metavar="OTHER", help="What changes, from the file OTHER or from the 'running' sidecar."
)
@click.option("--admin", metavar="URL", envvar="SIDECAR_ADMIN", help="Its admin listener, where FILE says another.")
@click.option("--wsdl", "wsdls", metavar="[BACKEND=]WSDL", multiple=True, help="A WSDL to compare names with.")
@click.option(
    "--kubernetes",
    metavar="[MANIFEST]",
    is_flag=False,
    flag_value=_NO_MANIFEST,
    help="Compare with a pod's manifest, or say what one needs.",
)
@VOLATILE
@SET
def command(
    file: str,
    form: str,
    other: str | None,
    admin: str | None,
    wsdls: tuple[str, ...],
    kubernetes: str | None,
    volatile: bool,
    flags: tuple[str, ...],
) -> None:
    """Say everything that is wrong with FILE (exit code 78), or 'ok' and what it amounts to (exit code 0)."""
    from sidecar.settings import diff, report  # noqa: PLC0415 - help needs none of this
    from sidecar.settings.problem import SettingsError  # noqa: PLC0415 - as above

    facts: dict[str, Any] = {}
    said: list[str] = []
    try:
        # With a manifest the files of the container are those of its mounts, not the ones of this machine.
        loaded = _load(file, flags, wsdls, elsewhere=kubernetes is not None, volatile=volatile)
        problems = list(loaded.warnings)
        if other is not None:
            changes = diff.diff(_before(other, admin, loaded), loaded.effective)
            facts["changes"], text = [change.fact() for change in changes], diff.text(changes)
            said.append(text)
        if kubernetes is not None:
            more, about, text = _pod(loaded, kubernetes)
            problems += more
            facts["kubernetes"] = about
            said += [text] if text else []
        if not said and kubernetes is None:
            facts |= report.facts(loaded.plan, time.time())
            said.append(report.text(loaded.plan, time.time()))
        facts["id"] = loaded.id
    except SettingsError as error:
        file, problems = error.file, list(error.problems)
    _print(file, problems, facts, said, form)
    sys.exit(BAD_SETTINGS if any(each.severity == "error" for each in problems) else 0)


def _load(file: str, flags: tuple[str, ...], wsdls: tuple[str, ...], *, elsewhere: bool, volatile: bool) -> Loaded:
    from sidecar.cli.contracts import contract_of, root_of  # noqa: PLC0415 - lxml; help needs none of this
    from sidecar.settings.load import Beside, load_all  # noqa: PLC0415 - as above

    named = {}
    for each in wsdls:
        backend, equals, path = each.partition("=")
        named[backend if equals else ""] = Path(path if equals else each)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    nofile = None if elsewhere or hard == resource.RLIM_INFINITY else hard
    beside = Beside(
        flags=flags,
        contract_of=contract_of,
        root_of=root_of,
        wsdls=named,
        nofile=nofile,
        elsewhere=elsewhere,
        volatile=volatile,
    )
    return load_all(file, beside)


def _before(other: str, admin: str | None, loaded: Loaded) -> Sequence[Setting]:
    """Return what is in force in the file `other`, or in the sidecar that runs."""
    from sidecar.settings.load import Beside, load_all  # noqa: PLC0415 - help needs none of this

    return _running(admin, loaded) if other == _RUNNING else load_all(other, Beside(volatile=True)).effective


def _running(admin: str | None, loaded: Loaded) -> Sequence[Setting]:
    from sidecar.cli.remote import AddressError, NotReachedError, address_of, ask  # noqa: PLC0415 - as above
    from sidecar.settings.loaded import Setting  # noqa: PLC0415 - as above

    plan = loaded.plan.admin
    where = admin or address_of(plan.host, plan.port, plan.unix)
    try:
        status, _, body = ask(where, "GET", "/admin/v1/config")
        if status == 401 and admin is None:  # the token goes to nobody but the listener that FILE itself names
            status, _, body = ask(where, "GET", "/admin/v1/config", token=plan.token)
    except AddressError as error:
        raise click.UsageError(f"--admin: {error}") from None
    except NotReachedError as error:
        raise click.ClickException(str(error)) from None
    if status != 200:  # the one answer that has settings in it
        raise click.ClickException(f"{where} does not say what is in force: status {status}")
    try:
        return [Setting(str(row["key"]), row["value"], str(row["origin"])) for row in json.loads(body)["settings"]]
    except (ValueError, TypeError, KeyError):
        raise click.ClickException(f"{where} answers something else than settings: is it the admin listener?") from None


def _pod(loaded: Loaded, manifest: str) -> tuple[list[Problem], dict[str, Any], str]:
    """Return what is wrong with a manifest, and, where none is named, what one needs."""
    from sidecar.settings import manifest as pods  # noqa: PLC0415 - as above
    from sidecar.settings.include import UnreadableError, contents  # noqa: PLC0415 - as above
    from sidecar.settings.problem import Problem, illustrated  # noqa: PLC0415 - as above

    about = pods.facts(loaded.plan)
    if manifest == _NO_MANIFEST:
        return [], about, pods.text(loaded.plan)
    try:
        source, _ = contents(Path(manifest), manifest)
    except UnreadableError as error:
        problem = error.problem
        return [Problem("E401", problem.place, "", problem.what, problem.remedy)], about, ""
    return list(illustrated(pods.compare(loaded, source, manifest), {manifest: source})), about, ""


def _print(file: str, problems: list[Problem], facts: dict[str, Any], said: list[str], form: str) -> None:
    from sidecar.cli import findings  # noqa: PLC0415 - as above

    wrong = any(each.severity == "error" for each in problems)
    if form == "json":
        rows = findings.rows(problems, file)
        split = {f"{word}s": [row for row in rows if row["severity"] == word] for word in ("error", "warning")}
        click.echo(json.dumps({"ok": not wrong, "file": file, **split, **facts}, indent=2, ensure_ascii=False))
        return
    told = findings.text(problems, file) if form == "text" else findings.as_annotations(problems, file)
    lines = [*([] if wrong else [f"ok: {file}"]), *said, *([told] if told else [])]
    click.echo("\n".join(lines))
