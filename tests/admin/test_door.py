"""Who may come in: a table of Hosts, one of Origins, and what a wrong token costs."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.admin.door import NO_TOKEN, WRONG_TOKEN_S, Door

TOKEN = "a-token-that-nobody-guesses"


@pytest.mark.parametrize(
    ("bound", "addresses", "host", "ours"),
    [
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1:8081", True),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1", True),
        ("127.0.0.1", ["127.0.0.1"], "localhost:9999", True),
        ("127.0.0.1", ["127.0.0.1"], "LOCALHOST.", True),
        ("127.0.0.1", ["127.0.0.1"], "[::1]:8081", True),
        ("127.0.0.1", ["127.0.0.1"], "127.9.9.9", True),
        ("127.0.0.1", ["127.0.0.1"], "evil.example:8081", False),
        ("127.0.0.1", ["127.0.0.1"], "localhost.evil.example", False),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1.evil.example", False),
        ("127.0.0.1", ["127.0.0.1"], "localhost@evil.example", False),
        ("127.0.0.1", ["127.0.0.1"], "10.1.2.3", False),
        ("127.0.0.1", ["127.0.0.1"], "", False),
        ("127.0.0.1", ["127.0.0.1"], "127.1", False),
        ("127.0.0.1", ["127.0.0.1"], "::1", True),
        ("10.1.2.3", ["10.1.2.3"], "10.1.2.3:8081", True),
        ("10.1.2.3", ["10.1.2.3"], "10.1.2.4:8081", False),
        ("ops.internal", ["10.1.2.3"], "ops.internal:8081", True),
        ("ops.internal", ["10.1.2.3"], "ops.internal.evil.example", False),
        ("0.0.0.0", ["0.0.0.0"], "192.168.1.5:8081", True),
        ("0.0.0.0", ["0.0.0.0"], "evil.example:8081", False),
        ("", ["0.0.0.0", "::"], "", False),
        ("", ["0.0.0.0", "::"], "[2001:db8::1]:8081", True),
        ("::1", ["::1"], "[::1]:8081", True),
    ],
)
def test_hosts(bound: str, addresses: list[str], host: str, ours: bool) -> None:
    """Loopback names, the bound host and addresses are ours; a name that somebody's DNS points here is not."""
    denied = Door(bound, addresses, None).misdirected([host])
    assert (denied is None) is ours
    assert ours or (denied is not None and denied.status == 421)


def test_no_host_and_two_hosts_are_not_ours() -> None:
    """A request names one."""
    door = Door("127.0.0.1", ["127.0.0.1"], None)
    assert door.misdirected([]) is not None
    assert door.misdirected(["localhost", "localhost"]) is not None


def test_behind_a_unix_socket_any_host_will_do() -> None:
    """No page reaches it, and clients invent a name."""
    door = Door("127.0.0.1", [""], None)
    assert door.misdirected(["x"]) is None
    assert door.misdirected([]) is None


@pytest.mark.parametrize(
    ("origins", "ours"),
    [
        ([], True),
        (["http://127.0.0.1:8081"], True),
        (["HTTP://127.0.0.1:8081"], True),
        (["http://127.0.0.1:8082"], False),
        (["http://localhost:8081"], False),
        (["https://evil.example"], False),
        (["null"], False),
        ([""], False),
        (["http://[bad"], False),
        (["file://127.0.0.1:8081"], False),
        (["http://127.0.0.1:8081", "http://127.0.0.1:8081"], False),
    ],
)
def test_origins(origins: list[str], ours: bool) -> None:
    """Only the page that came from here, as it was addressed; no Origin is no page."""
    denied = Door("127.0.0.1", ["127.0.0.1"], None).foreign(origins, ["127.0.0.1:8081"])
    assert (denied is None) is ours
    assert ours or (denied is not None and denied.status == 403)


