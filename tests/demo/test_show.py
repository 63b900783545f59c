"""The composition: it waits for the sidecar, tells what reached people, and leaves no process behind however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from sidecar.demo import beside, show
from sidecar.demo.account import UNPROTECTED
from sidecar.demo.shop import Addresses
from sidecar.demo.show import FREE, main
from sidecar.settings.load import Beside, load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.demo.tally import Report

STAND_IN = (sys.executable, "-m", "tests.demo.stand_in")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "COMMAND", STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def _command(monkeypatch: pytest.MonkeyPatch, command: Sequence[str]) -> None:
    monkeypatch.setattr(beside, "COMMAND", tuple(command))


def _interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a signal come as soon as the crowd does."""

    class Interrupted(show.Crowd):
        async def run(self) -> Report:
            os.kill(os.getpid(), signal.SIGINT)
            return await super().run()

    monkeypatch.setattr(show, "Crowd", Interrupted)


async def test_with_a_crowd_it_prints_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, what people saw agrees with the box office's own count, and the backend never had more than its limit."""
    assert await main(for_s=2.0, as_json=True, rates=(20.0,)) == 0
    told = orjson.loads(capsys.readouterr().out)
    people, backend = told["reached_people"], told["backend"]
    assert not told["cut_short"]
    assert people["without_state"] == 0
    assert people["states"].keys() == {"ok", "cached"}
    assert sum(people["states"].values()) == people["calls"]
    assert 20 < backend["calls"] <= people["states"]["ok"]  # who asks the same at once shares one call
    assert people["orders_confirmed"] == backend["orders"]
    assert backend["peak"] <= 16
    assert told["protected"]
    assert told["goodput_per_s"] > 0
    assert [part["people_per_s"] for part in told["parts"]] == [20.0, 0.0]


@pytest.mark.long
@pytest.mark.uvloop  # the loop of the demo; on the other one a connection that comes in the moment of a fall is never closed
async def test_without_a_sidecar_the_same_crowd_fells_the_house(capsys: pytest.CaptureFixture[str]) -> None:
    """No process is started; it is said before anything else what this is, who was served and who got nothing."""
    assert await main(for_s=3.0, as_json=True, rates=(400.0,), unprotected=True, config=Path("nowhere.yaml")) == 0
    said = capsys.readouterr()
    told = orjson.loads(said.out)
    assert said.err.startswith("no sidecar this time")
    assert not told["protected"]
    assert told["falls"] >= 1
    assert told["highest_in_flight"] == 400
    assert told["got_nothing"] > told["served"]
    assert told["reached_people"]["without_state"] == told["reached_people"]["calls"]
    assert {part["limits"] for part in told["parts"]} == {None}


async def test_unprotected_ends_by_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a time it takes its own, and says in words what it was; a port that is taken is told before."""
    monkeypatch.setattr(show, "UNPROTECTED_S", 0.5)
    assert await main(rates=(20.0,), unprotected=True) == 0
    assert capsys.readouterr().out.startswith(UNPROTECTED)
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with taken:
        ports = show.Ports(0, 0, taken.sockets[0].getsockname()[1])
        assert await main(for_s=1.0, ports=ports, unprotected=True) == 1
    assert "choose another port" in capsys.readouterr().err


async def test_a_signal_ends_the_unprotected_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It reports what there was until then."""
    _interrupted(monkeypatch)
    assert await main(for_s=60.0, as_json=True, rates=(5.0,), unprotected=True) == 0
    assert orjson.loads(capsys.readouterr().out)["cut_short"] is True


async def test_without_json_it_says_it_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts, for a person at a terminal."""
    assert await main(for_s=0.5, rates=(20.0,)) == 0
    said = capsys.readouterr().out
    assert "what reached them" in said
    assert "fell 0 times" in said


async def test_standing_it_prints_addresses_and_ends_on_a_signal(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a time it lists things to try with commands, and SIGTERM ends it with 0."""
    run = asyncio.ensure_future(main(ports=FREE))  # noqa: TID251 - awaited below
    said = ""
    async with asyncio.timeout(20):
        while "Ctrl-C ends everything." not in said:
            await asyncio.sleep(0.05)
            said += capsys.readouterr().out
    os.kill(os.getpid(), signal.SIGTERM)
    assert await run == 0
    assert "shop page    http://127.0.0.1:" in said
    assert said.count("curl") >= 11


