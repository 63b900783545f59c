"""Whom https backends may be: one context for all that are checked alike, made anew where the file that says so has another content.

Stands beside the app, which hands the contexts to connections. To make one takes 20 ms and reads files: on the loop it belongs in a thread.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, TypeAlias

from sidecar.settings.sources import look
from sidecar.upstream import client_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.plan import BackendPlan, Plan

_How: TypeAlias = tuple[str | None, str | None, bool]
# How backends are checked -> the hash of the file that says whom to trust, and the context.
Trust: TypeAlias = dict[_How, tuple[str | None, ssl.SSLContext]]


def trust_of(plan: Plan, before: Mapping[_How, tuple[str | None, ssl.SSLContext]]) -> Trust:
    """Return what a plan's backends need; what is in `before` and has not changed is kept. Raises OSError or ssl.SSLError."""
    made: Trust = {}
    for backend in plan.backends:
        how = _how(backend)
        if how in made or not any(url.startswith("https:") for _, url in backend.endpoints):
            continue
        file = backend.tls.ca_file
        content = (
            None if file is None else look("ca_file", file).sha256
        )  # a CA is renewed in place: its name says nothing
        kept = before.get(how)
        made[how] = kept if kept is not None and kept[0] == content else (content, client_context(backend.tls))
    return made


def context_of(backend: BackendPlan, trust: Trust) -> ssl.SSLContext | None:
    """Return a backend's; None where it is not asked over TLS alone."""
    found = trust.get(_how(backend))
    return None if found is None else found[1]


def _how(backend: BackendPlan) -> _How:
    return backend.tls.ca_file, backend.tls.min_version, backend.tls.verify
