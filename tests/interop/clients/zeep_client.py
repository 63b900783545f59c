"""zeep, unmodified, speaking to a box office: `zeep_client.py WSDL_URL STEPS [soap12]`; prints one JSON line per step."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
import time

import zeep
import zeep.exceptions
import zeep.helpers
from lxml import etree

TEXT = 'Grüße aus Ελλάδα: 1 < 2 & "3" ☃'


def main(url: str, steps: str, version: str = "soap11") -> None:
    client = zeep.Client(url, settings=zeep.Settings(xml_huge_tree=True))
    if client.wsdl.bindings and len(client.wsdl.bindings) > 1:
        service_name, service = next(iter(client.wsdl.services.items()))
        wanted = zeep.wsdl.bindings.Soap12Binding if version == "soap12" else zeep.wsdl.bindings.Soap11Binding
        port = next(name for name, port in service.ports.items() if type(port.binding) is wanted)
        bound = client.bind(service_name, port)
    else:
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
            outcome = {"value": zeep.helpers.serialize_object(calls[step](), dict)}
        except zeep.exceptions.Fault as fault:
            detail = None if fault.detail is None else etree.tostring(fault.detail, encoding="unicode")
            outcome = {"fault": {"class": name(fault), "code": fault.code, "text": fault.message, "detail": detail}}
            outcome["fault"]["subcodes"] = [str(code) for code in fault.subcodes or ()]
        except Exception as error:  # noqa: BLE001 - any other class is told, and the test compares it
            outcome = {"error": {"class": name(error), "text": str(error)}}
        took_ms = (time.perf_counter() - start) * 1000
        print(json.dumps({"step": step, **outcome, "ms": took_ms}, default=str), flush=True)


def name(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def digest(lines: list[str]) -> dict[str, object]:
    whole = "".join(lines)
    return {"rows": len(lines), "chars": len(whole), "sha256": hashlib.sha256(whole.encode()).hexdigest()}


if __name__ == "__main__":
    main(*sys.argv[1:])
