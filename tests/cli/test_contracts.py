"""Reading WSDL files for `check`: alone, with imports beside them, without, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.cli.contracts import contract_of, root_of
from sidecar.settings.findings import NoDocumentError
from sidecar.settings.names import NoContractError
from tests.settings.cases import WSDL

if TYPE_CHECKING:
    from pathlib import Path

IMPORTING = (
    '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:m">'
    '<import namespace="urn:t" location="other.wsdl"/></definitions>'
)


def test_operations_and_parameters(tmp_path: Path) -> None:
    """What names in settings are compared with."""
    (tmp_path / "a.wsdl").write_text(WSDL)
    contract = contract_of(tmp_path / "a.wsdl")
    assert contract is not None
    assert contract.operations == {"GetSeats": frozenset({"iPerformance"})}
    assert contract.replies == {"GetSeats": frozenset({"Envelope", "Body", "GetSeatsResponse", "GetSeatsResult"})}


def test_imports_from_the_same_folder(tmp_path: Path) -> None:
    """As the sidecar itself reads them."""
    (tmp_path / "a.wsdl").write_text(IMPORTING)
    (tmp_path / "other.wsdl").write_text(WSDL)
    contract = contract_of(tmp_path / "a.wsdl")
    assert contract is not None
    assert set(contract.operations) == {"GetSeats"}


def test_a_missing_import_leaves_nothing_to_say(tmp_path: Path) -> None:
    """A name may be in what is missing."""
    (tmp_path / "a.wsdl").write_text(IMPORTING)
    assert contract_of(tmp_path / "a.wsdl") is None


@pytest.mark.parametrize("text", ["", "hello", "<a", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a/>"])
def test_what_is_no_wsdl(tmp_path: Path, text: str) -> None:
    """Told in a sentence, never with a traceback."""
    (tmp_path / "a.wsdl").write_text(text)
    with pytest.raises(NoContractError, match=r"\w"):
        contract_of(tmp_path / "a.wsdl")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """Gone between two looks at it."""
    with pytest.raises(NoContractError, match=r"absent\.wsdl cannot be read"):
        contract_of(tmp_path / "absent.wsdl")


def test_the_reply_of_each_operation(tmp_path: Path) -> None:
    """What a fixed answer is compared with."""
    (tmp_path / "a.wsdl").write_text(WSDL)
    contract = contract_of(tmp_path / "a.wsdl")
    assert contract is not None
    assert contract.roots == {"GetSeats": "{urn:t}GetSeatsResponse"}


def test_roots() -> None:
    """With their namespace, whatever stands before them."""
    assert root_of(b'<?xml version="1.0"?><!-- x --><p:a xmlns:p="urn:t"><b/></p:a>') == "{urn:t}a"
    assert root_of(b"<a/>") == "a"


@pytest.mark.parametrize("data", [b"", b"roses", b"<a>", b"<a/><b/>", b"<!DOCTYPE a><a/>", b"\xff\xfe"])
def test_what_has_no_root(data: bytes) -> None:
    """Refused as the parser refuses it, in a sentence."""
    with pytest.raises(NoDocumentError, match=r"\w"):
        root_of(data)
