"""A hunt for what the codec raises, led by coverage: atheris (libFuzzer) changes replies and calls of the demo's contract.

Run by `test_hunt.py` in a process of its own, because libFuzzer ends the one that it runs in. A crash is written beside the corpus.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(
    include=["adapters.soap", "adapters.json", "adapters.xml"], enable_loader_override=False
):
    from adapters.json.reading import JsonRefused, read
    from adapters.soap.encoding import InvalidParams
    from adapters.soap.samples import sample
    from adapters.soap.speech import NoReplyError, Speech
    from adapters.xml import XmlRefused

from sidecar.demo.wsdl import wsdl

SPEECH = Speech.of({"box.wsdl": wsdl("http://127.0.0.1:9/box.asmx", single=True)})
NAMES = sorted(SPEECH.names)
LOOP = asyncio.new_event_loop()


def seeds() -> list[bytes]:
    """Return replies and calls as they should be; the first byte says which operation, the second which of the two."""
    found = []
    for at, name in enumerate(NAMES):
        signature = SPEECH.signature(name)
        found.append(bytes((at, 1)) + json.dumps(sample(signature.input, SPEECH.types, sent=True)).encode())
        if signature.output is not None:
            value = sample(signature.output, SPEECH.types, sent=True)
            with suppress(InvalidParams):
                found.append(bytes((at, 0)) + SPEECH.reply(name, value))
    return found


def hunt(data: bytes) -> None:
    """Read a reply, or write a call; only what their documentation names may be raised."""
    if len(data) < 2:
        return
    name, rest = NAMES[data[0] % len(NAMES)], data[2:]
    if data[1] % 2 == 0:
        with suppress(NoReplyError, XmlRefused):
            SPEECH.decode(name, rest)
        return
    with suppress(JsonRefused, InvalidParams):
        SPEECH.encode(name, LOOP.run_until_complete(read(rest)))


if __name__ == "__main__":
    atheris.Setup(sys.argv, hunt)
    atheris.Fuzz()
