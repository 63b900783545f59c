"""One message while it is written: its text so far, what is wrong with the JSON that it is made of, and the namespaces that it names.

Under the encoder, made for each message. What one caller names is declared in his message alone, and nothing of a message depends on
those before it.
"""

from __future__ import annotations

from base64 import b32encode
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from adapters import xml
from adapters.json.pointers import nearest, pointer_to
from adapters.soap import namespaces, scalars
from adapters.soap.types import Scalar
from adapters.xml import local, ns
from sidecar.model import Dialect

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from adapters.json.pointers import Place

__all__ = ["BREATH", "LONG", "InvalidParams", "Job", "Prefixes", "all_qualified", "attribute", "escaped", "qualified"]

BREATH: Final = 250  # values between two yields, 0.3 ms of work
_ERRORS_MAX: Final = 100  # a page shows some; a body of nothing but mistakes is not worth a megabyte of them
_HINTS: Final = 3  # errors for which the nearest name is looked up, which may take a millisecond
_POINTER_MAX: Final = 1_000  # characters: names are the caller's own
_OPEN: Final = 1_000  # pieces of text that are not bytes yet
LONG: Final = 32_768  # characters of a text that is escaped at once: 0.2 ms, where each is to be escaped
_FOREIGN_MAX: Final = 100  # namespaces of a caller's own choosing: whoever sends more writes a schema, not a call
_NAME_MAX: Final = 1_000  # characters of a name and its namespace; looking at them takes microseconds
_XSI: Final = namespaces.XSI
_TEXT: Final = scalars.writer(Scalar("string"))


class InvalidParams(Exception):  # noqa: N818 -- named for the state that it becomes
    """What is wrong with a value: (JSON pointer, code, text) each."""

    def __init__(self, errors: list[tuple[str, str, str]]) -> None:
        super().__init__("; ".join(f"{at or '/'} {text}" for at, _, text in errors[:3]))
        self.errors = tuple(errors)


class Prefixes:
    """The prefixes of a schema's namespaces, the same in whatever order they are asked for."""

    __slots__ = ("_known", "_spaces")

    def __init__(self) -> None:
        self._known: dict[str, str] = {"": "", namespaces.XML: "xml"}
        self._spaces: dict[str, str] = {"": "", "xml": namespaces.XML}

    def prefix(self, space: str) -> str:
        """Return the prefix of a namespace."""
        if space not in self._known:
            # Not like anybody's: a text that holds a prefix and a colon is keyed with what the prefix means.
            letters = b32encode(blake2b(space.encode("utf-8", "replace"), digest_size=20).digest()).decode().lower()
            found = next(each for size in range(4, 33) if (each := f"_n{letters[:size]}") not in self._spaces)
            self._spaces[found] = space
            self._known[space] = found
        return self._known[space]

    def tag(self, clark: str) -> str:
        """Write a name with its prefix."""
        space = ns(clark)
        return f"{self.prefix(space)}:{local(clark)}" if space else local(clark)

    def space(self, name: str) -> str:
        """Return the namespace of a name that has a prefix, or none."""
        prefix, colon, _ = name.partition(":")
        return self._spaces.get(prefix, "") if colon else ""

    def declared(self, spaces: Iterable[str]) -> str:
        """Declare namespaces, in an order of their own."""
        return "".join(
            [f' xmlns:{self.prefix(each)}="{attribute(each)}"' for each in sorted(spaces) if each not in _BUILT_IN]
        )


_BUILT_IN: Final = frozenset(("", namespaces.XML))


