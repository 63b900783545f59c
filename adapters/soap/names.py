"""The public names of a backend's documents: `?wsdl`, `?singlewsdl`, `?disco`, and `?wsdl=N`, `?xsd=N` for what they import.

`rewrite` asks it what a location is called in public, the shelf which document of the backend a name stands for. It
answers only with URLs of the configured backend, and never forgets or renames one.
"""

import re
from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

__all__ = ["Kind", "Names", "Unshowable", "own_addresses"]

Kind = Literal["wsdl", "xsd", "disco"]

_NAMES_MAX: Final = 512  # ONVIF has 15; a backend that invents a location per request must not grow us
_FIXED: Final = {"wsdl": "wsdl", "singlewsdl": "singleWsdl", "disco": "disco"}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Unshowable(Exception):  # noqa: N818 -- named for what happened, as every refusal of ours is
    """A document that cannot be shown without the backend's own address; the message says why, for an operator."""


class Names:
    """Names for the documents of one endpoint; `backend` is its configured URL. May be asked by several threads."""

    def __init__(self, backend: str) -> None:
        self._backend: Final = urlsplit(backend)
        self._hosts: dict[str, None] = {_host(self._backend): None}
        self._by_name: dict[str, str] = {name: self._with_query(query) for name, query in _FIXED.items()}
        self._by_url: dict[str, str] = {_key(url): name for name, url in self._by_name.items()}
        self._numbers: dict[Kind, int] = {}
        self._lock = Lock()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the host names, lower case, by which the backend is known: the configured one and what it calls itself."""
        return tuple(self._hosts)

    @property
    def host(self) -> str:
        """Return the configured host."""
        return _host(self._backend)

    @property
    def port(self) -> int | None:
        """Return the configured port, None where it is the scheme's own."""
        return _port(self._backend)

    @property
    def known(self) -> Mapping[str, str]:
        """Return all names with the backend's URL of each."""
        return MappingProxyType(self._by_name)

    def learn(self, address: str) -> None:
        """Take a host that the backend puts into its own addresses (Axis: the machine's name) for the backend's."""
        host = _host(_split(address))
        if host:
            with self._lock:
                if len(self._hosts) >= _NAMES_MAX:
                    raise Unshowable(f"the backend calls itself by more than {_NAMES_MAX} host names")
                self._hosts[host] = None

    def owns(self, url: str) -> bool:
        """Ask whether a location is the backend's: its host, no host at all, or a file on somebody's disk."""
        parts = _split(url)
        return not _host(parts) or _host(parts) in self._hosts or parts.scheme not in ("http", "https", "")

    def name(self, url: str, kind: Kind) -> str | None:
        """Return the query that asks for a document in public, None where the document is not the backend's."""
        local = self.at_backend(url)
        if local is None:
            return None
        with self._lock:
            if (known := self._by_url.get(_key(local))) is not None:
                return known
            if len(self._by_name) >= _NAMES_MAX:
                raise Unshowable(f"the backend's documents import more than {_NAMES_MAX} others")
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            name = f"{kind}={number}"
            self._by_name[name], self._by_url[_key(local)] = local, name
            return name

    def at_backend(self, url: str) -> str | None:
        """Return where a location may be fetched: always at the configured origin, None where it is not the backend's."""
        parts = _split(url)
        return self._local(parts) if self.owns(url) and parts.scheme != "urn" else None

    def source(self, name: str) -> str | None:
        """Return the backend's URL of a public name, which is always one of its configured origin."""
        return self._by_name.get(name.lower())

    def _local(self, parts: SplitResult) -> str:
        """Move a URL to the configured origin: what a backend calls itself is not always where it is reached."""
        if not parts.netloc and parts.scheme != "file":
            return urlunsplit(parts._replace(fragment=""))  # beside a local WSDL
        return urlunsplit((self._backend.scheme, self._backend.netloc, parts.path, parts.query, ""))

    def _with_query(self, query: str) -> str:
        return urlunsplit(self._backend._replace(query=query, fragment=""))


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url.strip())
    except ValueError:  # a bracket without its twin: it names no host
        return SplitResult("", "", url, "", "")


def _host(parts: SplitResult) -> str:
    return parts.hostname or ""


def _key(url: str) -> str:
    """Queries are spelled ?wsdl and ?WSDL by different clients of the same .NET; paths are not folded."""
    path, _, query = url.partition("?")
    return f"{path}?{query.lower()}"


def own_addresses(names: Names, public: str, *, words: bool) -> re.Pattern[str]:
    """Return what finds the backend's addresses: URLs of its hosts, host:port, and with `words` host names with a dot.

    A name without a dot ("tickets") is an address only with a scheme or a port: alone it is a word. Where the public
    address has the same host, the backend's port tells them apart; where it has that too, there is nothing to hide.
    """
    found = [each for host in names.hosts for each in _spellings(host, names, _split(public), words=words)]
    return re.compile("|".join(found) or "(?!)", re.IGNORECASE)


def _spellings(host: str, names: Names, public: SplitResult, *, words: bool) -> list[str]:
    spelled = re.escape(f"[{host}]" if ":" in host else host)
    before, after, rest = r"(?<![\w.-])", r"(?![\w-]|\.\w)", r"(?:[/?#][^\s<>\"']*)?"
    scheme = r"(?:https?:)?//(?:[^\s/@<>\"']*@)?"
    if host != _host(public):
        bare = [f"{before}{spelled}{after}"] if words and ("." in host or ":" in host) else []
        return [rf"{scheme}{spelled}(?::\d+)?{after}{rest}", rf"{before}{spelled}:\d+", *bare]
    port = names.port
    if host != names.host or port == _port(public):
        return []
    if port is None:
        return [rf"{scheme}{spelled}(?::80|:443)?(?![\w:-]|\.\w){rest}"]
    return [rf"{scheme}{spelled}:{port}(?!\d){rest}", rf"{before}{spelled}:{port}(?!\d)"]


def _port(parts: SplitResult) -> int | None:
    """Return the port where it is not the scheme's own."""
    return None if parts.port == _DEFAULT_PORTS.get(parts.scheme) else parts.port
