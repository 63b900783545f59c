"""A JSON body is read as it says and in no other way; all else is refused with its place, and the loop goes on meanwhile."""

import asyncio
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.json import reading
from adapters.json.reading import JsonRefused, read
from tests.adapters.yardstick import LIMIT, longest_piece

BLANK = b" " * 20_000  # so that a body is read value by value
MEGABYTE = 2**20

READ = {
    "empty object": (b"{}", {}),
    "empty array": (b" [ ] ", []),
    "nested": (b'{"a":{"b":[1,{"c":null}]},"d":[]}', {"a": {"b": [1, {"c": None}]}, "d": []}),
    "words": (b"[true,false,null]", [True, False, None]),
    "a scalar alone": (b'"x"', "x"),
    "integer": (b"[5,-0,18446744073709551616]", [5, 0, 2**64]),
    "fraction": (b"[5.0,1e3,-0.5E-2]", [5.0, 1000.0, -0.005]),
    "too small for a double": (b"1e-400", 0.0),
    "4300 digits": (b"1" * 4300, int("1" * 4300)),
    "escapes": (rb'"\"\\\/\b\f\n\r\t\u00e9"', '"\\/\b\f\n\r\té'),
    "a pair": (rb'"\ud83d\ude00"', "😀"),
    "a backslash before digits like half a pair": (rb'"\\ud800"', r"\ud800"),
    "empty name": (b'{"":1}', {"": 1}),
    "the same name at two places": (b'{"a":{"a":1}}', {"a": {"a": 1}}),
    "prototype as a value": (b'["__proto__"]', ["__proto__"]),
    "mark": (b"\xef\xbb\xbf[1]", [1]),
    "white space": (b"\r\n\t [\n1 ,\t2 ]\n", [1, 2]),
    "brackets in a string": (b'"' + b"[" * 100 + b'"', "[" * 100),
    "64 deep": (b"[" * 64 + b"]" * 64, json.loads("[" * 64 + "]" * 64)),
    "many side by side": (b"[" + b"[]," * 100 + b"{}]", [[]] * 100 + [{}]),
}

