"""The manners of ASMX without envelopes: plain text for what is missing, a page for what is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.demo.speak import FORM

if TYPE_CHECKING:
    import aiohttp

    from sidecar.demo.box_office import BoxOffice


@pytest.mark.parametrize(
    ("path", "status", "media", "text"),
    [
        ("GetSeats?sSessionKey=x&cSummaryOnly=N", 500, "text/plain", "Missing parameter: iPerformanceNumber."),
        ("GetNewSessionKey", 500, "text/plain", "Missing parameter: sIP."),
        (
            "GetSeats?sSessionKey=x&iPerformanceNumber=x&cSummaryOnly=N",
            500,
            "text/plain",
            "Cannot convert x to System.Int32.",
        ),
        ("GetSeats?sSessionKey=x&iPerformanceNumber=1&cSummaryOnly=NN", 500, "text/plain", "cSummaryOnly"),
        ("Nothing", 500, "text/html", "unexpectedly ending in '/Nothing'"),
        ("HelloWorld", 200, "text/xml", '<string xmlns="http://boxoffice.example/api/">Hello World</string>'),
    ],
)
async def test_the_manners_of_asmx_over_get(
    quick: BoxOffice, http: aiohttp.ClientSession, path: str, status: int, media: str, text: str
) -> None:
    """A missing or bad parameter is plain text, an unknown operation a page, a result a bare element."""
    async with http.get(f"{quick.url}/box.asmx/{path}") as reply:
        assert (reply.status, reply.content_type) == (status, media)
        assert text in await reply.text()


async def test_a_form_must_be_a_form(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """A POST to an operation's path in any other media type is not recognised."""
    async with http.post(
        f"{quick.url}/box.asmx/HelloWorld", data=b"{}", headers={"Content-Type": "application/json"}
    ) as reply:
        assert (reply.status, "unexpectedly ending" in await reply.text()) == (500, True)
    async with http.post(f"{quick.url}/box.asmx/HelloWorld", data=b"", headers={"Content-Type": FORM}) as reply:
        assert reply.status == 200
