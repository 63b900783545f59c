"""What the doctor found, as people and as machines read it: each check with its verdict, what was seen, and what to do about it.

Nothing here looks at anything; one failed check makes a no-go, a warning does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check says. WARN: it will run, and somebody should know."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `about` is the backend or its endpoint (backend/endpoint), "" for the machine and the settings as a whole."""

    check: str
    verdict: Verdict
    what: str
    remedy: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One examination of `file`; `sent` says what was asked of whom, `took_s` is in seconds."""

    file: str
    findings: tuple[Finding, ...]
    sent: tuple[str, ...]
    took_s: float

    @property
    def go(self) -> bool:
        """Whether nothing speaks against starting."""
        return not any(finding.verdict is Verdict.FAIL for finding in self.findings)

    def facts(self) -> dict[str, object]:
        """Return what machines read."""
        return {
            "v": 1,
            "go": self.go,
            "file": self.file,
            "took_s": round(self.took_s, 3),
            "checks": [
                {
                    "check": finding.check,
                    "about": finding.about,
                    "verdict": finding.verdict.value,
                    "what": finding.what,
                    "remedy": finding.remedy,
                }
                for finding in self.findings
            ],
            "sent": list(self.sent),
        }

    def text(self) -> str:
        """Return what people read: the verdict first, then one line a check, a remedy below it."""
        wide = max((len(finding.check) for finding in self.findings), default=0)
        about = max((len(finding.about) for finding in self.findings), default=0)
        said = [f"{'go' if self.go else 'no-go'}: {self.file}, {self._summary()} ({self.took_s:.1f} s)"]
        for finding in self.findings:
            mark = finding.verdict.value if finding.verdict is not Verdict.FAIL else "FAIL"
            said.append(f"  {mark:<4}  {finding.check:<{wide}}  {finding.about:<{about}}  {finding.what}")
            if finding.remedy:
                said.append(f"        -> {finding.remedy}")
        said.append("nothing was sent to a backend" if not self.sent else "sent, and nothing else:")
        said += [f"  {line}" for line in self.sent]
        return "\n".join(said)

    def _summary(self) -> str:
        count = {verdict: sum(finding.verdict is verdict for finding in self.findings) for verdict in Verdict}
        parts = [f"{count[Verdict.FAIL]} of {len(self.findings)} checks failed"] if count[Verdict.FAIL] else []
        if count[Verdict.WARN]:
            parts.append(f"{count[Verdict.WARN]} warning{'s' if count[Verdict.WARN] != 1 else ''}")
        return ", ".join(parts) or f"{len(self.findings)} checks, nothing to say against it"
