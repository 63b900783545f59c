"""Other proxies before the same house: nginx as it comes, HAProxy told the knee and told five times as much, Envoy learning by itself.

Each is skipped where it is not installed.
"""

from __future__ import annotations

from typing import Final

from bench.peers import ENVOY, Peer

_NGINX: Final = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 10000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 10000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
"""
_HAPROXY: Final = """
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  timeout queue 2s
  http-reuse always
frontend public
  bind 127.0.0.1:{{port}}
  default_backend origin
backend origin
  server one 127.0.0.1:{{origin}} maxconn {maxconn}
"""
# The plain proxy's settings with the filter that learns before its router, and room for what waits.
_ROUTER: Final = "          - name: envoy.filters.http.router\n"
_ADAPTIVE: Final = """\
          - name: envoy.filters.http.adaptive_concurrency
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency
              gradient_controller_config:
                sample_aggregate_percentile: {{value: 50}}
                concurrency_limit_params: {{concurrency_update_interval: 0.1s}}
                min_rtt_calc_params: {{interval: 60s, request_count: 50, jitter: {{value: 15}}}}
"""
_STATIC: Final = "    type: STATIC\n"
_ROOM: Final = "    circuit_breakers: {{thresholds: [{{max_connections: 10000, max_pending_requests: 10000, max_requests: 10000}}]}}\n"
_ENVOY: Final = ENVOY.replace(_ROUTER, _ADAPTIVE + _ROUTER).replace(_STATIC, _STATIC + _ROOM)


def _haproxy(name: str, maxconn: int) -> Peer:
    return Peer(
        name,
        "haproxy",
        _HAPROXY.format(maxconn=maxconn),
        lambda program, file: [program, "-q", "-db", "-f", str(file)],
    )


PEERS: Final = (
    Peer("nginx", "nginx", _NGINX, lambda program, file: [program, "-c", str(file), "-p", str(file.parent)]),
    _haproxy("HAProxy, told 100", 100),
    _haproxy("HAProxy, told 20", 20),
    Peer(
        "Envoy, learning",
        "envoy",
        _ENVOY,
        lambda program, file: [program, "-c", str(file), "--concurrency", "1", "--use-dynamic-base-id", "-l", "off"],
    ),
)
