"""`sidecar init`: settings from WSDL files and addresses that `check` has nothing against; what it never reads; when it gives up."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sidecar.cli.contracts import contract_of, root_of
from sidecar.cli.init import command
from sidecar.demo.wsdl import wsdl, xsd
from sidecar.settings.load import Beside, load_all
from tests.settings.cases import WSDL
from tests.support.backend import ThreadBackend
from tests.support.plays import Point, answer, cut, silent
from tests.support.replies import chunked, endless, garbage, gzipped, html, http, huge, too_long
from tests.support.require import wsdl_corpus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.testing import Result

    from sidecar.plan import BackendPlan
    from tests.support.certs import Certs
    from tests.support.plays import Play
    from tests.support.replies import Reply
    from tests.support.visit import Visit

CORPUS = [
    "tessitura.wsdl", "tradetracker.wsdl", "marketo.wsdl", "paypal/PayPalSvc.wsdl", "salesforce/partner.wsdl",
    "fedex/RateService_v24.wsdl", "onvif/ptz.wsdl", "onvif/events.wsdl", "onvif/bw-2.wsdl",
]  # fmt: skip
SCHEMA = """<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" elementFormDefault="qualified">
 <s:element name="GetSeats"><s:complexType><s:sequence><s:element name="sSessionKey" type="s:string"/></s:sequence></s:complexType>
 </s:element></s:schema>"""


def importing(location: str) -> str:
    """Return a WSDL whose one schema lies elsewhere; its session key shows whether that was read."""
    before, _, rest = WSDL.partition("<types>")
    behind = rest.partition("</types>")[2]
    schema = f'<s:schema targetNamespace="urn:x"><s:import namespace="urn:t" schemaLocation="{location}"/></s:schema>'
    return f"{before}<types>{schema}</types>{behind}"


def init(*argv: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in argv])


def backend_of(file: Path) -> BackendPlan:
    """Load a file as `check` does, its WSDL and all, with no error and no warning, and return its one backend."""
    loaded = load_all(file, Beside(environ={}, contract_of=contract_of, root_of=root_of))
    assert not loaded.warnings
    (backend,) = loaded.plan.backends
    return backend


def made(folder: Path, source: object, *more: object) -> BackendPlan:
    """Write settings, as somebody would, and return what they amount to."""
    done = init(source, "--out", folder / "made.yaml", *more)
    assert (done.exit_code, done.stdout) == (0, "")
    return backend_of(folder / "made.yaml")


def serving(pages: Mapping[str, Reply]) -> Play:
    """Return a play that has these documents, by path and query, and no others."""

    async def choose(visit: Visit) -> None:
        await visit.peek()
        await answer(pages.get(visit.entry.target, http(b"", 404)), executes=None)(visit)

    return choose


def targets(backend: ThreadBackend) -> list[str]:
    return [entry.target for entry in backend.journal.entries]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a WSDL in it, and a schema outside it that is nobody's business."""
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a.wsdl").write_text(WSDL)
    (tmp_path / "outside.xsd").write_text(SCHEMA)
    return inside


# From files


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", CORPUS)
def test_vendors(tmp_path: Path, name: str) -> None:
    """What is made of a real WSDL is valid over that very WSDL, and lets in nothing that speaks of a session."""
    file = wsdl_corpus() / name
    backend = made(tmp_path, file.resolve())
    assert backend.wsdl == str(file.resolve())
    assert not [line for line in backend.operations if line.safe and "session" in line.pattern.lower()]


def test_tessitura(tmp_path: Path) -> None:
    """The API that it is all about: its address, its session keys, the most used first, and what nobody should call."""
    backend = made(tmp_path, (wsdl_corpus() / "tessitura.wsdl").resolve())
    assert backend.name == "tessitura"
    assert backend.endpoints[0][1].endswith("/Tessitura.asmx")
    assert backend.identity_params == ("sSessionKey", "SessionKey", "sWebSessionId", "sWebSessionID")
    assert backend.deny == ("Batch", "DestroyCache", "ExecuteLocalProcedure")
    safe = {line.pattern for line in backend.operations if line.safe}
    assert len(safe) == 94
    assert {"GetPerformancesEx4", "GetCart"} <= safe
    assert not {"GetNewSessionKey", "GetNewSessionKeyEx", "LoggedIn", "GetTicketPrintInformation"} & safe


