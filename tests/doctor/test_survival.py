"""Whether places outlive the process: keys and store as they may lie on a disk, and what is said where they do not."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.doctor import survival
from sidecar.doctor.report import Verdict
from sidecar.plan import Plan, RoomPlan

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.doctor.report import Finding

OK, WARN, FAIL = Verdict
PLAN = Plan(rooms=(RoomPlan("hamlet"),))
DISK = "/dev/sda1 / ext4 rw 0 0\n"


def looked(folder: Path, plan: Plan, mounts: str = DISK) -> dict[str, Finding]:
    (folder / "root/proc/self").mkdir(parents=True)
    (folder / "root/proc/self/mounts").write_text(mounts)
    return {each.check: each for each in survival.look(plan, folder / "root")}


def test_nobody_is_asked_for_keys_without_rooms(tmp_path: Path) -> None:
    """What has no places loses none."""
    assert survival.look(replace(PLAN, rooms=()), tmp_path) == []


def test_nothing_that_survives(tmp_path: Path) -> None:
    """Both are a no-go, with what to write."""
    found = looked(tmp_path, PLAN)
    assert {(each.verdict, bool(each.remedy)) for each in found.values()} == {(FAIL, True)}


def test_keys_and_store_on_disk(tmp_path: Path) -> None:
    """Not there yet is well, where they can be made: and none is made by looking."""
    plan = replace(PLAN, keys=str(tmp_path / "new" / "keys"), store=str(tmp_path / "state.db"))
    found = looked(tmp_path, plan)
    assert {each.verdict for each in found.values()} == {OK}
    assert "the first start makes it" in found["keys"].what
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "state.db").exists()


@pytest.mark.parametrize(
    ("mode", "content", "verdict", "said"),
    [
        (0o600, "k1:" + "ab" * 32, OK, "for its owner's eyes only"),
        (0o644, "k1:" + "ab" * 32, FAIL, "others than its owner"),
        (0o600, "no key", FAIL, "line 1 is no key"),
    ],
)
def test_keys_that_are_there(tmp_path: Path, mode: int, content: str, verdict: Verdict, said: str) -> None:
    """Read as a start reads them: for their owner alone, and keys."""
    file = tmp_path / "keys"
    file.write_text(content)
    file.chmod(mode)
    found = looked(tmp_path, replace(PLAN, keys=str(file), store=str(tmp_path / "s.db")))["keys"]
    assert found.verdict is verdict
    assert said in found.what


@pytest.mark.parametrize(
    ("kind", "verdict", "said"),
    [("ext4", OK, "on disk"), ("tmpfs", WARN, "gone with the machine"), ("nfs4", FAIL, "of another machine")],
)
def test_what_the_store_lies_on(tmp_path: Path, kind: str, verdict: Verdict, said: str) -> None:
    """The innermost mount counts; memory and other machines are no disk."""
    mounts = f"/dev/sda1 / ext4 rw 0 0\nwhatever {tmp_path} {kind} rw 0 0\nodd\n"
    found = looked(tmp_path, replace(PLAN, store=str(tmp_path / "s.db")), mounts)["store"]
    assert found.verdict is verdict
    assert said in found.what


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loses joins; so does a folder that is not there."""
    plan = replace(PLAN, store=str(tmp_path / "s.db"))
    with monkeypatch.context() as patch:
        full = os.statvfs_result((4096, 4096, 1, 10, 10, 1, 1, 1, 0, 255))
        patch.setattr(os, "statvfs", lambda _: full)
        assert "0 MiB are left" in looked(tmp_path / "a", plan)["store"].what
    assert looked(tmp_path / "b", replace(plan, store=str(tmp_path / "no" / "s.db")))["store"].verdict is FAIL


def test_where_the_kernel_says_nothing(tmp_path: Path) -> None:
    """Without /proc a file is taken for one on disk."""
    (found,) = [
        each
        for each in survival.look(replace(PLAN, store=str(tmp_path / "s.db")), tmp_path / "none")
        if each.check == "store"
    ]
    assert found.verdict is OK


def test_keys_that_nobody_can_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that this user may not write in."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = looked(tmp_path, replace(PLAN, keys=str(tmp_path / "keys"), store=str(tmp_path / "s.db")))
    assert [each.verdict for each in found.values()] == [FAIL, FAIL]
