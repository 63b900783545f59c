"""The http-cache-tests and whom they judge: how the suite is run over one road, and the two proxies that ours is measured beside.

The suite speaks GET; `cachetests/` turns each of its requests into a SOAP call and back, so that what is judged is a cache of calls.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import require
from tests.support.ports import free_port
from tests.support.process import Program, SidecarProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
RUN = HERE / "cachetests" / "run.mjs"
EXPECTED = HERE / "cachetests" / "expected.json"
DOOR = "/soap"

RUN_TIMEOUT_S = 90.0
"""A run takes 4 s on a quiet machine, 13 s on one with five times its cores to do; the rest is for worse."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the suite says of one test. `kind`: required | optimal | check; `verdict`: pass, fail, setup, dependency, yes, no …"""

    suite: str
    kind: str
    verdict: str
    message: str


@dataclass(frozen=True, slots=True)
class Suite:
    """One edition of the suite: the published package, or a checkout of its repository, which is years newer under the same number."""

    folder: Path
    edition: str

    def judge(self, style: str, target: str, origin_port: int) -> dict[str, Verdict]:
        """Run it over one road, with its origin on `origin_port`."""
        node = require.program("node", package="nodejs")
        argv = [node, str(RUN), str(self.folder), str(origin_port), style, target]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
        assert done.returncode == 0, f"the suite did not run: {done.stderr[-2000:]}"
        return {name: Verdict(**each) for name, each in json.loads(done.stdout).items()}

    def accepted(self) -> dict[str, str]:
        """Return the required tests that the sidecar does not pass, and why not."""
        found: dict[str, str] = json.loads(EXPECTED.read_text(encoding="utf-8"))[self.edition]
        return found


def suites() -> Suite:
    """Return the suite: the checkout that SIDECAR_CACHE_TESTS names, else the package."""
    folder = os.environ.get("SIDECAR_CACHE_TESTS", "")
    if not folder:
        return Suite(require.node_package("http-cache-tests", HERE / "node"), "package")
    if not (Path(folder) / "test-engine").is_dir():
        pytest.fail(
            f"SIDECAR_CACHE_TESTS names {folder}, which is no checkout of http-tests/cache-tests", pytrace=False
        )
    return Suite(Path(folder), "repository")


def required(verdicts: Mapping[str, Verdict], *words: str) -> set[str]:
    """Return the required tests with one of these verdicts."""
    return {name for name, each in verdicts.items() if each.kind == "required" and each.verdict in words}


class Nginx(Program):
    """nginx as a cache of POSTs, keyed by the body. The buffer holds the whole of it: a larger one would be no part of the key."""

    def __init__(self, folder: Path, origin_port: int) -> None:
        self.port = free_port()
        paths = "".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.geteuid() == 0 else ""  # its worker would be somebody who may not write here
        config = folder / "nginx.conf"
        config.write_text(
            f"daemon off; worker_processes 1; {user} pid {folder}/nginx.pid; error_log stderr warn;"
            "events { worker_connections 2048; }"
            f"http {{ access_log off; {paths} proxy_cache_path {folder}/kept keys_zone=kept:8m;"
            f"server {{ listen 127.0.0.1:{self.port}; location / {{ proxy_pass http://127.0.0.1:{origin_port};"
            "proxy_cache kept; proxy_cache_methods POST; proxy_cache_revalidate on; client_body_buffer_size 64k;"
            'proxy_cache_key "$request_uri|$http_soapaction|$request_body"; } } }\n'
        )
        argv = [require.program("nginx", package="nginx-light"), "-p", str(folder), "-c", str(config), "-e", "stderr"]
        super().__init__(argv, name="nginx")
        self.wait_port(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{DOOR}"


class Varnish(Program):
    """Varnish as it comes, which keeps no POST: it is asked by GET. Without lifetimes of its own, as the suite's authors run it."""

    def __init__(self, folder: Path, origin_port: int) -> None:
        self.port = free_port()
        program = folder / "default.vcl"
        program.write_text(f'vcl 4.1; backend origin {{ .host = "127.0.0.1"; .port = "{origin_port}"; }}\n')
        own = ("default_ttl=0", "default_grace=0", "default_keep=3600")
        argv = [require.program("varnishd", package="varnish"), "-j", "none", "-F", "-n", str(folder / "run")]
        argv += ["-a", f"127.0.0.1:{self.port}", "-f", str(program), *(word for each in own for word in ("-p", each))]
        super().__init__(argv, name="varnishd")
        self.wait_port(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Sidecar(SidecarProcess):
    """The sidecar before the suite's origin, which says itself how long its answers keep."""

    def __init__(self, folder: Path, origin_port: int) -> None:
        cache = {
            "ttl": "0s",
            "freshness": "origin",
            "stale_if_error": "1m",  # else nothing stale is ever given, and what forbids it could not be seen
            "vary": ["Foo", "Bar", "Baz", "Accept-Language"],
        }
        backend = {
            "protocol": "soap",
            "path": DOOR,
            "url": f"http://127.0.0.1:{origin_port}{DOOR}",
            "limit": {"fixed": 1000},  # the suite asks all its questions at once, and judges no line
            "breaker": {"mode": "off"},  # of which many want a reply that no breaker would stand for long
            "retry": {"budget": "0%"},  # and count what reaches the origin
            "operations": {"Fetch": {"safe": True, "cache": cache}},
        }
        super().__init__({"backends": {"origin": backend}}, folder)

    @property
    def door(self) -> str:
        return f"{self.url}{DOOR}"
