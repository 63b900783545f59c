"""Which dialect an answer is written in, from whatever has been read of a request: asked by the envelope stage and, with a
head that may be partial, for errors made before any handler. It always answers; it never looks at a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.media import FORM, SOAP12, XML, parse_media
from sidecar.model import Dialect, Protocol

if TYPE_CHECKING:
    from sidecar.model import Head

PROBLEM: Final = "application/problem+json"


def dialect_of(head: Head, path_is_json: bool, protocol: Protocol | None, rest: str = "") -> Dialect:
    """Return the first dialect that fits, in the order of the contract (docs/states.md).

    `path_is_json`: the path lies under /.sidecar/ or …/json/. `protocol`: of the backend that the path belongs to, None where
    it is not known. `rest`: what follows the endpoint's own path; an ASMX operation where it is not empty.
    """
    accept, content_type = head.headers.get("Accept", ""), head.headers.get("Content-Type", "")
    return dialect_by(accept, content_type, head.path, path_is_json, protocol, rest)


def dialect_by(
    accept: str, content_type: str, path: str, path_is_json: bool, protocol: Protocol | None, rest: str = ""
) -> Dialect:
    """As `dialect_of`, of the few words that it looks at: who asks often may remember what it said."""
    if path_is_json or _prefers_json(accept):
        return Dialect.JSON
    kind = parse_media(content_type).type
    if kind == SOAP12:
        return Dialect.SOAP12
    if kind == FORM or _is_asmx_path(path, protocol, rest):
        return Dialect.ASMX
    if kind in XML:
        return Dialect.XMLRPC if protocol is Protocol.XMLRPC else Dialect.SOAP11
    return Dialect.JSON


def _is_asmx_path(path: str, protocol: Protocol | None, rest: str) -> bool:
    """Say whether an operation stands below a SOAP endpoint; by its file ending where nothing was routed yet."""
    if protocol is Protocol.XMLRPC:
        return False
    if protocol is Protocol.SOAP and rest.strip("/"):
        return True
    before, found, operation = path.lower().rpartition(".asmx/")
    return bool(before and found and operation)


def _prefers_json(accept: str) -> bool:
    """Say whether Accept names JSON and no XML, or problem+json in so many words; ranges such as */* name nothing."""
    if "json" not in accept and "JSON" not in accept:
        return False
    names = {name for name, wanted in (_offer(part) for part in accept.split(",")) if wanted}
    if PROBLEM in names:
        return True
    json = any(name == "application/json" or name.endswith("+json") for name in names)
    return json and not any(name in XML or name.endswith("+xml") for name in names)


def _offer(part: str) -> tuple[str, bool]:
    """Split one element of Accept into its name and whether it is wanted at all (q=0 is not, RFC 9110 section 12.4.2)."""
    media = parse_media(part)
    try:
        return media.type, float(media.parameters.get("q", "1")) > 0
    except ValueError:
        return media.type, True
