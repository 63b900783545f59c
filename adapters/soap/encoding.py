"""From JSON to a message in XML, by functions that are compiled once per type; what is wrong with the JSON is told all at once.

Asked by the facade before the backend is touched. A value becomes XML through the escaper alone, names come from the schema, or are
looked at first. It gives control back while it writes, and raises `InvalidParams` with a JSON pointer for each place that is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.soap import namespaces, scalars
from adapters.soap.contents import Contents, length
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.job import LONG, InvalidParams, Job, Prefixes, all_qualified, attribute, escaped, qualified
from adapters.soap.types import ANY, HEADERS, TYPE, VALUE, Scalar
from adapters.soap.wilds import Wilds
from adapters.xml import REPLY_MARKUP, local, ns
from sidecar.model import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from adapters.json.pointers import Place
    from adapters.soap.types import Complex, Member, Message, Named, Types
    from adapters.soap.wilds import Write

    Quick = Callable[[dict[str, Any]], str]
    Once = Callable[[Any, Job, Place | None], bool]
    """What writes an element at once; False where that takes longer, and nothing is written then."""

__all__ = ["Encoder", "InvalidParams"]

_ENVELOPES: Final = {Dialect.SOAP11: SOAP11_NS, Dialect.SOAP12: SOAP12_NS}
_ENCODINGS: Final = {Dialect.SOAP11: namespaces.ENCODING11, Dialect.SOAP12: namespaces.ENCODING12}
_XML: Final = '<?xml version="1.0" encoding="utf-8"?>'
_END: Final = "</_soap:Body></_soap:Envelope>"
_SHOWN: Final = 60  # characters of a name that somebody sent
_CANDIDATES: Final = 10  # types that could stand in a place, in one error
_QUICK: Final = 100  # members of an object that is written in one go: 0.1 ms
_CHEAP: Final = 4  # attributes that are looked at in the time that an element takes to be written
_PREFIX: Final = "_q"  # of a qualified name that is a value
_QNAMES: Final = frozenset(("QName", "NOTATION"))


class _SlowError(Exception):
    """What is not written at once, or is wrong: the long way finds out."""


class Encoder:
    """The writers of one set of types; each is made when it is first needed."""

    def __init__(self, types: Types, named: Named) -> None:
        self._types = types
        self._prefixes = Prefixes()
        self._writes: dict[str, Write] = {}
        self._selves: dict[str, Write] = {}
        self._quick: dict[str, tuple[Quick, frozenset[str]] | None] = {}
        self._around: dict[tuple[str, Dialect], tuple[str, str]] = {}
        self._wilds = Wilds(types, named, self._itself)

    def envelope(
        self, message: Message, value: Any, dialect: Dialect, markup_max: int = REPLY_MARKUP
    ) -> Generator[None, None, bytes]:
        """Write a whole envelope of what JSON says for a message, with so many tags at most. Raises `InvalidParams`."""
        if (whole := self._at_once(message, value, dialect)) is not None:
            return whole
        job = Job(self._prefixes, dialect, encoded=message.encoded, markup_max=markup_max)
        headers, value = self._parted(message, value)
        if headers is not None:
            yield from self._headers(message, headers, job)
        job.out.append("<_soap:Body>")
        if message.element is not None:
            yield from self._root(message, message.element, value, job)
        elif value not in ({}, None):
            job.wrong(None, "unknown", "the operation takes nothing: send {}")
        return job.whole(f"{_XML}{_opened(dialect, job.declared())}", _END)

    # --- what most calls are

    def _at_once(self, message: Message, value: Any, dialect: Dialect) -> bytes | None:
        """Write an object of few simple values in one go; None where it is anything else, or anything is wrong with it."""
        element = message.element
        if element is None or message.encoded or not isinstance(element.type, str) or type(value) is not dict:
            return None
        found = self._quick_of(element.type)
        if found is None:
            return None
        quick, spaces = found
        try:
            inside = quick(value)
        except _SlowError:
            return None
        around = self._around.get((element.clark, dialect))
        if around is None:
            declared = self._prefixes.declared(spaces | {ns(element.clark)})
            tag = self._prefixes.tag(element.clark)
            around = f"{_XML}{_opened(dialect, declared)}<_soap:Body><{tag}>", f"</{tag}>{_END}"
            self._around[element.clark, dialect] = around
        return f"{around[0]}{inside}{around[1]}".encode()

    def _quick_of(self, name: str) -> tuple[Quick, frozenset[str]] | None:
        """Return what writes the content of a type that is a plain sequence of simple values, and the namespaces that it names.

        None where the type is more than that.
        """
        if name not in self._quick:
            self._quick[name] = self._make_quick(self._types[name])
        return self._quick[name]

    def _make_quick(self, made: Complex) -> tuple[Quick, frozenset[str]] | None:
        more = made.attributes or made.wild_attributes or made.value or made.mixed or made.wild or made.dataset
        if more or made.anything or made.array or made.derived or made.abstract or len(made.members) > _QUICK:
            return None
        if not Contents(made).plain or any(each.required and not _is_quick(each) for each in made.members):
            return None
        rows = []
        for each in made.members:
            if not isinstance(each.type, Scalar) or not _is_quick(each):
                continue  # where it is there, the object is not as long as it seems
            tag = self._prefixes.tag(each.clark)
            rows.append((each.key, each.required, scalars.writer(each.type), f"<{tag}>", f"</{tag}>"))

        def quick(value: dict[str, Any]) -> str:
            out, seen = "", 0
            for key, required, write, opening, closing in rows:
                if key in value:
                    seen += 1
                    given = value[key]
                    if type(given) is str and len(given) > LONG:
                        raise _SlowError
                    try:
                        text = write(given)
                    except scalars.Invalid:
                        raise _SlowError from None
                    if "&" in text or "<" in text or ">" in text or "\r" in text:
                        text = escaped(text)
                    out += opening + text + closing
                elif required:
                    raise _SlowError
            if seen != len(value):
                raise _SlowError
            return out

        return quick, frozenset(ns(each.clark) for each in made.members)

    # --- messages

    def _parted(self, message: Message, value: Any) -> tuple[Any, Any]:
        """Return what is said of header blocks, None where nothing is, and the rest."""
        if not message.headers or not isinstance(value, dict) or HEADERS not in value:
            return None, value
        rest = {key: each for key, each in value.items() if key != HEADERS}
        kind = None if message.element is None else message.element.type
        # What is no object has a member for itself, beside the header blocks.
        alone = isinstance(kind, Scalar) or (kind is not None and self._types[kind].array is not None)
        return value[HEADERS], rest[VALUE] if alone and rest.keys() == {VALUE} else rest

    def _root(self, message: Message, element: Member, value: Any, job: Job) -> Generator[None, None, None]:
        more = ""
        if message.rpc and message.encoded:
            more = f' _soap:encodingStyle="{_ENCODINGS[job.dialect]}"'
        if isinstance(element.type, Scalar) or (value is None and element.nillable):
            yield from self._member(element, value, job, None)
        else:
            inner = {} if value is None else value
            yield from self._write_of(element.type)(inner, job.tag(element.clark), more, job, None)

    def _headers(self, message: Message, headers: Any, job: Job) -> Generator[None, None, None]:
        at: Place = (None, HEADERS)
        if not isinstance(headers, dict):
            job.wrong(at, "type", "must be an object of header blocks by name")
            return
        known = {each.key: each for each in message.headers}
        job.out.append("<_soap:Header>")
        for name, value in headers.items():
            member = known.get(name)
            if member is None:
                hint = job.nearest(name, known)
                job.wrong((at, name[:_SHOWN]), "unknown", f"is no header of this operation{hint}")
            else:
                yield from self._member(member, value, job, (at, name))
            if job.left < 0:
                job.breathe()
                yield
        job.out.append("</_soap:Header>")

    # --- members

    def _member(self, member: Member, value: Any, job: Job, at: Place | None) -> Generator[None, None, None]:
        """Write one element."""
        if isinstance(member.type, Scalar):
            job.spaces.add(ns(member.clark))
            once = self._text_of(member, member.type)
            if not once(value, job, at):
                yield from self._long(member, member.type, value, job, at)
        elif value is None:
            job.spaces.add(ns(member.clark))
            self._nil(member, job, at)
        elif (
            not member.nillable
            and type(value) is dict
            and value.get(VALUE, "") is None
            and self._types[member.type].value
        ):
            job.wrong((at, VALUE), "null", "must not be null")
        else:
            yield from self._write_of(member.type)(value, job.tag(member.clark), "", job, at)

    def _long(
        self, member: Member, scalar: Scalar, value: str, job: Job, at: Place | None
    ) -> Generator[None, None, None]:
        """Write a long text, which a fixed value and a qualified name never is."""
        try:
            text = scalars.writer(scalar)(value)
        except scalars.Invalid as wrong:
            job.wrong(at, wrong.code, wrong.text)
            return
        tag = self._prefixes.tag(member.clark)
        job.out.append(f"<{tag}{job.typed(_kind(scalar)) if job.encoded else ''}>")
        yield from job.long(text)
        job.out.append(f"</{tag}>")

    def _nil(self, member: Member, job: Job, at: Place | None) -> None:
        anything = isinstance(member.type, str) and self._types[member.type].anything
        if member.nillable or anything:
            job.out.append(f"<{self._prefixes.tag(member.clark)}{job.nil()}/>")
        else:
            remedy = "" if member.required else "; leave it out instead"
            job.wrong(at, "null", f"must not be null{remedy}")

    def _once(self, member: Member) -> Once:
        """Return what writes an element at once, where that can be. It leaves the namespace of its name to whoever asks."""
        if isinstance(member.type, Scalar):
            return self._text_of(member, member.type)
        opening, closing = (f"{mark}{self._prefixes.tag(member.clark)}>" for mark in ("<", "</"))
        found = self._quick_of(member.type)
        quick, spaces = found or (None, frozenset())

        def once(value: Any, job: Job, at: Place | None) -> bool:
            if value is None:
                self._nil(member, job, at)
                return True
            if quick is None or type(value) is not dict or job.encoded:
                return False
            try:
                inside = quick(value)
            except _SlowError:
                return False
            job.out.append(f"{opening}{inside}{closing}")
            job.left -= len(value)
            job.spaces |= spaces
            return True

        return once

    def _text_of(self, member: Member, scalar: Scalar) -> Once:
        """Return what writes an element of a simple type."""
        tag, fixed = self._prefixes.tag(member.clark), member.fixed
        write, names = scalars.writer(scalar), _names(scalar)
        kind = _kind(scalar)
        opening, closing = f"<{tag}>", f"</{tag}>"

        def text_of(value: Any, job: Job, at: Place | None) -> bool:
            if value is None:
                self._nil(member, job, at)
                return True
            if type(value) is str and len(value) > LONG and names is None and fixed is None:
                return False
            try:
                text = write(value)
                more, said = ("", text) if names is None else names(text, _PREFIX)
            except scalars.Invalid as wrong:
                job.wrong(at, wrong.code, wrong.text)
                return True
            if fixed is not None and text != fixed:
                job.wrong(at, "fixed", f"must be {fixed!r}")
            elif more or job.encoded:
                more += job.typed(kind) if job.encoded else ""
                job.out.append(f"<{tag}{more}>{escaped(said)}{closing}")
            else:
                job.out.append(f"{opening}{escaped(said)}{closing}")
            return True

        return text_of

    # --- complex types

    def _write_of(self, name: str) -> Write:
        if name not in self._writes:
            self._writes[name] = self._polymorphic(self._types[name], self._itself(name))
        return self._writes[name]

    def _itself(self, name: str) -> Write:
        """Return what writes a type, and none in its place."""
        if name not in self._selves:
            self._selves[name] = self._make(self._types[name])
        return self._selves[name]

    def _polymorphic(self, made: Complex, write: Write) -> Write:
        """Follow @type, where the schema knows types that may stand in place of this one."""
        if not made.derived and not made.abstract:
            return write
        names = {each: each for each in (made.name, *made.derived)}
        for each in reversed((made.name, *made.derived)):
            names[local(each)] = each
        concrete = [each for each in (made.name, *made.derived) if not self._types[each].abstract]
        candidates = [local(each) if names[local(each)] == each else each for each in concrete]

        def follow(value: Any, name: str, more: str, job: Job, at: Place | None) -> Generator[None, None, None]:
            said = value.get(TYPE) if isinstance(value, dict) else None
            found = made.name if said is None else names.get(said) if isinstance(said, str) else None
            if found is None:
                hint = job.nearest(said, candidates)
                job.wrong((at, TYPE), "enum", f"must be one of: {_few(candidates)}{hint}")
                return
            if self._types[found].abstract:
                job.wrong((at, TYPE), "missing", f"is required here: one of {_few(candidates)}")
                return
            inner = {key: each for key, each in value.items() if key != TYPE} if said is not None else value
            if found == made.name:
                yield from write(inner, name, more, job, at)
            else:
                yield from self._itself(found)(inner, name, more + job.typed(found), job, at)

        return follow

    def _make(self, made: Complex) -> Write:
        if made.anything:
            return self._anything
        if made.dataset:
            return self._no_dataset
        if made.array is not None:
            return self._make_array(made, made.array)
        if made.value is not None:
            return self._make_valued(made, made.value)
        return self._make_content(made)

    def _anything(self, value: Any, name: str, more: str, job: Job, at: Place | None) -> Generator[None, None, None]:
        yield from self._wilds.anything(value, name, more, job, at, space=self._prefixes.space(name))

    def _no_dataset(self, value: Any, name: str, more: str, job: Job, at: Place | None) -> Generator[None, None, None]:
        """A DataSet is read, never written: its schema is the server's own business."""
        if value == {}:
            job.out.append(f"<{name}{more}/>")
        else:
            job.wrong(at, "type", "a DataSet can only be sent empty, as {}")
        yield from ()

    def _make_array(self, made: Complex, item: Member) -> Write:
        once = self._once(item)

        def array(value: Any, name: str, more: str, job: Job, at: Place | None) -> Generator[None, None, None]:
            if not isinstance(value, list):
                job.wrong(at, "type", "must be an array")
                return
            if not item.fewest <= len(value) <= item.most:
                job.wrong(at, "length", length(item))
            if made.encoded:
                more += _array_type(item, len(value), job, typed=_is_typed(more))
            job.spaces.add(ns(item.clark))
            job.out.append(f"<{name}{more}>")
            for index, each in enumerate(value):
                if not once(each, job, (at, index)):
                    yield from self._member(item, each, job, (at, index))
                job.left -= 1
                if job.left < 0:
                    job.breathe()
                    yield
            job.out.append(f"</{name}>")

        return array

    def _make_valued(self, made: Complex, scalar: Scalar) -> Write:
        write, names, attributes = scalars.writer(scalar), _names(scalar), self._attributes(made)
        keys = {VALUE, *(each.key for each in made.attributes)}
        named = "/" not in local(made.name)

        def valued(value: Any, name: str, more: str, job: Job, at: Place | None) -> Generator[None, None, None]:
            inner = value if isinstance(value, dict) else {VALUE: value}
            if not inner.keys() <= keys:
                yield from _unknown(inner, keys, made, job, at)
            more += attributes(inner, job, at)
            if job.encoded and named and not _is_typed(more):
                more += job.typed(made.name)
            text = inner.get(VALUE)
            if text is None and VALUE in inner:
                job.out.append(f"<{name}{more}{job.nil()}/>")
                return
            try:
                said = write("" if text is None else text)
                declared, said = ("", said) if names is None else names(said, _PREFIX)
            except scalars.Invalid as wrong:
                if text is None:
                    job.wrong((at, VALUE), "missing", "is required")
                else:
                    job.wrong((at, VALUE) if isinstance(value, dict) else at, wrong.code, wrong.text)
                return
            job.out.append(f"<{name}{more}{declared}>")
            yield from _text(said, job)
            job.out.append(f"</{name}>")

        return valued

    def _make_content(self, made: Complex) -> Write:
        attributes = self._attributes(made) if made.attributes or made.wild_attributes else None
        keys = {*(each.key for each in made.members), *(each.key for each in made.attributes)}
        keys |= {ANY} if made.wild else set()
        keys |= {VALUE} if made.mixed else set()
        contents = Contents(made)
        rows: list[Once | None] = [None] * len(made.members)
        spaces = frozenset(ns(each.clark) for each in made.members)
        named = "/" not in local(made.name)

        def content(value: Any, name: str, more: str, job: Job, at: Place | None) -> Generator[None, None, None]:
            if not isinstance(value, dict):
                job.wrong(at, "type", "must be an object")
                return
            if not value.keys() <= keys:
                yield from _unknown(value, keys, made, job, at)
            if job.encoded and named and not _is_typed(more):
                more += job.typed(made.name)
            if attributes is not None:
                more += attributes(value, job, at)
            job.spaces |= spaces
            job.out.append(f"<{name}{more}>")
            if made.mixed and VALUE in value:
                yield from _text(job.text(value[VALUE], (at, VALUE)), job)
            for order, index in contents.order(value, job, at):
                if order is None:
                    yield from self._wilds.element(value[ANY][index], made.space, job, ((at, ANY), index or 0))
                else:
                    member, once = made.members[order], rows[order]
                    if once is None:
                        once = rows[order] = self._once(member)
                    each: Any = value[member.key]
                    where: Place = (at, member.key)
                    if index is not None:
                        each, where = each[index], (where, index)
                    if not once(each, job, where):
                        yield from self._member(member, each, job, where)
                job.left -= 1
                if job.left < 0:
                    job.breathe()
                    yield
            job.out.append(f"</{name}>")

        return content

    def _attributes(self, made: Complex) -> Callable[[Mapping[str, Any], Job, Place | None], str]:
        known = [
            (each, scalars.writer(each.type), self._prefixes.tag(each.clark), _names(each.type), f"_a{order}")
            for order, each in enumerate(made.attributes)
        ]
        keys = {each.key for each in made.attributes}
        clarks = {each.clark for each in made.attributes}
        spaces = {ns(each.clark) for each in made.attributes}

        def attributes(value: Mapping[str, Any], job: Job, at: Place | None) -> str:
            said = ""
            job.spaces |= spaces
            job.left -= len(known) // _CHEAP
            for each, write, name, names, prefix in known:
                if each.key not in value:
                    if each.required and each.default is None:
                        job.wrong((at, each.key), "missing", "is required")
                    continue
                try:
                    text = _attribute(write(value[each.key]))
                    declared, text = ("", text) if names is None else names(text, prefix)
                except scalars.Invalid as wrong:
                    job.wrong((at, each.key), wrong.code, wrong.text)
                else:
                    said += f'{declared} {name}="{attribute(text)}"'
            if made.wild_attributes:
                said += self._wilds.attributes(value, keys, clarks, job, at)
            return said

        return attributes