def test_to_the_terminal(folder: Path) -> None:
    """Without --out it is printed, and nothing else is."""
    done = init(folder / "a.wsdl")
    assert (done.exit_code, done.stderr) == (0, "")
    (folder / "b.yaml").write_text(done.stdout)
    backend = backend_of(folder / "b.yaml")
    assert (backend.name, backend.endpoints) == ("s", (("", "http://h/x"),))
    assert {line.pattern for line in backend.operations if line.safe} == {"GetSeats"}


def test_it_writes_over_nothing(folder: Path) -> None:
    """A file that is there, or a link to one that is not, stays as it is; exit code 2."""
    (folder / "a.yaml").write_text("mine")
    (folder / "link.yaml").symlink_to(folder / "nowhere.yaml")
    for name in ("a.yaml", "link.yaml"):
        done = init(folder / "a.wsdl", "--out", folder / name)
        assert done.exit_code == 2
        assert "not written over" in done.stderr
    assert (folder / "a.yaml").read_text() == "mine"
    assert not (folder / "nowhere.yaml").exists()


def test_where_nothing_can_be_written(folder: Path) -> None:
    """Exit code 1, with the reason."""
    done = init(folder / "a.wsdl", "--out", folder / "absent" / "a.yaml")
    assert done.exit_code == 1
    assert "cannot be written: No such file" in done.stderr


