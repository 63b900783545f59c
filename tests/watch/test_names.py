"""Names that callers chose stay names: short, printable, on one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.watch import names


def test_what_contracts_use_passes() -> None:
    """XML names in every script, XML-RPC's dots and slashes, a document's question mark."""
    for name in ("GetPerformancesEx3", "tickets.reserve", "system/list-methods", "ns:Op_1", "Prüfung", "?wsdl"):
        assert names.operation(name) == name


def test_a_method_is_one_of_nine_or_other() -> None:
    """The first word of a broken request line is no method, whatever it is."""
    assert [names.method(name) for name in ("GET", "POST", "CONNECT", "get", "4111111111111111", "")] == [
        "GET", "POST", "CONNECT", "other", "other", "other",
    ]  # fmt: skip


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
def test_anything_else_is_cut_and_cleaned(text: str) -> None:
    """No blank, no control character, no quote, nothing that is half a character, never longer than a name."""
    cleaned = names.operation(text)
    assert len(cleaned) <= 128
    assert not set(cleaned) & set(" \t\r\n\"'<>&\\{}\x00\u2028")
    assert cleaned.encode().decode() == cleaned
