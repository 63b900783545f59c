"""suds-community, unmodified, speaking to a box office: `suds_client.py WSDL_URL STEPS`; prints one JSON line per step."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import sys
import time

import suds
import suds.client
import suds.sudsobject
from suds.sax.text import Text

TEXT = 'Grüße aus Ελλάδα: 1 < 2 & "3" ☃'


def main(url: str, steps: str, version: str = "soap11") -> None:
    assert version != "soap12", "suds speaks SOAP 1.1 only"
    logging.getLogger("suds").setLevel(logging.CRITICAL)  # it logs each fault with its traceback
    client = suds.client.Client(url, cache=None, timeout=60)
    bound = client.service
    calls = {
        "echo": lambda: bound.Echo(text=TEXT),
        "add": lambda: bound.Add(a=19, b=23),
        "seats": lambda: bound.Seats(row="A", count=4),
        "seat": lambda: bound.Seat(row="A", number=4),
        "price": lambda: bound.Price(when=dt.datetime(2026, 12, 24, 20, 0), ratio=0.5),  # noqa: DTZ001 - as sent
        "refuse": lambda: bound.Refuse(reason="not today"),
        "big": lambda: digest(bound.Report(rows=10_000, width=1_024)),
    }
    for step in steps.split(","):
        if step == "wait":
            print(json.dumps({"step": step}), flush=True)
            sys.stdin.readline()
            continue
        start = time.perf_counter()
        try:
            outcome = {"value": plain(calls[step]())}
        except suds.WebFault as fault:
            detail = getattr(fault.fault, "detail", None)
            outcome = {
                "fault": {
                    "class": name(fault),
                    "code": str(getattr(fault.fault, "faultcode", "")),
                    "text": str(getattr(fault.fault, "faultstring", "")),
                    "detail": None if detail is None else str(detail),
                }
            }
        except Exception as error:  # noqa: BLE001 - any other class is told, and the test compares it
            outcome = {"error": {"class": name(error), "text": str(error)}}
        took_ms = (time.perf_counter() - start) * 1000
        print(json.dumps({"step": step, **outcome, "ms": took_ms}, default=str), flush=True)


def plain(value: object) -> object:
    """Turn suds' objects into what JSON knows; its text type carries a language that JSON has no place for."""
    if isinstance(value, suds.sudsobject.Object):
        return {key: plain(item) for key, item in suds.sudsobject.asdict(value).items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Text) else value


def name(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def digest(reply: object) -> dict[str, object]:
    lines = [str(line) for line in reply.string]
    whole = "".join(lines)
    return {"rows": len(lines), "chars": len(whole), "sha256": hashlib.sha256(whole.encode()).hexdigest()}


if __name__ == "__main__":
    main(*sys.argv[1:])