def test_the_file_is_named_from_where_the_settings_lie(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name in settings begins at their own folder, wherever the command was given."""
    monkeypatch.chdir(folder)
    (folder / "config").mkdir()
    assert init("a.wsdl", "--out", "config/a.yaml").exit_code == 0
    assert 'wsdl: "../a.wsdl"' in (folder / "config" / "a.yaml").read_text()
    wsdl_file = backend_of(folder / "config" / "a.yaml").wsdl
    assert wsdl_file is not None
    assert Path(wsdl_file).samefile(folder / "a.wsdl")


def test_names(folder: Path) -> None:
    """The backend is called as --name says, where that can be a name; exit code 2 where it cannot."""
    assert made(folder, folder / "a.wsdl", "--name", "office").name == "office"
    done = init(folder / "a.wsdl", "--name", "an office")
    assert done.exit_code == 2
    assert "'an office' cannot be one" in done.stderr


@pytest.mark.parametrize("source", ["absent.wsdl", ".", "file:///etc/hostname", "ftp://h/a.wsdl", "", "a\0b"])
def test_no_such_file(source: str) -> None:
    """Exit code 2, in a sentence; no scheme but http and https is an address."""
    done = init(source)
    assert done.exit_code == 2
    assert "there is no file" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no WSDL"),
        ("hello", "is no WSDL"),
        ("<html><p></html>", "is no WSDL"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "is no WSDL"),
        ("<methodResponse/>", "`sidecar introspect URL`"),
        (SCHEMA, "it begins with '{http://www.w3.org/2001/XMLSchema}schema'"),
        ('<description xmlns="http://www.w3.org/ns/wsdl"/>', "WSDL 2.0"),
        ('<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>', "names no operation"),
    ],
)
def test_what_is_no_wsdl(tmp_path: Path, text: str, words: str) -> None:
    """Exit code 1, with what it is in place of one; and nothing is written."""
    (tmp_path / "a.wsdl").write_text(text)
    done = init(tmp_path / "a.wsdl", "--out", tmp_path / "a.yaml")
    assert done.exit_code == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a.yaml").exists()


def test_a_name_that_settings_cannot_hold(tmp_path: Path) -> None:
    """Bytes that are no text, as old disks have them; exit code 1."""
    (tmp_path / "a\udcff.wsdl").write_text(WSDL)
    done = init(tmp_path / "a\udcff.wsdl")
    assert done.exit_code == 1
    assert "rename the file" in done.stderr


def test_a_huge_file(tmp_path: Path) -> None:
    """Not read to its end; exit code 1."""
    with (tmp_path / "a.wsdl").open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    done = init(tmp_path / "a.wsdl")
    assert done.exit_code == 1
    assert "larger than 33554432 bytes" in done.stderr


@pytest.mark.parametrize(
    ("location", "at"),
    [
        ("b.xsd", "b.xsd"),
        ("sub/b.xsd", "sub/b.xsd"),
        ("./sub/../sub/b.xsd", "sub/b.xsd"),
        ("a%20b.xsd", "a b.xsd"),
        ("http://elsewhere.example/schemas/b.xsd", "b.xsd"),  # the copy that somebody saved
    ],
)
def test_imports_of_its_folder(folder: Path, location: str, at: str) -> None:
    """They are read from the folder of the WSDL and below it, an address as the copy beside it."""
    (folder / "sub").mkdir()
    (folder / at).write_text(SCHEMA)
    (folder / "a.wsdl").write_text(importing(location))
    done = init(folder / "a.wsdl")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "identity: {params: [sSessionKey]}" in done.stdout


@pytest.mark.parametrize(
    "location",
    [
        "file://{outside}",
        "FILE:{outside}",
        "{outside}",
        "../outside.xsd",
        "%2e%2e/outside.xsd",
        "sub/../../outside.xsd",
        "link.xsd",
        "//127.0.0.1/outside.xsd",
        "a.wsdl?xsd=1",
        "pipe.xsd",
        "b%00.xsd",
        "circle.xsd",
        ".",
        "http://[x/outside.xsd",
        "/..///[x/outside.xsd",
    ],
)
def test_imports_from_elsewhere(folder: Path, location: str) -> None:
    """Nothing outside the folder is read because a document says so, and no pipe; what is missing is said."""
    (folder / "link.xsd").symlink_to(folder.parent / "outside.xsd")
    (folder / "circle.xsd").symlink_to(folder / "circle.xsd")
    os.mkfifo(folder / "pipe.xsd")
    (folder / "a.wsdl").write_text(importing(location.format(outside=folder.parent / "outside.xsd")))
    done = init(folder / "a.wsdl")
    assert done.exit_code == 0
    assert "sSessionKey" not in done.stdout
    if location != "http://[x/outside.xsd":  # what is no location is not missing
        assert "not read: " in done.stdout
        assert "not read: " in done.stderr


def test_a_linked_wsdl(folder: Path) -> None:
    """Whoever names a link means what it leads to; what that imports is looked for beside the link."""
    (folder.parent / "b.wsdl").symlink_to(folder / "a.wsdl")
    assert init(folder.parent / "b.wsdl").exit_code == 0


# From the web


def test_the_demo_box_office(tmp_path: Path) -> None:
    """Asked at the address of the service, with what it imports; the address of the settings is the one that was asked."""
    with ThreadBackend() as backend:
        at = f"{backend.url}/box.asmx"
        backend.play(serving({"/box.asmx?wsdl": http(wsdl(at, single=False)), "/box.asmx?xsd=1": http(xsd())}))
        found = made(tmp_path, at)
        assert targets(backend) == ["/box.asmx?wsdl", "/box.asmx?xsd=1"]
        assert {entry.method for entry in backend.journal.entries} == {"GET"}
    assert found.endpoints == (("", at),)
    assert found.wsdl is None
    assert found.deny == ("Batch", "DestroyCache")
    assert {line.pattern for line in found.operations if line.safe} == {
        "GetPerformances", "GetPerformancesEx", "GetSeats", "GetCart", "GetOrderDetails", "GetSalesReport", "GetShippingMethods",
    }  # fmt: skip
    assert set(found.identity_params) == {"sSessionKey", "SessionKey", "sWebSessionId", "sWebSessionID"}


def test_the_demo_in_a_file(tmp_path: Path) -> None:
    """The same WSDL, saved: what is made of it is valid over it."""
    (tmp_path / "box.wsdl").write_bytes(wsdl("http://127.0.0.1:9000/box.asmx", single=True))
    found = made(tmp_path, tmp_path / "box.wsdl")
    assert found.endpoints == (("", "http://127.0.0.1:9000/box.asmx"),)
    assert found.deny == ("Batch", "DestroyCache")


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        ("/x.asmx?WSDL", "{at}/x.asmx"),
        ("/x.asmx?singleWsdl", "{at}/x.asmx"),
        ("/x.asmx?wsdl#part", "{at}/x.asmx"),
        ("/files/a.wsdl", "http://h/x"),
        ("/?service=x&wsdl", "http://h/x"),
    ],
)
def test_which_address(tmp_path: Path, asked: str, url: str) -> None:
    """That of the service where its own WSDL was asked for, else what the WSDL says."""
    with ThreadBackend(serving({asked.partition("#")[0]: http(WSDL)})) as backend:
        assert made(tmp_path, backend.url + asked).endpoints == (("", url.format(at=backend.url)),)


def test_a_redirect(folder: Path) -> None:
    """Not followed, whether of the WSDL or of an import; where it leads is said."""
    with ThreadBackend() as backend:
        for status in (301, 302, 303, 307, 308):
            for location in (f"{backend.url}/there?wsdl", "file:///etc/passwd"):
                backend.play(serving({"/x?wsdl": http(b"", status, headers=[("Location", location)])}))
                done = init(f"{backend.url}/x")
                assert done.exit_code == 1
                assert f"leads elsewhere, to {location!r}" in done.stderr
        assert {*targets(backend)} == {"/x?wsdl"}
        moved = http(b"", 302, headers=[("Location", "/there.xsd")])
        backend.play(
            serving({"/x?wsdl": http(importing("b.xsd")), "/b.xsd": moved, "/there.xsd": http(SCHEMA)}),
        )
        done = init(f"{backend.url}/x")
        assert done.exit_code == 0
        assert "sSessionKey" not in done.stdout
        assert targets(backend)[-2:] == ["/x?wsdl", "/b.xsd"]


def test_imports_of_another_origin(folder: Path) -> None:
    """Neither another host, nor another port, nor another scheme, nor a disk is asked because a WSDL says so."""
    with ThreadBackend(serving({"/b.xsd": http(SCHEMA)})) as other, ThreadBackend() as backend:
        port = backend.url.rpartition(":")[2]
        for location in (
            f"{other.url}/b.xsd",
            f"{other.url.replace('127.0.0.1', 'localhost')}/b.xsd",
            f"//127.0.0.1:{other.url.rpartition(':')[2]}/b.xsd",
            f"http://127.0.0.1:{port}@{other.url.removeprefix('http://')}/b.xsd",
            f"http://user:secret@127.0.0.1:{port}/b.xsd",
            f"https://127.0.0.1:{port}/b.xsd",
            "file:///etc/passwd",
            "gopher://127.0.0.1/b.xsd",
            (folder.parent / "outside.xsd").as_uri(),
        ):
            backend.play(serving({"/x?wsdl": http(importing(location)), "/b.xsd": http(SCHEMA)}))
            done = init(f"{backend.url}/x")
            assert done.exit_code == 0
            assert "sSessionKey" not in done.stdout
            assert "not read: " in done.stderr
        assert targets(other) == []
        assert {*targets(backend)} == {"/x?wsdl"}


def test_imports_without_end() -> None:
    """A service that invents a document per document is asked for 64 in all."""

    async def invent(visit: Visit) -> None:
        await visit.peek()
        number = int(visit.entry.target.rpartition("=")[2] or 0) if "n=" in visit.entry.target else 0
        more = "".join(f'<s:import namespace="urn:{n}" schemaLocation="x?n={10 * number + n}"/>' for n in range(1, 10))
        schema = (
            f'<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:{number}">{more}</s:schema>'
        )
        body = schema if number else importing("x?n=1")
        await answer(http(body), executes=None)(visit)

    with ThreadBackend(invent) as backend:
        assert init(f"{backend.url}/x").exit_code == 0
        assert len(targets(backend)) == 64


@pytest.mark.parametrize(
    "reply", [huge(33 * 1024 * 1024), endless(), endless(chunks=False), huge(33 * 1024 * 1024, opening=WSDL.encode())]
)
def test_a_huge_reply(reply: Reply) -> None:
    """Left where it becomes too much, announced or not."""
    with ThreadBackend(answer(reply)) as backend:
        done = init(f"{backend.url}/x")
    assert done.exit_code == 1
    assert "is too large" in done.stderr


def test_documents_are_bounded_together() -> None:
    """Imports that are small one by one are read until 32 MiB are full."""
    padded = SCHEMA.replace("<s:element name", "<!--" + "x" * 12 * 1024 * 1024 + "--><s:element name", 1)
    more = "".join(f'<s:import namespace="urn:{n}" schemaLocation="b{n}.xsd"/>' for n in range(4))
    whole = importing("b.xsd").replace("<s:import", more + "<s:import", 1)
    with ThreadBackend() as backend:
        backend.play(serving({"/x?wsdl": http(whole), **{f"/b{n}.xsd": http(padded) for n in range(4)}}))
        done = init(f"{backend.url}/x")
    assert done.exit_code == 0
    assert done.stderr.count("not read: ") == 3  # two of the four, and the one that is not there


@pytest.mark.parametrize(
    "play",
    [
        silent(),
        cut(Point.WORKED, executes=None),
        answer(http(WSDL), piece_bytes=1, gap_s=0.05),
        answer(chunked(WSDL.encode(), 1), piece_bytes=1, gap_s=0.05),
    ],
    ids=["silent", "cut", "drips", "drips in chunks"],
)
def test_a_slow_server(play: Play) -> None:
    """Whoever says nothing, or a byte now and then, is left when the time is up."""
    with ThreadBackend(play) as backend:
        began_s = time.monotonic()
        done = init(f"{backend.url}/x", "--timeout", "0.3")
        assert time.monotonic() - began_s < 5
    assert done.exit_code == 1
    assert "did not come within 0.3 s" in done.stderr or "cannot be had" in done.stderr


def test_a_slow_import() -> None:
    """All documents have one time together; what does not come in it is missing."""

    async def choose(visit: Visit) -> None:
        await visit.peek()
        first = visit.entry.target == "/x?wsdl"
        await (answer(http(importing("b.xsd")), executes=None) if first else silent(executes=None))(visit)

    with ThreadBackend(choose) as backend:
        began_s = time.monotonic()
        done = init(f"{backend.url}/x", "--timeout", "0.5")
        assert time.monotonic() - began_s < 5
    assert done.exit_code == 0
    assert "not read: " in done.stderr


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (http(b"", 404), "answers with status 404"),
        (http(b"", 405), "`sidecar introspect URL`"),
        (html(503), "answers with status 503"),
        (html(), "is no WSDL"),
        (http("<methodResponse><params/></methodResponse>"), "`sidecar introspect URL`"),
        (gzipped(WSDL.encode()), "comes packed"),
        (garbage(), "speaks no HTTP"),
        (too_long(WSDL.encode()), "it ended early"),
    ],
)
def test_what_is_none_there(reply: Reply, words: str) -> None:
    """Exit code 1, with what came in place of a WSDL, and what to do."""
    with ThreadBackend(answer(reply)) as backend:
        done = init(f"{backend.url}/RPC2")
    assert done.exit_code == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_there() -> None:
    """Exit code 1, with the reason."""
    with ThreadBackend() as backend:
        url = backend.url
    done = init(url)
    assert done.exit_code == 1
    assert "cannot be had: Connection refused" in done.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://", "is no http:// or https:// address"),
        ("http://[x", "is no http:// or https:// address"),
        ("http://h:99999/", "is no http:// or https:// address"),
        ("http://user:secret@127.0.0.1/x", "must not carry credentials"),
        ("http://127.0.0.1:1/a b", "cannot be had"),
        ("http://127.0.0.1:1/\u00e9", "cannot be had"),
    ],
)
def test_addresses_that_are_none(url: str, words: str) -> None:
    """Exit code 1; what somebody should not have written is not printed again."""
    done = init(url)
    assert done.exit_code == 1
    assert words in done.stderr
    assert "secret" not in done.stderr


def test_over_tls(tmp_path: Path, tls: Certs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate is checked against the authorities of this machine; exit code 1 where none of them vouches."""
    with ThreadBackend(serving({"/x?wsdl": http(WSDL)}), ssl=tls.server) as backend:
        done = init(f"{backend.url}/x")
        assert done.exit_code == 1
        assert "certificate verify failed" in done.stderr.lower().replace("_", " ")
        monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
        assert made(tmp_path, f"{backend.url}/x").endpoints == (("", f"{backend.url}/x"),)


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was named is asked, whatever the environment says."""
    with ThreadBackend() as proxy, ThreadBackend(serving({"/x?wsdl": http(WSDL)})) as backend:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert init(f"{backend.url}/x").exit_code == 0
        assert targets(proxy) == []
