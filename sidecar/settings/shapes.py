"""The forms that single values must have: addresses, origins, networks, paths, names, patterns. Each check takes a text and returns
what the plan holds, or raises with what is wrong and what to write instead. No check looks at a second value or at the disk.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator

from sidecar.policy.clients import UNIX
from sidecar.settings.quantities import wrong

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # underscores are no host names, but people have them
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110 section 5.6.2
_PATH: Final = re.compile(r"(/[A-Za-z0-9_.~-]{1,128}){1,8}")
_PRINTABLE: Final = re.compile(r"[!-~]+")
# RFC 3986: what may stand in a path as it is.
_URL_PATH: Final = re.compile(r"(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&'()*+,;=:@/-])*")
# What of a link may follow its path; no quote and no bracket, which could end an attribute of a page.
_LINK_QUERY: Final = re.compile(r"[^?#]*([?#][A-Za-z0-9._~!$&()*+,;=:@/?%#-]*)?")
_PATTERN: Final = re.compile(r"[^\s/\\]{1,200}")
_HOST_LENGTH: Final = 253  # RFC 1035 section 2.3.4, as text
_WORDS: Final = 200
_SENTENCE: Final = 500  # what a page shows in a box, and a fault in its text
_HALVES: Final = re.compile("[\ud800-\udfff]")  # a text in double quotes may escape one, and nothing can write it


def url(text: str) -> str:
    """Check a backend's address."""
    _web_address(text, "http://127.0.0.1:9000/Service.asmx")
    return text


def public_url(text: str) -> str:
    """Check our own address as clients know it; a slash at its end says nothing and goes."""
    _web_address(text, "https://api.theatre.example")
    return text.rstrip("/")


def link(text: str) -> str:
    """Check the address of a page that people are led to: it may carry a query and a fragment, which a service's may not."""
    if not _LINK_QUERY.fullmatch(text):
        raise wrong("E211", "{value} is no plain address", "write spaces, quotes and other signs as %20 and so on")
    _web_address(re.split(r"[?#]", text, maxsplit=1)[0], "https://shop.example/buy")
    return text


def _web_address(text: str, example: str) -> SplitResult:
    parts = split(text)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or "://" not in text:
        raise wrong("E211", "{value} is no http:// or https:// address", f"as in {example}")
    if "@" in parts.netloc:
        raise wrong(
            "E211", "an address must not carry credentials: they would reach logs", "take out what stands before the @"
        )
    if not _is_host(parts.hostname or ""):
        raise wrong("E211", "{value} names no host", f"as in {example}")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise wrong(
            "E211",
            "an address ends with its path",
            "take out what stands from the ? or # on; callers send their own query",
        )
    if not _URL_PATH.fullmatch(parts.path) or _climbs(parts.path):
        raise wrong(
            "E211", "the path of {value} is not plain", "write spaces and other signs as %20 and so on, and no '..'"
        )
    return parts


def split(text: str) -> SplitResult | None:
    """Take an address apart; None where it cannot be, or where its port is none."""
    if not _PRINTABLE.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 or parts.netloc.endswith(":") else parts


def origin_of(text: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a checked address."""
    parts = urlsplit(text)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]


def reference(text: str) -> str:
    """Check the address of one endpoint: absolute, or relative to `url`."""
    if "://" in text:
        _web_address(text, "http://127.0.0.1:9000/Reports.asmx")
    elif (
        not text
        or not _URL_PATH.fullmatch(text)
        or _climbs(text)
        or text.startswith("//")
        or ":" in text.partition("/")[0]
    ):
        raise wrong("E211", "{value} is no path below url", "as in Reports.asmx or /services/Reports.asmx")
    return text


def _climbs(path: str) -> bool:
    return any(segment.lower().replace("%2e", ".") in (".", "..") for segment in path.split("/"))


def web_origin(text: str) -> str:
    """Check an entry of cors.origins against what browsers send (RFC 6454 section 6.2): scheme://host[:port], lower case."""
    if text == "null":
        return text
    if "*" in text:
        raise wrong("E208", "origins are exact, {value} is a pattern", "list every origin, as in https://shop.example")
    parts = split(text)
    if parts is None or not parts.scheme or "://" not in text or not _is_host(parts.hostname or ""):
        raise wrong("E208", "{value} is no origin", "as in https://shop.example or http://localhost:3000")
    bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
    if parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme):
        bare = bare.rpartition(":")[0]
    if text != bare:
        raise wrong("E208", f"a browser never sends {{value}} as Origin, did you mean {bare}?", _ORIGIN)
    return text


_ORIGIN: Final = "an origin is lower case, without path, slash at its end, credentials and default port"


def network(text: str) -> str:
    """Check an address or network, and return it as a network."""
    try:
        return str(ip_network(text))
    except ValueError as error:
        if "has host bits set" in str(error):
            meant = ip_network(text, strict=False)
            raise wrong("E209", "{value} has bits set beyond its prefix" + f", did you mean {meant}?", "") from None
        raise wrong(
            "E209", "{value} is no address or network", "as in 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32"
        ) from None


def hop(text: str) -> str:
    """Check a proxy that is trusted: an address, a network, or who connects through our unix socket."""
    return text if text == UNIX else network(text)


