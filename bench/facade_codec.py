"""JSON to XML and back, beside zeep: one process, one core, in turns, by CPU time. Run by `bench.facade`; prints its figures as JSON.

A reply is read as the facade's stage has it read, from the backend's bytes to the caller's; zeep makes Python values of it, and no JSON.
A call is written from Python values, by both; zeep stops at a tree, which nobody has written out yet. What comes before that in ours, to
find the operation and to read the caller's JSON strictly, is measured besides, against the same.
"""

from __future__ import annotations

import sys
from statistics import median
from tempfile import NamedTemporaryFile
from time import process_time
from typing import TYPE_CHECKING, Any, Final

import orjson
import uvloop
import zeep

from adapters.soap.facade import SoapFacade
from adapters.soap.resolver import Options
from adapters.soap.speech import Speech
from adapters.soap.wsdl import index
from bench import facade_contract as contract
from sidecar import heap
from sidecar.ports import Asked

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sidecar.model import RawHeaders

MEDIA: Final[RawHeaders] = ((b"Content-Type", b"text/xml; charset=utf-8"),)
_TURN_S: Final = 0.2  # of CPU, of the slower of the two: many times the clock's resolution and a collection's share
_SIZES: Final = ((contract.OPERATION, 60_000), (contract.OPERATION, 600_000), (contract.TABLE, 15_000))


def facade() -> SoapFacade:
    """Return the facade of the contract."""
    documents = {"box.wsdl": contract.wsdl()}
    indexed = index(documents)
    return SoapFacade(lambda: indexed, lambda: documents, path="/", options=Options())


def reply(operation: str, size_bytes: int) -> bytes:
    """Return a reply of an operation."""
    return (contract.table_reply if operation == contract.TABLE else contract.rows_reply)(size_bytes)


class Codecs:
    """Both, with what they are asked to do. Each `…ours` and `…theirs` returns what does it so many times."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._facade = loop, facade()
        self._speech = Speech.of({"box.wsdl": contract.wsdl()})
        with NamedTemporaryFile(suffix=".wsdl") as file:
            file.write(contract.wsdl())
            file.flush()
            client: Any = zeep.Client
            self._zeep = client(file.name)

    def decode_ours(self, operation: str, body: bytes) -> Callable[[int], None]:
        """From the backend's bytes to the caller's."""

        async def tell(times: int) -> None:
            for _ in range(times):
                told = await self._facade.tell(operation, MEDIA, body)
                assert isinstance(told, bytes), told

        return lambda times: self._loop.run_until_complete(tell(times))

    def decode_theirs(self, operation: str, body: bytes) -> Callable[[int], None]:
        """From the backend's bytes to Python values."""
        binding, came = self._zeep.service._binding, _Came(body)  # noqa: SLF001 - what its transport calls

        def process(times: int) -> None:
            for _ in range(times):
                binding.process_reply(self._zeep, binding.get(operation), came)

        return process

    def encode_ours(self, operation: str, value: dict[str, Any]) -> Callable[[int], None]:
        """From Python values to the bytes for the backend."""

        def encode(times: int) -> None:
            for _ in range(times):
                self._speech.encode(operation, value)

        return encode

    def ask_ours(self, operation: str, value: dict[str, Any]) -> Callable[[int], None]:
        """From the caller's bytes to those for the backend."""
        body = orjson.dumps(value)

        async def ask(times: int) -> None:
            for _ in range(times):
                asked = await self._facade.ask(operation, body, "")
                assert isinstance(asked, Asked), asked

        return lambda times: self._loop.run_until_complete(ask(times))

    def encode_theirs(self, operation: str, value: dict[str, Any]) -> Callable[[int], None]:
        """From Python values to a tree."""

        def create(times: int) -> None:
            for _ in range(times):
                self._zeep.create_message(self._zeep.service, operation, **value)

        return create


class _Came:
    """What zeep's transport hands on: a response of requests, as far as it is looked at."""

    status_code: Final = 200
    headers: Final = {"Content-Type": "text/xml; charset=utf-8"}
    encoding: Final = "utf-8"

    def __init__(self, content: bytes) -> None:
        self.content = content


def compared(ours: Callable[[int], None], theirs: Callable[[int], None], rounds: int) -> tuple[float, float, float]:
    """Return how many times as dear theirs is, and what either costs in microseconds; medians over rounds, ratios within each."""
    ours(3)  # everything is made and compiled
    often_ours, often_theirs = _often(ours), _often(theirs)
    mine, other = list[float](), list[float]()
    for number in range(rounds):
        turns = [(ours, often_ours, mine), (theirs, often_theirs, other)]
        for work, often, into in reversed(turns) if number % 2 else turns:
            into.append(_us(work, often))
    return median(b / a for a, b in zip(mine, other, strict=True)), median(mine), median(other)


def _us(work: Callable[[int], None], often: int) -> float:
    began_s = process_time()
    work(often)
    return (process_time() - began_s) / often * 1e6


def _often(work: Callable[[int], None]) -> int:
    """Return how often a turn does its work."""
    return max(1, round(_TURN_S * 1e6 / _us(work, 1)))


def main(rounds: int) -> dict[str, tuple[float, float, float]]:
    """Compare everything."""
    loop = uvloop.new_event_loop()
    codecs = Codecs(loop)
    found = {}
    heap.settle()  # as the product does; zeep has what it is worth, too
    for operation, size_bytes in _SIZES:
        body = reply(operation, size_bytes)
        what = "DataSet" if operation == contract.TABLE else "rows"
        found[f"decode {what} {size_bytes // 1000} KB"] = compared(
            codecs.decode_ours(operation, body), codecs.decode_theirs(operation, body), rounds
        )
    for what, operation, value in (
        ("3 values", contract.OPERATION, contract.small_call()),
        ("6 values", contract.ORDER, contract.plain_call()),
        ("50 objects", contract.ORDER, contract.array_call()),
    ):
        theirs = codecs.encode_theirs(operation, value)
        found[f"encode {what}"] = compared(codecs.encode_ours(operation, value), theirs, rounds)
        found[f"ask {what}"] = compared(codecs.ask_ours(operation, value), theirs, rounds)
    loop.close()
    return found


if __name__ == "__main__":
    print(orjson.dumps(main(int(sys.argv[1]))).decode())
