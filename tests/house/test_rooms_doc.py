"""docs/rooms.md says what is so: its Python runs, its JSON is a reply that the contract knows, its diagram is the table's."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from sidecar.contract import json_schema
from sidecar.policy import assertions, credentials
from sidecar.policy.draw import Draw, commitment
from sidecar.policy.tokens import Key, Keys
from sidecar.policy.visitors import Word, diagram
from tests.house.rooms_doc import DOCUMENT, fresh
from tests.scenarios.envelope_schema import complaints

TEXT = DOCUMENT.read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_diagram_is_the_table() -> None:
    """Written anew it is the same, and it has every word."""
    assert fresh(TEXT) == TEXT
    assert all(word.value in diagram() for word in Word)


def test_what_the_shop_signs_counts() -> None:
    """The example makes an assertion and an invite that the sidecar believes, for a room of that name alone."""
    names: dict[str, Any] = {"shop_secret": "s" * 32, "invite_secret": "i" * 32}
    exec(PYTHON[0], names)
    now = time.time()
    said = assertions.read(b"s" * 32, names["assertion"], now, "hamlet")
    assert isinstance(said, assertions.Claims)
    assert said[:3] == ("customer-4711", None, None)
    invited = assertions.read(b"i" * 32, names["invite"], now, "hamlet")
    assert isinstance(invited, assertions.Claims)
    assert invited[:3] == (None, "fast", "member-0815")
    assert assertions.read(b"i" * 32, names["invite"], now, "macbeth") is assertions.Why.OTHER_AUDIENCE


def test_the_draw_can_be_verified_as_it_says() -> None:
    """From a board and a place, the example finds the rank that the room has given."""
    seed, number = bytes(range(32)), 417
    keys = Keys(Key("k1", b"k" * 32))
    place = credentials.sign_place(keys, credentials.room_id("hamlet"), b"e" * 8, credentials.PlaceId(0, number))
    board = {"draw": {"seed": seed.hex()}, "lanes": {"main": {"drawn": 1000}}}
    names: dict[str, Any] = {"board": board, "place": place, "noted": commitment(seed)}
    exec(PYTHON[1], names)
    assert names["rank"] == Draw(seed, "main", 1000).rank(number)


def test_the_reply_is_of_the_contract() -> None:
    """The JSON that it shows is valid by docs/state.schema.json."""
    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert complaints(json.loads(shown), json.loads(json_schema())) == []
