"""From JSON to a message in XML, by functions that are compiled once per type; what is wrong with the JSON is told all at once.

Asked by the facade before the backend is touched. A value becomes XML through the escaper alone, names come from the schema alone. It
gives control back while it writes, and raises `InvalidParams` with a JSON pointer for each place that is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.json.pointers import nearest, pointer
from adapters.soap import namespaces, scalars
from adapters.soap.contents import Contents, length
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.types import ANY, HEADERS, TYPE, VALUE, Scalar
from adapters.xml import local, ns
from sidecar.model import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from adapters.soap.types import Complex, Member, Message, Types

    Path = tuple[Any, ...]  # keys and positions from the root
    Write = Callable[[Any, str, "Job", Path], Generator[None, None, None]]
    Quick = Callable[[dict[str, Any]], str]
    WriteText = Callable[[Any, str, "Job", Path], None]

_ERRORS_MAX: Final = 100  # a page shows some; a body of nothing but mistakes is not worth a megabyte of them
_BREATH: Final = 64  # values between two yields: 60 us, or as many small records
_ENVELOPES: Final = {Dialect.SOAP11: SOAP11_NS, Dialect.SOAP12: SOAP12_NS}
_ENCODINGS: Final = {Dialect.SOAP11: namespaces.ENCODING11, Dialect.SOAP12: namespaces.ENCODING12}
_SHOWN: Final = 60  # characters of a name that somebody sent
_INT: Final = range(-(2**31), 2**31)
_LONG: Final = range(-(2**63), 2**63)


_XML: Final = '<?xml version="1.0" encoding="utf-8"?>'


class _SlowError(Exception):
    """What is not written at once, or is wrong: the long way finds out."""


class InvalidParams(Exception):  # noqa: N818 -- named for the state that it becomes
    """What is wrong with a value: (JSON pointer, code, text) each."""

    def __init__(self, errors: list[tuple[str, str, str]]) -> None:
        super().__init__("; ".join(f"{at or '/'} {text}" for at, _, text in errors[:3]))
        self.errors = tuple(errors)


class Job:
    """One message while it is written."""

    __slots__ = ("encoded", "errors", "out")

    def __init__(self, *, encoded: bool) -> None:
        self.out: list[str] = []
        self.errors: list[tuple[str, str, str]] = []
        self.encoded = encoded

    def wrong(self, at: Path, code: str, text: str) -> None:
        """Note what is wrong at a place."""
        if len(self.errors) < _ERRORS_MAX:
            self.errors.append((pointer(at), code, text))


class Encoder:
    """The writers of one set of types; each is made when it is first needed."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._writes: dict[str, Write] = {}
        self._prefixes: dict[str, str] = {}
        self._quick: dict[str, Quick | None] = {}
        self._around: dict[tuple[str, Dialect], tuple[int, str, str]] = {}

    def envelope(self, message: Message, value: Any, dialect: Dialect) -> Generator[None, None, bytes]:
        """Write a whole envelope of what JSON says for a message. Raises `InvalidParams`."""
        if (whole := self._at_once(message, value, dialect)) is not None:
            return whole
        job = Job(encoded=message.encoded)
        headers = None
        if message.headers and isinstance(value, dict) and HEADERS in value:
            headers = value[HEADERS]
            value = {key: each for key, each in value.items() if key != HEADERS}
        soap = "_soap"
        job.out.append(f"<{soap}:Envelope")
        if headers is not None:
            yield from self._headers(message, headers, job, soap)
        job.out.append(f"<{soap}:Body>")
        if message.element is None:
            if value not in ({}, None):
                job.wrong((), "unknown", "the operation takes nothing: send {}")
        else:
            yield from self._root(message, message.element, {} if value is None else value, job, dialect)
        if job.errors:
            raise InvalidParams(job.errors)
        job.out.append(f"</{soap}:Body></{soap}:Envelope>")
        job.out.insert(1, f"{self._declared(dialect)}>")
        return (_XML + "".join(job.out)).encode()

    def _declared(self, dialect: Dialect) -> str:
        spaces = {_ENVELOPES[dialect]: "_soap", **self._prefixes}
        return "".join([f' xmlns:{prefix}="{_attribute(space)}"' for space, prefix in spaces.items()])

    # --- what most calls are

    def _at_once(self, message: Message, value: Any, dialect: Dialect) -> bytes | None:
        """Write an object of few simple values in one go; None where it is anything else, or anything is wrong with it."""
        element = message.element
        if element is None or message.encoded or not isinstance(element.type, str) or type(value) is not dict:
            return None
        quick = self._quick_of(element.type)
        if quick is None:
            return None
        try:
            inside = quick(value)
        except _SlowError:
            return None
        key = element.clark, dialect
        around = self._around.get(key)
        if around is None or around[0] != len(self._prefixes):
            tag = self._tag(element.clark)
            start = f"{_XML}<_soap:Envelope{self._declared(dialect)}><_soap:Body><{tag}>"
            around = self._around[key] = len(self._prefixes), start, f"</{tag}></_soap:Body></_soap:Envelope>"
        return f"{around[1]}{inside}{around[2]}".encode()

    def _quick_of(self, name: str) -> Quick | None:
        """Return what writes the content of a type that is a plain sequence of simple values; None where it is more than that."""
        if name not in self._quick:
            self._quick[name] = self._make_quick(self._types[name])
        return self._quick[name]

    def _make_quick(self, made: Complex) -> Quick | None:
        more = made.attributes or made.wild_attributes or made.value or made.mixed or made.wild or made.dataset
        if more or made.anything or made.array or made.derived or made.abstract or not Contents(made).plain:
            return None
        rows = []
        for each in made.members:
            scalar = each.type
            if not isinstance(scalar, Scalar) or scalar.base == "QName" or each.many or each.fixed is not None:
                return None
            tag = self._tag(each.clark)
            rows.append((each.key, each.required, scalars.writer(scalar), f"<{tag}>", f"</{tag}>"))

        def quick(value: dict[str, Any]) -> str:
            out, seen = "", 0
            for key, required, write, opening, closing in rows:
                if key in value:
                    seen += 1
                    try:
                        text = write(value[key])
                    except scalars.Invalid:
                        raise _SlowError from None
                    if "&" in text or "<" in text or ">" in text or "\r" in text:
                        text = _escape(text)
                    out += opening + text + closing
                elif required:
                    raise _SlowError
            if seen != len(value):
                raise _SlowError
            return out

        return quick

    def _root(
        self, message: Message, element: Member, value: Any, job: Job, dialect: Dialect
    ) -> Generator[None, None, None]:
        if isinstance(element.type, Scalar):
            self._text_of(element)(value, "", job, ())
            return
        style = ""
        if message.rpc and message.encoded:
            style = f' _soap:encodingStyle="{_ENCODINGS[dialect]}"'
        yield from self._write_of(element.type)(value, self._tag(element.clark) + "\0" + style, job, ())

    def _headers(self, message: Message, headers: Any, job: Job, soap: str) -> Generator[None, None, None]:
        at: Path = (HEADERS,)
        if not isinstance(headers, dict):
            job.wrong(at, "type", "must be an object of header blocks by name")
            return
        known = {each.key: each for each in message.headers}
        job.out.append(f"<{soap}:Header>")
        for name, value in headers.items():
            member = known.get(name)
            if member is None:
                job.wrong((*at, name), "unknown", f"is no header of this operation{nearest(name, known)}")
            else:
                yield from self._member(member, value, job, (*at, name))
        job.out.append(f"</{soap}:Header>")

    # --- names

    def _tag(self, clark: str) -> str:
        space = ns(clark)
        return f"{self._prefix(space)}:{local(clark)}" if space else clark

    def _prefix(self, space: str) -> str:
        if space not in self._prefixes:
            # Not like anybody's: a text that holds a prefix and a colon is keyed with what the prefix means.
            self._prefixes[space] = f"_n{len(self._prefixes)}"
        return self._prefixes[space]

    def _xsi(self, name: str) -> str:
        return f"{self._prefix(namespaces.XSI)}:{name}"

    def _typed(self, clark: str) -> str:
        return f' {self._xsi("type")}="{self._tag(clark)}"'

    # --- members

    def _member(self, member: Member, value: Any, job: Job, at: Path) -> Generator[None, None, None]:
        """Write one element."""
        if value is None:
            self._nil(member, job, at)
        elif isinstance(member.type, Scalar):
            self._text_of(member)(value, "", job, at)
        else:
            yield from self._write_of(member.type)(value, self._tag(member.clark), job, at)

    def _nil(self, member: Member, job: Job, at: Path) -> None:
        anything = isinstance(member.type, str) and self._types[member.type].anything
        if member.nillable or anything:
            job.out.append(f'<{self._tag(member.clark)} {self._xsi("nil")}="true"/>')
        else:
            remedy = "" if member.required else "; leave it out instead"
            job.wrong(at, "null", f"must not be null{remedy}")

    def _text_of(self, member: Member) -> WriteText:
        """Return what writes an element of a simple type."""
        scalar, tag = member.type, self._tag(member.clark)
        assert isinstance(scalar, Scalar), "asked of simple types alone"
        write, is_qname = scalars.writer(scalar), scalar.base == "QName"
        typed = self._typed(scalar.name or f"{{{namespaces.XSD}}}{scalar.base}") if not scalar.items else ""
        opening, closing, fixed = f"<{tag}>", f"</{tag}>", member.fixed

        def text_of(value: Any, _tag: str, job: Job, at: Path) -> None:
            try:
                text = write(value)
            except scalars.Invalid as wrong:
                job.wrong(at, wrong.code, wrong.text)
                return
            if fixed is not None and text != fixed:
                job.wrong(at, "fixed", f"must be {fixed!r}")
            elif is_qname:
                job.out.append(_qname(tag, text))
            elif job.encoded:
                job.out.append(f"<{tag}{typed}>{_escape(text)}{closing}")
            else:
                job.out.append(f"{opening}{_escape(text)}{closing}")

        return text_of

    # --- complex types

    def _write_of(self, name: str) -> Write:
        if name not in self._writes:
            self._writes[name] = lambda *said: self._writes[name](*said)  # where it holds itself
            self._writes[name] = self._polymorphic(self._types[name], self._make(self._types[name]))
        return self._writes[name]

    def _polymorphic(self, made: Complex, write: Write) -> Write:
        """Follow @type, where the schema knows types that may stand in place of this one."""
        if not made.derived and not made.abstract:
            return write
        names = {each: each for each in (made.name, *made.derived)}
        for each in reversed((made.name, *made.derived)):
            names[local(each)] = each

        def follow(value: Any, tag: str, job: Job, at: Path) -> Generator[None, None, None]:
            said = value.get(TYPE) if isinstance(value, dict) else None
            name = made.name if said is None else names.get(said) if isinstance(said, str) else None
            if name is None:
                candidates = [local(each) for each in (made.name, *made.derived) if not self._types[each].abstract]
                job.wrong((*at, TYPE), "enum", f"must be one of: {_few(candidates)}{nearest(str(said), candidates)}")
                return
            found = self._types.get(name, made)
            if found.abstract:
                candidates = [local(each) for each in made.derived if not self._types[each].abstract]
                job.wrong((*at, TYPE), "missing", f"is required here: one of {_few(candidates)}")
                return
            inner = {key: each for key, each in value.items() if key != TYPE} if said is not None else value
            if name == made.name:
                yield from write(inner, tag, job, at)
            else:
                yield from self._make_once(name)(inner, _with(tag, self._typed(name)), job, at)

        return follow

    def _make_once(self, name: str) -> Write:
        key = f"{name} itself"
        if key not in self._writes:
            self._writes[key] = self._make(self._types[name])
        return self._writes[key]

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

    def _make_array(self, made: Complex, item: Member) -> Write:
        named = made.encoded

        def array(value: Any, tag: str, job: Job, at: Path) -> Generator[None, None, None]:
            if not isinstance(value, list):
                job.wrong(at, "type", "must be an array")
                return
            if not item.fewest <= len(value) <= item.most:
                job.wrong(at, "length", length(item))
            more = self._array_type(item, len(value)) if named else ""
            name, attributes = _split(tag)
            job.out.append(f"<{name}{attributes}{more}>")
            for count, each in enumerate(value, 1):
                yield from self._member(item, each, job, (*at, count - 1))
                if count % _BREATH == 0:
                    yield
            job.out.append(f"</{name}>")

        return array

    def _array_type(self, item: Member, size: int) -> str:
        scalar = item.type if isinstance(item.type, Scalar) else None
        clark = item.type if isinstance(item.type, str) else ""
        if scalar is not None:
            clark = scalar.name or f"{{{namespaces.XSD}}}{scalar.base}"
        return f' {self._tag(f"{{{namespaces.ENCODING11}}}arrayType")}="{self._tag(clark)}[{size}]"' + self._typed(
            f"{{{namespaces.ENCODING11}}}Array"
        )

    def _make_valued(self, made: Complex, scalar: Scalar) -> Write:
        write, attributes = scalars.writer(scalar), self._attributes(made)
        keys = {VALUE, *(each.key for each in made.attributes)}

        def valued(value: Any, tag: str, job: Job, at: Path) -> Generator[None, None, None]:
            inner = value if isinstance(value, dict) else {VALUE: value}
            _refuse_unknown(inner, keys, made, job, at)
            name, more = _split(tag)
            more += attributes(inner, job, at)
            text, where = inner.get(VALUE), (*at, VALUE) if isinstance(value, dict) else at
            if text is None and VALUE in inner:
                more += f' {self._xsi("nil")}="true"'
            try:
                said = "" if text is None else write(text)
            except scalars.Invalid as wrong:
                job.wrong(where, wrong.code, wrong.text)
                return
            if scalar.base == "QName":
                job.out.append(_qname(name, said, more))
            else:
                job.out.append(f"<{name}{more}>{_escape(said)}</{name}>")
            yield from ()

        return valued

    def _make_content(self, made: Complex) -> Write:
        attributes = self._attributes(made) if made.attributes or made.wild_attributes else None
        keys = {*(each.key for each in made.members), *(each.key for each in made.attributes)}
        keys |= {ANY} if made.wild else set()
        keys |= {VALUE} if made.mixed else set()
        contents = Contents(made)
        texts = [self._text_of(each) if isinstance(each.type, Scalar) else None for each in made.members]
        typed = self._typed(made.name) if "/" not in made.name.rpartition("}")[2] else ""

        def content(value: Any, tag: str, job: Job, at: Path) -> Generator[None, None, None]:
            if not isinstance(value, dict):
                job.wrong(at, "type", "must be an object")
                return
            _refuse_unknown(value, keys, made, job, at)
            name, more = _split(tag)
            if attributes is not None:
                more += attributes(value, job, at)
            if job.encoded and self._xsi("type") not in more:
                more += typed
            job.out.append(f"<{name}{more}>")
            if made.mixed and VALUE in value:
                job.out.append(_escape(_mixed(value[VALUE], job, at)))
            count = 0
            for order, index in contents.order(value, job, at):
                if order is None:
                    yield from self._wild(made, value[ANY][index], job, (*at, ANY, index))
                else:
                    member = made.members[order]
                    each = value[member.key] if index is None else value[member.key][index]
                    where = (*at, member.key) if index is None else (*at, member.key, index)
                    write = texts[order]
                    if write is not None and each is not None:
                        write(each, "", job, where)
                    else:
                        yield from self._member(member, each, job, where)
                count += 1
                if count % _BREATH == 0:
                    yield
            job.out.append(f"</{name}>")

        return content

    def _attributes(self, made: Complex) -> Callable[[Mapping[str, Any], Job, Path], str]:
        known = [
            (each, scalars.writer(each.type), self._tag(each.clark) if ns(each.clark) else each.clark)
            for each in made.attributes
        ]
        keys = {each.key for each in made.attributes}

        def attributes(value: Mapping[str, Any], job: Job, at: Path) -> str:
            said = ""
            for each, write, name in known:
                if each.key not in value:
                    if each.required and each.default is None:
                        job.wrong((*at, each.key), "missing", "is required")
                    continue
                try:
                    said += f' {name}="{_attribute(write(value[each.key]))}"'
                except scalars.Invalid as wrong:
                    job.wrong((*at, each.key), wrong.code, wrong.text)
            if made.wild_attributes:
                said += self._wild_attributes(value, keys, job, at)
            return said

        return attributes

    def _wild_attributes(self, value: Mapping[str, Any], keys: set[str], job: Job, at: Path) -> str:
        said = ""
        for key, text in value.items():
            if key[:1] != "@" or key in keys or key == TYPE:
                continue
            name = self._wild_name(key[1:], "")
            if name is None or not isinstance(text, str):
                job.wrong((*at, key), "type", "must be an attribute's name, and a text")
                continue
            try:
                said += f' {name}="{_attribute(_TEXT(text))}"'
            except scalars.Invalid as wrong:
                job.wrong((*at, key), wrong.code, wrong.text)
        return said

    # --- what no schema says

    def _no_dataset(self, value: Any, tag: str, job: Job, at: Path) -> Generator[None, None, None]:
        """A DataSet is read, never written: its schema is the server's own business."""
        name, more = _split(tag)
        if value in ({}, None):
            job.out.append(f"<{name}{more}/>")
        else:
            job.wrong(at, "type", "a DataSet can only be sent empty, as {}")
        yield from ()

    def _wild(self, made: Complex, item: Any, job: Job, at: Path) -> Generator[None, None, None]:
        if not isinstance(item, dict) or len(item) != 1:
            job.wrong(at, "type", "must be an object with one member, the element's name")
            return
        key, value = next(iter(item.items()))
        name = self._wild_name(key, made.space)
        if name is None:
            job.wrong((*at, key), "name", "is no name of an element; write it as Name or {namespace}Name")
        elif value is None:
            job.out.append(f'<{name} {self._xsi("nil")}="true"/>')
        else:
            yield from self._generic(value, name, job, (*at, key), typed=False)

    def _wild_name(self, key: str, space: str) -> str | None:
        uri, plain = key[1:].split("}", 1) if key.startswith("{") and "}" in key else (space, key)
        if not scalars.is_ncname(plain) or not scalars.is_text(uri) or uri in _RESERVED:
            return None
        if not uri:
            return plain
        if uri not in self._prefixes and len(self._prefixes) >= _PREFIXES_MAX:
            return None
        return f"{self._prefix(uri)}:{plain}"

    def _anything(self, value: Any, tag: str, job: Job, at: Path) -> Generator[None, None, None]:
        """Write what a schema leaves open: with its type, or, as @type names one of the schema's, as that."""
        said = value.get(TYPE) if isinstance(value, dict) else None
        if said is None:
            yield from self._generic(value, tag, job, at, typed=True)
            return
        found = [each for each in self._types if each == said or local(each) == said]
        if len(found) != 1:
            job.wrong(
                (*at, TYPE), "enum", "is no type of this operation, or more than one; write it as {namespace}Name"
            )
            return
        inner = {key: each for key, each in value.items() if key != TYPE}
        yield from self._make_once(found[0])(inner, _with(tag, self._typed(found[0])), job, at)

    def _generic(self, value: Any, tag: str, job: Job, at: Path, *, typed: bool) -> Generator[None, None, None]:
        name, more = _split(tag)
        if not isinstance(value, (dict, list)):
            text = self._lexical(value, job, at)
            kind = self._typed(f"{{{namespaces.XSD}}}{_kind(value)}") if typed else ""
            job.out.append(f"<{name}{more}{kind}>{_escape(text)}</{name}>")
            return
        if isinstance(value, list):
            job.wrong(at, "type", "must not be an array: nobody knows what an item is called")
            return
        more += self._wild_attributes(value, set(), job, at)
        job.out.append(f"<{name}{more}>")
        space = ""
        count = 0
        for key, each in value.items():
            if key[:1] == "@":
                continue
            if key == VALUE:
                job.out.append(_escape(self._lexical(each, job, (*at, key))))
                continue
            inner = self._wild_name(key, space)
            if inner is None:
                job.wrong((*at, key), "name", "is no name of an element; write it as Name or {namespace}Name")
                continue
            for index, one in enumerate(each if isinstance(each, list) else (each,)):
                where = (*at, key, index) if isinstance(each, list) else (*at, key)
                if one is None:
                    job.out.append(f'<{inner} {self._xsi("nil")}="true"/>')
                else:
                    yield from self._generic(one, inner, job, where, typed=typed)
                count += 1
                if count % _BREATH == 0:
                    yield
        job.out.append(f"</{name}>")

    @staticmethod
    def _lexical(value: Any, job: Job, at: Path) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return repr(value)
        try:
            return _TEXT(value)
        except scalars.Invalid as wrong:
            job.wrong(at, wrong.code, wrong.text)
            return ""


