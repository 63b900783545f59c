"""The parameters of a question, and what the settings make of them: left out, folded, sorted, or asked with somebody else's identity.

Between what was read of a request and its tokens. It answers with two streams: what the key holds, and what the backend is asked;
the second is the first with identities put in that the first leaves out. It reads no request and knows no binding.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from adapters.soap.canonical import has_text, start_of, text_of, tokens_of
from adapters.xml import local
from sidecar.answers import Shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree

    from adapters.keying import Rules
    from adapters.soap.contract import Operation
    from adapters.soap.schema import Parameter


class Part(NamedTuple):
    """One parameter: its local name, its text (None where it is a tree), what stands in the key, and what is sent (None: nothing)."""

    name: str
    text: str | None
    tokens: list[str]
    sent: list[str] | None
    element: etree._Element | None = None


class Streams(NamedTuple):
    """What a question holds: the tokens of its key, those of its request, and the simple parameters by name."""

    keyed: list[str]
    sent: list[str]
    texts: dict[str, str]
    identified: bool


def part_of(element: etree._Element) -> Part:
    """Read a parameter. Raises `Unshareable`."""
    tokens = tokens_of(element)
    text = None if len(element) else element.text or ""
    return Part(local(element.tag), text, tokens, tokens, element)


def simple(clark: str, text: str) -> Part:
    """Make a parameter of a name and a value."""
    tokens = ["l" + clark, text]
    return Part(local(clark), text, tokens, tokens)


def streams(start: list[str], parts: Sequence[Part], rules: Rules, operation: Operation | None) -> Streams:
    """Apply the rules. `start` are the tokens of the operation's start tag, `operation` is what its contract says, None: nobody knows."""
    identified = bool(rules.identity) and any(each.name in rules.identity and each.text != "" for each in parts)
    if rules.folds:
        parts = [_folded(each, rules) for each in parts if not rules.ignores(each.name)]
        for name in rules.folds:
            if rules.sorts(name):
                parts = _sorted(parts, name)
    if rules.mode is not None:
        known = operation.parameters if operation is not None else None
        parts = _asked_by(parts, rules, known or ())
    keyed, sent = [*start], [*start]
    for each in parts:
        keyed += each.tokens
        sent += each.tokens if each.sent is None else each.sent
    times = Counter(each.name for each in parts)
    texts = {each.name: each.text for each in parts if each.text is not None and times[each.name] == 1 and each.tokens}
    return Streams([*keyed, "/"], [*sent, "/"], texts, identified)


def _folded(part: Part, rules: Rules) -> Part:
    if part.text is None or (text := rules.folded(part.name, part.text)) == part.text:
        return part
    tokens = text_of(part.tokens, text)
    return part._replace(text=text, tokens=tokens, sent=tokens)


def _sorted(parts: list[Part], name: str) -> list[Part]:
    """Sort the repetitions of a parameter, or, where it stands once, the like children that it holds (ArrayOfInt)."""
    mine = [each for each in parts if each.name == name]
    if len(mine) == 1:
        mine = [_inside_sorted(mine[0])]
    ordered = iter(sorted(mine, key=lambda each: each.tokens))
    return [next(ordered) if each.name == name else each for each in parts]


def _inside_sorted(part: Part) -> Part:
    element = part.element
    if element is None or len({each.tag for each in element}) != 1 or has_text(element):
        return part
    inside = sorted(tokens_of(each) for each in element)
    tokens = [*start_of(element), *(token for each in inside for token in each), "/"]
    return part._replace(tokens=tokens, sent=tokens)


def _asked_by(parts: Sequence[Part], rules: Rules, known: Sequence[Parameter]) -> list[Part]:
    """Take identities out of the key, and put in what is sent in their place."""
    if rules.mode is Shared.DROP:
        return [each for each in parts if each.name not in rules.identity]
    if rules.mode is Shared.LEADER:
        return [each._replace(tokens=[], sent=each.tokens) if each.name in rules.identity else each for each in parts]
    kept: list[Part] = []
    placed: set[str] = set()
    for each in parts:
        if each.name not in rules.identity:
            kept.append(each)
        elif each.name in rules.stand_in and each.name not in placed:
            placed.add(each.name)
            kept.append(_placed(each, rules.stand_in[each.name]))
    for name in rules.identity & rules.stand_in.keys() - placed:
        _insert(kept, name, rules.stand_in[name], known)
    return kept


def _placed(part: Part, value: str) -> Part:
    """Keep the place of an identity in the key, empty: it depends on nobody, and what is sent there is the settings'."""
    tokens = ["l" + part.tokens[0][1:], ""] if part.text is None else text_of(part.tokens, "")
    return Part(part.name, None, tokens, text_of(tokens, value))


def _insert(parts: list[Part], name: str, value: str, known: Sequence[Parameter]) -> None:
    """Add a parameter that the caller left out, where the schema has it: before the first that comes later there."""
    order = {each.name: at for at, each in enumerate(known)}
    if name not in order:
        return
    at = next((at for at, each in enumerate(parts) if order.get(each.name, -1) > order[name]), len(parts))
    parts.insert(at, _placed(simple(known[order[name]].clark, ""), value))
