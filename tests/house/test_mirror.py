"""Every source file has its test file, at the same place under tests/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.tree import ROOT, python

# Source file -> why it has no test file of its own. An entry whose file has one, or is gone, fails.
ALLOWED: dict[str, str] = {
    "sidecar/ports.py": "Protocols without behaviour: mypy checks them, each implementation has its own tests",
}

SOURCES = [path for path in python("sidecar", "adapters") if path.stem not in ("__init__", "__main__")]


def home_of(source: Path) -> Path:
    """Return where the tests of `source` stand: sidecar/caller/x.py -> tests/caller/test_x.py."""
    below = source.parent.relative_to("sidecar") if source.parts[0] == "sidecar" else source.parent
    return Path("tests") / below / f"test_{source.stem}.py"


@pytest.mark.parametrize(
    ("source", "home"),
    [
        ("sidecar/caller/cors.py", "tests/caller/test_cors.py"),
        ("sidecar/pipeline.py", "tests/test_pipeline.py"),
        ("adapters/soap/wsdl.py", "tests/adapters/soap/test_wsdl.py"),
        ("adapters/xml.py", "tests/adapters/test_xml.py"),
    ],
)
def test_where_tests_stand(source: str, home: str) -> None:
    """The mapping is by path alone; `sidecar` itself is left out."""
    assert home_of(Path(source)) == Path(home)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_source_file_has_its_test_file(source: Path) -> None:
    """A file without a test file is either on the list, with a reason, or a debt."""
    has, home = (ROOT / home_of(source)).is_file(), home_of(source)
    if str(source) in ALLOWED:
        assert not has, f"{source} has {home}: take it off the list"
    else:
        assert has, f"{source} has no {home}"


def test_the_list_names_files_that_exist() -> None:
    """An allowance for a file that is gone would wait for the next one of that name."""
    assert [name for name in ALLOWED if not (ROOT / name).is_file()] == []
    assert [name for name, reason in ALLOWED.items() if len(reason) < 20] == []
