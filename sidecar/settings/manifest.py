"""A Kubernetes manifest beside the settings: what a pod must be given for them, and where it contradicts them.

Asked by `check --kubernetes` alone. Reads the documents of one file, looks at every pod with the sidecar in it, and at nothing else in
there: it is no validator of manifests.
"""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sidecar.policy.routing import RESERVED
from sidecar.settings.doors import is_loopback
from sidecar.settings.problem import Place, Problem
from sidecar.settings.quantities import spoken, spoken_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sidecar.plan import Plan
    from sidecar.settings.loaded import Loaded

MARGIN_S: Final = 5.0  # from the last answer to the end of the process, on a busy node; a kill then would cut it
_KUBELET_S: Final = 30  # what a pod gets that says nothing (PodSpec.terminationGracePeriodSeconds)
# What is promised (docs/benchmarks.md): the process after its start, and one open connection.
_START_BYTES: Final = 75 * 1024 * 1024
_CONNECTION_BYTES: Final = 16 * 1024
_UNITS: Final = {
    "": 1,
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_QUANTITY: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?")
_FILE_KEYS: Final = ("cert_file", "key_file", "ca_file", "token_file", "secret_file", "wsdl")
_SLEEP: Final = re.compile(r"\bsleep\s+([0-9]+)")
_LIVE: Final = frozenset({f"{RESERVED}/healthz", "/healthz"})
_READY: Final = frozenset({f"{RESERVED}/readyz", "/readyz"})


def facts(plan: Plan) -> dict[str, Any]:
    """Return what a manifest needs to know of the settings: seconds, bytes, ports, probes."""
    ports = [{"name": name, "port": port, "reached_by_others": others} for name, port, others in _ports(plan)]
    public = plan.listen
    probes: dict[str, Any] = {}
    if public.unix is None and not is_loopback(public.host):
        scheme = "HTTPS" if public.tls is not None else "HTTP"
        for probe, path in (("startup", "healthz"), ("liveness", "healthz"), ("readiness", "readyz")):
            probes[probe] = {"httpGet": {"path": f"{RESERVED}/{path}", "port": public.port, "scheme": scheme}}
    else:
        where = ["--unix", public.unix] if public.unix is not None else ["--url", f"http://{public.host}:{public.port}"]
        for probe, ready in (("startup", []), ("liveness", []), ("readiness", ["--ready"])):
            probes[probe] = {"exec": {"command": ["sidecar", "health", *where, *ready]}}
    return {
        "termination_grace_period_s": _grace_s(plan),
        "memory_limit_bytes": _memory_bytes(plan),
        "ports": ports,
        "probes": probes,
    }


def text(plan: Plan) -> str:
    """Return the same for people, as lines of a manifest."""
    told = facts(plan)
    drain = f"drain.delay {spoken(plan.drain.delay_s)} + drain.timeout {spoken(plan.drain.timeout_s)}"
    said = [
        f"terminationGracePeriodSeconds: {told['termination_grace_period_s']}   # at least {drain} + {spoken(MARGIN_S)}",
        f"resources.limits.memory: {-(-told['memory_limit_bytes'] // 2**20)}Mi   # at least: limits.buffered, connections, the process",
    ]
    for port in told["ports"]:
        reach = (
            "for everybody who reaches the pod"
            if port["reached_by_others"]
            else "inside the pod alone: its host is the loopback"
        )
        said.append(f"containerPort: {port['port']}   # {port['name']}, {reach}")
    said += [f"{name}Probe: {_inline(probe)}" for name, probe in told["probes"].items()]
    return "\n".join(said)


def compare(loaded: Loaded, source: str, file: str) -> list[Problem]:
    """Return where the manifest `source`, called `file`, contradicts the settings."""
    problems: list[Problem] = []
    try:
        reader = YAML(typ="rt", pure=True)
        reader.version = (1, 1)  # as Kubernetes reads it: 0440 is octal
        documents = [each for each in reader.load_all(source) if isinstance(each, CommentedMap)]
    except (YAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        place = Place(mark.line + 1, mark.column + 1, 1, file) if mark is not None else Place(file=file)
        said = error.problem if isinstance(error, MarkedYAMLError) else str(error)
        return [Problem("E401", place, "", f"not YAML: {said}", "")]
    pods = [pod for document in documents for pod in _pods(document, file)]
    for pod in pods:
        problems += pod.problems(loaded)
    if not pods:
        what = "no pod in it runs the sidecar"
        remedy = "a container counts whose image is called sidecar, or whose command or args begin with it"
        problems.append(Problem("E401", Place(file=file), "", what, remedy))
    return problems


@dataclass(frozen=True, slots=True)
class _Pod:
    """A pod's spec and the sidecar's container in it; `native` where that is an init container that goes on (Kubernetes 1.29)."""

    path: str
    spec: CommentedMap
    container: CommentedMap
    native: bool
    file: str

    def problems(self, loaded: Loaded) -> Iterator[Problem]:
        plan = loaded.plan
        yield from self._grace(plan)
        yield from self._listens(plan)
        yield from self._memory(plan)
        yield from self._probes(plan)
        yield from self._mounted(loaded)
        yield from self._environment(loaded)
        if not self.native and len(self.spec.get("containers", ())) > 1:
            what = "the sidecar goes at the same moment as the others, which may still need it"
            remedy = "make it an init container with restartPolicy: Always: it starts before them and goes after them"
            yield self._told("W413", self.container, "name", what, remedy)

    def _told(self, code: str, at: Any, key: str, what: str, remedy: str = "") -> Problem:
        return Problem(code, _place(at, key, self.file), f"{self.path}.{key}" if key else self.path, what, remedy)

    def _grace(self, plan: Plan) -> Iterator[Problem]:
        key = "terminationGracePeriodSeconds"
        given = self.spec.get(key, _KUBELET_S)
        before_s = _pre_stop_s(self.container)
        needed_s = plan.drain.delay_s + plan.drain.timeout_s + MARGIN_S + before_s
        if isinstance(given, int) and given < needed_s:
            parts = f"drain.delay {spoken(plan.drain.delay_s)} + drain.timeout {spoken(plan.drain.timeout_s)} + {spoken(MARGIN_S)} to end"
            parts += f" + {spoken(before_s)} of preStop" if before_s else ""
            what = f"the pod is killed after {given}s, and must live for at least {spoken(needed_s)}: {parts}"
            yield self._told("E402", self.spec, key, what, f"write {key}: {math.ceil(needed_s)}")

    def _listens(self, plan: Plan) -> Iterator[Problem]:
        ours = {port: (name, others) for name, port, others in _ports(plan)}
        for entry in _maps(self.container.get("ports")):
            port = entry.get("containerPort")
            if port not in ours:
                said = ", ".join(f"{name} {port}" for port, (name, _) in ours.items()) or "none"
                yield self._told(
                    "E403", entry, "containerPort", f"nobody listens on {port}", f"the settings have: {said}"
                )
            elif not ours[port][1]:
                name = ours[port][0]
                what = f"{name} listens on the loopback: nobody outside of the pod reaches {port}"
                yield self._told("E403", entry, "containerPort", what, f"set {name}.host to 0.0.0.0, or take this out")

    def _memory(self, plan: Plan) -> Iterator[Problem]:
        limits = (self.container.get("resources") or {}).get("limits") or {}
        given, needed = _bytes(limits.get("memory")), _memory_bytes(plan)
        if given is None:
            what = "the sidecar has no memory limit: a neighbour's leak can take it down"
            yield self._told("W413", self.container, "resources", what, f"at least {-(-needed // 2**20)}Mi")
        elif given < needed:
            what = (
                f"the kernel kills it at {spoken_size(given)}, and the settings let it hold more: "
                f"{spoken_size(plan.limits.buffered_bytes)} of bodies, {_kept(plan)}{plan.limits.connections} connections of "
                f"{spoken_size(_CONNECTION_BYTES)}, and {spoken_size(_START_BYTES)} for itself"
            )
            remedy = f"at least {-(-needed // 2**20)}Mi, or lower limits.buffered or limits.connections"
            yield self._told("E404", limits, "memory", what, remedy)

    def _probes(self, plan: Plan) -> Iterator[Problem]:
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = self.container.get(name)
            if isinstance(probe, CommentedMap) and isinstance(asked := probe.get("httpGet"), CommentedMap):
                yield from self._probe(name, asked, plan)
        if not isinstance(self.container.get("readinessProbe"), CommentedMap):
            what = "without a readiness probe it gets calls before it listens and while it drains"
            yield self._told("W413", self.container, "readinessProbe", what, f"ask for {RESERVED}/readyz")

    def _probe(self, name: str, asked: CommentedMap, plan: Plan) -> Iterator[Problem]:
        path, port = asked.get("path"), self._number(asked.get("port"))
        doors = {number: (door, others) for door, number, others in _ports(plan)}
        door, others = doors.get(port, ("", False))
        ready = name == "readinessProbe"
        wanted = (_READY if ready else _LIVE) if door != "metrics" else frozenset()
        wanted = frozenset(each for each in wanted if each.startswith(RESERVED) is (door == "listen"))
        if not door:
            yield self._told("E405", asked, "port", f"{name} asks port {asked.get('port')}, where nobody listens")
        elif not others:
            what = f"{name} comes from the node, and {door} listens on the loopback of the pod"
            remedy = "use exec: sidecar health, or set the host to 0.0.0.0"
            yield self._told("E405", asked, "port", what, remedy)
        elif path not in wanted:
            what = f"{name} asks for {path}"
            if not ready and path in _READY:
                what += ": while it drains it would be killed for not being ready"
            yield self._told("E405", asked, "path", what, f"ask for {' or '.join(sorted(wanted)) or 'another port'}")
        elif door == "listen" and (asked.get("scheme", "HTTP") == "HTTPS") is (plan.listen.tls is None):
            scheme = "HTTPS" if plan.listen.tls is not None else "HTTP"
            yield self._told(
                "E405", asked, "scheme", f"{name} speaks another scheme than the listener", f"write scheme: {scheme}"
            )

    def _number(self, port: Any) -> Any:
        named = {each.get("name"): each.get("containerPort") for each in _maps(self.container.get("ports"))}
        return named.get(port, port)

    def _mounted(self, loaded: Loaded) -> Iterator[Problem]:
        context = {**(self.spec.get("securityContext") or {}), **(self.container.get("securityContext") or {})}
        mounts = {
            str(each.get("mountPath", "")).rstrip("/"): each for each in _maps(self.container.get("volumeMounts"))
        }
        volumes = {each.get("name"): each for each in _maps(self.spec.get("volumes"))}
        for setting in loaded.effective:
            leaf, name = setting.key.rpartition(".")[2], setting.value
            if not isinstance(name, str) or not name.startswith("/"):
                continue
            mount = next((mounts[each] for each in mounts if each and name.startswith(f"{each}/")), None)
            if leaf in _FILE_KEYS:
                yield from self._readable(setting.key, name, mount, volumes, context)
            elif (
                leaf == "unix"
                and context.get("readOnlyRootFilesystem") is True
                and (mount is None or mount.get("readOnly"))
            ):
                what = f"{setting.key} {name} cannot be made: the root file system is read-only, and nothing writable is mounted there"
                yield self._told("E406", self.container, "volumeMounts", what, "mount an emptyDir at its folder")

    def _readable(
        self, key: str, name: str, mount: CommentedMap | None, volumes: dict[Any, CommentedMap], context: dict[str, Any]
    ) -> Iterator[Problem]:
        if mount is None:
            what = f"{key} names {name}, and nothing is mounted there: the image would have to hold it"
            yield self._told("W413", self.container, "volumeMounts", what, "mount a Secret or ConfigMap")
            return
        volume = volumes.get(mount.get("name"), CommentedMap())
        source = volume.get("secret") or volume.get("configMap") or volume.get("projected")
        mode = source.get("defaultMode") if isinstance(source, CommentedMap) else None
        root = context.get("runAsUser") == 0 and context.get("runAsNonRoot") is not True
        # Files of a volume belong to root; fsGroup gives them to the pod's group, and lets it read them.
        if isinstance(mode, int) and not mode & 0o004 and "fsGroup" not in context and not root:
            what = (
                f"{key} names {name}, which only root can read there: defaultMode is 0{mode:o}, and there is no fsGroup"
            )
            yield self._told(
                "E406", source, "defaultMode", what, "give the pod's securityContext an fsGroup, as in fsGroup: 65532"
            )

    def _environment(self, loaded: Loaded) -> Iterator[Problem]:
        given = {each.get("name") for each in _maps(self.container.get("env"))}
        if self.container.get("envFrom") or given.issuperset(loaded.variables):
            return
        for name in loaded.variables:
            if name not in given:
                what = f"the settings need the variable {name}, and the container does not get it"
                yield self._told(
                    "E407", self.container, "env", what, "add it, with valueFrom: {secretKeyRef: ...} for a secret"
                )


def _grace_s(plan: Plan) -> int:
    return math.ceil(plan.drain.delay_s + plan.drain.timeout_s + MARGIN_S)


def _kept(plan: Plan) -> str:
    return f"{spoken_size(plan.kept_bytes)} of answers that are kept, " if plan.kept_bytes else ""


def _memory_bytes(plan: Plan) -> int:
    return _START_BYTES + plan.limits.buffered_bytes + plan.kept_bytes + plan.limits.connections * _CONNECTION_BYTES


def _ports(plan: Plan) -> list[tuple[str, int, bool]]:
    """Return name and port of each TCP listener, and whether others than the pod reach it."""
    found = []
    if plan.listen.unix is None:
        found.append(("listen", plan.listen.port, not is_loopback(plan.listen.host)))
    if plan.admin.unix is None:
        found.append(("admin", plan.admin.port, not is_loopback(plan.admin.host)))
    if plan.metrics is not None:
        found.append(("metrics", plan.metrics.port, not is_loopback(plan.metrics.host)))
    return found


def _pods(document: CommentedMap, file: str) -> Iterator[_Pod]:
    """Give the pods of one document that the sidecar is in, however deep a controller holds the template."""
    spec, path = document, ""
    for step in ("jobTemplate", "template"):  # CronJob has both, Deployment and its like the second, Pod none
        inner = spec.get("spec")
        if isinstance(inner, CommentedMap) and isinstance(inner.get(step), CommentedMap):
            spec, path = inner[step], f"{path}spec.{step}."
    pod = spec.get("spec")
    if not isinstance(pod, CommentedMap):
        return
    for key in ("initContainers", "containers"):
        for index, container in enumerate(_maps(pod.get(key))):
            native = key == "initContainers" and container.get("restartPolicy") == "Always"
            if _is_ours(container) and (native or key == "containers"):
                yield _Pod(f"{path}spec.{key}[{index}]", pod, container, native, file)


def _is_ours(container: CommentedMap) -> bool:
    image = str(container.get("image", "")).partition("@")[0].rpartition("/")[2].partition(":")[0]
    words = [str(each) for each in (*(container.get("command") or ()), *(container.get("args") or ()))]
    return image == "sidecar" or any(word.rpartition("/")[2] == "sidecar" for word in words[:3])


def _pre_stop_s(container: CommentedMap) -> float:
    """Return how long a preStop hook sleeps: the pod's grace period runs meanwhile."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if isinstance(sleep := hook.get("sleep"), CommentedMap):
        return float(sleep.get("seconds", 0))
    command = (hook.get("exec") or {}).get("command") or ()
    found = _SLEEP.search(shlex.join(map(str, command)).replace("'", " "))
    return float(found[1]) if found else 0.0


def _maps(node: Any) -> Sequence[CommentedMap]:
    return [each for each in node if isinstance(each, CommentedMap)] if isinstance(node, CommentedSeq) else []


def _bytes(quantity: Any) -> int | None:
    found = _QUANTITY.fullmatch(str(quantity)) if quantity is not None else None
    return int(float(found[1]) * _UNITS[found[2] or ""]) if found else None


def _place(at: Any, key: str, file: str) -> Place:
    """Return where `key` of a map stands, or, where it is not written, the map."""
    if key in at:
        line, column = at.lc.key(key)
        return Place(line + 1, column + 1, len(key), file)
    return Place(at.lc.line + 1, at.lc.col + 1, 1, file)


def _inline(node: Any) -> str:
    if isinstance(node, dict):
        return "{" + ", ".join(f"{key}: {_inline(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(f'"{each}"' for each in node) + "]"
    return str(node)