_TEXT: Final = scalars.writer(Scalar("string"))
_RESERVED: Final = frozenset((namespaces.XML, "http://www.w3.org/2000/xmlns/"))
_PREFIXES_MAX: Final = 200  # of a caller's own choosing: whoever sends more writes a schema, not a call


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if value in _INT else "long" if value in _LONG else "integer"
    return "double" if isinstance(value, float) else "string"


def _mixed(value: Any, job: Job, at: Path) -> str:
    try:
        return _TEXT(value)
    except scalars.Invalid as wrong:
        job.wrong((*at, VALUE), wrong.code, wrong.text)
        return ""


def _refuse_unknown(value: Mapping[str, Any], keys: set[str], made: Complex, job: Job, at: Path) -> None:
    if value.keys() <= keys:
        return
    for key in value:
        if key in keys or (made.wild_attributes and key[:1] == "@"):
            continue
        job.wrong((*at, key[:_SHOWN]), "unknown", f"is not known here{nearest(key, keys)}")


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} (and {len(names) - 10} more)"


def _split(tag: str) -> tuple[str, str]:
    """Return a name and the attributes that come with it."""
    name, _, more = tag.partition("\0")
    return name, more


def _with(tag: str, more: str) -> str:
    name, before = _split(tag)
    return f"{name}\0{before}{more}"


def _qname(tag: str, text: str, more: str = "") -> str:
    space, brace, plain = text.partition("}")
    if not brace:
        return f"<{tag}{more}>{_escape(text)}</{tag}>"
    return f'<{tag}{more} xmlns:_q="{_attribute(space[1:])}">_q:{_escape(plain)}</{tag}>'


def _escape(text: str) -> str:
    """Escape character data; most texts have nothing to escape."""
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return text


def _attribute(text: str) -> str:
    return _escape(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
