"""The HTML of a waiting room's page: right without script, and with an element for everything that the script may have to say later.

Asked by `roompages`. Whatever anybody wrote is escaped here and nowhere else; an address that is none of the web is left out. There is no
line of script or style in it.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.instant import rfc3339
from sidecar.policy.routing import RESERVED
from sidecar.web.roomsaid import said
from sidecar.web.roomwords import WORDS, title

if TYPE_CHECKING:
    from sidecar.web.roomsaid import Said, View
    from sidecar.web.roomwords import Words

ROOMS: Final = f"{RESERVED}/rooms/"
ASSETS: Final = f"{ROOMS}assets/"
_LINK: Final = re.compile(r"(?:https?://|/(?!/))[^\s\\]*", re.IGNORECASE)
_SHORT: Final = 5  # signs of a number that may be as large as a narrow screen is wide: 9,999
_QUIET: Final = ' class="quiet"'
_SEVERITIES: Final = frozenset({"info", "warning", "critical"})


class Frame(NamedTuple):
    """What a page is told beside what it says. `refresh_s`: how soon it loads itself again, None never; `frames` who may embed it."""

    widget: bool
    frames: tuple[str, ...]
    refresh_s: int | None
    edition: str  # of its files
    theme: str  # edition of its colours


def document(view: View, frame: Frame) -> str:
    """Return the page."""
    told, words = said(view), WORDS[view.lang]
    name = escape(title(view.room.look, view.lang, view.room.name))
    refresh = f'<noscript><meta http-equiv="refresh" content="{frame.refresh_s}"></noscript>' if frame.refresh_s else ""
    return f"""<!doctype html>
<html lang="{escape(view.lang)}"{' class="widget"' if frame.widget else ""}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{"● " if told.situation == "called" else ""}{escape(told.headline)} · {name}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{ASSETS}room.css?v={frame.edition}">
<link rel="stylesheet" href="{_base(view)}/theme.css?v={frame.theme}">
{refresh}
<script type="module" src="{ASSETS}room.js?v={frame.edition}"></script>
</head>
<body>
<header><p>{words("kind")}</p><h1>{name}</h1></header>
<main{_data(view, frame.frames)}>
{_message(view, told, words)}
<section class="card" aria-labelledby="word">
<h2 id="word" tabindex="-1">{escape(told.headline)}</h2>
<p id="lead">{escape(told.lead)}</p>
{_ahead(told)}
<dl>
{_facts(told, words)}
</dl>
{_window(view, words) if frame.widget else ""}
<div class="actions">
{_actions(view, told, words, widget=frame.widget)}
</div>
</section>
<p id="note"{_hidden(told.note)}>{escape(told.note or "")}</p>
<p id="slower" hidden>{words("notes", "slower")}</p>
<p id="trouble" hidden>{words("notes", "trouble")}</p>
{_plain(words, frame.refresh_s)}
<p id="polite" class="unseen" role="status" aria-live="polite"></p>
<p id="urgent" class="unseen" role="alert" aria-live="assertive"></p>
</main>
</body>
</html>
"""


def link(address: str | None) -> str | None:
    """Return an address that leads to a page, and not to a script."""
    return address if address is not None and _LINK.fullmatch(address) else None


def _base(view: View) -> str:
    return ROOMS + escape(view.room.name)


def _hidden(shown: object) -> str:
    return "" if shown else " hidden"


def _data(view: View, frames: tuple[str, ...]) -> str:
    room = view.room
    told = {
        "name": room.name,
        "state": view.state,
        "visitor": view.visitor or "",
        "zone": room.timezone or "",
        "wall": f"{view.wall:.3f}",
        "lobby": f"{room.lobby_s:g}",
        "poll": str(view.next_poll_s),
        "back": link(view.back or room.look.back) or "",
        "remedy": link(view.remedy or room.remedy) or "",
        "frames": " ".join(frames),
    }
    return "".join(f' data-{name}="{escape(value)}"' for name, value in told.items())


def _message(view: View, told: Said, words: Words) -> str:
    severity, text = view.message or ("info", "")
    kind = severity if severity in _SEVERITIES else "info"
    return (
        f'<section id="message" data-severity="{kind}" aria-labelledby="from"{_hidden(text)}>'
        f'<h2 id="from">{words("message")}</h2><p>{escape(text)}</p><dl>{_moment("next", told, words)}</dl></section>'
    )


def _ahead(told: Said) -> str:
    kind = ' class="long"' if len(told.number or "") > _SHORT else ""
    return f'<p id="ahead"{kind}{_hidden(told.number)}><b>{told.number or ""}</b> <span>{told.label or ""}</span></p>'


def _facts(told: Said, words: Words) -> str:
    eta = _fact("eta", escape(told.eta or ""), words, "" if told.eta_known else ' class="why"')
    code = _fact("code", f"<code>{escape(told.code)}</code>" if told.code else "", words)
    moments = [_moment(name, told, words) for name in ("claim_by", "pass_until", "lobby", "draw", "opens")]
    return "\n".join([*moments[:2], eta, *moments[2:], code])


def _moment(name: str, told: Said, words: Words) -> str:
    found = told.moments.get(name)
    time = (
        f'<time datetime="{rfc3339(found.at)}">{escape(found.text)}</time> <span role="timer"></span>' if found else ""
    )
    return _fact(name, time, words)


def _fact(name: str, shown: str, words: Words, kind: str = "") -> str:
    return f'<div id="{name}"{kind}{_hidden(shown)}><dt>{words("labels", name)}</dt><dd>{shown}</dd></div>'


def _actions(view: View, told: Said, words: Words, *, widget: bool) -> str:
    def form(name: str, button: str, kind: str = "") -> str:
        hidden = _hidden(name in told.actions)
        return (
            f'<form id="{name}" method="post" action="{_base(view)}/{name}"{hidden}>'
            f"<button{kind}>{words('buttons', button)}</button></form>"
        )

    def anchor(name: str, address: str | None) -> str:
        where = f' href="{escape(address)}"' if address else ""
        top = ' target="_top"' if widget else ""
        return f'<a id="{name}" class="button"{where}{top}{_hidden(address and name in told.actions)}>{words("buttons", name)}</a>'

    leave = (
        f'<details id="leaving"{_hidden("leave" in told.actions)}><summary>{words("buttons", "leave")}</summary>'
        f"<p>{words('buttons', 'leave_sure')}</p>{form('leave', 'leave_yes', _QUIET)}</details>"
    )
    return "\n".join(
        (
            form("join", "join"),
            form("claim", "claim"),
            anchor("back", link(view.back or view.room.look.back)),
            anchor("remedy", link(view.remedy or view.room.remedy)),
            form("release", "release", _QUIET),
            leave,
        )
    )


def _window(view: View, words: Words) -> str:
    """Return what a widget offers without script: no cookie is kept for a form in another site's frame, but for one in a window is."""
    return (
        f'<noscript><a class="button" href="{_base(view)}" target="_blank">{words("buttons", "window")}</a></noscript>'
    )


def _plain(words: Words, refresh_s: int | None) -> str:
    """Return what a page says that has no script, or whose script did not come: how it moves on, and how that is stopped."""
    again = f'<a href="?">{words("buttons", "again")}</a>'
    if refresh_s is None:
        return f'<p id="plain">{again}</p>'
    every = f'{words.plural("plain", refresh_s)} <a href="?still">{words("buttons", "still")}</a>'
    return f'<p id="plain">{again} <noscript>{every}</noscript></p>'
