"""The sockets that a listener accepts on: TCP by address, unix by path, TLS by certificate files.

Stands below the public listener and the one of operators, at start only. It answers with bound sockets or with a ListenError that says
what to do, in the words of the settings' block that it is told (`listen`, `admin`); it never takes an address from somebody who still
listens there.
"""

from __future__ import annotations

import ctypes
import os
import socket
import ssl
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.plan import AdminPlan, ListenPlan, TlsPlan

UNIX_MODE: Final = 0o660  # owner and group: the web server in front shares our group
_SO_ATTACH_FILTER: Final = 26  # Linux, asm-generic/socket.h
_DROP_ALL: Final = struct.pack("HBBI", 0x06, 0, 0, 0)  # classic BPF's BPF_RET | BPF_K of no bytes (linux/filter.h)
_PROBE_S: Final = 1.0  # a live listener on this machine accepts at once; its full backlog counts as alive


class ListenError(OSError):
    """The listener cannot start; the message says where, why, and what to do."""


def bind(where: ListenPlan | AdminPlan, key: str = "listen", unix_mode: int = UNIX_MODE) -> list[socket.socket]:
    """Return the bound sockets of `where`, the settings' block `key`, not yet listening."""
    if where.unix is not None:
        return [_bind_unix(where.unix, key, unix_mode)]
    try:
        found = socket.getaddrinfo(
            where.host or None, where.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except OSError as error:
        raise ListenError(f"{key}.host: {where.host!r} is no address of this machine ({error.strerror})") from error
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            port = sockets[0].getsockname()[1] if sockets and not where.port else where.port  # the same on every family
            sockets.append(_bind_tcp(family, (address[0], port, *address[2:]), key))
    except BaseException:
        for bound in sockets:
            bound.close()
        raise
    return sockets


def _bind_tcp(family: int, address: tuple[object, ...], key: str) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # "::" beside "0.0.0.0", never instead
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise ListenError(
            f"{key}: cannot bind {address[0]} port {address[1]} ({error.strerror}). "
            f"Is something else, or another sidecar, listening there? Choose another {key}.port or stop it."
        ) from error
    return bound


def _bind_unix(path: str, key: str, mode: int) -> socket.socket:
    _clear_stale(path, key)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~mode)  # bind creates the file: a chmod after it would leave a moment open to all
    try:
        bound.setblocking(False)
        bound.bind(path)
    except OSError as error:
        bound.close()
        raise ListenError(
            f"{key}.unix: cannot bind {path} ({error.strerror}). The directory must exist and be writable for this user."
        ) from error
    finally:
        os.umask(before)
    return bound


def _clear_stale(path: str, key: str) -> None:
    """Remove the socket file of a process that is gone."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{key}.unix: {path} exists and is not a socket. Remove it or choose another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
            return
        except OSError as error:
            raise ListenError(f"{key}.unix: cannot tell whether somebody listens on {path} ({error}).") from error
    raise ListenError(f"{key}.unix: another process listens on {path}. Stop it or choose another path.")


def shut_out(bound: socket.socket) -> list[socket.socket]:
    """Take in everybody whom the kernel has let in at a listening socket, so that nobody stands there when it closes.

    A close resets whoever was let in and not accepted, with the request that he has sent. Where the kernel can (Linux, TCP) nobody gets
    in any more from here on: his SYN is dropped, and the one a second later meets a closed port or our successor.
    """
    if bound.family != socket.AF_UNIX:
        program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
        with suppress(OSError):  # not Linux: between the last accept and the close lie microseconds
            bound.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
    came: list[socket.socket] = []
    with suppress(OSError):  # nobody is left: BlockingIOError; or he has gone again
        while True:
            one, _ = bound.accept()
            one.setblocking(False)
            came.append(one)
    return came


def forget_unix(path: str, inode: tuple[int, int]) -> None:
    """Remove our socket file, unless somebody else has put his there since."""
    try:
        now = Path(path).stat()
    except FileNotFoundError:
        return
    if (now.st_dev, now.st_ino) == inode:
        Path(path).unlink(missing_ok=True)


def unix_inode(path: str) -> tuple[int, int]:
    """Return what tells our socket file from a later one of the same name."""
    now = Path(path).stat()
    return now.st_dev, now.st_ino


def tls_context(tls: TlsPlan) -> ssl.SSLContext:
    """Return a server context for the certificate files: TLS 1.2 at least (RFC 8996 retired what is older)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, tls)
    return context


def load_certificate(context: ssl.SSLContext, tls: TlsPlan) -> None:
    """Give a context its certificate, for the handshakes from now on; one that is given again replaces the old one.

    The files are tried apart first: a context that failed half-way would be left with neither.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert_file, tls.key_file)
        context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ListenError(
            f"listen.tls: cannot use {tls.cert_file} with {tls.key_file} ({error}). "
            "Both must be PEM, readable for this user, and belong together."
        ) from error
