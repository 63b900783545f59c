"""Values from the command line: above the file, and told like everything else where they are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.flags import shown
from sidecar.settings.load import Beside, load_all
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = """\
listen: {port: 8080}
backends:
  t: {protocol: soap, url: "http://h/x", operations: {"a.b": {safe: true}}}
"""


def plan_of(folder: Path, *flags: str):
    (folder / "a.yaml").write_text(RIGHT)
    return load_all(folder / "a.yaml", Beside({}, flags=flags)).plan


def test_a_flag_stands_above_the_file(tmp_path: Path) -> None:
    """What is written, what is not, and what is deep inside; numbers, amounts, truths."""
    plan = plan_of(
        tmp_path,
        "listen.port=9000",
        "limits.buffered=1GiB",
        "backends.t.strict=true",
        "backends.t.limit.fixed=3",
        'backends.t.operations."a.b".timeout=9s',
        "public_url=http://h:1/a=b",
    )
    backend = plan.backends[0]
    assert (plan.listen.port, plan.limits.buffered_bytes) == (9000, 1 << 30)
    assert (backend.strict, backend.limit) == (True, 3)
    assert (backend.operation("a.b").timeout_s, backend.operation("a.b").safe) == (9, True)
    assert plan.public_url == "http://h:1/a=b"


def test_a_flag_changes_the_id(tmp_path: Path) -> None:
    """Two processes of one file are two configurations where one has a flag."""
    (tmp_path / "a.yaml").write_text(RIGHT)
    ids = {load_all(tmp_path / "a.yaml", Beside({}, flags=flags)).id for flags in ((), ("listen.port=9000",))}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("listen.port", "is no KEY=VALUE"),
        ("=5", "is no KEY=VALUE"),
        ("listen..port=5", "is no KEY=VALUE"),
        ("listen.=5", "is no KEY=VALUE"),
        ("listen=5", "listen is not one value"),
        ("listen.port.x=5", "listen.port is not one value"),
        ("listen.prt=5", "did you mean port?"),
    ],
)
def test_what_a_flag_cannot_be(tmp_path: Path, flag: str, said: str) -> None:
    """With its place among the flags."""
    with pytest.raises(SettingsError) as caught:
        plan_of(tmp_path, "drain.delay=1s", flag)
    assert [fact["file"] for fact in caught.value.facts()] == ["--set"]
    assert [problem.place.line for problem in caught.value.problems] == [2]
    assert said in str(caught.value)


def test_a_secret_is_not_shown() -> None:
    """It is on the command line, for everybody on the machine; it need not be in the log as well."""
    assert shown(("admin.token=abc", "listen.port=1", "odd")) == "admin.token=***\nlisten.port=1\nodd"
