"""The standard library's xmlrpc.client, unmodified: `xmlrpc_client.py URL STEPS [ENCODING]`; prints one JSON line per step."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
import time
import xmlrpc.client

TEXT = 'Grüße aus Ελλάδα: 1 < 2 & "3" ☃'
STOOGES = {"moe": 5, "larry": 6, "curly": 7}
DAY = {f"{n:02d}": {"moe": n, "larry": n + 1, "curly": n + 2} for n in range(1, 4)}
MANY = [7, True, "a string", 1.5, dt.datetime(1998, 7, 17, 14, 8, 55), b"\x00\x01binary\xff"]  # noqa: DTZ001 - as sent

VALIDATOR1 = {
    "arrayOfStructsTest": ([[STOOGES, {**STOOGES, "curly": 10}, {**STOOGES, "curly": -3}]], 14),
    "countTheEntities": (
        ['<<>&&&\'""x'],
        {"ctLeftAngleBrackets": 2, "ctRightAngleBrackets": 1, "ctAmpersands": 3, "ctApostrophes": 1, "ctQuotes": 2},
    ),
    "easyStructTest": ([STOOGES], 18),
    "echoStructTest": ([{"a": STOOGES, "b": ["x", TEXT, ""]}], {"a": STOOGES, "b": ["x", TEXT, ""]}),
    "manyTypesTest": (MANY, MANY),
    "moderateSizeArrayCheck": ([[f"entry {n}" for n in range(150)]], "entry 0entry 149"),
    "nestedStructTest": ([{"1999": {"12": DAY}, "2000": {"03": DAY, "04": DAY}}], 6),
    "simpleStructReturnTest": ([12], {"times10": 120, "times100": 1200, "times1000": 12000}),
}


def main(url: str, steps: str, encoding: str = "utf-8") -> None:
    proxy = xmlrpc.client.ServerProxy(url, encoding=encoding, use_builtin_types=True)
    calls = {
        "echo": lambda: proxy.echo(TEXT),
        "add": lambda: proxy.add(19, 23),
        "seats": lambda: proxy.seats("A", 4),
        "refuse": lambda: proxy.refuse("not today"),
        "big": lambda: digest(proxy.report(10_000, 1_024)),
        "multicall": lambda: several(proxy),
        "methods": proxy.system.listMethods,
        "version": proxy.supervisor.getSupervisorVersion,
        "state": proxy.supervisor.getState,
        "program": lambda: {**proxy.supervisor.getProcessInfo("usher"), "now": None},
        "nosuch": lambda: proxy.supervisor.getProcessInfo("nosuch"),
    } | {f"validator1.{name}": lambda name=name: validate(proxy, name) for name in VALIDATOR1}
    for step in steps.split(","):
        if step == "wait":
            print(json.dumps({"step": step}), flush=True)
            sys.stdin.readline()
            continue
        start = time.perf_counter()
        try:
            outcome = {"value": calls[step]()}
        except xmlrpc.client.Fault as fault:
            outcome = {"fault": {"class": name(fault), "code": fault.faultCode, "text": fault.faultString}}
        except Exception as error:  # noqa: BLE001 - any other class is told, and the test compares it
            outcome = {"error": {"class": name(error), "text": str(error)}}
        took_ms = (time.perf_counter() - start) * 1000
        print(json.dumps({"step": step, **outcome, "ms": took_ms}, default=str), flush=True)


def several(proxy: xmlrpc.client.ServerProxy) -> list[object]:
    together = xmlrpc.client.MultiCall(proxy)
    together.add(1, 2)
    together.echo(TEXT)
    return list(together())


def validate(proxy: xmlrpc.client.ServerProxy, method: str) -> str:
    arguments, wanted = VALIDATOR1[method]
    got = getattr(proxy.validator1, method)(*arguments)
    return "pass" if got == wanted else f"wanted {wanted!r}, got {got!r}"


def name(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def digest(lines: list[str]) -> dict[str, object]:
    whole = "".join(lines)
    return {"rows": len(lines), "chars": len(whole), "sha256": hashlib.sha256(whole.encode()).hexdigest()}


if __name__ == "__main__":
    main(*sys.argv[1:])
