"""The bytes of an entry: what was written is read, what is not understood to the last bit is a miss, and nothing raises."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path
from typing import Any

import hypothesis
import orjson
import pytest
from hypothesis import strategies as st

from sidecar.answers import Entry
from sidecar.model import Dialect, Executed, Grade
from sidecar.stores.format import _FIXED, FORMAT, MAGIC, PLAIN, SKEW_S, Unreadable, checksum, decode, encode
from tests.stores.entries import entry_of, facts_of, key_of

NOW, WALL = 1_000.0, 1_796_115_600.0
GOLDEN = Path(__file__).parent / "golden"

WHOLE = entry_of(
    "golden",
    endpoint="reports",
    dialect=Dialect.XMLRPC,
    status=500,
    body=b"<fault>\x00\xff</fault>",
    grade=Grade("business_no", Executed.NO, "sold_out", healthy=True, text="Ausverkauft \N{EM DASH} sorry"),
    tags=("operation:GetSeats", "perf:1201"),
    generations=(7, 2**62),
    lifetime_s=12.5,
    stale_s=(30.0, 86_400.5),
    negative=True,
    passing=True,
)


def read(blob: bytes, key: bytes = WHOLE.key, wall: float = WALL) -> Entry | Unreadable:
    return decode(blob, key, NOW, wall)


def framed(header: object, body: bytes = b"", form: int = FORMAT, codec: int = PLAIN, magic: bytes = MAGIC) -> bytes:
    said = header if isinstance(header, bytes) else orjson.dumps(header)
    whole = _FIXED.pack(magic, form, codec, len(said)) + said + body
    return whole + checksum(whole)


def header_of(blob: bytes) -> dict[str, Any]:
    length = _FIXED.unpack_from(blob)[3]
    header: dict[str, Any] = orjson.loads(blob[_FIXED.size : _FIXED.size + length])
    return header


def test_what_was_written_is_read() -> None:
    """Every field but those that are never written down."""
    found = read(encode(WHOLE, WALL - NOW))
    assert isinstance(found, Entry)
    assert facts_of(found) == facts_of(WHOLE)
    assert (found.hits, found.wrapped) == (0, {})


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("entry-*.bin")), ids=lambda path: path.name)
def test_the_golden_bytes_of_each_format_are_read(path: Path) -> None:
    """An update starts warm. A new format's are made once: `path.write_bytes(encode(WHOLE, WALL - NOW))`."""
    found = read(path.read_bytes())
    assert isinstance(found, Entry)
    assert facts_of(found) == facts_of(WHOLE)


def test_the_format_of_today_has_golden_bytes_and_writes_them() -> None:
    """Whoever changes what is written changes the format's number."""
    assert (GOLDEN / f"entry-{FORMAT}.bin").read_bytes() == encode(WHOLE, WALL - NOW)


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
ENTRIES = st.builds(
    entry_of,
    st.just("any"),
    backend=TEXT,
    endpoint=TEXT,
    operation=TEXT,
    dialect=st.sampled_from(Dialect),
    at=st.floats(0, NOW),
    status=st.integers(100, 599),
    headers=st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=4).map(tuple),
    body=st.binary(max_size=200),
    grade=st.builds(Grade, TEXT, st.sampled_from(Executed), st.none() | TEXT, st.booleans(), st.none() | TEXT),
    tags=st.tuples(TEXT, TEXT),
    generations=st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)),
    lifetime_s=st.none() | st.floats(0, 1e9),
    stale_s=st.none() | st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)),
    negative=st.booleans(),
    passing=st.booleans(),
)


@hypothesis.given(entry=ENTRIES)
def test_any_entry_is_read_as_it_was_written(entry: Entry) -> None:
    """Its moment to a microsecond: wall time has no more to give."""
    found = read(encode(entry, WALL - NOW), entry.key)
    assert isinstance(found, Entry)
    assert found.at == pytest.approx(entry.at, abs=1e-6)
    assert {**facts_of(found), "at": 0} == {**facts_of(entry), "at": 0}


@hypothesis.given(entry=ENTRIES, data=st.data())
def test_a_flipped_bit_anywhere_is_a_miss(entry: Entry, data: st.DataObject) -> None:
    """In the header, in the body and in the checksum itself."""
    blob = bytearray(encode(entry, WALL - NOW))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert isinstance(read(bytes(blob), entry.key), Unreadable)


