"""The things to try: every address that the visitor needs, and every command one that a shell can take."""

from __future__ import annotations

import re
import shlex

from sidecar.demo.shop import Addresses
from sidecar.demo.tries import TOKEN, things_to_try

WHERE = Addresses("http://s:1", "http://c:2", "http://b:3", "http://a:4")


def test_the_addresses_stand_on_top() -> None:
    """The page, the sidecar, the box office with its control address, the operators."""
    head = things_to_try(WHERE, "http://shop:5").partition("Things to try")[0]
    for address in (
        "http://shop:5/",
        "http://s:1/tickets",
        "http://s:1/boxrpc",
        "http://b:3/box.asmx",
        "http://c:2/_stats",
        "http://a:4/",
    ):
        assert address in head


def test_every_command_can_be_typed() -> None:
    """Quotes are closed, addresses filled in, and the orders carry the token that the sidecar was started with."""
    tries = re.findall(r"^ +\d+  (.+)\n     (.+)$", things_to_try(WHERE, "http://shop:5"), re.MULTILINE)
    assert len(tries) >= 15
    for _, command in tries:
        assert "{" not in re.sub(r"'[^']*'", "", command)
        assert shlex.split(command)[0] in ("curl", "SIDECAR_ADMIN=http://a:4")
    assert any(f"SIDECAR_ADMIN_TOKEN={TOKEN}" in command for _, command in tries)
    assert any("http://shop:5/tide" in command for _, command in tries)
