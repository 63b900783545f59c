"""Which names hold secrets, and how a text of settings is shown without their values: blanked, every width and line kept.

Stands before everything that settings say to people. It works on the text and not on the tree, because the line that does not parse may
be the one with the secret in it; where it is in doubt it blanks too much.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sidecar.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "********"  # as long for every secret: a length is a hint

# Beside the patterns for people's values: what only operators have.
_OPERATORS: Final = ("*passphrase*", "pwd", "*_pwd", "*api*key*", "*private*key*", "authori?ation")
_PATTERNS: Final = (*Plan().sensitive, *_OPERATORS)
# `*pin*` is for a PIN. As a part of a word, so short a text is in Shipping, Mapping and Spinner as well.
_SHORT: Final = 3
_MISTYPED: Final = ("token", "password", "secret", "passwd", "session")
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_USERINFO: Final = re.compile(r"(?<=://)[^/@\s\"']*(?=@)")
_KEY: Final = re.compile(r"""(?<![\w.-])(?P<quote>["']?)(?P<name>[A-Za-z_][\w.-]*)(?P=quote)[ \t]*:(?=[\s"'\[{]|$)""")
_REFERENCE: Final = re.compile(r"""["']?\$\{[A-Za-z_][A-Za-z0-9_]*\}["']?""")
_QUOTED: Final = {
    '"': re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL),
    "'": re.compile(r"'(?:[^']|'')*'?", re.DOTALL),
    "[": re.compile(r"\[[^\]]*\]?"),
    "{": re.compile(""),  # a block of keys, each of which is looked at by itself
}
# What stands for callers' identities is a secret whatever its name is, and whatever typing errors are in the names around it.
_STAND_INS: Final = frozenset({"shared", "as"})
_OPENING: Final = re.compile(r"\s*\{")
_BRACES: Final = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|\$\{[^}\n]*\}|[{}]""")
_FLOW: Final = re.compile(r"[^,}\]\n]*")
_LINE: Final = re.compile(r"[^\n]*")
_NOTHING: Final = re.compile(r"[ \t]*(?:#[^\n]*)?")
_BELOW: Final = re.compile(r"\n(?P<indent>[ \t]*)(?P<rest>[^\n]*)")
_BLOCK: Final = re.compile(r"""\s*(?:"[^"\n]*"|'[^'\n]*'|[^\s"'#][^\s:]*)[ \t]*:(?:\s|$)""")


def is_secret_name(name: str, patterns: Iterable[str] = _PATTERNS) -> bool:
    """Say whether what `name` holds is a secret. The name of a file that holds one is none."""
    if name.endswith("_file"):
        return False
    words: set[str] | None = None
    for pattern in patterns:
        core = pattern.strip("*").lower()
        if len(core) <= _SHORT and pattern == f"*{core}*":
            words = words or {word.lower() for word in _WORDS.findall(name)}
            if core in words:
                return True
        elif fnmatchcase(name.lower(), pattern.lower()):
            return True
    return False


@lru_cache(1024)
def _may_be_secret(name: str) -> bool:
    """Say whether a text that is shown had better not show what `name` holds: a typing error in a name makes nothing public."""
    return is_secret_name(name) or bool(get_close_matches(name.lower(), _MISTYPED, n=1, cutoff=0.8))


def masked(text: str) -> str:
    """Blank the credentials of every address in `text`."""
    return _USERINFO.sub(lambda found: "*" * len(found.group()), text)


def veiled(text: str) -> str:
    """Return `text`, of YAML or near it, with the values of secret names and the credentials of addresses blanked."""
    shown, end, within = [], 0, 0
    for key in _KEY.finditer(text):
        if key.start() < end:
            continue
        inside = key.start() < within
        if key["name"] in _STAND_INS:
            within = max(within, _end_of_block(text, key))
        if not inside and key["name"] != "as" and not _may_be_secret(key["name"]):
            continue
        start, stop = _value(text, key)
        shown += [text[end:start], _blank(text[start:stop])]
        end = stop
    return masked("".join((*shown, text[end:])))


def _end_of_block(text: str, key: re.Match[str]) -> int:
    """Return where the block of keys ends that is the value of `key`; where it is none, the end of the key."""
    opening = _OPENING.match(text, key.end())
    if opening is not None:
        depth = 0
        for sign in _BRACES.finditer(text, opening.end() - 1):
            depth += {"{": 1, "}": -1}.get(sign.group(), 0)
            if depth == 0:
                return sign.end()
        return len(text)
    line_start = text.rfind("\n", 0, key.start()) + 1
    before = text[line_start : key.start()]
    if before.strip():  # a value in a line that began with something else ends with it
        return key.end()
    stop = _end(_LINE, text, key.end())
    while (below := _BELOW.match(text, stop)) is not None and (not below["rest"] or len(below["indent"]) > len(before)):
        stop = below.end()
    return stop


def _blank(value: str) -> str:
    # A reference is no secret, and whoever mends the file has to see it.
    return value if _REFERENCE.fullmatch(value.strip()) else re.sub(r"[^\s]", "*", value)


def _value(text: str, key: re.Match[str]) -> tuple[int, int]:
    """Return where the value of `key` begins and ends."""
    start = key.end()
    while text[start : start + 1] in (" ", "\t"):
        start += 1
    if (form := _QUOTED.get(text[start : start + 1])) is not None:
        found = form.match(text, start)
        assert found is not None, "each form takes its first sign or nothing"
        return start, found.end()
    line_start = text.rfind("\n", 0, key.start()) + 1
    before = text[line_start : key.start()]
    if before.count("{") + before.count("[") > before.count("}") + before.count("]"):
        return start, _end(_FLOW, text, start)
    indent = len(before) - len(before.lstrip(" \t"))
    stop = _end(_NOTHING, text, start)
    alone = text[stop : stop + 1] in ("", "\n")
    if alone and _BLOCK.match(text, stop):
        return stop, stop
    first = stop if alone else start
    stop = _end(_LINE, text, start)
    while (below := _BELOW.match(text, stop)) is not None and _belongs(below, indent):
        stop = below.end()
    return first, stop


def _belongs(below: re.Match[str], indent: int) -> bool:
    """Say whether a line is part of the value of a key that is indented so far: a list may stand as far out as its key."""
    depth, rest = len(below["indent"]), below["rest"]
    return depth > indent or not rest or (depth == indent and (rest == "-" or rest.startswith("- ")))


def _end(form: re.Pattern[str], text: str, start: int) -> int:
    found = form.match(text, start)
    return start if found is None else found.end()