def host(text: str) -> str:
    """Check an address to listen on."""
    if not _is_host(text):
        raise wrong(
            "E209",
            "{value} is no address to listen on",
            "as in 127.0.0.1, ::1, 0.0.0.0 or a host name; the port is listen.port",
        )
    return text


def _is_host(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return len(text) <= _HOST_LENGTH and bool(_HOST.fullmatch(text)) and not re.fullmatch(r"[0-9.]+", text)
    return True


def name(text: str) -> str:
    """Check the name of a backend or endpoint: it becomes a path, a label of metrics, a key of state."""
    if not _NAME.fullmatch(text):
        raise wrong("E210", "{value} cannot be a name", "a letter, then up to 62 letters, digits, - or _")
    return text


def path(text: str) -> str:
    """Check a path on our listener."""
    if text == "/":
        raise wrong(
            "E210", "'/' would take every path, the sidecar's own included", "as in /tickets or /Services/Tickets.asmx"
        )
    if not _PATH.fullmatch(text) or _climbs(text):
        meant = "/" + text.strip("/")
        hint = f", did you mean {meant}?" if _PATH.fullmatch(meant) and not _climbs(meant) else ""
        raise wrong(
            "E210",
            "{value} is no path to listen on" + hint,
            "plain segments, a slash before each and none at the end, as in /tickets",
        )
    return text


def header(text: str) -> str:
    """Check the name of a header."""
    if not _TOKEN.fullmatch(text):
        raise wrong("E210", "{value} is no name of a header", "as in X-Forwarded-For")
    return text


def pattern(text: str) -> str:
    """Check an operation's name or glob. `**` says what `*` says."""
    if not _PATTERN.fullmatch(text):
        raise wrong("E210", "{value} is no operation and no pattern", 'as in GetPerformances, "Get*" or "*"')
    return text


def words(text: str) -> str:
    """Check a glob over free text or a parameter's name."""
    if not 0 < len(text) <= _WORDS or not text.isprintable():
        raise wrong("E210", "{value} must have 1 to 200 printable characters", "")
    return text


def sentence(text: str) -> str:
    """Check a text for people."""
    if not 0 < len(text) <= _SENTENCE or not text.isprintable():
        raise wrong("E210", "{value} must have 1 to 500 printable characters", "")
    return text


def store(text: str) -> str:
    """Check where answers and keys are kept."""
    if text.startswith("redis"):
        raise wrong("E207", "{value} is not available in this version", _STORES)
    if text != "memory" and not (text.startswith(SQLITE) and is_file_name(text.removeprefix(SQLITE))):
        raise wrong("E207", "{value} is no store", _STORES)
    return text


SQLITE: Final = "sqlite:"
_STORES: Final = "memory, or sqlite:PATH as in sqlite:/var/lib/sidecar/state.db"


def file_name(text: str) -> str:
    """Check the path of a file; whether it exists is asked elsewhere."""
    if not is_file_name(text):
        raise wrong("E210", "a file must be named", "")
    return text


def is_file_name(text: str) -> bool:
    """Say whether a disk could have a file of this name: no zero byte in it, and no half of a character."""
    return bool(text) and "\0" not in text and _HALVES.search(text) is None


def secret(text: str) -> str:
    """Check a token; a message never shows it."""
    if not 16 <= len(text) <= 512 or not _PRINTABLE.fullmatch(
        text
    ):  # 16 hexadecimal digits cannot be guessed over a network
        raise wrong(
            "E212", "a token has 16 to 512 printable characters without blanks", "as openssl rand -hex 16 makes one"
        )
    return text


def literal(value: Any) -> str:
    """Check what a `results:` rule compares with, and return its lexical form."""
    if isinstance(value, bool):
        return "true" if value else "false"  # XML Schema's own words
    if isinstance(value, (str, int, float)):
        return str(value)
    raise wrong("E204", "must be a text or a number", "")


Url: TypeAlias = Annotated[str, AfterValidator(url)]
PublicUrl: TypeAlias = Annotated[str, AfterValidator(public_url)]
Link: TypeAlias = Annotated[str, AfterValidator(link)]
Reference: TypeAlias = Annotated[str, AfterValidator(reference)]
WebOrigin: TypeAlias = Annotated[str, AfterValidator(web_origin)]
Network: TypeAlias = Annotated[str, AfterValidator(network)]
Hop: TypeAlias = Annotated[str, AfterValidator(hop)]
Host: TypeAlias = Annotated[str, AfterValidator(host)]
Name: TypeAlias = Annotated[str, AfterValidator(name)]
Path: TypeAlias = Annotated[str, AfterValidator(path)]
Header: TypeAlias = Annotated[str, AfterValidator(header)]
Pattern: TypeAlias = Annotated[str, AfterValidator(pattern)]
Words: TypeAlias = Annotated[str, AfterValidator(words)]
Secret: TypeAlias = Annotated[str, AfterValidator(secret)]
Sentence: TypeAlias = Annotated[str, AfterValidator(sentence)]
Store: TypeAlias = Annotated[str, AfterValidator(store)]
FileName: TypeAlias = Annotated[str, AfterValidator(file_name)]
