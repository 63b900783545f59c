"""The operations of the box office, each written once: every face and the WSDL are read off this table.

It stands behind the road, between the faces and the inventory. An operation answers an `Outcome` or raises `Sorry`; it
never knows which protocol asked. The session key goes under four names, as it does in ticketing systems that grew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sidecar.demo.dataset import Column, DataSet, Table, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.demo.inventory import House, Order, Seat

Args = dict[str, str | int]


class Param(NamedTuple):
    """One parameter; text may be left out and is then empty, numbers and characters may not (.NET value types)."""

    name: str
    type: str  # string | int | char

    @property
    def required(self) -> bool:
        return self.type != "string"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation gave: its value, and the members of its output header where it declares one."""

    value: str | int | DataSet | Table | None
    header: Mapping[str, int | str] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    about: str
    params: tuple[Param, ...]
    result: str  # string | int | DataSet | ArrayOfPerformance | void
    run: Callable[[House, Args], Outcome]
    rpc: str  # its name in the XML-RPC face
    header: tuple[str, tuple[Column, ...]] | None = None
    work: float = 1.0  # times the law's service time


LINE_HEADER = ("LineItemHeader", (Column("Id", "int"),))
CHECKOUT_HEADER = ("CheckoutStatusHeader", (Column("OrderNumber", "int"), Column("ApprovalCode", "string")))

PERFORMANCE = (
    Column("perf_no", "int"),
    Column("description", "string"),
    Column("text1", "string"),
    Column("perf_dt", "dateTime"),
    Column("facility_desc", "string"),
    Column("zone_no", "int"),
    Column("price", "decimal"),
    Column("on_sale_ind", "string"),
    Column("avail_count", "int"),
)
SEAT = tuple(
    Column(*c)
    for c in (("seat_no", "int"), ("perf_no", "int"), ("row", "string"), ("seat", "int"), ("status", "string"))
)
ROW = tuple(Column(*c) for c in (("row", "string"), ("free", "int"), ("held", "int"), ("sold", "int")))
ORDER = tuple(
    Column(*c) for c in (("order_no", "int"), ("total", "decimal"), ("approval", "string"), ("num_seats", "int"))
)
SALES = tuple(
    Column(*c) for c in (("line", "int"), ("perf_no", "int"), ("sold", "int"), ("gross", "decimal"), ("note", "string"))
)


def _evenings(house: House) -> Table:
    rows: list[tuple[Value, ...]] = [
        (
            p.number,
            p.title,
            p.subtitle,
            p.starts_at,
            p.stage,
            p.zone,
            p.price,
            "Y" if p.on_sale else "N",
            house.left(p.number),
        )
        for p in house.season
    ]
    return Table("Performance", PERFORMANCE, tuple(rows))


def _seats(seats: list[Seat] | tuple[Seat, ...]) -> Table:
    return Table("Seat", SEAT, tuple((s.number, s.performance, s.row, s.place, s.status) for s in seats))


def _by_row(seats: list[Seat]) -> Table:
    counts: dict[str, dict[str, int]] = {}
    for seat in seats:
        counts.setdefault(seat.row, {"free": 0, "held": 0, "sold": 0})[seat.status] += 1
    return Table("Row", ROW, tuple((row, c["free"], c["held"], c["sold"]) for row, c in counts.items()))


def _receipt(order: Order) -> DataSet:
    head = Table("Order", ORDER, ((order.number, order.total, order.approval, len(order.seats)),))
    return DataSet((head, _seats(order.seats)))


def _hello(_house: House, _args: Args) -> Outcome:
    return Outcome("Hello World")


def _new_session(house: House, _args: Args) -> Outcome:
    return Outcome(house.open_session())


def _performances(house: House, _args: Args) -> Outcome:
    return Outcome(_evenings(house))


def _performances_ex(house: House, args: Args) -> Outcome:
    house.basket(str(args["sWebSessionId"]))
    return Outcome(DataSet((_evenings(house),)))


def _get_seats(house: House, args: Args) -> Outcome:
    house.basket(str(args["sSessionKey"]))
    chart = house.chart(int(args["iPerformanceNumber"]))
    return Outcome(DataSet((_by_row(chart) if args["cSummaryOnly"] == "Y" else _seats(chart),)))


def _reserve(house: House, args: Args) -> Outcome:
    got = house.reserve(str(args["sWebSessionID"]), int(args["iPerformanceNumber"]), int(args["iNumberOfSeats"]))
    return Outcome(got.count, {"Id": got.line} if got.count else None)


def _cart(house: House, args: Args) -> Outcome:
    return Outcome(DataSet((_seats(tuple(house.basket(str(args["sWebSessionID"])))),)))


def _clear(house: House, args: Args) -> Outcome:
    house.clear(str(args["SessionKey"]))
    return Outcome(None)


