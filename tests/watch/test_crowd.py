"""What is said of who asks: a line when it begins, one when it is over, and the warning of the status in between."""

from __future__ import annotations

import pytest

from sidecar.model import Standing
from sidecar.plan import ClientsPlan
from sidecar.policy.clients import Clients
from sidecar.policy.crowding import WINDOW
from sidecar.watch.crowd import Crowds
from tests.support.world import WALL_S, Recorder, Scene

pytestmark = pytest.mark.virtual

FORWARDED = (("X-Forwarded-For", "198.51.100.1"),)


class Hall:
    """A watcher and a crowd to tell it of."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.log: Recorder = self.scene.log
        self.crowds = Crowds(self.scene.clock, self.log, Clients(ClientsPlan()))

    def come(self, standing: Standing, *, client: str | None = None, times: int = WINDOW) -> None:
        """Let the same request be answered `times` times."""
        exchange = self.scene.exchange(headers=FORWARDED, peer="10.0.0.7")
        exchange.standing, exchange.client = standing, client or standing.client
        for _ in range(times):
            self.crowds.tell(exchange)


async def test_a_proxy_that_nobody_trusts_is_told_once_and_taken_back() -> None:
    """With what to write; the status has it for as long as it lasts."""
    hall = Hall()
    assert hall.crowds.warning() is None
    hall.come(Standing("10.0.0.7"), times=2 * WINDOW)
    (line,) = hall.log.named("one_client")
    warning = hall.crowds.warning()
    assert warning == {
        "code": "one_client",
        "severity": "warning",
        "text": "one client makes 100 % of the last 1000 requests, and they carry X-Forwarded-For from 10.0.0.7, "
        "which is not in clients.trust",
        "remedy": line["remedy"],
        "since": "2026-12-01T09:00:00.000Z",
        "more": "docs/operations.md#who-is-a-client",
    }
    assert (line["text"], line["more"]) == (warning["text"], warning["more"])
    assert WALL_S == 1_796_115_600.0
    for number in range(WINDOW):
        hall.come(Standing(f"client {number}"), times=1)
    assert hall.crowds.warning() is None
    assert hall.log.named("one_client_over") == [{"header": "X-Forwarded-For", "hop": "10.0.0.7"}]


@pytest.mark.parametrize(
    ("standing", "client"),
    [
        (Standing("shop_server/4711", "shop_server", named=True), None),
        (Standing("10.0.0.7"), "identity:0123456789abcdef"),
    ],
    ids=["named", "identity"],
)
async def test_who_has_a_name_of_his_own_is_not_told_apart_by_addresses(standing: Standing, client: str | None) -> None:
    """Trusting a proxy would change nothing for him."""
    hall = Hall()
    hall.come(standing, client=client)
    assert hall.crowds.warning() is None
    assert hall.log.events == []


async def test_a_new_plan_is_asked_from_then_on() -> None:
    """Whoever has followed the advice sees the warning go with the next thousand."""
    hall = Hall()
    hall.come(Standing("10.0.0.7"))
    assert hall.crowds.warning() is not None
    hall.crowds.bound(Clients(ClientsPlan(trust=("10.0.0.7",))))
    hall.come(Standing("198.51.100.1", believed=True))
    assert hall.crowds.warning() is None


async def test_a_name_that_is_none_is_counted_and_told_once_a_minute() -> None:
    """By the caller's name in the settings, never with what it wrote."""
    hall = Hall()
    misnamed = Standing("10.2.0.5", "shop_server", misnamed=True)
    hall.come(misnamed, times=3)
    assert hall.crowds.malformed == {"shop_server": 3}
    (line,) = hall.log.named("client_name_malformed")
    assert (line["caller"], line["count"]) == ("shop_server", 1)
    assert "1 to 128 visible ASCII" in str(line["remedy"])
