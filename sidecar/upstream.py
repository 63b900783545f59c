"""One backend's connections: the I/O seam of the flight lane. Sends one request, brings back facts as values, never an exception.

Stands on aiohttp's TCPConnector (pool, DNS, TLS, happy eyeballs) and its response parser, below ClientSession: a session would
retry, follow, decompress and add headers on its own, and could not say how much of a request has left. What is used of
aiohttp below its documented surface is in the three files of this name and pinned by `make canary`.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from aiohttp import ClientTimeout, TCPConnector
from aiohttp import client_exceptions as theirs
from aiohttp.client_reqrep import ClientRequest
from yarl import URL

from sidecar.model import Failed, Progress, Received
from sidecar.upstream_talk import Talk, words_of
from sidecar.upstream_wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection

    from sidecar.model import Account, Outbound, Track
    from sidecar.plan import BackendPlan, UpstreamTlsPlan
    from sidecar.ports import AttemptLimits, Log

_DNS_S: Final = 10  # a failover by DNS is seen within this
_WARY_S: Final = (
    600.0  # a backend that spoke unasked once does it again; a handshake per call is what safety costs until then
)
# A backend that says more than it was asked says it right after its reply, and to calls that follow at once it looks like their answers,
# one after the other. So the first connections rest a moment before they are used again: two at a time, until eight have been silent.
_REST_S: Final = 0.02
_RESTING: Final = 2
_DOUBTS: Final = 8
_UNBOUNDED: Final = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class _Pool(TCPConnector):
    """aiohttp's connector, which makes connections of ours."""

    def __init__(self, idle_s: float | None, notice: Callable[[], None]) -> None:
        if (
            idle_s is None
        ):  # also where nothing shall be kept: aiohttp starts no timer for 0 s, and would keep it for ever
            super().__init__(limit=0, ttl_dns_cache=_DNS_S, force_close=True)
        else:
            super().__init__(limit=0, ttl_dns_cache=_DNS_S, keepalive_timeout=idle_s)
        self._factory = cast("partial[ResponseHandler]", partial(Wire, self._loop, notice))

    @property
    def busy(self) -> bool:
        """Whether a connection carries a call."""
        return bool(self._acquired)

    def rest(self) -> None:
        """Keep no connection any more: those that carry nothing are closed now, the others when they carry nothing."""
        self._force_close = True
        for kept in self._conns.values():
            for protocol, _ in kept:
                protocol.close()
        self._conns.clear()

    def take(self, key: ConnectionKey) -> Connection | None:
        """Return a kept connection that may still be used. aiohttp's own look into its pool awaits nothing where nobody traces."""
        while True:
            looking = self._get(key, [])
            try:
                looking.send(None)
            except StopIteration as found:
                connection: Connection | None = found.value
            if connection is None or cast("Wire", connection.protocol).usable:
                return connection
            connection.close()


