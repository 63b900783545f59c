"""XML trees as plain values, and every way that a sender may write one: what the tests of canonical forms are made of.

A tree is its name, attributes and content; `spelled` writes it with prefixes, declarations, order, white space, CDATA and references as
chance will have them. It shares no code with what it checks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st

# What the rule asks for in `make test` and `make test-long`; the profile tells which of the two runs.
EXAMPLES: Final = 2_000 if settings.default is None or settings.default.max_examples < 100 else 10_000

S11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
S12: Final = "http://www.w3.org/2003/05/soap-envelope"
XSI_TYPE: Final = ("http://www.w3.org/2001/XMLSchema-instance", "type")
XSI_NIL: Final = ("http://www.w3.org/2001/XMLSchema-instance", "nil")

Name = tuple[str, str]  # namespace, local name
Value = str | Name  # a name is the QName that an attribute holds


@dataclass(frozen=True)
class Tree:
    """An element: its children, or, where it has none, its text."""

    name: Name
    attributes: tuple[tuple[Name, Value], ...] = ()
    children: tuple[Tree, ...] = ()
    text: str = ""


_SPACES: Final = ("urn:a", "urn:b", "http://boxoffice.example/api/", "")
_LOCALS: Final = ("Get", "n", "m", "Item", "größe")
_CHARACTERS: Final = "aA7 <&>]\"'\r\n\t:é\u00a0\U0001f3ad"
_DEPTH: Final = 4


def grown(seed: int) -> Tree:
    """Return an operation with up to four parameters, as chance will have it."""
    chance = Random(seed)
    parameters = tuple(_grown(chance, 1) for _ in range(chance.randrange(1, 5)))
    return Tree((chance.choice(_SPACES[:2]), "Get"), (), parameters)


def _grown(chance: Random, depth: int) -> Tree:
    name = (chance.choice(_SPACES), chance.choice(_LOCALS))
    if depth < _DEPTH and chance.random() < 0.3:
        return Tree(name, _attributes(chance), tuple(_grown(chance, depth + 1) for _ in range(chance.randrange(1, 4))))
    return Tree(name, _attributes(chance), (), _any_text(chance))


def _any_text(chance: Random) -> str:
    return "".join(chance.choices(_CHARACTERS, k=chance.randrange(7)))


def _attributes(chance: Random) -> tuple[tuple[Name, Value], ...]:
    found: dict[Name, Value] = {}
    while chance.random() < 0.3:
        found[chance.choice(("", "urn:a")), chance.choice(("x", "y", "unit"))] = _any_text(chance)
    if chance.random() < 0.3:
        found[XSI_TYPE] = (chance.choice(_SPACES[:2]), chance.choice("TU"))
    return tuple(sorted(found.items()))


SEEDS = st.integers(0, 2**64 - 1)
OPERATIONS = SEEDS.map(grown)  # not grown by hypothesis, which takes twenty times as long for a tree


def envelope(operation: Tree, seed: int, version: str = S11) -> bytes:
    """Write an envelope around an operation, as chance will have it."""
    chance = Random(seed)
    inside = spelled(operation, chance)
    gaps = [_gap(chance) for _ in range(4)]
    text = f'<e_:Envelope xmlns:e_="{version}">{gaps[0]}<e_:Body>{gaps[1]}{inside}{gaps[2]}</e_:Body>{gaps[3]}</e_:Envelope>'
    return text.encode()


def spelled(tree: Tree, chance: Random, scope: dict[str, str] | None = None) -> str:
    """Write a tree. Prefixes end in `_`, which no text holds, so that none seems to be used in one."""
    declared: dict[str, str] = {}
    used: set[str] = set()
    within = dict(scope or {})

    def prefix(space: str, *, default: bool) -> str:
        """Return a prefix with its colon, one in scope or a new one."""
        found = [each for each, bound in within.items() if bound == space and (each or default)]
        if found and chance.random() < 0.6:
            chosen = chance.choice(found)
        else:
            free = [
                each
                for each in ("", "p_", "q_", "soap_", "ns1_", "xs_", "a_", "b_", "k0_")
                if each not in used and (each or default)
            ]
            chosen = chance.choice(free)
            declared[chosen] = within[chosen] = space
        used.add(chosen)
        return f"{chosen}:" if chosen else ""

    space, plain = tree.name
    if space:
        name = prefix(space, default=True) + plain
    else:
        name = plain
        used.add("")
        if within.get(""):
            declared[""] = within[""] = ""
    lines = []
    for (attribute_space, attribute), value in tree.attributes:
        before = prefix(attribute_space, default=False) if attribute_space else ""
        held = value if isinstance(value, str) else prefix(value[0], default=False) + value[1]
        lines.append(f"{before}{attribute}={_quoted(held, chance)}")
    lines += [f'xmlns{":" if each else ""}{each}="{bound}"' for each, bound in declared.items()]
    chance.shuffle(lines)
    start = " ".join([name, *lines])
    if tree.children:
        inside = "".join(_gap(chance) + spelled(each, chance, within) for each in tree.children) + _gap(chance)
    else:
        inside = _written(tree.text, chance)
    if not inside and chance.random() < 0.5:
        return f"<{start}/>"
    return f"<{start}>{inside}</{name}>"


def _gap(chance: Random) -> str:
    return chance.choice(["", "", "\n  ", "\t", " \r\n "])


def _written(text: str, chance: Random) -> str:
    if text and "]]>" not in text and "\r" not in text and chance.random() < 0.3:
        cut = chance.randrange(len(text) + 1)
        return f"{_escaped(text[:cut], chance)}<![CDATA[{text[cut:]}]]>"
    return _escaped(text, chance)


def _escaped(text: str, chance: Random) -> str:
    return "".join(_character(each, chance, "<&>\r") for each in text)


def _quoted(value: str, chance: Random) -> str:
    sign = chance.choice("\"'")
    return sign + "".join(_character(each, chance, "<&>\r\n\t" + sign) for each in value) + sign


def _character(each: str, chance: Random, never_raw: str) -> str:
    if each not in never_raw and chance.random() < 0.8:
        return each
    named = {"<": "&lt;", "&": "&amp;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
    return chance.choice([f"&#{ord(each)};", f"&#x{ord(each):X};", *([named[each]] if each in named else [])])


def changed(tree: Tree, chance: Random) -> Tree:
    """Return a tree that differs in one place: a name, a text, a type, an attribute, an order, a child more or less."""
    if tree.children and chance.random() < 0.7:
        at = chance.randrange(len(tree.children))
        children = [*tree.children]
        children[at] = changed(children[at], chance)
        return replace(tree, children=tuple(children))
    return chance.choice(_CHANGES)(tree, chance)


def _text(tree: Tree, chance: Random) -> Tree:
    if tree.children:
        return replace(tree, children=(*tree.children, Tree(("", "more"))))
    return replace(tree, text=tree.text + chance.choice(" a\t\n\r"))


def _order(tree: Tree, chance: Random) -> Tree:
    del chance
    return replace(tree, children=tree.children[::-1])


def _name(tree: Tree, chance: Random) -> Tree:
    space, plain = tree.name
    return replace(tree, name=chance.choice([(space + "x", plain), (space, plain + "x")]))


def _attribute(tree: Tree, chance: Random) -> Tree:
    found = dict(tree.attributes)
    name = chance.choice([("", "x"), ("urn:a", "x"), XSI_NIL])
    held = found.pop(name, None)
    if held is None or chance.random() < 0.5:
        found[name] = f"{held or ''}1"
    return replace(tree, attributes=tuple(sorted(found.items())))


def _type(tree: Tree, chance: Random) -> Tree:
    found = dict(tree.attributes)
    held = found.pop(XSI_TYPE, ("urn:a", "T"))
    space, plain = held
    found[XSI_TYPE] = chance.choice([(space + "x", plain), (space, plain + "x")])
    return replace(tree, attributes=tuple(sorted(found.items())))


_CHANGES: Final = (_text, _order, _name, _attribute, _type)
