"""The bytes that every subject is measured with: one ordinary SOAP call of 1 KB and its reply, and the big ones that test the loop.

The operation is one of the demo's own contract, so that the sidecar finds it in a WSDL, as it would beside a real backend.
"""

from __future__ import annotations

from typing import Final

from sidecar.demo.soap import NS

PATH: Final = "/box.asmx"
KEPT: Final = "/kept.asmx"  # the same service, whose answers are kept
CALL_BYTES: Final = 1024
REPLY_BYTES: Final = 1024
BIG_CALL_BYTES: Final = 1_000_000
BIG_REPLY_BYTES: Final = 16_000_000
BIG: Final = b"GetSalesReport"  # the operation that the origin answers with BIG_REPLY_BYTES
DENIED: Final = "DestroyCache"
OPERATION: Final = "GetPerformances"

_OPEN: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
)
_CLOSE: Final = "</soap:Body></soap:Envelope>"


def call(operation: str, size_bytes: int = CALL_BYTES) -> bytes:
    """Return an envelope of `size_bytes`, filled up in one value."""
    before = f'{_OPEN}<{operation} xmlns="{NS}"><sSessionKey>'
    after = f"</sSessionKey><sStartDate>2026-12-01</sStartDate></{operation}>{_CLOSE}"
    return (before + "x" * (size_bytes - len(before) - len(after)) + after).encode()


def listed_call(operation: str, size_bytes: int = BIG_CALL_BYTES) -> bytes:
    """Return an envelope of about `size_bytes` as a client with a long list sends it: many elements, short values."""
    before, after = f'{_OPEN}<{operation} xmlns="{NS}">', f"</{operation}>{_CLOSE}"
    row = "<iSeat>1201</iSeat><sNote>aisle, row 7, between two columns, sees half of the stage</sNote>\n"
    return (before + row * ((size_bytes - len(before) - len(after)) // len(row)) + after).encode()


def reply(operation: str, size_bytes: int = REPLY_BYTES) -> bytes:
    """Return a reply of `size_bytes`: rows, as a report has them."""
    before, after = (
        f'{_OPEN}<{operation}Response xmlns="{NS}"><{operation}Result>',
        f"</{operation}Result></{operation}Response>{_CLOSE}",
    )
    row = '<row seat="1201" price="45.00">Hamlet, stalls</row>'
    room = size_bytes - len(before) - len(after)
    return (before + row * (room // len(row)) + "y" * (room % len(row)) + after).encode()


def post(body: bytes, operation: str, media: str = "text/xml; charset=utf-8", path: str = PATH) -> bytes:
    """Return a whole request, with the header lines that zeep sends."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Zeep/4.3.2 (www.python-zeep.org)\r\n"
        "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
        f'SOAPAction: "{NS}{operation}"\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body


def get(target: str) -> bytes:
    """Return a whole GET request."""
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".encode()