async def test_a_signal_in_the_middle_of_the_crowd_still_reports(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut short, it says so, tells what had happened until then, and exits 0."""
    _interrupted(monkeypatch)
    assert await main(for_s=60.0, as_json=True, rates=(5.0,)) == 0
    assert orjson.loads(capsys.readouterr().out)["cut_short"] is True


@pytest.mark.parametrize("for_s", [None, 5.0])
async def test_a_sidecar_that_does_not_start_is_named(
    for_s: float | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its exit code is told, its own message stands above it, and ours is 1."""
    _command(monkeypatch, (sys.executable, "-c", "raise SystemExit(3)"))
    assert await main(for_s=for_s, ports=FREE) == 1
    assert "the sidecar ended with exit code 3" in capsys.readouterr().err


async def test_a_sidecar_that_dies_under_way_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is still printed, marked as cut short; then the death is told and the exit code is 1."""
    mortal = "import asyncio, tests.demo.stand_in as s\nasyncio.run(asyncio.wait_for(s.main(), 2))"
    _command(monkeypatch, (sys.executable, "-c", mortal))
    assert await main(for_s=60.0, as_json=True, rates=(5.0,)) == 1
    said = capsys.readouterr()
    assert orjson.loads(said.out)["cut_short"] is True
    assert "the sidecar ended with exit code 1" in said.err


async def test_a_sidecar_that_never_gets_healthy_is_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the time to get ready it is told where nothing answered, and the process is gone."""
    monkeypatch.setattr(beside, "READY_S", 0.3)
    _command(monkeypatch, (sys.executable, "-c", "import time; time.sleep(60)"))
    assert await main(for_s=5.0) == 1
    assert "/.sidecar/healthz within" in capsys.readouterr().err


async def test_a_usual_port_that_is_taken_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something listens on 8080 on many a machine; whoever tries this for the first time sees it all the same."""
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with taken:
        busy, free = taken.sockets[0].getsockname()[1], show._free_port()
        monkeypatch.setattr(show.Ports.__init__, "__defaults__", (busy, free, free, free))
        ports = show.usual()
    assert ports.sidecar not in (0, busy)
    assert (ports.shop, ports.box, ports.admin) == (free, free, free)


async def test_a_config_that_is_not_there_and_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are told in words before anything is started."""
    assert await main(for_s=1.0, config=Path("nowhere.yaml")) == 1
    assert "nowhere.yaml is not there" in capsys.readouterr().err
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with taken:
        assert await main(for_s=1.0, ports=show.Ports(0, 0, taken.sockets[0].getsockname()[1])) == 1
    assert "choose another port" in capsys.readouterr().err


def test_the_demo_config_names_only_what_the_box_office_has() -> None:
    """Every operation, pattern and method in config/demo.yaml matches one of the box office's."""
    from fnmatch import fnmatchcase  # noqa: PLC0415 - beside its only use

    from ruamel.yaml import YAML  # noqa: PLC0415 - beside its only use

    from sidecar.demo.operations import BY_NAME, BY_RPC  # noqa: PLC0415 - beside its only use

    backends = YAML(typ="safe").load(show.CONFIG)["backends"]
    for backend, known in (("tickets", BY_NAME), ("boxrpc", BY_RPC)):
        section = backends[backend]
        named = [*section["operations"], *section["deny"], *(rule["operation"] for rule in section.get("results", ()))]
        assert all(any(fnmatchcase(name, pattern) for name in known) for pattern in named)
    assert "limit" not in backends["tickets"]  # it is learnt


def test_the_gala_opens_two_minutes_after_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sidecar reads the very moment that the shop knows, keeps nothing but a key, and that where the demo says."""
    where = Addresses("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", opens=1_900_000_000.0)
    for name, value in show._environment(where, "http://127.0.0.1:4", 5, tmp_path).items():
        monkeypatch.setenv(name, value)
    plan = load_all(str(show.CONFIG), Beside(volatile=True)).plan
    gala = next(room for room in plan.rooms if room.name == where.room)
    assert gala.opens == where.opens
    assert gala.lobby_s > show.OPENS_S > 2 * gala.draw_s
    assert gala.draw_s == where.onsale().draw_s
    assert [path.name for path in tmp_path.iterdir()] in ([], ["keys"])
