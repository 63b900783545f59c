"""The Dockerfile, read instruction by instruction; and that the sidecar wants no more than such an image gives: nothing to write to.

Only where a Docker daemon answers is the image built. Elsewhere what is read here has to do, and the build stays untried.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sidecar import __version__
from sidecar.settings.load import load
from tests.house.tree import ROOT, files
from tests.support.ports import free_port
from tests.support.process import Program

EXEC = ("CMD", "ENTRYPOINT", "RUN")
TRAMPLES = re.compile(r"\b(apt|apt-get|apk|dnf|gcc|g\+\+|build-essential|curl|wget|git|sudo)\b")
SECRET = re.compile(r"(?i)token|passw|secret|api_?key|credential")


@dataclass
class Stage:
    """One FROM and what follows it."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """Return what stands behind each `word`, in order."""
        return [rest for step, rest in self.steps if step == word]


def read(text: str) -> tuple[list[Stage], list[tuple[str, str]]]:
    """Return the stages, and what stands before the first (ARG alone may)."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    stages: list[Stage] = []
    before: list[tuple[str, str]] = []
    for line in filter(str.strip, joined.splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name.strip()))
        else:
            (stages[-1].steps if stages else before).append((word, " ".join(rest.split())))
    return stages, before


STAGES, BEFORE = read((ROOT / "Dockerfile").read_text())
BUILD, RUN = STAGES


def copies(stage: Stage) -> list[tuple[list[str], str | None]]:
    """Return the sources of each COPY and the stage that they come from."""
    found = []
    for step in stage.all("COPY"):
        words = shlex.split(step)
        other = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
        found.append(([word for word in words if not word.startswith("--")][:-1], other))
    return found


def ignored(path: str) -> bool:
    """Say whether .dockerignore keeps `path` out: the last line that matches decides."""
    out, parts = False, path.split("/")
    for line in (ROOT / ".dockerignore").read_text().split("\n"):
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        anywhere = pattern.startswith("**/")
        if any(fnmatch(part, pattern.removeprefix("**/")) for part in (parts if anywhere else parts[:1])):
            out = not line.startswith("!")
    return out


def test_two_stages_of_one_slim_base() -> None:
    """What builds is not what runs, and both have the same interpreter in the same place: the environment is copied between them."""
    assert [stage.name for stage in STAGES] == ["build", ""]
    assert BUILD.base == RUN.base == "python:${PYTHON}-slim"
    ((word, version),) = BEFORE
    assert word == "ARG"
    major, minor = version.removeprefix("PYTHON=").split(".")
    assert (int(major), int(minor)) >= (3, 11)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name or "run")
def test_what_is_copied_is_there_and_let_in(stage: Stage) -> None:
    """Each source exists, .dockerignore lets it through, and a stage that is copied from is there."""
    for sources, other in copies(stage):
        if other is not None:
            assert other in [each.name for each in STAGES]
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert not ignored(source), source


def test_nothing_else_is_let_in() -> None:
    """A git history, an environment, tests or a file of secrets that lies about never reach the builder."""
    copied = {
        source.split("/")[0] for stage in STAGES for sources, other in copies(stage) if not other for source in sources
    }
    let_in = {path.parts[0] for path in files() if not ignored(str(path))}
    assert let_in == copied
    assert all(ignored(name) for name in (".git", ".venv", "tests", ".env", "admin-token", "sidecar/__pycache__"))


def test_every_command_is_in_exec_form() -> None:
    """No shell stands between a signal and the process, nor between a word and the program that gets it."""
    for stage in STAGES:
        for word, rest in stage.steps:
            if word in EXEC:
                assert isinstance(json.loads(rest), list), rest
    assert json.loads(RUN.all("HEALTHCHECK")[0].partition("CMD ")[2]) == ["sidecar", "health"]


def test_it_installs_what_the_locks_pin_and_nothing_else() -> None:
    """Wheels by hash; no package of the distribution, no compiler, no download; nothing at all in the stage that runs."""
    runs = [json.loads(step) for step in BUILD.all("RUN")]
    assert RUN.all("RUN") == []
    assert [run for run in runs if TRAMPLES.search(" ".join(run))] == []
    assert "PIP_ONLY_BINARY=:all:" in " ".join(BUILD.all("ENV"))
    for run in runs:
        if "pip" in run:
            assert {"--require-hashes", "--no-index", "--no-build-isolation"} & set(run), run
    named = {run[run.index("-r") + 1] for run in runs if "-r" in run}
    assert named == {"requirements-run.lock", "requirements-build.lock"}


def test_the_lock_of_the_build_agrees_with_the_large_one() -> None:
    """What builds the image's wheel is what builds it everywhere, by the same hashes; its lock names no index either."""
    entries = {name: set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS}
    assert entries["requirements-build.lock"] <= entries["requirements.lock"]
    assert any(entry.startswith("hatchling==") for entry in entries["requirements-build.lock"])
    text = (ROOT / "requirements-build.lock").read_text()
    assert "://" not in text
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", text.strip()))


LOCKS = ("requirements.lock", "requirements-build.lock")


def test_it_runs_as_nobody() -> None:
    """A number, so that runAsNonRoot can be checked without a look at the image's users, and not root's."""
    assert RUN.all("USER") == ["65532:65532"]
    assert RUN.steps.index(("USER", "65532:65532")) < RUN.steps.index(("ENTRYPOINT", '["sidecar"]'))


