"""A page on an origin of its own in a real Chromium, and what it can read of a fetch.

`Shop` is the page's server, `Tab` the page: `tab.fetch(url, …)` gives a `Seen`, whatever happened.
"""

from __future__ import annotations

import http.server
import json
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from tests.support import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from playwright.sync_api import Browser, Page, Playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# One function for all tests: what a page can learn of a fetch. A header that is not exposed reads null.
_SCRIPT = """
window.ask = async (url, options) => {
  try {
    const response = await fetch(url, options);
    const text = await response.text();
    const read = name => response.headers.get(name);
    return {
      type: response.type, status: response.status, text,
      headers: Object.fromEntries([...response.headers]),
      state: read('Sidecar-State'), retry: read('Retry-After'), id: read('X-Request-Id'),
    };
  } catch (error) {
    return {type: 'error', status: 0, text: String(error), headers: {}, state: null, retry: null, id: null};
  }
};
window.started = {};
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page can read; `type` is "error" where fetch itself failed, and then `text` says how."""

    type: str
    status: int
    text: str
    headers: dict[str, str] = field(repr=False)
    state: str | None
    retry: str | None
    id: str | None

    @property
    def word(self) -> str | None:
        """The state without its parameters."""
        return None if self.state is None else self.state.partition(";")[0]

    def json(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.text)
        return made


class Tab:
    """One page of the shop; `failures` is what the browser says of requests that failed, which it hides from the page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.failures: list[str] = []
        page.on("requestfailed", lambda request: self.failures.append(f"{request.failure}: {request.url[:80]}"))
        page.goto(url)
        page.evaluate(_SCRIPT)

    def fetch(self, url: str, **options: Any) -> Seen:
        """Fetch and wait for the outcome."""
        seen = Seen(**self.page.evaluate("([url, options]) => ask(url, options)", [url, _options(options)]))
        return seen if seen.status else replace(seen, text=f"{seen.text}; {'; '.join(self.failures[-2:])}")

    def start(self, name: str, url: str, **options: Any) -> None:
        """Begin a fetch and do not wait."""
        script = "([name, url, options]) => { started[name] = ask(url, options); }"
        self.page.evaluate(script, [name, url, _options(options)])

    def finish(self, name: str) -> Seen:
        """Wait for what `start` began."""
        return Seen(**self.page.evaluate("name => started[name]", name))


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in options.items()}


class Shop:
    """An origin: a server of one empty page."""

    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
        self._thread = threading.Thread(target=self._server.serve_forever, name="shop", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Blank(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>shop</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


def launch(playwright: Playwright, *more: str) -> Browser:
    """Start the Chromium of this machine, or skip where there is none."""
    return playwright.chromium.launch(executable_path=require.browser(), args=[*FLAGS, *more])
