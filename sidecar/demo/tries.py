"""What a visitor of the standing demo can try: the addresses, and one command for each thing worth seeing.

It stands beside the road, on the terminal. It answers text; every command in it works as it stands.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sidecar.demo.soap import NS

if TYPE_CHECKING:
    from sidecar.demo.shop import Addresses

TOKEN = "a-token-for-the-demo"  # noqa: S105 - whoever reads the demo's output may give it orders
_HELLO_RPC = "<methodCall><methodName>tickets.hello</methodName><params/></methodCall>"


def things_to_try(where: Addresses, shop: str) -> str:
    """Return the addresses and one command for each thing worth seeing."""
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    hello = f'<s:Envelope xmlns:s="{soap}"><s:Body><HelloWorld xmlns="{NS}"/></s:Body></s:Envelope>'
    call = f"curl -si {where.sidecar}/tickets -H 'Content-Type: text/xml' -H 'Accept: application/problem+json' --data '{hello}'"
    told = f"SIDECAR_ADMIN={where.admin} SIDECAR_ADMIN_TOKEN={TOKEN} {sys.executable} -m sidecar"
    hurt = f"curl -s {where.control}/_control --data"
    turn = f"curl -s {shop}/tide -H 'Content-Type: application/json' --data"
    sale = f"curl -s {shop}/sale -H 'Content-Type: application/json' --data"
    things = (
        ("a call that works", call),
        (
            "the same in JSON, as pages call it",
            f"curl -si {where.sidecar}/tickets/json/HelloWorld -H 'Content-Type: application/json' --data '{{}}'",
        ),
        (
            "the WSDL, with the sidecar's addresses",
            f"curl -s '{where.sidecar}/tickets?wsdl' | grep -o 'location=\"http[^\"]*\"'",
        ),
        ("ASMX over GET", f"curl -si '{where.sidecar}/tickets/HelloWorld'"),
        ("XML-RPC", f"curl -si {where.sidecar}/boxrpc -H 'Content-Type: text/xml' --data '{_HELLO_RPC}'"),
        ("the backend dies; then 1 again: backend_unreachable", f'{hurt} \'{{"dead": true, "for_s": 10}}\''),
        ("the reply is lost; then 1 again: outcome_unknown", f'{hurt} \'{{"hangup": true, "for_s": 10}}\''),
        ("a page instead of XML; then 1 again: backend_bad_reply", f'{hurt} \'{{"html": 200, "for_s": 10}}\''),
        ("it freezes; then 1 again: outcome_unknown after 4 s", f'{hurt} \'{{"freeze": true, "for_s": 10}}\''),
        ("an operation that nobody may call: operation_denied", f"curl -si {where.sidecar}/tickets/DestroyCache -d ''"),
        ("a path that is nobody's: not_found", f"curl -si {where.sidecar}/nowhere"),
        ("a sale opens: 150 people a second, then 0 again", f"{turn} '{{\"rate\": 150}}'"),
        ("20 000 people come to the gala, which opens two minutes after the start", f"{sale} '{{}}'"),
        ("how its waiting room stands", f"curl -si {where.sidecar}/.sidecar/rooms/{where.room}/board"),
        (
            "the disk is slow for half a minute: it bears 8 calls at once, not 20",
            f'{hurt} \'{{"knee": 8, "for_s": 30}}\'',
        ),
        ("what the box office went through", f"curl -s {where.control}/_stats"),
        ("what an operator sees, on one screen", f"curl -s {where.admin}/status"),
        ("fewer calls at once, for a minute", f"{told} limit set tickets 4 --for 1m --reason 'to see it'"),
    )
    tries = "\n".join(f"{at:3}  {what}\n     {command}" for at, (what, command) in enumerate(things, 1))
    return (
        f"\nshop page    {shop}/\nsidecar      {where.sidecar}/tickets (SOAP, ASMX)   {where.sidecar}/boxrpc (XML-RPC)\n"
        f"JSON         {where.sidecar}/tickets/docs\n"
        f"box office   {where.box}/box.asmx?wsdl   watched at {where.control}/_stats\n"
        f"operators    {where.admin}/ (dashboard)\n\n"
        f"Things to try; whatever hurts the box office ends by itself:\n{tries}\n\nCtrl-C ends everything."
    )
