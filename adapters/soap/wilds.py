"""JSON of which the schema says nothing, or only that anything may stand here: wildcards (`$any`), xs:anyType, any attribute.

Under the encoder. Names are the caller's own here, and only here: each is looked at before it is written, and its namespace is declared
with the one message. It gives control back while it writes, and notes with a JSON pointer what cannot be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.soap.job import LONG, attribute, escaped
from adapters.soap.namespaces import XSD
from adapters.soap.types import TYPE, VALUE
from adapters.xml import local, ns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping

    from adapters.json.pointers import Place
    from adapters.soap.job import Job
    from adapters.soap.types import Named, Types

    Write = Callable[[Any, str, str, Job, Place | None], Generator[None, None, None]]
    """What writes an element of a type: of a value, a name, attributes that come with it, and the place of the value."""

_ATTRIBUTES: Final = 200  # of one element: parsers take 256, declarations of namespaces among them
_SHOWN: Final = 60  # characters of a name that somebody sent
_INT: Final = range(-(2**31), 2**31)
_LONG: Final = range(-(2**63), 2**63)
_NO_NAME: Final = "is no name of an element; write it as Name or {namespace}Name"


class Wilds:
    """What writes them. `itself` returns what writes a type that is named by the caller."""

    def __init__(self, types: Types, named: Named, itself: Callable[[str], Write]) -> None:
        self._types, self._named, self._itself = types, named, itself

    def element(self, item: Any, space: str, job: Job, at: Place | None) -> Generator[None, None, None]:
        """Write an item of `$any`; `space` is the namespace of the type that it stands in."""
        if not isinstance(item, dict) or len(item) != 1:
            job.wrong(at, "type", "must be an object with one member, the element's name")
            return
        key, value = next(iter(item.items()))
        named = job.named(key, space)
        if named is None:
            job.wrong((at, key[:_SHOWN]), "name", _NO_NAME)
        else:
            yield from self._inside(value, named, job, (at, key[:_SHOWN]), typed=False)

    def anything(
        self, value: Any, name: str, more: str, job: Job, at: Place | None, *, space: str, typed: bool = True
    ) -> Generator[None, None, None]:
        """Write an element of any type, in the namespace `space`: with its type where it is `typed`, or as `@type` says."""
        if isinstance(value, list):
            job.wrong(at, "type", "must not be an array: nobody knows what an item is called")
        elif not isinstance(value, dict):
            kind = job.typed(f"{{{XSD}}}{_kind(value)}") if typed else ""
            job.out.append(f"<{name}{more}{kind}>")
            yield from _text(value, job, at)
            job.out.append(f"</{name}>")
        elif TYPE in value:
            yield from self._as(value, name, more, space, job, at)
        else:
            more += self.attributes(value, (), (), job, at)
            job.out.append(f"<{name}{more}>")
            yield from self._content(value, space, job, at, typed=typed)
            job.out.append(f"</{name}>")

    def attributes(
        self, value: Mapping[str, Any], keys: Collection[str], known: Collection[str], job: Job, at: Place | None
    ) -> str:
        """Write what has an @ and is none of `keys`, which are those of the attributes `known`."""
        said, seen = "", set(known)
        for key, text in value.items():
            if key[:1] != "@" or key in keys or key == TYPE:
                continue
            job.left -= 1
            place, named = (at, key[:_SHOWN]), job.named(key[1:], "", attribute=True)
            if len(seen) > _ATTRIBUTES:
                job.wrong(place, "length", f"is one too many: {_ATTRIBUTES} attributes are the most")
                break
            if named is None or named[1] in seen:
                job.wrong(place, "name", "is no name of an attribute, or one that is there already")
            elif isinstance(text, str) and len(text) > LONG:  # no parser takes a start tag of more than twice that
                job.wrong(place, "length", f"must have at most {LONG} characters")
            else:
                seen.add(named[1])
                said += f' {named[0]}="{attribute(job.text(text, place))}"'
        return said

    def _as(
        self, value: dict[str, Any], name: str, more: str, space: str, job: Job, at: Place | None
    ) -> Generator[None, None, None]:
        """Write an object as the type that it names."""
        said = value[TYPE]
        found = (yield from self._find(said, space)) if isinstance(said, str) else None
        if found is None:
            text = "is no type that can stand here, or more than one; write it as {namespace}Name"
            job.wrong((at, TYPE), "enum", text)
            return
        inner = {key: each for key, each in value.items() if key != TYPE}
        yield from self._itself(found)(inner, name, more + job.typed(found), job, at)

    def _find(self, said: str, space: str) -> Generator[None, None, str | None]:
        """Return a type by its name, or by its local name where it is the only one, or the one in the namespace around it."""
        named = yield from self._named.called(local(said))
        found = [each for each in named if said in (each, local(each))]
        if len(found) > 1:
            found = [each for each in found if ns(each) == space]
        if not found:
            return None
        yield from self._named.summon(found[0])
        made = self._types[found[0]]
        return None if made.abstract or made.anything else made.name

    def _content(
        self, value: Mapping[str, Any], space: str, job: Job, at: Place | None, *, typed: bool
    ) -> Generator[None, None, None]:
        if VALUE in value:  # before all elements, wherever it is said: an object has no order
            yield from _text(value[VALUE], job, (at, VALUE))
        for key, each in value.items():
            if key[:1] == "@" or key == VALUE:
                continue
            place = (at, key[:_SHOWN])
            if (named := job.named(key, space)) is None:
                job.wrong(place, "name", _NO_NAME)
            elif not isinstance(each, list):
                yield from self._inside(each, named, job, place, typed=typed)
            else:
                for index, one in enumerate(each):
                    yield from self._inside(one, named, job, (place, index), typed=typed)
            job.left -= 1
            if job.left < 0:
                job.breathe()
                yield

    def _inside(
        self, value: Any, named: tuple[str, str], job: Job, at: Place, *, typed: bool
    ) -> Generator[None, None, None]:
        name, clark = named
        if value is None:
            job.out.append(f"<{name}{job.nil()}/>")
        else:
            yield from self.anything(value, name, "", job, at, space=ns(clark), typed=typed)
        job.left -= 1
        if job.left < 0:
            job.breathe()
            yield


def _text(value: Any, job: Job, at: Place | None) -> Generator[None, None, None]:
    if isinstance(value, bool):
        job.out.append("true" if value else "false")
    elif isinstance(value, int | float):
        job.out.append(repr(value))
    elif len(text := job.text(value, at)) > LONG:
        yield from job.long(text)
    else:
        job.out.append(escaped(text))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if value in _INT else "long" if value in _LONG else "integer"
    return "double" if isinstance(value, float) else "string"
