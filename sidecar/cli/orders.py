"""The orders of the admin listener as commands, made from its one table: `sidecar NOUN VERB ARGUMENTS --reason … --for …`.

`commands` is for the groups, `command` for an order that has a short name. What an order means, and all that can be wrong with it, the
sidecar says; here it is only spoken and its verdict printed. Exit codes: 0 done, 1 failed, 2 not understood, 78 wrong settings.
"""

from __future__ import annotations

import getpass
import json
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from sidecar.admin import screen, story
from sidecar.admin.table import TABLE, Argument, Kind, Row, find
from sidecar.cli import BAD_SETTINGS
from sidecar.cli.admin import fail, form_option, options, refused, talk
from sidecar.durations import spoken
from sidecar.policy.languages import TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

# A reload reads files and a WSDL, and answers when it is done.
_TIMEOUT_S: Final = 60.0
_NOT_UNDERSTOOD: Final = 400
_EXAMPLE: Final = 'en="Back at 9:20"'


class UsualGroup(click.Group):
    """A group whose usual order, `set`, needs no verb."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what names no verb as `set`."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["set", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return the order that a word means: one that is no verb belongs to `set`."""
        return super().get_command(ctx, cmd_name) or self.commands["set"]


def group(noun: str, line: str) -> click.Group:
    """Return the group of a noun with all its orders."""
    made = click.Group(noun, help=line)
    for each in commands(noun):
        made.add_command(each)
    return made


def commands(noun: str) -> list[click.Command]:
    """Return the orders of a noun, for a group that has others besides."""
    return [command(row.noun, row.verb) for row in TABLE if row.noun == noun]


def command(noun: str, verb: str, name: str | None = None) -> click.Command:
    """Return one order as a command called `name` (its verb where that is left out)."""
    row = find(noun, verb)
    assert row is not None, f"the table of orders has no {noun} {verb}"

    def give(where: str, token: str | None, form: str, **said: Any) -> None:
        body = {key: value for key, value in said.items() if value not in (None, ())}
        body |= {key: _texts(value) for key, value in body.items() if isinstance(value, tuple)}
        status, facts = talk(where, "POST", row.path, body=body, token=token, timeout_s=_TIMEOUT_S)
        _tell(row, status, facts, form)

    said = _help(row, name or row.name)
    return click.Command(name or verb, params=_parameters(row), callback=give, help=said, short_help=row.help)


def _help(row: Row, called: str) -> str:
    wanted = [each for each in row.arguments if not each.is_option]
    example = ["sidecar", called]
    example += ["8" if each.kind is Kind.INTEGER else each.name.upper() for each in wanted]
    example += [f"--{each.name} {_EXAMPLE}" for each in row.arguments if each.kind is Kind.TEXTS]
    example += [] if row.end is None else ["--for", spoken(row.end.suggested_s)]
    example += [f'--reason "{row.why}"'] if row.reason_needed else []
    arguments = "\n".join(f"  {each.name.upper()}: {each.help}" for each in wanted)
    listed = f"\n\n\b\n{arguments}" if arguments else ""
    return f"{row.help} {row.more}{listed}\n\n\b\n  {' '.join(example)}"


def _parameters(row: Row) -> list[click.Parameter]:
    found: list[click.Parameter] = [_parameter(each) for each in row.arguments]
    if row.reminder_s:
        often = f"{'and no end said either: ' if row.end is not None else ''}{spoken(row.reminder_s)}"
        often = f"How often the log says that it still holds; left out{', ' if row.end is not None else ': '}{often}."
        found.append(click.Option(["--remind", "remind"], metavar="DURATION", help=often))
    if row.end is not None:
        bounds = f"from {spoken(row.end.shortest_s)} to {spoken(row.end.longest_s)}"
        found += [
            click.Option(["--for", "for"], metavar="DURATION", help=f"How long it holds, as in 10m: {bounds}."),
            click.Option(["--until", "until"], metavar="TIME", help="Until when, as in 2026-12-01T09:00:00Z."),
        ]
    why = "Why, for whoever reads the audit." + ("" if row.reason_needed else " Not needed here.")
    found.append(click.Option(["--reason", "reason"], metavar="TEXT", required=row.reason_needed, help=why))
    found.append(
        click.Option(
            ["--actor", "actor"],
            metavar="NAME",
            envvar="SIDECAR_ACTOR",
            default=_myself,
            help="Who you are ($SIDECAR_ACTOR).",
        )
    )
    return [*found, *options(), form_option()]