class HttpUpstream:
    """The connections of one backend; made inside a running loop. `context` is how an https one is checked, where it is at hand."""

    def __init__(self, backend: BackendPlan, log: Log | None = None, context: ssl.SSLContext | None = None) -> None:
        self._name, self._log = backend.name, log
        self._wary_until = 0.0
        self._doubts = _DOUBTS
        self._resting: dict[Connection, asyncio.TimerHandle] = {}
        url = URL(backend.endpoints[0][1], encoded=True)
        tls = (context or client_context(backend.tls)) if url.scheme == "https" else None
        self._pool, self._fresh = _Pool(backend.pool_idle_s or None, self._grow_wary), _Pool(None, self._grow_wary)
        # The connector wants a request to know whom to connect to; one serves for all, nothing is ever sent of it.
        self._whom = ClientRequest(
            "POST",
            url.origin(),
            loop=asyncio.get_running_loop(),
            ssl=tls if tls is not None else True,
            server_hostname=backend.tls.server_name,
        )
        self._key = self._whom.connection_key
        authority = url.raw_authority.rpartition("@")[2]
        self._host = b"Host: " + authority.encode("ascii") + b"\r\n"

    async def send(
        self, outbound: Outbound, limits: AttemptLimits, track: Track, account: Account
    ) -> Received | Failed:
        """Make one attempt; see `ports.Upstream`."""
        track.progress = Progress.CONNECTING
        fresh = limits.fresh or self.wary
        connection = None if fresh else self._pool.take(self._key)
        if connection is None:
            try:
                async with asyncio.timeout(limits.connect_s):
                    connection = await self._connect(self._fresh if fresh else self._pool)
            except (TimeoutError, OSError, theirs.ClientError) as error:
                return _unconnected(error, limits.connect_s)
        talk = Talk(connection, self._give_back, outbound, track, account, limits)
        if track.abandoned:
            talk.close()
            return Failed("backend_unreachable", "reset", "nobody waits for this call any more", sent=False)
        return await talk.run(self._host)

    async def _connect(self, pool: _Pool) -> Connection:
        """Take a kept connection that may still be used, else open one."""
        while True:
            connection = await pool.connect(self._whom, [], _UNBOUNDED)
            wire = cast("Wire", connection.protocol)
            if wire.usable or not wire.has_served:  # a new one that is gone already is a fact for the talk to tell
                return connection
            connection.close()

    def _give_back(self, connection: Connection, first: bool) -> None:
        """Let a connection be used again: at once, or, of a backend that is not known yet, when it has been silent for a moment."""
        if first and self._doubts and len(self._resting) < _RESTING:
            loop = asyncio.get_running_loop()
            self._resting[connection] = loop.call_later(_REST_S, self._has_rested, connection)
        else:
            connection.release()

    def _has_rested(self, connection: Connection) -> None:
        del self._resting[connection]
        if not cast("Wire", connection.protocol).babbles:
            self._doubts -= self._doubts > 0
        connection.release()

    @property
    def wary(self) -> bool:
        """Whether no connection is kept for now, because the backend spoke unasked."""
        return asyncio.get_running_loop().time() < self._wary_until

    def _grow_wary(self) -> None:
        """Keep no connection for a while: what was said unasked a moment later would be somebody else's answer."""
        now = asyncio.get_running_loop().time()
        if self._log is not None and now >= self._wary_until:
            remedy = "it sends more than one reply to a request; until that is mended, each call gets a connection of its own"
            self._log.event("backend_speaks_unasked", backend=self._name, for_s=_WARY_S, remedy=remedy)
        self._wary_until = now + _WARY_S

    def rest(self) -> None:
        """Keep no connection any more, for this is about to be replaced; calls go on, those that come have one of their own each."""
        self._drop_resting()
        self._pool.rest()

    @property
    def busy(self) -> bool:
        """Whether somebody is still answered by it: a reply that streams takes as long as its reader."""
        return self._pool.busy or self._fresh.busy

    def _drop_resting(self) -> None:
        for connection, timer in self._resting.items():
            timer.cancel()
            connection.close()
        self._resting.clear()
        self._doubts = 0  # what is given back from here on is closed at once

    async def close(self) -> None:
        """Close every connection, idle or not."""
        self._drop_resting()
        await self._pool.close()
        await self._fresh.close()


def _unconnected(error: BaseException, connect_s: float) -> Failed:
    """Map what a connector raises to what an operator understands (the seam's one table)."""
    if isinstance(error, TimeoutError):
        return Failed(
            "backend_unreachable",
            "connect_timeout",
            f"no connection within timeouts.connect ({connect_s:g} s)",
            sent=False,
        )
    if isinstance(error, theirs.ClientConnectorDNSError):
        return Failed("backend_unreachable", "dns", "the backend's name cannot be resolved", sent=False)
    if isinstance(error, (theirs.ClientSSLError, ssl.SSLError, theirs.ServerFingerprintMismatch)):
        return Failed("backend_unreachable", "tls", f"the TLS handshake failed: {words_of(error)}", sent=False)
    reset = isinstance(getattr(error, "os_error", error), ConnectionResetError)
    return Failed(
        "backend_unreachable", "reset" if reset else "refused", f"no connection: {words_of(error)}", sent=False
    )


def client_context(plan: UpstreamTlsPlan) -> ssl.SSLContext:
    """Return how an https backend is checked. Raises OSError or ssl.SSLError where tls.ca_file holds no certificates."""
    context = ssl.create_default_context(cafile=plan.ca_file)
    if plan.min_version is not None:
        context.minimum_version = _VERSIONS[plan.min_version]
    if not plan.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