def test_it_holds_no_secret() -> None:
    """Layers are for everybody: what is secret comes by the environment or a mounted file when it runs."""
    said = [rest for stage in STAGES for word, rest in stage.steps if word in ("ARG", "ENV", "LABEL", "RUN", "COPY")]
    assert [rest for rest in said if SECRET.search(rest)] == []
    assert [
        str(path) for path in files() if path.parts[0] == "config" and path.suffix not in (".yaml", ".json", ".xml")
    ] == []


def test_it_says_what_it_is() -> None:
    """Labels of the OCI image format, with the project's own version; the signal that drains; no byte code to write."""
    labels = dict(shlex.split(RUN.all("LABEL")[0])[at].split("=", 1) for at in range(5))
    names = {name.removeprefix("org.opencontainers.image.") for name in labels}
    assert names == {"title", "description", "licenses", "version", "revision"}
    assert f"VERSION={__version__}" in RUN.all("ARG")
    assert RUN.all("STOPSIGNAL") == ["SIGTERM"]
    assert "PYTHONDONTWRITEBYTECODE=1" in RUN.all("ENV")[0].split()
    assert any("compileall" in step for step in BUILD.all("RUN"))


def test_what_it_runs_by_default_is_reachable_from_outside() -> None:
    """Its settings are in the image, they listen where a container is reached, and the ports are the ones that it exposes."""
    word, file = json.loads(RUN.all("CMD")[0])
    assert (word, Path(file).parent) == ("run", Path("/etc/sidecar"))
    assert ("COPY", "config /etc/sidecar") in RUN.steps
    plan = load(ROOT / "config" / Path(file).name, {})
    assert plan.metrics is not None
    assert (plan.listen.host, plan.metrics.host, plan.admin.host) == ("0.0.0.0", "0.0.0.0", "127.0.0.1")
    assert RUN.all("EXPOSE") == [f"{plan.listen.port} {plan.metrics.port}"]
    assert plan.drain.delay_s + plan.drain.timeout_s + 5 <= 10, "docker stop kills after 10 s"


def test_every_variable_of_the_default_settings_counts() -> None:
    """Whoever starts the image with -e gets what he named."""
    environ = {
        "BACKEND_PROTOCOL": "xmlrpc",
        "BACKEND_PATH": "/members",
        "BACKEND_URL": "http://members.internal:9100/RPC2",
        "BACKEND_LIMIT": "3",
        "PUBLIC_URL": "https://api.theatre.example",
        "SHOP_ORIGIN": "https://shop.theatre.example",
    }
    source = (ROOT / "config" / "container.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+)", source)) == set(environ)
    plan = load(ROOT / "config" / "container.yaml", environ)
    (backend,) = plan.backends
    assert (backend.protocol, backend.path, backend.limit) == ("xmlrpc", "/members", 3)
    assert backend.endpoints == (("", environ["BACKEND_URL"]),)
    assert (plan.public_url, plan.cors.origins) == (environ["PUBLIC_URL"], {environ["SHOP_ORIGIN"]})


def unshared(*argv: str) -> list[str]:
    """Return `argv` as it runs where every file system is read-only; skips where this machine does not let us."""
    unshare = shutil.which("unshare") or pytest.skip("no unshare(1) here: it is not tried with a read-only root")
    own = [unshare, "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    script = (
        "for at in $(awk '{print $5}' /proc/self/mountinfo | sort -r); do"
        " mount -o remount,bind,ro $at 2>/dev/null; done; "
        f'if touch {shlex.quote(str(ROOT))}/written 2>/dev/null; then exit 99; fi; exec "$@"'
    )
    command = [*own, "sh", "-c", script, "sh"]
    if subprocess.run([*command, "true"], capture_output=True, check=False, cwd="/").returncode:
        pytest.skip("this machine lets nobody make his file systems read-only")
    return [*command, *argv]


def test_a_read_only_root_is_enough(tmp_path: Path) -> None:
    """It starts, is well, serves and drains where it can write to nothing at all, its temporary folder included."""
    port = free_port()
    settings = YAML(typ="safe").load((ROOT / "config" / "container.yaml").read_text())
    settings["listen"]["port"], settings["admin"]["port"], settings["metrics"]["port"] = port, 0, 0
    file = tmp_path / "sidecar.yaml"
    file.write_text(json.dumps(settings))
    argv = unshared(sys.executable, "-B", "-m", "sidecar", "run", str(file))
    with Program(argv, env={"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}, name="sidecar") as sidecar:
        sidecar.wait_line(r'"event":"started"')
        health = [sys.executable, "-m", "sidecar", "health", "--url", f"http://127.0.0.1:{port}"]
        assert subprocess.run(health, check=False, capture_output=True, cwd=ROOT, timeout=60).returncode == 0
        assert sidecar.stop() == 0
    assert [line for line in sidecar.lines if "Traceback" in line or "Read-only" in line] == []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_it_is_built_and_well_where_docker_is() -> None:
    """The image builds, runs read-only as nobody without any capability, and says that it is healthy."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker daemon answers here: the Dockerfile was read, the image was not built")
    subprocess.run([docker, "build", "--tag", "sidecar-test", "."], cwd=ROOT, check=True, timeout=800)
    hard = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--detach"]
    run = subprocess.run([docker, "run", *hard, "sidecar-test"], check=True, capture_output=True, text=True)
    name = run.stdout.strip()
    try:
        health = [docker, "exec", name, "sidecar", "health"]
        subprocess.run([docker, "exec", name, "sleep", "2"], check=True, timeout=60)
        subprocess.run(health, check=True, timeout=60)
        stopped = subprocess.run([docker, "stop", name], check=True, timeout=60, capture_output=True)
        assert stopped.returncode == 0
    finally:
        subprocess.run([docker, "rm", "--force", name], check=False, timeout=60, capture_output=True)
