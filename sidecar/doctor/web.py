"""How browsers and clients reach us: public_url and cors.origins, compared with each other and with what browsers do.

Settings have refused what is no address and no origin; here it is about pages that would be right and still not work. Nothing is sent.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sidecar.doctor.report import Finding, Verdict
from sidecar.model import Protocol

if TYPE_CHECKING:
    from sidecar.plan import Plan


def look(plan: Plan) -> list[Finding]:
    """Return what was found about addresses."""
    return [public_url(plan), *origins(plan)]


def public_url(plan: Plan) -> Finding:
    """Look whether clients can be told where we are, and whether that is safe to use."""
    url = plan.public_url
    if url is None:
        soap = any(backend.protocol is Protocol.SOAP for backend in plan.backends)
        if soap and (plan.listen.unix is not None or _is_vague(plan.listen.host)):
            what = "not set, and the listener's own address is not concrete: ?wsdl is refused"
            return Finding("public_url", Verdict.WARN, what, "set public_url to our address as clients know it")
        return Finding("public_url", Verdict.OK, "not set: clients are told the listener's own address")
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_near(parts.hostname or ""):
        what = f"{url} is plain http: sessions and cards cross the network readable"
        return Finding("public_url", Verdict.WARN, what, "let the web server in front speak https, and say so here")
    return Finding("public_url", Verdict.OK, url)


def origins(plan: Plan) -> list[Finding]:
    """Look at each origin that may read and write."""
    listed = sorted(plan.cors.origins)
    if not listed:
        return [Finding("origins", Verdict.OK, "none: no page of another origin may call (cors.origins)")]
    wrong = [found for origin in listed if (found := _origin(origin, plan)) is not None]
    return wrong or [Finding("origins", Verdict.OK, f"as browsers send them: {', '.join(listed)}")]


def _origin(origin: str, plan: Plan) -> Finding | None:
    if origin == "null":
        what = "null is every sandboxed page and every local file of anybody"
        return Finding("origins", Verdict.WARN, what, "take it out, unless such a page of yours needs it")
    page, ours = urlsplit(origin), urlsplit(plan.public_url or "")
    if page.scheme == "https" and ours.scheme == "http" and not is_near(ours.hostname or ""):
        what = f"a page of {origin} is https, public_url is http: browsers block what it asks of us (mixed content)"
        return Finding("origins", Verdict.FAIL, what, "serve public_url by https")
    if page.scheme == "http" and not is_near(page.hostname or ""):
        what = f"{origin} is plain http: whoever is on its way can put words into that page's mouth"
        return Finding("origins", Verdict.WARN, what, "list the https origin, and lead people there")
    return None


def _is_vague(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_unspecified
    except ValueError:
        return False


def is_near(host: str) -> bool:
    """Say whether a host is this machine: browsers take that for safe, whatever the scheme (W3C Secure Contexts, section 3.1)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