class Job:
    """A message that is being written. `left` values are written before others have their turn."""

    __slots__ = (
        "_done",
        "_foreign",
        "_hints",
        "_prefixes",
        "_tags",
        "dialect",
        "encoded",
        "errors",
        "left",
        "out",
        "spaces",
    )

    def __init__(
        self,
        prefixes: Prefixes,
        dialect: Dialect = Dialect.SOAP11,
        *,
        encoded: bool = False,
        markup_max: int = xml.REPLY_MARKUP,
    ) -> None:
        self.out: list[str] = []
        self.errors: list[tuple[str, str, str]] = []
        self.spaces: set[str] = set()  # of the schema
        self.left = BREATH
        self.dialect, self.encoded = dialect, encoded
        self._prefixes = prefixes
        self._done: list[bytes] = []
        self._foreign: dict[str, str] = {}
        self._hints = _HINTS
        self._tags = markup_max

    # --- what is wrong

    def wrong(self, at: Place | None, code: str, text: str) -> None:
        """Note what is wrong at a place. Raises `InvalidParams` where that is more than anybody reads."""
        self.errors.append((pointer_to(at)[:_POINTER_MAX], code, text))
        self.left = 0
        if len(self.errors) >= _ERRORS_MAX:
            raise InvalidParams(self.errors)

    def nearest(self, name: object, names: Iterable[str]) -> str:
        """Say which name was probably meant, for the first few errors."""
        self._hints -= 1
        return nearest(name, names) if self._hints >= 0 and isinstance(name, str) else ""

    # --- what is written

    def breathe(self) -> None:
        """Begin the next stretch of work; what is written is bytes from now on."""
        self.left = BREATH
        if len(self.out) > _OPEN:
            self._close()

    def long(self, text: str) -> Generator[None, None, None]:
        """Write a text of any length."""
        for start in range(0, len(text), LONG):
            yield  # to look at what is so long has taken its time
            self.out.append(escaped(text[start : start + LONG]))
            self._close()
        self.left = 0

    def whole(self, before: str, after: str) -> bytes:
        """Return all that was written, between two other texts. Raises `InvalidParams` where anything is wrong."""
        if self.errors:
            raise InvalidParams(self.errors)
        if self._done:
            self._close()
        self._done.append(f"{''.join(self.out)}{after}".encode())
        return b"".join((before.encode(), *self._done))

    def _close(self) -> None:
        text = "".join(self.out)
        self._tags -= text.count("<")
        if self._tags < 0 and not self.errors:
            raise InvalidParams([("", "length", "is more than one message may hold: send it in parts")])
        self._done.append(text.encode())
        self.out.clear()

    # --- names

    def declared(self) -> str:
        """Declare all namespaces that were named."""
        more = "".join([f' xmlns:{prefix}="{attribute(space)}"' for space, prefix in self._foreign.items()])
        return self._prefixes.declared(self.spaces) + more

    def tag(self, clark: str) -> str:
        """Write a name of the schema."""
        self.spaces.add(ns(clark))
        return self._prefixes.tag(clark)

    def named(self, key: str, space: str, *, attribute: bool = False) -> tuple[str, str] | None:
        """Read a name that somebody sent, of the namespace `space` where it says nothing else: as XML has it, and in Clark notation.

        None where it is no name, or one that XML or SOAP gives a meaning of its own.
        """
        if len(key) > _NAME_MAX:
            return None
        uri, plain = key[1:].split("}", 1) if key.startswith("{") and "}" in key else (space, key)
        if not scalars.is_ncname(plain):
            return None
        if attribute and (uri == _XSI or (not uri and plain == "xmlns")):
            return None
        if not uri:
            return plain, plain
        if not is_namespace(uri):
            return None
        prefix = "xml" if uri == namespaces.XML else self._prefix(uri)
        return (f"{prefix}:{plain}", f"{{{uri}}}{plain}") if prefix else None

    def _prefix(self, space: str) -> str:
        if space in self.spaces:
            return self._prefixes.prefix(space)
        if space not in self._foreign:
            if len(self._foreign) >= _FOREIGN_MAX:
                return ""
            self._foreign[space] = f"_w{len(self._foreign)}"
        return self._foreign[space]

    # --- xsi

    def nil(self) -> str:
        """Return the attribute that says null."""
        return f' {self.tag(f"{{{_XSI}}}nil")}="true"'

    def typed(self, clark: str) -> str:
        """Return the attribute that names a type."""
        return f' {self.tag(f"{{{_XSI}}}type")}="{self.tag(clark)}"'

    # --- text

    def text(self, value: object, at: Place | None) -> str:
        """Return a text, not escaped yet; what is none is noted."""
        try:
            return _TEXT(value)
        except scalars.Invalid as wrong:
            self.wrong(at, wrong.code, wrong.text)
            return ""


@lru_cache(maxsize=256)
def is_namespace(uri: str) -> bool:
    """Say whether a parser takes a namespace that somebody sent: it is a URI, as far as libxml2 looks, and not reserved."""
    if uri in _BUILT_IN:
        return True
    try:
        xml.parse(f'<a xmlns:b="{attribute(uri)}"/>'.encode(), charset=None)
    except (UnicodeError, xml.XmlRefused):
        return False
    return True


def qualified(text: str, prefix: str) -> tuple[str, str]:
    """Write a qualified name of JSON as XML has it: what declares its prefix, and itself. Raises `scalars.Invalid`."""
    if not text.startswith("{"):
        return "", text
    space, _, plain = text[1:].partition("}")
    if space in _BUILT_IN:
        return "", f"xml:{plain}" if space else plain
    if len(space) > _NAME_MAX or not is_namespace(space):
        raise scalars.Invalid("pattern", "must be of a namespace that is a URI")
    return f' xmlns:{prefix}="{attribute(space)}"', f"{prefix}:{plain}"


def all_qualified(text: str, prefix: str) -> tuple[str, str]:
    """As `qualified`, of a list of names."""
    found = [qualified(each, f"{prefix}{order}") for order, each in enumerate(text.split(" "))]
    return "".join([declared for declared, _ in found]), " ".join([said for _, said in found])


def escaped(text: str) -> str:
    """Escape character data; most texts have nothing to escape."""
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return text


def attribute(text: str) -> str:
    """Escape the value of an attribute, which would be normalised without (XML 1.0 section 3.3.3)."""
    return escaped(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