def _text(text: str, job: Job) -> Generator[None, None, None]:
    if len(text) > LONG:
        yield from job.long(text)
    else:
        job.out.append(escaped(text))


def _attribute(text: str) -> str:
    if len(text) > LONG:  # no parser takes a start tag of more than twice that
        raise scalars.Invalid("length", f"must have at most {LONG} characters")
    return text


def _opened(dialect: Dialect, declared: str) -> str:
    return f'<_soap:Envelope xmlns:_soap="{_ENVELOPES[dialect]}"{declared}>'


def _is_quick(member: Member) -> bool:
    scalar = member.type
    return isinstance(scalar, Scalar) and not member.many and member.fixed is None and _names(scalar) is None


def _unknown(
    value: Mapping[str, Any], keys: set[str], made: Complex, job: Job, at: Place | None
) -> Generator[None, None, None]:
    for key in value:
        if key in keys or (made.wild_attributes and key[:1] == "@" and key != TYPE):
            continue
        job.wrong((at, key[:_SHOWN]), "unknown", f"is not known here{job.nearest(key, keys)}")
        yield


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:_CANDIDATES])
    return shown if len(names) <= _CANDIDATES else f"{shown} (and {len(names) - _CANDIDATES} more)"


def _kind(scalar: Scalar) -> str:
    """Return what xsi:type calls a simple type."""
    return scalar.name or f"{{{namespaces.XSD}}}{scalar.base}"


