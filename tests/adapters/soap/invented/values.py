"""Values that are valid for a contract, and what makes each of them invalid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.adapters.soap.invented.model import ANYTHING, MANY, Field, Group, R, Simple, Source, Type, W
from tests.adapters.soap.invented.simple import TEXTS

if TYPE_CHECKING:
    from tests.adapters.soap.invented.contract import Contract

    Path = tuple[str | int, ...]

_DEEP: Final = 3  # what is optional is left out below


@dataclass(eq=False)
class Change:
    """What makes a value invalid: at a path, and the paths of which one is named by the error."""

    what: str
    path: Path
    wrong: tuple[Path, ...]
    value: Any = None

    def apply(self, value: Any) -> None:
        """Do it."""
        for step in self.path[:-1]:
            value = value[step]
        if self.what == "dropped":
            del value[self.path[-1]]
        else:
            value[self.path[-1]] = self.value


class Values:
    """Valid values of one contract; `changes` are those that the last one can be spoilt by."""

    def __init__(self, contract: Contract, source: Source) -> None:
        self._contract, self._source = contract, source
        self.changes: list[Change] = []

    def make(self) -> Any:
        """Make a value of the operation's element."""
        self.changes = []
        value = self._object(self._contract.root, (), 0, root=True)
        head = self._contract.header
        if head is not None and not self._source.chance(3):
            key = head.camel if self._contract.options.camel else head.plain
            value["$headers"] = {key: self._one(head, ("$headers", key), 1, root=True)}
            self._spoil("unknown", ("$headers", "Nope_0"), 1)
        return value

    def _spoil(self, what: str, path: Path, value: Any = None, wrong: tuple[Path, ...] | None = None) -> None:
        self.changes.append(Change(what, path, wrong or (path,), value))

    def _one(self, made: Field, path: Path, depth: int, *, root: bool = False) -> Any:
        kind = made.type
        if made.nillable and self._source.chance(4) and _can_be_nil(kind):
            return None
        value = (
            self._object(kind, path, depth, root=True)
            if root and isinstance(kind, Type)
            else self._value(kind, path, depth)
        )
        if not made.nillable and kind is not ANYTHING and path and self._contract.root.space != R:
            self._spoil("null", path)
        return value

    def _value(self, kind: Any, path: Path, depth: int) -> Any:
        source = self._source
        if isinstance(kind, Simple):
            value = source.pick(kind.values)
            self._spoil("wrong", path, source.pick(kind.wrong))
            return value
        if kind is ANYTHING:
            return source.pick(
                (
                    "a",
                    5,
                    True,
                    1.5,
                    str(2**70) + "x",
                    {"@x": "1", "Deep": "b"},
                    {"n": 2**40 * 0 + 1, "m": [1, "b", None]},
                    {"{urn:w}a": {"b": "c", "{}d": "e"}},
                )
            )
        return self._object(kind, path, depth)

    def is_flat(self, kind: Type) -> bool:
        """Say whether JSON has an array in the place of a type."""
        if kind.kind == "array":
            return True
        if not self._contract.options.flatten or kind.kind != "content" or kind.derived or kind.base:
            return False
        if kind.attributes or kind.any_attribute or kind.wild or kind.mixed:
            return False
        return len(kind.fields) == 1 and kind.fields[0].many

    def _object(self, kind: Type, path: Path, depth: int, *, root: bool = False) -> Any:
        source, out = self._source, dict[str, Any]()
        if kind.kind == "array":
            item = Field("item", "item", "", kind.value, nillable=True)
            return [
                self._one(item, (*path, order), depth + 1) for order in range(source.below(3) if depth < _DEEP else 0)
            ]
        concrete = [each for each in (kind, *kind.below) if not each.abstract]
        if depth >= _DEEP:
            concrete = concrete[:1] if concrete[0] is kind else [each for each in concrete if each.ends]
        chosen: Type = source.pick(concrete)
        if chosen is not kind:
            out["@type"] = chosen.name if chosen.space == kind.space else f"{{{chosen.space}}}{chosen.name}"
        if kind.below:
            self._spoil("wrong", (*path, "@type"), "Nope_0")
        for type_ in chosen.chain:
            self._attributes(type_, path, out)
        if chosen.kind == "valued":
            out["$value"] = source.pick(chosen.value.values)
            self._spoil("wrong", (*path, "$value"), source.pick(chosen.value.wrong))
            return out
        flat = not root and self.is_flat(chosen)
        if flat:
            only = chosen.fields[0]
            rows: dict[str, Any] = {}
            keys = {only.clark: "only"}
            self._walk(chosen.group, keys, rows, path, depth, always=False, flat=True)
            return rows.get("only", [])
        if chosen.mixed and source.chance(2):
            out["$value"] = "mixed <text>"
        keys = self.keys(chosen)
        for type_ in chosen.chain:
            self._walk(type_.group, keys, out, path, depth, always=True)
        if any(each.wild for each in chosen.chain) and source.chance(2):
            wild = next(each.wild for each in chosen.chain if each.wild)
            name = "{}loose" if wild == "##local" else f"{{{W}}}loose"
            out["$any"] = [{name: source.pick(("a", {"b": "c"}, {"@q": "1", "b": ["c", "d"]}, None))}] * (
                1 + source.below(2)
            )
            self._spoil("wrong", (*path, "$any", 0), source.pick(("x", {}, {"a": 1, "b": 2})))
        self._spoil("unknown", (*path, "Nope_0"), 1)
        return out

    def keys(self, kind: Type) -> dict[str, str]:
        """Return what members are called in JSON: by their local names, where those are not taken."""
        taken, found = {"$value", "$any", "@type"}, dict[str, str]()
        for each in kind.fields:
            first = each.camel if self._contract.options.camel else each.plain
            whole = each.clark if each.space else f"{{}}{each.plain}"
            key = next(one for one in (first, each.plain, whole) if one not in taken)
            taken.add(key)
            found[each.clark] = key
        return found

    def _attributes(self, kind: Type, path: Path, out: dict[str, Any]) -> None:
        source = self._source
        for each in kind.attributes:
            if each.required or source.chance(2):
                out[each.key] = source.pick(each.type.values)
                self._spoil("wrong", (*path, each.key), source.pick(each.type.wrong))
                if each.required:
                    self._spoil("dropped", (*path, each.key))
        if kind.any_attribute and source.chance(2):
            out[f"@{{{W}}}more"] = source.pick(TEXTS)

    def _walk(
        self,
        group: Group | None,
        keys: dict[str, str],
        out: dict[str, Any],
        path: Path,
        depth: int,
        *,
        always: bool,
        flat: bool = False,
    ) -> None:
        """Put the members of one word of a model into an object."""
        if group is None:
            return
        source = self._source
        deep = depth >= _DEEP
        once = (group.fewest, group.most) == (1, 1)
        rounds = group.fewest if deep else min(group.most, group.fewest + source.below(2 if group.most == 1 else 3))
        for _ in range(rounds):
            parts = group.parts
            if group.kind == "choice":
                parts = [source.pick(parts)]
                self._two(group, parts[0], keys, path, depth, always=always)
                if (
                    once
                    and always
                    and isinstance(parts[0], Field)
                    and all(isinstance(each, Field) for each in group.parts)
                ):
                    self._spoil("dropped", (*path, keys[parts[0].clark]), wrong=(path,))
            for each in parts:
                inside = always and once and group.kind != "choice"
                if isinstance(each, Group):
                    self._walk(each, keys, out, path, depth, always=inside, flat=flat)
                else:
                    self._put(each, keys[each.clark], out, path, depth, always=inside, flat=flat)

    def _two(self, group: Group, taken: Any, keys: dict[str, str], path: Path, depth: int, *, always: bool) -> None:
        """Remember that a second branch of a choice is one too many."""
        others = [each for each in group.parts if each is not taken and isinstance(each, Field)]
        if not always or group.most > 1 or not others or not isinstance(taken, Field):
            return
        other = self._source.pick(others)
        kept, self.changes = self.changes, []
        value = self._one(other, (), depth + 1)
        self.changes = kept
        both = ((*path, keys[other.clark]), (*path, keys[taken.clark]))
        self._spoil("both", both[0], [value] if other.many else value, both)

    def _put(
        self, each: Field, key: str, out: dict[str, Any], path: Path, depth: int, *, always: bool, flat: bool
    ) -> None:
        source = self._source
        deep = depth >= _DEEP
        times = each.fewest if deep else min(each.most, each.fewest + source.below(2 if each.most == 1 else 3))
        if not each.many:
            if times:
                out[key] = self._one(each, (*path, key), depth + 1)
                if always and each.fewest:
                    self._spoil("dropped", (*path, key))
            return
        for _ in range(times):
            rows = out.setdefault(key, [])
            where = (*path, len(rows)) if flat else (*path, key, len(rows))
            rows.append(self._one(each, where, depth + 1))
        if times and always and not flat:
            if each.most < MANY:
                self._spoil("many", (*path, key), [out[key][0]] * (each.most + 1))
            if each.fewest:
                self._spoil("dropped", (*path, key))
            self._spoil("wrong", (*path, key), {"no": "array"})


def _can_be_nil(kind: Any) -> bool:
    """Say whether nil is valid of a type: what must have attributes has them with nil, too."""
    return isinstance(kind, Simple) or not (
        kind.abstract or any(one.required for each in kind.chain for one in each.attributes)
    )


def normal(value: Any) -> Any:
    """Return a value without empty arrays, which are what is absent."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in value.items() if each != []}
    return [normal(each) for each in value] if isinstance(value, list) else value
