"""One endpoint on its way through the doctor's steps: what it is asked, which step it is at, what has been found.

Written by the thread of its endpoint, read by the one that waits when the time is up; it does nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urlsplit

from sidecar.doctor.report import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.doctor.answers import Question
    from sidecar.plan import BackendPlan

STEP_S: Final = (
    5.0  # one step: a resolver gives up after 5 s, and what takes longer to connect or to answer is not well
)


class StepFailed(Exception):  # noqa: N818 - not an error of ours: the next steps make no sense
    """A step failed, and was told; the visit is over."""


@dataclass(slots=True)
class Visit:
    """`about` is its name for people; `first`: the one endpoint of its backend that tells of the host they share."""

    backend: BackendPlan
    url: str
    about: str
    first: bool
    question: Question
    wall: Callable[[], float]
    step: str = "resolve"
    findings: list[Finding] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    ended: bool = False

    @property
    def host(self) -> str:
        """Return the backend's host."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Return the backend's port."""
        return urlsplit(self.url).port or (443 if self.secure else 80)

    @property
    def secure(self) -> bool:
        """Say whether it is spoken with over TLS."""
        return urlsplit(self.url).scheme == "https"

    def tell(self, finding: Finding) -> None:
        """Note what a step found."""
        if self.first or finding.check == "answer" or finding.verdict is Verdict.FAIL:
            self.findings.append(finding)

    def ok(self, check: str, what: str) -> None:
        """Note that a step went well."""
        self.tell(Finding(check, Verdict.OK, what, "", self.about))

    def warn(self, check: str, what: str, remedy: str) -> None:
        """Note that a step went, and what somebody should know."""
        self.tell(Finding(check, Verdict.WARN, what, remedy, self.about))

    def fail(self, check: str, what: str, remedy: str) -> NoReturn:
        """Note that a step failed, and end the visit."""
        self.tell(Finding(check, Verdict.FAIL, what, remedy, self.about))
        raise StepFailed


def reason(error: BaseException) -> str:
    """Return the words of an error, without the numbers and places that Python puts around them."""
    words = getattr(error, "reason", None) or getattr(error, "strerror", None)  # ssl.SSLError, OSError
    if words:
        return str(words).lower().replace("_", " ") if str(words).isupper() else str(words)
    return f"{type(error).__name__} {error}".strip()[:200]


def spoken_ms(seconds: float) -> str:
    """Return a short time for people."""
    return f"{max(1, round(seconds * 1000))} ms"