REFUSED = {  # what was sent: state, code, pointer, a word of the text
    "nothing": (b"", "malformed empty", "", "send a JSON object"),
    "white space alone": (b" \n", "malformed empty", "", "send a JSON object"),
    "latin-1": (b'{"a":"\xe9"}', "malformed charset", "", "byte 6 is 0xe9"),
    "utf-16": ("[1]".encode("utf-16"), "malformed charset", "", "UTF-8"),
    "half a pair as octets": (b'"\xed\xa0\x80"', "malformed charset", "", "UTF-8"),
    "no value": (b"nul", "malformed json", "", "line 1, column 1"),
    "python's constants": (b"[True]", "malformed json", "", "column 2"),
    "line and column": (b'{\n "a": [1,\n  oops]}', "malformed json", "/a", "line 3, column 3"),
    "single quotes": (b"{'a':1}", "malformed json", "", "name in double quotes"),
    "comma at the end of an object": (b'{"a":1,}', "malformed json", "", "no comma before '}'"),
    "comma at the end of an array": (b"[1,]", "malformed json", "", "column 4"),
    "no comma": (b"[1 2]", "malformed json", "", "',' or ']'"),
    "no colon": (b'{"a" 1}', "malformed json", "", "':' expected"),
    "a comment": (b"[1] // x", "malformed json", "", "nothing more"),
    "two values": (b"{}{}", "malformed json", "", "nothing more"),
    "leading zero": (b"01", "malformed json", "", "nothing more"),
    "point without digits": (b"1.", "malformed json", "", "nothing more"),
    "unended array": (b"[1", "malformed json", "", "',' or ']'"),
    "unended object": (b"{", "malformed json", "", "name in double quotes"),
    "unended string": (b'["a]', "malformed json", "", "does not end"),
    "unended name": (b'{"a', "malformed json", "", "does not end"),
    "control character": (b'"a\nb"', "malformed json", "", "control character"),
    "unknown escape": (rb'"\x41"', "malformed json", "", "escape that is none"),
    "short escape": (rb'"\u12"', "malformed json", "", "four hexadecimal digits"),
    "NaN": (b'{"a":[NaN]}', "malformed json", "/a", '"NaN"'),
    "infinity": (b"-Infinity", "malformed json", "", '"-INF"'),
    "65 deep": (b"[" * 65 + b"]" * 65, "malformed depth", "/0" * 64, "64 levels"),
    "unended and deep": (b"[" * MEGABYTE, "malformed depth", "/0" * 64, "64 levels"),
    "objects deep": (b'{"a":' * 65 + b"1" + b"}" * 65, "malformed depth", "/a" * 64, "64 levels"),
    "too many": (b"[" + b"0," * 100_000 + b"0]", "malformed count", "/99999", "100000 values"),
    "too many, each with an escape": (b"[" + rb'"\"",' * 100_000 + b"0]", "malformed count", "/99999", "100000 values"),
    "twice": (b'{"a":1,"b":2,"a":1}', "invalid_params duplicate", "/a", "once"),
    "twice inside": (b'[0,{"x/y":{"b":1,"\\u0062":2}}]', "invalid_params duplicate", "/1/x~1y/b", "once"),
    "prototype": (b'{"a":[{"__proto__":{"admin":true}}]}', "invalid_params name", "/a/0/__proto__", "leave it out"),
    "prototype by escape": (rb'{"\u005f_proto__":1}', "invalid_params name", "/__proto__", "leave it out"),
    "1e400": (b'{"a":[1,1e400]}', "invalid_params number", "/a/1", "as a string"),
    "-1e400": (b"-1e400", "invalid_params number", "", "as a string"),
    "4301 digits": (b"[" + b"1" * 4301 + b"]", "invalid_params number", "/0", "4300 digits"),
    "half a pair": (rb'{"a":"x\ud800"}', "invalid_params characters", "/a", "half a surrogate pair"),
    "the halves changed": (rb'"\ude00\ud83d"', "invalid_params characters", "", "half a surrogate pair"),
    "half a pair in a name": (rb'{"\udfff":1}', "invalid_params characters", "/", "half a surrogate pair"),
}


@pytest.mark.parametrize("road", [b"", BLANK], ids=["at once", "by value"])
@pytest.mark.parametrize(("body", "value"), READ.values(), ids=READ)
async def test_what_is_json_is_read(body, value, road):
    """Both roads, small and large, read one value, of one Python type."""
    found = await read(body + road)
    assert found == value
    assert repr(found) == repr(value)  # 5 is not 5.0


@pytest.mark.thinned(2)
@pytest.mark.parametrize("road", [b"", BLANK], ids=["at once", "by value"])
@pytest.mark.parametrize(("body", "state", "pointer", "told"), REFUSED.values(), ids=REFUSED)
async def test_what_is_not_is_refused_with_its_place(body, state, pointer, told, road):
    """However long the body is, the refusal is the same."""
    with pytest.raises(JsonRefused) as refused:
        await read(body + road)
    error = refused.value
    assert (f"{error.state} {error.code}", error.pointer) == (state, pointer)
    assert told in error.text


async def test_a_name_longer_than_any_is_refused():
    """Its end is looked for in bounded time."""
    with pytest.raises(JsonRefused, match="more than 16384 characters"):
        await read(b'{"' + b"k" * MEGABYTE + b'":1}')


async def test_100_000_values_are_taken():
    """The bound is the first that is refused, not the last that is taken."""
    assert await read(b"[" + b"0," * 99_998 + b"0]") == [0] * 99_999