def _parameter(argument: Argument) -> click.Parameter:
    """Return what has to be said as a word in its place, what may be left out as an option; its default the sidecar knows."""
    kind: Any = str
    if argument.kind is Kind.INTEGER:
        kind = click.IntRange(argument.low, argument.high)
    elif argument.choices:
        kind = click.Choice(argument.choices)
    if argument.kind is Kind.TEXTS:
        return click.Option(
            [option(argument.name), argument.name],
            metavar="LANGUAGE=TEXT",
            multiple=True,
            required=argument.default is None,
            help=f"{_sentence(argument.help)}. May be given once for each language.",
        )
    if argument.default is None:
        return click.Argument([argument.name], type=kind, metavar=argument.name.upper())
    metavar = None if argument.choices else argument.name.upper()
    return click.Option(
        [option(argument.name), argument.name], type=kind, metavar=metavar, help=f"{_sentence(argument.help)}."
    )


def _texts(said: tuple[str, ...]) -> dict[str, str]:
    """Return texts by language; one without a language before it is English."""
    found: dict[str, str] = {}
    for each in said:
        language, _, text = each.partition("=")
        found |= {language: text} if text and TAG.fullmatch(language) else {"en": each}
    return found


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _myself() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number that no list of users has
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def _tell(row: Row, status: int, facts: Mapping[str, Any], form: str) -> None:
    """Print the verdict and exit with its code."""
    ok = facts.get("ok") is True
    errors = [each for each in facts.get("errors", ()) if isinstance(each, dict)]
    if form == "json":
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    elif ok:
        click.echo("\n".join([f"ok: {facts.get('text', '')}", *_changes(facts), *_calls(facts), *story.lines(facts)]))
    if ok:
        return
    code = 2 if status == _NOT_UNDERSTOOD else BAD_SETTINGS if errors else 1
    if form == "json":
        sys.exit(code)
    if status == _NOT_UNDERSTOOD and errors:
        said = "\n".join(f"{_spoken(row, str(each.get('pointer')))}: {each.get('text')}" for each in errors)
        fail(said, "", code)
    text, remedy = refused(facts)
    fail("\n".join([text, *_errors(facts, errors)]), remedy, code)


def _spoken(row: Row, pointer: str) -> str:
    """Return a pointer into an order as the command line calls that part."""
    name = pointer.removeprefix("/")
    name, _, language = name.partition("/")
    optional = {each.name for each in row.arguments if each.is_option}
    if name in ("actor", "reason", "for", "until", "remind", *optional):
        return f"{option(name)} {language}".strip()
    return name.upper()


def option(name: str) -> str:
    """Return the option of an argument that may be left out."""
    return f"--{name.replace('_', '-')}"


def _changes(facts: Mapping[str, Any]) -> list[str]:
    how = {
        "resets": "; what it had learnt starts anew",
        "forgets": "; answers kept so far are not used any more",
        "restart": "; takes effect with the next start",
    }
    return [
        f"  {each.get('key')}: {each.get('before')} -> {each.get('after')}{how.get(str(each.get('effect')), '')}"
        for each in facts.get("changes", ())
        if isinstance(each, dict)
    ]


def _calls(facts: Mapping[str, Any]) -> list[str]:
    """Return calls that wait, two lines each: which, and how it stands with it. They hold what callers sent."""
    calls = [each for each in facts.get("calls", ()) if isinstance(each, dict)]
    return [screen.printable(line) for each in calls for line in (_which(each), _standing(each))]


def _which(call: Mapping[str, Any]) -> str:
    first = ", promoted" if call.get("promoted") else ""
    whose = f"client {call.get('client')}, class {call.get('class')}{first}"
    return f"  {call.get('request_id')}  {call.get('backend')} {call.get('operation')}, {whose}"


def _standing(call: Mapping[str, Any]) -> str:
    params = call.get("params")
    said = [f"  {name}={value}" for name, value in params.items()] if isinstance(params, dict) else []
    left = f"{call.get('ahead')} ahead, about {call.get('eta_s')} s to go"
    return f"    waits for {call.get('waited_s')} s, {left}{''.join(said)}"


def _errors(facts: Mapping[str, Any], errors: list[dict[str, Any]]) -> list[str]:
    """Return the errors as `sidecar check` prints them, unless the text has them, and with them the lines that are meant."""
    from sidecar.settings.problem import Place, Problem, SettingsError  # noqa: PLC0415 - only where settings are wrong

    text = str(facts.get("text", ""))
    left = [each for each in errors if f"{each.get('file')}:{each.get('line')}:" not in text]
    return [
        SettingsError(
            str(each.get("file")),
            [
                Problem(
                    str(each.get("code")),
                    Place(int(each.get("line", 1)), int(each.get("column", 1))),
                    str(each.get("key") or ""),
                    str(each.get("message")),
                    str(each.get("remedy") or ""),
                )
            ],
        ).text()
        for each in left
    ]
