"""What the settings' words on keys make of a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keying import digest_of, rules_of
from sidecar.answers import DIGEST_BYTES, Fold, Keying, Shared


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", "7"),
        ("007", "7"),
        ("+7", "7"),
        ("-07", "-7"),
        (" \n7\t", "7"),
        ("0", "0"),
        ("-000", "0"),
        ("7.0", "7.0"),
        ("07x", "07x"),
        ("", ""),
        ("- 7", "- 7"),
        ("0" * 60_000 + "x", "0" * 60_000 + "x"),
        (" " * 60_000 + "0" * 60_000, "0"),
        ("\u0667", "\u0667"),
        ("\u00a07", "\u00a07"),
    ],
)
def test_integers_are_written_in_one_way(text, number):
    """Sign, leading zeros and white space around a number do not count; what is no integer stays as it is."""
    assert rules_of(Keying((("n", Fold.INT),))).folded("n", text) == number


def test_case_and_others():
    """Folds apply to the names that they are given to, several at once where a name has several."""
    rules = rules_of(Keying((("n", Fold.LOWER), ("n", Fold.SET), ("gone", Fold.IGNORE))))
    assert rules.folded("n", "ÄB ß") == "äb ß"
    assert rules.folded("other", "AB") == "AB"
    assert rules.sorts("n")
    assert not rules.sorts("gone")
    assert rules.ignores("gone")
    assert not rules.ignores("n")


@given(st.text(), st.sampled_from([Fold.LOWER, Fold.INT]))
def test_a_fold_is_final(text, fold):
    """What has been folded folds to itself: so the request that is sent asks its own question."""
    rules = rules_of(Keying((("n", fold),)))
    assert rules.folded("n", rules.folded("n", text)) == rules.folded("n", text)


def test_open_is_as_none():
    """An operation that takes no identity has none to leave out."""
    assert rules_of(Keying(shared=Shared.OPEN)).mode is None
    assert rules_of(Keying(shared=Shared.DROP)).mode is Shared.DROP


@given(st.lists(st.text(max_size=4), max_size=6), st.lists(st.text(max_size=4), max_size=6))
def test_no_two_streams_have_one_digest(one, other):
    """Where a text ends counts: what is joined otherwise is another stream."""
    assert len(digest_of(one)) == DIGEST_BYTES
    assert (digest_of(one) == digest_of(other)) is (one == other)


@given(st.lists(st.text(max_size=4), min_size=2, max_size=6))
def test_joined_texts_have_another_digest(texts):
    """Two texts are not one."""
    assert digest_of([texts[0] + texts[1], *texts[2:]]) != digest_of(texts)
