"""The box office as a spyne service, SOAP 1.1 and 1.2, over an HTTP/1.1 server that keeps connections and drops idle ones.

Run as `spyne_server.py PORT IDLE_S`. Paths: /soap11 and /soap12, and below each /gzip (the reply compressed) and /utf16 (the
reply transcoded); /desk11 and /desk12 are the desk. Knows nothing of any proxy.
"""

from __future__ import annotations

import datetime as dt
import gzip
import sys
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

# spyne 2.14 is the last release and calls what later Pythons and lxmls deprecate; its warnings are not ours to mend.
warnings.simplefilter("ignore")

from spyne import (  # noqa: E402 - after the filter
    Application,
    Array,
    Boolean,
    ComplexModel,
    DateTime,
    Decimal,
    Double,
    Fault,
    Integer32,
    Integer64,
    ServiceBase,
    Unicode,
    rpc,
)
from spyne.protocol.soap import Soap11, Soap12  # noqa: E402 - after the filter
from spyne.server.wsgi import WsgiApplication  # noqa: E402 - after the filter

NS = "urn:example:boxoffice"
DESK = "urn:example:desk"

MAX_REPORT_BYTES = 64 << 20
"""More than any test asks for; a report is built in memory."""


class Seat(ComplexModel):
    __namespace__ = NS
    number = Integer32
    price = Double
    sold = Boolean
    note = Unicode


class Quote(ComplexModel):
    __namespace__ = NS
    when = DateTime
    ratio = Double
    day = Integer32


class BoxOffice(ServiceBase):
    @rpc(Unicode, _returns=Unicode)
    def Echo(ctx, text):  # noqa: N802, N805 - spyne passes its context first; operations are named as in the WSDL
        return text

    @rpc(Integer32, Integer32, _returns=Integer32)
    def Add(ctx, a, b):  # noqa: N802, N805 - as Echo
        return a + b

    @rpc(Unicode, Integer32, _returns=Array(Seat))
    def Seats(ctx, row, count):  # noqa: N802, N805 - as Echo
        return [
            Seat(number=n, price=n * 12.25, sold=n % 2 == 0, note=None if n % 3 == 0 else f"{row}{n}")
            for n in range(1, count + 1)
        ]

    @rpc(DateTime, Double, _returns=Quote)
    def Price(ctx, when, ratio):  # noqa: N802, N805 - as Echo
        return Quote(when=when + dt.timedelta(days=1), ratio=ratio * 2, day=when.day)

    @rpc(Unicode, _returns=Unicode)
    def Refuse(ctx, reason):  # noqa: N802, N805 - as Echo
        raise Fault("Client.Refused", reason)

    @rpc(Integer32, Integer32, _returns=Array(Unicode))
    def Report(ctx, rows, width):  # noqa: N802, N805 - as Echo
        if rows * width > MAX_REPORT_BYTES:
            raise Fault("Client.TooMuch", "the report would be too large")
        return [f"{n:08d}".ljust(width, "x") for n in range(rows)]


class Place(ComplexModel):
    __namespace__ = DESK
    __type_name__ = "Seat"
    _type_info = (("row", Unicode), ("number", Integer32))


class Card(ComplexModel):
    __namespace__ = DESK
    _type_info = (
        ("text", Unicode),
        ("count", Integer32),
        ("price", Decimal),
        ("big", Integer64),
        ("sold", Boolean),
        ("when", DateTime),
        ("tags", Array(Unicode)),
        ("seats", Array(Place)),
        ("home", Place),
        ("codes", Integer32.customize(max_occurs="unbounded")),
        ("note", Unicode),
    )


class Refusal(Fault):
    __namespace__ = DESK


class Desk(ServiceBase):
    """Gives a record back as it came, and fails in both ways."""

    @rpc(Card, _returns=Card)
    def Tell(ctx, card):  # noqa: N802, N805 - as Echo
        return card

    @rpc(Unicode, _returns=Unicode, _throws=Refusal)
    def Refuse(ctx, reason):  # noqa: N802, N805 - as Echo
        raise Refusal("Client", reason, detail={"Refusal": {"code": "42", "reason": reason}})

    @rpc(Unicode, _returns=Unicode)
    def Fail(ctx, reason):  # noqa: N802, N805 - as Echo
        raise Fault("Server", reason)


def _application(protocol: type, service: type = BoxOffice, space: str = NS) -> WsgiApplication:
    return WsgiApplication(Application([service], space, in_protocol=protocol(), out_protocol=protocol()))


APPLICATIONS = {
    f"/{name}{variant}": _application(protocol)
    for name, protocol in (("soap11", Soap11), ("soap12", Soap12))
    for variant in ("", "/gzip", "/utf16")
} | {"/desk11": _application(Soap11, Desk, DESK), "/desk12": _application(Soap12, Desk, DESK)}


class Handler(BaseHTTPRequestHandler):
    """Gives each request to the WSGI application at its path; answers Expect through the base class."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # head and body are two writes; Nagle with delayed ACK would hold the second for 40 ms
    )

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._serve(self._chunks())
        else:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        application = APPLICATIONS.get(path)
        if application is None:
            self.send_error(404)
            return
        head: list[tuple[str, list[tuple[str, str]]]] = []
        reply = b"".join(
            application(self._environ(path, query, body), lambda status, headers, *_: head.append((status, headers)))
        )
        status, headers = head[-1]
        fields = {name.lower(): value for name, value in headers}
        if path.endswith("/utf16") and self.command == "POST":
            text = reply.decode()
            text = text.replace("encoding='UTF-8'", "encoding='UTF-16'").replace(
                'encoding="UTF-8"', 'encoding="UTF-16"'
            )
            reply = text.encode("utf-16")  # with a byte order mark, as XML 1.0 §4.3.3 asks
            fields["content-type"] = fields["content-type"].replace("utf-8", "utf-16")
        if path.endswith("/gzip") and self.command == "POST" and "gzip" in self.headers.get("Accept-Encoding", ""):
            reply = gzip.compress(reply, mtime=0)
            fields["content-encoding"] = "gzip"
        self.send_response(int(status.split()[0]))
        for name, value in fields.items():
            if name != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def _environ(self, path: str, query: str, body: bytes) -> dict[str, object]:
        host, _, port = self.headers.get("Host", "127.0.0.1:80").partition(":")
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": host,
            "SERVER_PORT": port or "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        return environ | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}

    def log_message(self, *_: object) -> None:
        """Keep quiet: the tap in front keeps the journal."""


if __name__ == "__main__":
    Handler.timeout = float(sys.argv[2])
    ThreadingHTTPServer.daemon_threads = True
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        print("ready", flush=True)
        server.serve_forever()