def _is_typed(more: str) -> bool:
    """Say whether somebody has named a type in an element's place."""
    return ":type=" in more


def _array_type(item: Member, size: int, job: Job, *, typed: bool) -> str:
    """Return what an array of SOAP's own encoding says of itself (SOAP 1.1 section 5.4.2, SOAP 1.2 part 2 section 3.1.6)."""
    named = _kind(item.type) if isinstance(item.type, Scalar) else item.type
    kind = job.tag(named if "/" not in local(named) else f"{{{namespaces.XSD}}}anyType")
    space = _ENCODINGS[job.dialect]
    if job.dialect is Dialect.SOAP12:
        return f' {job.tag(f"{{{space}}}itemType")}="{kind}" {job.tag(f"{{{space}}}arraySize")}="{size}"'
    more = "" if typed else job.typed(f"{{{space}}}Array")
    return f' {job.tag(f"{{{space}}}arrayType")}="{kind}[{size}]"{more}'


def _names(scalar: Scalar) -> Callable[[str, str], tuple[str, str]] | None:
    """Return what declares the prefixes of the qualified names that a text is; None where it is no name."""
    if scalar.items is not None:
        return None if _names(scalar.items) is None else all_qualified
    named = scalar.base in _QNAMES or any(_names(each) is not None for each in scalar.members)
    return qualified if named else None