@hypothesis.given(data=st.data())
def test_cut_short_anywhere_is_a_miss(data: st.DataObject) -> None:
    """As a disk that was full leaves it."""
    blob = encode(WHOLE, WALL - NOW)
    assert isinstance(read(blob[: data.draw(st.integers(0, len(blob) - 1))]), Unreadable)


@hypothesis.given(blob=st.binary(max_size=300))
def test_random_bytes_are_a_miss(blob: bytes) -> None:
    """Alone, behind a good beginning, and as a header whose checksum is right."""
    for wrong in (blob, MAGIC + bytes([FORMAT, PLAIN]) + blob, framed(blob), framed(b"", blob)):
        assert isinstance(read(wrong), Unreadable)


@hypothesis.given(
    name=st.sampled_from(sorted(header_of(encode(WHOLE, 0.0)))),
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXT,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=3),
    ),
    gone=st.booleans(),
)
def test_a_header_that_says_anything_raises_nothing(name: str, value: object, gone: bool) -> None:
    """Whoever can compute a checksum can write any JSON."""
    header = header_of(encode(WHOLE, WALL - NOW)) | {name: value}
    if gone:
        del header[name]
    assert isinstance(read(framed(header)), Entry | Unreadable)


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (b"", Unreadable.SHORT),
        (b"SCE\x01\x00\x00\x00\x00", Unreadable.SHORT),
        (framed({}, magic=b"SCF"), Unreadable.MAGIC),
        (framed({}, form=0), Unreadable.MAGIC),
        (framed({}, form=FORMAT + 1), Unreadable.NEWER),
        (framed({}, codec=9), Unreadable.CODEC),
        (framed({}), Unreadable.HEADER),
        (framed(b"[]"), Unreadable.HEADER),
        (framed(b"{"), Unreadable.HEADER),
        (framed({}, b"body")[:-1] + b"\x00", Unreadable.CHECKSUM),
    ],
)
def test_why_some_bytes_are_no_entry(blob: bytes, why: Unreadable) -> None:
    """In one word."""
    assert read(blob) is why


def test_a_length_that_reaches_past_the_end_is_no_header() -> None:
    """Though its checksum is right."""
    whole = _FIXED.pack(MAGIC, FORMAT, PLAIN, 99) + b"{}"
    assert read(whole + checksum(whole)) is Unreadable.HEADER


def test_tags_without_generations_are_no_header() -> None:
    """They could not be compared with anything."""
    header = header_of(encode(WHOLE, 0.0))
    assert read(framed(header | {"generations": [1]})) is Unreadable.HEADER
    assert read(framed(header | {"generations": [1, "2"]})) is Unreadable.HEADER


def test_a_name_that_is_no_text_is_no_header() -> None:
    """Nobody behind the store asks what a name is made of."""
    header = header_of(encode(WHOLE, 0.0))
    assert read(framed(header | {"backend": 5})) is Unreadable.HEADER
    assert read(framed(header | {"tags": ["a", 5]})) is Unreadable.HEADER


def test_an_answer_to_another_question_is_a_miss() -> None:
    """Whatever row it was found in."""
    assert read(encode(WHOLE, WALL - NOW), key_of("other")) is Unreadable.KEY


def test_age_is_counted_by_the_clock_on_the_wall() -> None:
    """The other process's monotonic clock began somewhere else."""
    found = decode(encode(WHOLE, WALL - NOW), WHOLE.key, 50.0, WALL + 100.0)
    assert isinstance(found, Entry)
    assert found.age_s(50.0) == pytest.approx(110.0)


@pytest.mark.parametrize(("ahead_s", "seen"), [(SKEW_S - 0.1, True), (SKEW_S + 0.1, False)])
def test_an_answer_from_the_future_is_a_miss(ahead_s: float, seen: bool) -> None:
    """Clocks differ by a little; within that it is taken as new."""
    found = read(encode(WHOLE, WALL - NOW), wall=WALL + WHOLE.at - NOW - ahead_s)
    if seen:
        assert isinstance(found, Entry)
        assert found.age_s(NOW) == 0.0
    else:
        assert found is Unreadable.FUTURE


@pytest.mark.parametrize(
    "changes", [{"lifetime_s": inf}, {"lifetime_s": nan}, {"stale_s": (1.0, inf)}, {"at": inf}, {"operation": "\ud800"}]
)
def test_what_json_cannot_say_is_not_written(changes: dict[str, Any]) -> None:
    """Rather than as something else."""
    with pytest.raises((TypeError, ValueError)):
        encode(entry_of(**changes), 0.0)
