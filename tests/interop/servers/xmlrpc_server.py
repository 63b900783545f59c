"""The box office, the desk and the validator1 suite on the standard library's SimpleXMLRPCServer: `xmlrpc_server.py PORT IDLE_S ENCODING`.

Speaks HTTP/1.1, so connections are kept until idle; compresses replies above 1400 bytes for those who accept it, as the
standard library does. Knows nothing of any proxy.
"""

from __future__ import annotations

import sys
from socketserver import ThreadingMixIn
from xmlrpc.client import Binary, DateTime, Fault
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer


class BoxOffice:
    """The same operations as the SOAP box offices, as far as XML-RPC's types carry them."""

    def echo(self, text: str) -> str:
        return text

    def add(self, a: int, b: int) -> int:
        return a + b

    def seats(self, row: str, count: int) -> list[dict[str, object]]:
        return [{"number": n, "price": n * 12.25, "sold": n % 2 == 0, "note": f"{row}{n}"} for n in range(1, count + 1)]

    def refuse(self, reason: str) -> str:
        raise Fault(42, reason)

    def report(self, rows: int, width: int) -> list[str]:
        return [f"{n:08d}".ljust(width, "x") for n in range(rows)]


class Desk:
    """Gives values back as they came, and fails in both ways."""

    def echo(self, value: object) -> object:
        return value

    def add(self, a: int, b: int) -> int:
        return a + b

    def digits(self, number: int) -> str:
        return str(number)

    def count(self, *values: object) -> int:
        return len(values)

    def types(self) -> dict[str, object]:
        return {
            "int": -7,
            "ratio": 12.5,
            "sold": True,
            "text": ' a & b < "c" ',
            "when": DateTime("20261224T20:00:00"),
            "bytes": Binary(b"\x00\x01\xff"),
            "list": [[1], []],
        }

    def refuse(self, reason: str) -> str:
        raise Fault(42, reason)

    def nothing(self) -> None:
        return None


class Validator1:
    """The classic suite of eight methods (UserLand's validator1), by what each must return."""

    def arrayOfStructsTest(self, structs: list[dict[str, int]]) -> int:  # noqa: N802 - the suite's name, as all below
        return sum(each["curly"] for each in structs)

    def countTheEntities(self, text: str) -> dict[str, int]:  # noqa: N802 - as above
        names = {
            "<": "LeftAngleBrackets",
            ">": "RightAngleBrackets",
            "&": "Ampersands",
            "'": "Apostrophes",
            '"': "Quotes",
        }
        return {f"ct{name}": text.count(character) for character, name in names.items()}

    def easyStructTest(self, stooges: dict[str, int]) -> int:  # noqa: N802 - as above
        return stooges["moe"] + stooges["larry"] + stooges["curly"]

    def echoStructTest(self, anything: dict[str, object]) -> dict[str, object]:  # noqa: N802 - as above
        return anything

    def manyTypesTest(self, *values: object) -> list[object]:  # noqa: N802 - as above
        return list(values)

    def moderateSizeArrayCheck(self, strings: list[str]) -> str:  # noqa: N802 - as above
        return strings[0] + strings[-1]

    def nestedStructTest(self, years: dict[str, dict[str, dict[str, dict[str, int]]]]) -> int:  # noqa: N802 - as above
        return self.easyStructTest(years["2000"]["04"]["01"])

    def simpleStructReturnTest(self, number: int) -> dict[str, int]:  # noqa: N802 - as above
        return {f"times{factor}": number * factor for factor in (10, 100, 1000)}


class Handler(SimpleXMLRPCRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rpc_paths = ("/RPC2",)


class Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True


if __name__ == "__main__":
    Handler.timeout = float(sys.argv[2])
    address = ("127.0.0.1", int(sys.argv[1]))
    with Server(address, Handler, logRequests=False, allow_none=True, encoding=sys.argv[3]) as server:
        server.register_introspection_functions()
        server.register_multicall_functions()
        for name in ("echo", "add", "seats", "refuse", "report"):
            server.register_function(getattr(BoxOffice(), name), name)
        for suite, group in (("desk", Desk()), ("validator1", Validator1())):
            for name in [name for name in vars(type(group)) if not name.startswith("_")]:
                server.register_function(getattr(group, name), f"{suite}.{name}")
        print("ready", flush=True)
        server.serve_forever()
