"""The settings that somebody begins with: valid whatever a WSDL offers, every guess marked, nothing dangerous let in."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.guesses import guess
from sidecar.settings.load import Beside, load_all
from sidecar.settings.starter import NOWHERE, Offer, name_of, starter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sidecar.plan import BackendPlan

URL = "http://127.0.0.1:9000/Office.asmx"
SOME: dict[str, list[str] | None] = {
    "GetSeats": ["sSessionKey", "iPerformance"],
    "ListVenues": ["sSessionKey"],
    "GetCart": ["SessionKey"],
    "GetNewSessionKey": ["sIP"],
    "ReserveTickets": ["sSessionKey"],
    "DestroyCache": [],
    "null": None,
}


def offer(operations: Mapping[str, Sequence[str] | None] = SOME, **more: object) -> Offer:
    facts: dict[str, object] = {"source": "a.wsdl", "name": "office", "addresses": (URL,), "wsdl": None, **more}
    return Offer(operations=operations, **facts)  # type: ignore[arg-type] - the facts of a test have every type


def backend_of(text: str) -> BackendPlan:
    """Load a text as the sidecar does, with no error and no warning, and return its one backend."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.yaml"
        file.write_text(text, "utf-8", newline="")
        loaded = load_all(file, Beside(environ={}))
    assert not loaded.warnings
    (backend,) = loaded.plan.backends
    return backend


def test_what_it_amounts_to() -> None:
    """Read back, it says what was offered and guessed, and nothing else."""
    backend = backend_of(starter(offer()))
    assert (backend.name, backend.endpoints) == ("office", (("", URL),))
    assert backend.deny == ("DestroyCache",)
    assert backend.expose is None
    assert backend.identity_params == ("sSessionKey", "SessionKey")
    assert {line.pattern for line in backend.operations if line.safe} == {"GetSeats", "ListVenues", "GetCart"}


def test_every_guess_says_so() -> None:
    """Each line that makes something safe has its reason beside it, in the order of names below the verb."""
    text = starter(offer())
    assert re.findall(r"^      (\w+): \{safe: true\}   # guess: (.+)$", text, re.MULTILINE) == [
        ("GetCart", "begins with Get"),
        ("GetSeats", "begins with Get"),
        ("ListVenues", "begins with List"),
    ]
    live = [line for line in text.splitlines() if "safe: true" in line and not line.lstrip().startswith("#")]
    assert len(live) == 3
    assert "      # Get: 2 guessed safe\n" in text
    assert "GUESS" in text
    assert "# guess: by name; in 3, 1 operations" in text


def test_the_rest_is_there_to_be_seen() -> None:
    """What was not guessed safe is in a comment, and what is suggested for nobody has its reason."""
    text = starter(offer())
    assert "      # GetNewSessionKey: {safe: true}   # its name speaks of a session\n" in text
    assert "      #   ReserveTickets, null\n" in text
    assert "      - DestroyCache   # ends or empties something" in text


@pytest.mark.parametrize("name", [name for name in SOME if guess(name).verb and not guess(name).safe])
def test_a_comment_taken_out_is_a_setting(name: str) -> None:
    """Whoever knows better takes out the sign before a line, and it stands where it must."""
    text = starter(offer())
    known = text.replace(f"# {name}: {{safe", f"{name}: {{safe")
    assert known != text
    assert name in {line.pattern for line in backend_of(known).operations if line.safe}


def test_what_comes_next() -> None:
    """The commands name the file, as a shell takes it."""
    text = starter(offer(file="my file.yaml"))
    assert "#   sidecar check 'my file.yaml'" in text
    assert "#   sidecar run 'my file.yaml'" in text


def test_a_file_beside_it(tmp_path: Path) -> None:
    """The WSDL is named as it was said, whatever its name is made of."""
    for name in ("office.wsdl", "an office.wsdl", "no", "${HOME}.wsdl", 'a"b\\c.wsdl', "\u00e9\u2028.wsdl", "# x.wsdl"):
        (tmp_path / name).write_text("")
        (tmp_path / "a.yaml").write_text(starter(offer(wsdl=name)), "utf-8")
        (backend,) = load_all(tmp_path / "a.yaml", Beside(environ={})).plan.backends
        assert backend.wsdl == str(tmp_path / name)


