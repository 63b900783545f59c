"""An OpenTelemetry collector for tests: takes spans by OTLP over HTTP on loopback, reads them as a real one does, keeps them.

Stands where `trace.endpoint` points. It serves from a thread of its own, because what sends to it blocks in one.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, cast

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

SERVER, CLIENT = 2, 3
"""SpanKind of opentelemetry-proto."""


class Collector(ThreadingHTTPServer):
    """`spans` are what came so far, `paths` where to, `resource` who they say they are from."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.paths: list[str] = []
        self.spans: list[Span] = []
        self.resource: dict[str, str] = {}
        threading.Thread(target=self.serve_forever, name="collector", daemon=True, args=(0.01,)).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def of(self, kind: int) -> list[Span]:
        return [each for each in self.spans if each.kind == kind]


class _Door(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast("Collector", self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.paths.append(self.path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            server.resource.update({each.key: each.value.string_value for each in resource.resource.attributes})
            server.spans += [each for scope in resource.scope_spans for each in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