async def test_a_record_is_read_alike_wherever_it_stands():
    """Small objects inside of large bodies are read at once; what is wrong with one is told as anywhere else."""
    record = {"id": 1, "name": "Hamlet", "seats": [1, 2.0, {"row": "A"}]}
    rows = [record] * 2_000
    assert await read(json.dumps({"rows": rows}).encode()) == {"rows": rows}
    for wrong, told in (
        (b'{"a":{"b":1,"b":2}}', ("duplicate", "/rows/2000/a/b")),
        (b'{"a":{"__proto__":1}}', ("name", "/rows/2000/a/__proto__")),
        (b'{"a":[1e400]}', ("number", "/rows/2000/a/0")),
        (b'{"a":[NaN]}', ("json", "/rows/2000/a")),
        (rb'{"a":"\ud800"}', ("characters", "/rows/2000/a")),
        (b"[" * 63 + b"]" * 63, ("depth", "/rows/2000" + "/0" * 62)),
        (b"[" * 5_000, ("depth", "/rows/2000" + "/0" * 62)),
    ):
        body = json.dumps({"rows": rows}).encode()[:-2] + b"," + wrong + b"]}"
        with pytest.raises(JsonRefused) as refused:
            await read(body)
        assert (refused.value.code, refused.value.pointer) == told
    deepest = b"[" * 62 + b"]" * 62
    assert len((await read(json.dumps({"rows": rows}).encode()[:-2] + b"," + deepest + b"]}"))["rows"]) == 2_001


# But for the one name that is refused, see above; the generator knows our constants.
NAMES = st.text().filter(lambda name: name != "__proto__")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=20,
)


@given(JSON, st.booleans(), st.sampled_from([None, 2]), st.booleans())
def test_whatever_is_written_is_read_back(value, ascii_only, indent, at_once):
    """Of any value, in any of the standard library's ways to write it, on either road."""
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    found = asyncio.run(read(body + (b"" if at_once else BLANK)))
    assert repr(found) == repr(value)


@given(st.text('[]{}",:0123456789eE.+-tfn\\u \n', max_size=60) | st.binary(max_size=60))
def test_nothing_but_a_refusal_comes_out(text):
    """Noise is JSON to us where it is to the standard library, and both roads agree on it."""
    body = text.encode() if isinstance(text, str) else text
    short, long = asyncio.run(outcome(body)), asyncio.run(outcome(body + BLANK))
    assert short == long
    if not isinstance(short, tuple):
        assert repr(json.loads(body)) == short


async def outcome(body):
    try:
        return repr(await read(body))
    except JsonRefused as error:
        return error.state, error.code, error.pointer


HEAVY = {
    "numbers": b"[" + b"1," * (MEGABYTE // 2 - 1) + b"1]",
    "objects": b"[" + b'{"a":1},' * 49_999 + b"{}]",
    "members": b"{" + b",".join(b'"k%d":1' % each for each in range(80_000)) + b"}",
    "a string": b'"' + b"a" * MEGABYTE + b'"',
    "escapes": b'"' + rb"a\n" * (MEGABYTE // 3) + b'"',
    "escaped letters": b'"' + rb"\u00e9" * (MEGABYTE // 6) + b'"',
    "quotes": b'["' + rb"\"" * (MEGABYTE // 2) + b'"]',
    "white space": b" " * MEGABYTE + b"1",
    "long integers": b"[" + (b"1" * 4299 + b",") * 240 + b"1]",
    "one integer": b"1" * MEGABYTE,
    "one fraction": b"0." + b"1" * MEGABYTE,
    "depth": b"[" * MEGABYTE,
    "small and wide": b"[" + b"{}," * 5_400 + b"{}]",
    "lines before a mistake": b"\n" * MEGABYTE + b"x",
    "objects that end late": b"[" + (b'{"a":[' + b"{}," * 1_400 + b"0]},") * 20 + b"0]",
    "a name": b'{"' + rb"\"" * (MEGABYTE // 2) + b'":1}',
}


@pytest.mark.thinned(3)
@pytest.mark.unmeasured
@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
def test_the_loop_is_never_held(body):
    """Between two yields there are 5 ms of work at most, for the worst megabyte of each kind."""

    def steps():
        with suppress(JsonRefused):
            yield from read(body).__await__()

    assert longest_piece(steps, LIMIT) < LIMIT


def test_the_bounds_are_those_that_are_told():
    """Pages of documentation quote them."""
    assert (reading.DEPTH, reading.VALUES) == (64, 100_000)