@pytest.mark.parametrize(
    ("addresses", "is_open"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.1", "::1"], True),
        ([""], True),
        ([], True),
        (["0.0.0.0"], False),
        (["127.0.0.1", "10.1.2.3"], False),
    ],
)
def test_reading_is_open_where_only_this_machine_gets(addresses: list[str], is_open: bool) -> None:
    """One address that others reach closes it."""
    assert Door("x", addresses, TOKEN).open_to_read is is_open


@pytest.mark.virtual
@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (f"Bearer {TOKEN}", None),
        (f"bearer  {TOKEN} ", None),
        (None, "token_missing"),
        ("", "token_missing"),
        ("Bearer", "token_missing"),
        (f"Basic {TOKEN}", "token_missing"),
        (TOKEN, "token_missing"),
        (f"Bearer {TOKEN}x", "token_wrong"),
        (f"Bearer {TOKEN[:-1]}", "token_wrong"),
        ("Bearer \udcff", "token_wrong"),
    ],
)
async def test_tokens(shown: str | None, code: str | None) -> None:
    """The whole token, as Bearer, and nothing else."""
    denied = await Door("", [], TOKEN).admit(shown)
    assert (None if denied is None else denied.code) == code


async def test_without_a_token_nobody_is_admitted() -> None:
    """Not even with an empty one; the answer says what to write."""
    assert await Door("", [], None).admit("Bearer ") is NO_TOKEN
    assert "admin.token_file" in NO_TOKEN.remedy


async def test_a_new_token_takes_the_place_of_the_old() -> None:
    """At once, both ways, and none at all closes the door."""
    door = Door("", [], TOKEN)
    door.adopt("another")
    assert await door.admit("Bearer another") is None
    assert await door.admit(f"Bearer {TOKEN}") is not None
    door.adopt(None)
    assert await door.admit("Bearer another") is NO_TOKEN


@pytest.mark.virtual
async def test_wrong_tokens_are_answered_one_after_the_other() -> None:
    """However many guess at once, there are ten guesses a second, and whoever has the right one waits for those before him only."""
    door, loop = Door("", [], TOKEN), asyncio.get_running_loop()
    began = loop.time()
    guesses = [asyncio.ensure_future(door.admit(f"Bearer {number}")) for number in range(63)]  # noqa: TID251 - a test's own
    await asyncio.sleep(0)
    assert await door.admit(f"Bearer {TOKEN}") is None
    assert loop.time() - began == pytest.approx(63 * WRONG_TOKEN_S)
    assert all(guess.done() for guess in guesses)
    began = loop.time()
    assert await door.admit(f"Bearer {TOKEN}") is None
    assert loop.time() == began, "a right token alone costs nothing"


@pytest.mark.virtual
async def test_who_hangs_up_leaves_the_line() -> None:
    """Guesses that nobody waits for hold nobody up."""
    door, loop = Door("", [], TOKEN), asyncio.get_running_loop()
    began = loop.time()
    guesses = [asyncio.ensure_future(door.admit("Bearer x")) for _ in range(50)]  # noqa: TID251 - a test's own
    await asyncio.sleep(WRONG_TOKEN_S / 2)
    for guess in guesses:
        guess.cancel()
    assert await door.admit(f"Bearer {TOKEN}") is None
    assert loop.time() - began == pytest.approx(WRONG_TOKEN_S / 2)


def test_the_comparison_is_of_digests_by_compare_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared has one length whatever was sent, and is compared in constant time: a clock tells nothing of the token."""
    seen: list[tuple[bytes, bytes]] = []

    def watched(left: bytes, right: bytes) -> bool:
        seen.append((left, right))
        return left == right

    monkeypatch.setattr("sidecar.policy.secret.compare_digest", watched)
    monkeypatch.setattr("sidecar.admin.door.WRONG_TOKEN_S", 0)
    door = Door("", [], TOKEN)
    for shown in ("x", TOKEN[:5], TOKEN, "y" * 5000):
        asyncio.run(door.admit(f"Bearer {shown}"))
    assert [(len(left), len(right)) for left, right in seen] == [(32, 32)] * 4