def _checkout(house: House, args: Args) -> Outcome:
    order = house.checkout(str(args["sSessionKey"]), str(args["sCCNumber"]))
    return Outcome(order.number, {"OrderNumber": order.number, "ApprovalCode": order.approval})


def _order(house: House, args: Args) -> Outcome:
    return Outcome(_receipt(house.order(str(args["SessionKey"]), int(args["OrderNumber"]))))


def _report(house: House, args: Args) -> Outcome:
    rows = min(max(int(args["iRows"]), 0), 100_000)  # some 20 MB: the largest reply anybody measures with
    numbers = [p.number for p in house.season]
    sold = {n: sum(seat.order is not None for seat in house.chart(n)) for n in numbers}
    lines: list[tuple[Value, ...]] = []
    for line in range(rows):
        n = numbers[line % len(numbers)]
        lines.append(
            (
                line,
                n,
                sold[n],
                house.performance(n).price * sold[n],
                "carried forward" if line >= len(numbers) else None,
            )
        )
    return Outcome(DataSet((Table("Sales", SALES, tuple(lines)),)))


def _shipping(_house: House, _args: Args) -> Outcome:
    return Outcome("by post 2.50; at the box office 0.00")


def _destroy_cache(_house: House, _args: Args) -> Outcome:
    return Outcome(None)


_text, _int = "string", "int"
OPERATIONS: tuple[Operation, ...] = (
    Operation("HelloWorld", "Answers a greeting; for probes.", (), "string", _hello, "tickets.hello"),
    Operation(
        "GetNewSessionKey", "Opens a session.", (Param("sIP", _text),), "string", _new_session, "tickets.session"
    ),
    Operation(
        "GetPerformances",
        "Returns the season as typed records; needs no session.",
        (Param("sStartDate", _text), Param("sEndDate", _text)),
        "ArrayOfPerformance",
        _performances,
        "tickets.performances",
    ),
    Operation(
        "GetPerformancesEx",
        "Returns a dataset of performances.",
        (
            Param("sWebSessionId", _text),
            Param("sStartDate", _text),
            Param("sEndDate", _text),
            Param("iBusinessUnit", _int),
        ),
        "DataSet",
        _performances_ex,
        "tickets.performances_ex",
    ),
    Operation(
        "GetSeats",
        "Returns a dataset of seats, or of rows where only a summary is asked for.",
        (Param("sSessionKey", _text), Param("iPerformanceNumber", _int), Param("cSummaryOnly", "char")),
        "DataSet",
        _get_seats,
        "tickets.seats",
    ),
    Operation(
        "ReserveTickets",
        "Reserves up to iNumberOfSeats and returns how many were reserved: 0 when sold out.",
        (
            Param("sWebSessionID", _text),
            Param("sPriceType", _text),
            Param("iPerformanceNumber", _int),
            Param("iNumberOfSeats", _int),
            Param("iZone", _int),
        ),
        "int",
        _reserve,
        "tickets.reserve",
        LINE_HEADER,
    ),
    Operation(
        "GetCart",
        "Returns a dataset of the seats held.",
        (Param("sWebSessionID", _text),),
        "DataSet",
        _cart,
        "tickets.cart",
    ),
    Operation(
        "ClearCart",
        "Gives all held seats back; returns nothing.",
        (Param("SessionKey", _text),),
        "void",
        _clear,
        "tickets.clear",
    ),
    Operation(
        "Checkout",
        "Charges the card and returns the order number.",
        (
            Param("sSessionKey", _text),
            Param("sCCOwner", _text),
            Param("sCCNumber", _text),
            Param("iCCType", _int),
            Param("iCCMonth", _int),
            Param("iCCYear", _int),
        ),
        "int",
        _checkout,
        "tickets.checkout",
        CHECKOUT_HEADER,
        2.0,  # the payment provider is asked meanwhile
    ),
    Operation(
        "GetOrderDetails",
        "Returns a dataset of one order of the session; OrderNumber 0 is its latest.",
        (Param("SessionKey", _text), Param("OrderNumber", _int)),
        "DataSet",
        _order,
        "tickets.order",
    ),
    Operation(
        "GetSalesReport",
        "Returns a dataset of iRows sales lines, slowly.",
        (Param("SessionKey", _text), Param("iRows", _int)),
        "DataSet",
        _report,
        "tickets.report",
        None,
        20.0,  # two seconds of table scan
    ),
    Operation(
        "GetShippingMethods",
        "Returns how tickets reach people, and for how much; needs no session.",
        (),
        "string",
        _shipping,
        "tickets.shipping",
    ),
    Operation(
        "DestroyCache",
        "Maintenance; nobody outside should reach it.",
        (),
        "void",
        _destroy_cache,
        "tickets.destroy_cache",
    ),
)
BY_NAME = {operation.name: operation for operation in OPERATIONS}
BY_RPC = {operation.rpc: operation for operation in OPERATIONS}