@pytest.mark.parametrize(
    ("addresses", "url"),
    [
        ((), NOWHERE),
        (("REPLACE_WITH_ACTUAL_URL", "jms:queue", "ftp://h/x", "http://u:p@h/x", "http://[x/"), NOWHERE),
        (("http://h/a.asmx?op=1", "http://h/b.asmx"), "http://h/a.asmx"),
        (("not one", " https://h:8443/b.asmx "), "https://h:8443/b.asmx"),
        (("http://h/${HOME}", "http://h/a b"), NOWHERE),
    ],
)
def test_addresses(addresses: tuple[str, ...], url: str) -> None:
    """The first that can be called; where there is none, one that nothing listens on, and a word that it must be mended."""
    text = starter(offer(addresses=addresses))
    assert backend_of(text).endpoints == (("", url),)
    assert ("TO DO" in text) is (url == NOWHERE)


def test_other_addresses_are_said() -> None:
    """Each once, behind the one that is taken."""
    text = starter(offer(addresses=(URL, "http://h/b", URL, "http://h/b")))
    assert text.count("the WSDL also names") == 1
    assert "    # the WSDL also names http://h/b\n" in text


@pytest.mark.parametrize("operations", [{}, {"Save": None}, {"GetToken": None}])
def test_nothing_safe(operations: dict[str, None]) -> None:
    """It is valid all the same, and nothing in it is safe."""
    assert not any(line.safe for line in backend_of(starter(offer(operations))).operations)


def test_names_that_yaml_reads_as_something_else() -> None:
    """In quotation marks they stay names."""
    names = ["ListNo", "getYes", "Is", "has", "list", "GetSeats.2", "get-seats", "g\u00e4ste", "\U0001d7d8x", "no", "y"]
    text = starter(offer({key: ["sid", "null session"] for key in [*names, "Batch", "true"]}, name="on"))
    backend = backend_of(text)
    assert backend.name == "on"
    assert backend.identity_params == ("null session", "sid")
    assert {line.pattern for line in backend.operations if line.safe} == {name for name in names if guess(name).safe}


@pytest.mark.unmeasured
def test_more_than_anybody_reads() -> None:
    """A WSDL without end makes no settings without end, and what is left out is counted."""
    text = starter(
        offer(
            {f"GetSeats{number}": [f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[number % 26]}SessionId"] for number in range(1_200)}
        )
    )
    backend = backend_of(text)
    assert sum(line.safe for line in backend.operations) == 1_000
    assert len(backend.identity_params) == 20
    assert "# 200 more left out" in text


def test_names_without_end() -> None:
    """What is longer than settings may hold, or than anybody reads, is not in them."""
    long = "x" * 5_000 + "SessionId"
    text = starter(
        offer(
            {"GetSeats": [long, "sid", "x" * 5_000 + "Pwd"]},
            addresses=tuple(f"http://h/{number}" for number in range(500)),
            missing=tuple(f"{number}.xsd" for number in range(500)),
        )
    )
    assert backend_of(text).identity_params == ("sid",)
    assert max(map(len, text.splitlines())) < 400
    assert len(text.splitlines()) < 200


def test_missing_documents_are_said() -> None:
    """Each in a line of its own, whatever is in its name."""
    text = starter(offer(missing=("a.xsd", "b\nlisten: {port: 1}")))
    assert "    # not read: a.xsd, which is imported; what it holds is not known here\n" in text
    backend_of(text)
    assert "\nlisten: {port: 1}" not in text


@given(
    st.dictionaries(
        st.text() | st.sampled_from(["Get\nx: 1", "Get*", "Get: {", "GetA"]), st.none() | st.lists(st.text(), max_size=3), max_size=5
    ),
    st.text(),
    st.lists(st.text() | st.just("http://h/\nx: 1"), max_size=3),
    st.lists(st.text(), max_size=2),
)  # fmt: skip
def test_whatever_a_wsdl_says(
    operations: dict[str, list[str] | None], source: str, addresses: list[str], missing: list[str]
) -> None:
    """Names that others wrote end no line and no quotation: it loads, and has one backend with operations of these names alone."""
    text = starter(offer(operations, source=source, addresses=tuple(addresses), missing=tuple(missing)))
    backend = backend_of(text)
    assert {line.pattern for line in backend.operations} <= {*operations, "*"}
    assert {*backend.deny} <= {*operations}


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("Tessitura", "tessitura"),
        ("Box Office 2", "box-office-2"),
        ("42nd.Street_Service", "nd-street-service"),
        ("", "backend"),
        ("---", "backend"),
        ("\u00e9", "backend"),
        ("A" * 100, "a" * 63),
    ],
)
def test_names_of_backends(service: str, name: str) -> None:
    """What a service is called, as the settings take a name."""
    assert name_of(service) == name
    assert backend_of(starter(offer(name=name))).name == name
