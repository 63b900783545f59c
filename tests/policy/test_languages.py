"""Which text somebody reads: by weight, then by what is nearest, and always one."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.languages import TAG, choice, chosen

TEXTS = (("en", "Back soon"), ("de", "Gleich"), ("fr-CH", "Bientôt"))


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE", "de"),
        ("de-CH", "de"),
        ("de-CH-1996", "de"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("en-GB", "en"),
        ("fr", "fr-CH"),  # whoever reads French reads Swiss French
        ("fr-FR", "fr-CH"),
        ("fr-CH;q=0, fr", "en"),
        ("it", "en"),
        ("it, de;q=0.5", "de"),
        ("en;q=0.2, de;q=0.8", "de"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("en;q=0, *", "de"),
        ("en;q=0,*;q=0", "en"),  # who reads none of them gets the first all the same
        ("it, *;q=0.1", "en"),
        ("de;q=nonsense", "de"),
        ("de;q=7", "de"),
        (";;,,=;q=1", "en"),
        ("de;level=1;q=0.1, fr-CH;q=0.2", "fr-CH"),
    ],
)
def test_who_reads_what(accept: str, language: str) -> None:
    """RFC 9110 section 12.5.4: weights first; RFC 4647 section 3.4: then shorter and shorter tags."""
    assert chosen(TEXTS, accept)[0] == language


def test_what_is_exact_comes_before_what_is_near() -> None:
    """Whatever stands first."""
    texts = (("en-GB", "a"), ("en", "b"))
    assert [chosen(texts, accept)[1] for accept in ("en", "en-GB", "en-US", "en-gb-oed")] == ["b", "a", "b", "a"]


def test_of_equal_weights_the_first_counts() -> None:
    """As browsers list them."""
    assert chosen(TEXTS, "de, en")[0] == "de"
    assert chosen(TEXTS, "en, de")[0] == "en"


@given(st.text(max_size=600), st.lists(st.sampled_from(["en", "de", "fr-CH", "zh-Hant-TW"]), min_size=1, unique=True))
def test_whatever_comes_one_is_chosen(accept: str, languages: list[str]) -> None:
    """A header is a stranger's: no text of it raises, and long ones are read to a bound."""
    assert 0 <= choice(tuple(languages), accept) < len(languages)


@pytest.mark.parametrize(
    ("tag", "good"),
    [("en", True), ("de-CH", True), ("zh-Hant-TW", True), ("e", False), ("en_GB", False), ('en"', False)],
)
def test_what_a_tag_is(tag: str, good: bool) -> None:
    """It stands in headers and in attributes: nothing that would have to be escaped."""
    assert bool(TAG.fullmatch(tag)) is good
