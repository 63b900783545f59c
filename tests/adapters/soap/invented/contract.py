"""One contract: which types it has, and what they hold."""

from __future__ import annotations

from typing import Any

from adapters.soap.resolver import Options
from sidecar.model import Dialect
from tests.adapters.soap.invented.model import ANYTHING, MANY, Attr, Field, Group, R, Source, T, Type, U, W, fields_of
from tests.adapters.soap.invented.simple import BUILT_IN, RESTRICTED
from tests.adapters.soap.invented.text import Text


class Contract:
    """One WSDL, and what it means. `schemas` are its documents by namespace."""

    def __init__(self, source: Source, *, style: str | None = None) -> None:
        self._source, self._count = source, 0
        self.style = style or source.pick(("document", "document", "rpc", "encoded"))
        self.dialect = source.pick((Dialect.SOAP11, Dialect.SOAP12))
        self.options = Options(flatten=source.chance(2), camel=source.chance(3))
        self.forms = {T: not source.chance(3), U: source.chance(2)}
        self.elements: dict[str, list[Field]] = {T: [], U: []}
        self.groups: list[tuple[str, Group]] = []
        self.global_attributes: list[str] = []
        self.types = [Type(f"Kind{order}", source.pick((T, T, U))) for order in range(1 + source.below(5))]
        for order, each in enumerate(self.types):
            self._fill(each, order, 0)
        for each in self.types:  # what is abstract has something that can stand in its place
            each.abstract = each.abstract and any(one.ends and not one.abstract for one in each.below)
        self.header = self._field(Type("", T), 0, 0, heads=True) if source.chance(4) else None
        self.root = self._root()

    def _root(self) -> Type:
        if self.style == "document":
            if self._source.chance(4):
                return next((each for each in self.types if each.kind == "content" and not each.abstract), self._own())
            return self._own()
        made = Type("", R)
        made.group = Group("sequence", [])
        for _ in range(self._source.below(3) + 1):
            kind = self._source.pick(BUILT_IN) if self._source.chance(2) else self._source.pick(self.types)
            plain, camel = self._name("Part")
            made.group.parts.append(Field(plain, camel, "", kind))
        return made

    def _own(self) -> Type:
        made = Type("", T)
        self._fill(made, len(self.types), 0, alone=True)
        return made

    def _name(self, head: str) -> tuple[str, str]:
        self._count += 1
        return f"{head}_{self._count}", f"{head.lower()}{self._count}"

    def _fill(self, made: Type, order: int, depth: int, *, alone: bool = False) -> None:
        source = self._source
        if not alone and depth == 0:
            kind = source.below(8)
            if kind == 7 and self.style == "encoded":
                made.kind, made.value = "array", source.pick(BUILT_IN) if source.chance(2) else source.pick(self.types)
                return
            if kind in (5, 6):
                made.kind = "valued"
                made.value = source.pick([each for each in (*BUILT_IN, *RESTRICTED) if each.named])
                self._attributes(made)
                return
            bases = [each for each in self.types[:order] if each.kind == "content" and not each.wild and each.group]
            if bases and kind in (2, 3, 4):
                made.base = source.pick([each for each in bases if each.group and each.group.kind != "all"] or [None])
            if made.base is not None:
                made.base.derived.append(made)
                made.mixed = made.base.mixed
            else:
                made.mixed = source.chance(12)
            made.abstract = source.chance(4)
        if made.base is None and made.name and source.chance(6):  # ArrayOfX
            made.group = Group("sequence", [self._field(made, order, depth, fewest=0, most=MANY)])
            return
        if made.base is None and depth == 0 and source.chance(7):
            made.group = Group("all", [self._field(made, order, depth, fewest=source.below(2)) for _ in range(3)])
        else:
            made.group = Group("sequence", [])
            if made.name and made.base is None:  # with a member that is none of an array, nothing flattens a base
                made.group.parts.append(self._field(made, order, depth))
            for _ in range(source.below(4)):
                made.group.parts += self._parts(made, order, depth)
            if source.chance(6):
                local = all(each.space for each in made.fields)  # else nobody knows where an element belongs
                made.wild = source.pick((W, "##local") if local else (W,))
        self._attributes(made)

    def _parts(self, made: Type, order: int, depth: int) -> list[Any]:
        source, kind = self._source, self._source.below(10)
        if kind <= 4:
            fewest, most = source.pick(((1, 1), (0, 1), (0, MANY), (1, MANY), (0, 3), (2, 4)))
            return [self._field(made, order, depth, fewest=fewest, most=most)]
        if kind == 5:  # one name in two namespaces
            first = self._field(made, order, depth)
            other = U if first.space != U else T
            second = Field(first.plain, first.camel, other, source.pick(BUILT_IN), ref=True)
            self.elements[other].append(second)
            return [first, second]
        if kind == 6:
            return [self._choice(made, order, depth, nested=True)]
        if kind == 7:  # a group that repeats
            inner: list[Any] = [self._field(made, order, depth, fewest=1)]
            inner += [self._field(made, order, depth, fewest=source.below(2)) for _ in range(source.below(2))]
            if source.chance(3):
                inner.append(self._choice(made, order, depth, nested=False, loop=True))
            return [self._looped(Group("sequence", inner))]
        if kind == 8:
            return [self._looped(self._choice(made, order, depth, nested=source.chance(2), loop=True))]
        group = Group("sequence", [self._field(made, order, depth, fewest=source.below(2)) for _ in range(2)])
        group.named = self._name("Group")[0]
        self.groups.append((made.space, group))
        return [Group("sequence", group.parts, named=group.named)]

    def _looped(self, group: Group) -> Group:
        group.fewest, group.most = self._source.pick(((0, MANY), (1, MANY), (1, 3)))
        for each in fields_of(group):
            each.many = True
        return group

    def _choice(self, made: Type, order: int, depth: int, *, nested: bool, loop: bool = False) -> Group:
        source = self._source
        parts: list[Any] = [self._field(made, order, depth) for _ in range(2)]
        if nested:
            parts.append(Group("sequence", [self._field(made, order, depth) for _ in range(2)]))
        if not loop and source.chance(3):
            parts.append(self._field(made, order, depth, most=MANY))
        return Group("choice", parts, fewest=1 if loop else 1 - source.below(2))

    def _field(
        self, made: Type, order: int, depth: int, *, fewest: int = 1, most: int = 1, heads: bool = False
    ) -> Field:
        """Make a declaration. What must be there is of a type that stands before, as bases do, or of a simple one, so that it ends."""
        source = self._source
        plain, camel = self._name("Head" if heads else "Item")
        form = source.pick((None, None, None, True, False))
        is_qualified = True if heads else self.forms[made.space] if form is None else form
        found = Field(plain, camel, made.space if is_qualified else "", fewest=fewest, most=most, many=most > 1)
        if form is not None:
            found.more += f' form="{"qualified" if form else "unqualified"}"'
        kind = source.below(12)
        if kind <= 4:
            found.type = source.pick(BUILT_IN)
            if source.chance(8) and found.type.named == "x:int":
                found.more += ' default="7"'
        elif kind <= 6:
            found.type = source.pick(RESTRICTED)
        elif kind == 7 and depth < 2:
            found.type = Type("", made.space)
            self._fill(found.type, order, depth + 1, alone=True)
        elif kind == 8 and not heads:
            found.type = ANYTHING
        elif not heads and (known := self.types[:order] if fewest else self.types):
            found.type = source.pick(known)
        else:
            found.type = source.pick(BUILT_IN)
        found.nillable = source.chance(5)
        if heads:
            self.elements[T].append(found)
            found.more = ""
        return found

    def _attributes(self, made: Type) -> None:
        source = self._source
        for _ in range(max(0, source.below(5) - 2)):
            plain, camel = self._name("At")
            kind = source.pick([each for each in (*BUILT_IN, *RESTRICTED) if "QName" not in each.named + each.inside])
            how, required = source.below(4), source.chance(3)
            more = ' use="required"' if required else ' default="7"' if kind.named == "x:int" and how == 1 else ""
            named, inside = kind.said
            form = ' form="qualified"' if how == 2 else ""
            said = f'<x:attribute name="{plain}"{named}{more}{form}>{inside}</x:attribute>'
            key = "@" + (camel if self.options.camel else plain)
            made.attributes.append(Attr(key, said, kind, required))
            if how == 3:  # the same name in a namespace
                self.global_attributes.append(f'<x:attribute name="{plain}" type="x:string"/>')
                text = BUILT_IN[0]
                made.attributes.append(Attr(f"@{{{U}}}{plain}", f'<x:attribute ref="u:{plain}"/>', text, False))
        if source.chance(8) and not any(each.any_attribute for each in made.chain):
            made.any_attribute = True

    @property
    def schemas(self) -> dict[str, str]:
        """The schemas by namespace; each imports the other one from there."""
        return Text(self).schemas

    @property
    def wsdl(self) -> bytes:
        """The document."""
        return Text(self).wsdl
