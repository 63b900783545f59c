"""An element as a stream of tokens that is the same however its sender spelled it, the digest of that stream, and XML made of it.

Under the question. What is sent is made of the tokens alone, so whatever has one digest is asked in the same bytes. It answers with
tokens, bytes, or raises `Unshareable` with the word for what tokens cannot say.

The tokens, in document order: `l` + name, text: an element with nothing but text; `e` + name: any other, up to its `/`, with
`a` + name, value: an attribute (sorted by name); `q` + name, namespace, local name: one that holds a QName; `b` + prefix, namespace:
a prefix that a text or value seems to use (sorted); `t` + text. Names are in Clark notation. Namespace declarations are dropped, and
white space between elements where an element has nothing else between them; text in a leaf is as the parser read it.

No two trees give one stream: the first letter of a token says how many strings follow it and every element ends, so the tree can be
read back. Each tree gives one: what may stand in any order is sorted. No two streams give one digest but by chance, for the lengths
of its strings are hashed before them. Not in the stream: what a text that is a QName without a prefix means, which only a schema
could say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters.keying import Unshareable
from adapters.soap import namespaces
from adapters.xml import local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lxml import etree

PREFIX: Final = "soap"  # of the envelope that tokens are sent in
_SPACE: Final = " \t\r\n"  # XML 1.0 section 2.3; str.strip() would take no-break spaces too
_QNAMES: Final = frozenset(
    (
        f"{{{namespaces.XSI}}}type",
        f"{{{namespaces.ENCODING11}}}arrayType",  # a QName and the sizes in brackets
        f"{{{namespaces.ENCODING12}}}itemType",
    )
)
_REF: Final = f"{{{namespaces.ENCODING12}}}ref"
_INCLUDE: Final = f"{{{namespaces.XOP}}}Include"
_KEEPS_SPACE: Final = f"{{{namespaces.XML}}}space"
# A colon first, which is found at the speed of memory, then what stands before it: our own prefixes, of which there are less than 1 000.
_OURS: Final = re.compile(r":(?:(?<=[^\w.\-]k[0-9]:)|(?<=[^\w.\-]k[0-9]{2}:)|(?<=[^\w.\-]k[0-9]{3}:))")
_ENVELOPES: Final = re.compile(rf":(?<=[^\w.\-]{PREFIX}:)")


def tokens_of(element: etree._Element) -> list[str]:
    """Return the tokens of an element and all that it holds. Raises `Unshareable`."""
    if not len(element) and not element.keys() and ":" not in (text := element.text or ""):
        return ["l" + element.tag, text]  # what most parameters are
    found: list[str] = []
    _walk(element, found)
    return found


def start_of(element: etree._Element, texts: Iterable[str] = ()) -> list[str]:
    """Return the tokens of a start tag; `texts` are those of its content, whose prefixes it declares. Raises `Unshareable`."""
    found = ["e" + element.tag]
    said, spaces = [*texts], None
    for name, value in sorted((str(name), str(value)) for name, value in element.items()):
        _judge(element, name)
        if name in _QNAMES:
            spaces = spaces or element.nsmap
            found += _qname(spaces, name, value)
        else:
            found += ("a" + name, value)
            said.append(value)
    return found + _bound(element, said, spaces)


def text_of(tokens: list[str], text: str) -> list[str]:
    """Return the tokens of a leaf with another text."""
    if tokens[0].startswith("l"):
        return [tokens[0], text]
    before = [*_without_end(tokens)]
    return [*before, "t" + text, "/"] if text else [*before, "/"]


def markup(tokens: list[str]) -> str:
    """Write tokens as XML that a parser reads as the same tokens; all namespaces are declared on its first element."""
    return _Writer().write(tokens)


def has_text(element: etree._Element) -> bool:
    """Say whether anything but white space stands between the children of an element."""
    return any(each.strip(_SPACE) for each in _texts(element))


def _walk(element: etree._Element, found: list[str]) -> None:
    if not len(element):
        text = element.text or ""
        if element.keys():
            found += start_of(element, (text,))
        elif bound := _bound(element, (text,)):
            found += ("e" + element.tag, *bound)
        else:
            found += ("l" + element.tag, text)
            return
        found += ("t" + text, "/") if text else ("/",)
        return
    mixed = has_text(element)
    found += start_of(element, _texts(element) if mixed else ())
    if mixed and element.text:
        found.append("t" + element.text)
    for child in element:
        _walk(child, found)
        if mixed and child.tail:
            found.append("t" + child.tail)
    found.append("/")


def _texts(element: etree._Element) -> Iterator[str]:
    if element.text:
        yield element.text
    for child in element:
        if child.tail:
            yield child.tail


def _judge(element: etree._Element, attribute: str) -> None:
    if element.tag == _INCLUDE:
        raise Unshareable("attachment")
    if local(attribute) == "href" or attribute == _REF:
        raise Unshareable("href")
    if attribute == _KEEPS_SPACE:  # then white space between elements is content
        raise Unshareable("body")


def _qname(spaces: Mapping[str | None, str], name: str, value: str) -> tuple[str, str, str]:
    prefix, _, plain = value.strip(_SPACE).rpartition(":")
    space = spaces.get(prefix or None)
    if prefix and space is None:  # it means nothing, and must not begin to mean something by a prefix of ours
        raise Unshareable("qname")
    return "q" + name, space or "", plain


def _bound(element: etree._Element, texts: Iterable[str], spaces: Mapping[str | None, str] | None = None) -> list[str]:
    """Return the tokens of the prefixes that stand before a colon in any of `texts`; some may only look so."""
    found = [each for each in texts if ":" in each]
    if not found:
        return []
    said, spaces = "\n".join(["", *found]), spaces or element.nsmap
    if _OURS.search(said) or (PREFIX not in spaces and _ENVELOPES.search(said)):
        raise Unshareable("qname")
    used = sorted([name for name in spaces if name and name + ":" in said])
    return [token for name in used for token in ("b" + name, spaces[name])]


def _without_end(tokens: list[str]) -> list[str]:
    """Return what a leaf with attributes begins with: its tokens without text and end."""
    skip, last = 0, 0
    for at, token in enumerate(tokens):
        if skip:
            skip -= 1
        elif token[0] in "t/":
            break
        else:
            skip = _FOLLOW[token[0]]
        last = at + 1
    return tokens[:last]


_FOLLOW: Final = {"l": 1, "e": 0, "a": 1, "q": 2, "b": 1, "t": 0, "/": 0}
_XML: Final = "{" + namespaces.XML  # bound to `xml` without being declared (Namespaces in XML 1.0 section 3)


class _Writer:
    """The work of `markup`; prefixes are numbered as their namespaces come."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._prefixes: dict[str, str] = {}  # with the colon, by namespace in its left brace
        self._open = False  # the last start tag may still get attributes

    def write(self, tokens: list[str]) -> str:
        rest, names, out = iter(tokens), list[str](), self._out
        for token in rest:
            kind = token[0]
            if kind == "l":
                if self._open:
                    self._close()
                name, text = self._name(token), next(rest)
                out.append(f"<{name}>{_text(text)}</{name}>")
            elif kind == "e":
                self._close()
                names.append(self._name(token))
                out.append("<" + names[-1])
                self._open = True
            elif kind == "t":
                self._close()
                out.append(_text(token[1:]))
            elif kind == "/":
                self._close()
                out.append(f"</{names.pop()}>")
            else:
                out.append(self._attribute(kind, token, rest))
        return self._declared()

    def _attribute(self, kind: str, token: str, rest: Iterator[str]) -> str:
        if kind == "a":
            return f' {self._name(token)}="{_value(next(rest))}"'
        if kind == "b":
            return f' xmlns:{token[1:]}="{_value(next(rest))}"'
        space, plain = next(rest), next(rest)
        prefix = self._prefix("{" + space) if space else ""
        return f' {self._name(token)}="{prefix}{_value(plain)}"'

    def _close(self) -> None:
        if self._open:
            self._out.append(">")
            self._open = False

    def _name(self, token: str) -> str:
        space, brace, plain = token.partition("}")
        return (self._prefixes.get(space[1:]) or self._prefix(space[1:])) + plain if brace else token[1:]

    def _prefix(self, space: str) -> str:
        if space == _XML:
            return "xml:"
        return self._prefixes.setdefault(space, f"k{len(self._prefixes)}:")

    def _declared(self) -> str:
        """Put the declarations into the first start tag."""
        first = self._out[0]
        end = first.find(">")
        end = len(first) if end < 0 else end
        spaces = "".join([f' xmlns:{prefix[:-1]}="{_value(space[1:])}"' for space, prefix in self._prefixes.items()])
        return f"{first[:end]}{spaces}{first[end:]}{''.join(self._out[1:])}"


def _text(text: str) -> str:
    """Escape character data. Not by str.translate, which takes milliseconds for a long text with one sign to escape."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _value(text: str) -> str:
    return _text(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
