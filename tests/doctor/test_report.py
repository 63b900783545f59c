"""What people and machines read of an examination."""

from __future__ import annotations

from sidecar.doctor.report import Finding, Report, Verdict

FINE = Finding("parts", Verdict.OK, "Python 3")
ODD = Finding("clock", Verdict.WARN, "12 s behind ours", "set it", "tickets")
BAD = Finding("connect", Verdict.FAIL, "refused", "start it", "tickets/reports")


def test_one_failure_is_a_no_go_and_a_warning_is_none() -> None:
    """Whoever reads the exit code alone must be able to rely on it."""
    assert Report("a.yaml", (FINE, ODD), (), 0.1).go
    assert not Report("a.yaml", (FINE, ODD, BAD), (), 0.1).go


def test_as_text() -> None:
    """The verdict first; every check on a line of its own, its remedy below; then what was sent."""
    text = Report("a.yaml", (FINE, ODD, BAD), ("GET http://h/x?wsdl",), 1.26).text()
    assert text.splitlines() == [
        "no-go: a.yaml, 1 of 3 checks failed, 1 warning (1.3 s)",
        "  ok    parts                     Python 3",
        "  warn  clock    tickets          12 s behind ours",
        "        -> set it",
        "  FAIL  connect  tickets/reports  refused",
        "        -> start it",
        "sent, and nothing else:",
        "  GET http://h/x?wsdl",
    ]


def test_as_text_when_all_is_well() -> None:
    """A go says that it looked, and that it sent nothing."""
    assert Report("a.yaml", (FINE,), (), 0.0).text().splitlines() == [
        "go: a.yaml, 1 checks, nothing to say against it (0.0 s)",
        "  ok    parts    Python 3",
        "nothing was sent to a backend",
    ]


def test_as_facts() -> None:
    """Machines get the same, with closed words."""
    facts = Report("a.yaml", (BAD,), ("GET http://h/x?wsdl",), 0.12345).facts()
    assert facts == {
        "v": 1,
        "go": False,
        "file": "a.yaml",
        "took_s": 0.123,
        "checks": [
            {
                "check": "connect",
                "about": "tickets/reports",
                "verdict": "fail",
                "what": "refused",
                "remedy": "start it",
            }
        ],
        "sent": ["GET http://h/x?wsdl"],
    }
