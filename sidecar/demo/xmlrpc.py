"""The XML-RPC face of the box office, at `/xmlrpc`: methods by position, nil, faults, introspection and multicall.

It stands behind the road. It answers HTTP 200 always, faults included, as XML-RPC has it; tables become lists of
structs and money becomes doubles, because the protocol has no decimals. It never nests a multicall in a multicall.
Fault codes: the interoperability range of Dan Libby's "Specification for Fault Code Interoperability".
"""

from __future__ import annotations

import xmlrpc.client as codec
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

from sidecar.demo.ask import Ask, ParameterError, Reply, Step, integer
from sidecar.demo.dataset import DataSet, Table
from sidecar.demo.inventory import Sorry
from sidecar.demo.operations import BY_RPC

if TYPE_CHECKING:
    from sidecar.demo.operations import Args, Operation, Outcome

SYSTEM = ("system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall")
SORRY = {
    "SessionException": 401,
    "SaleException": 410,
    "PerformanceException": 404,
    "CartException": 409,
    "PaymentException": 402,
}
MULTICALL_MAX = 50


def read(body: bytes) -> Ask | Reply:
    try:
        params, method = codec.loads(body)
    except (ExpatError, ValueError, TypeError, codec.ResponseError, LookupError):
        return _fault(-32700, "parse error: not a well-formed method call")
    if method is None:
        return _fault(-32600, "invalid request: no method name")
    try:
        if method == "system.multicall":
            return _multicall(params)
        if method in SYSTEM:
            return _value(_introspect(method, params))
        step = _step(method, params)
    except codec.Fault as fault:
        return _fault(fault.faultCode, fault.faultString)
    return Ask((step,), lambda results: _write(results[0]))


def _step(method: Any, params: Any) -> Step:
    operation = BY_RPC.get(method) if isinstance(method, str) else None
    if operation is None:
        raise codec.Fault(-32601, f"method {method} not found")
    if len(params) > len(operation.params):
        raise codec.Fault(-32602, f"{method} takes {len(operation.params)} parameters, {len(params)} were given")
    try:
        return Step(operation, _args(operation, params))
    except ParameterError as bad:
        raise codec.Fault(-32602, str(bad)) from None


def _args(operation: Operation, params: Any) -> Args:
    args: Args = {}
    for at, param in enumerate(operation.params):
        value = params[at] if at < len(params) else None
        if value is None and param.required:
            raise ParameterError(param.name, None)
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise ParameterError(param.name, str(value))
        args[param.name] = integer(param.name, str(value)) if param.type == "int" else str(value or "")
    return args


def _multicall(params: Any) -> Ask:
    """Read the nested calls; one that cannot be read becomes a fault in its place, the others run."""
    members = params[0] if len(params) == 1 and isinstance(params[0], list) else None
    if members is None or len(members) > MULTICALL_MAX:
        raise codec.Fault(-32602, f"system.multicall takes one array of at most {MULTICALL_MAX} calls")
    slots: list[Step | codec.Fault] = []
    for member in members:
        try:
            slots.append(_step(*_member(member)))
        except codec.Fault as fault:
            slots.append(fault)

    def render(results: list[Outcome | Sorry]) -> Reply:
        ran = iter(results)
        return _value([_slot_fault(slot) if isinstance(slot, codec.Fault) else _slot(next(ran)) for slot in slots])

    return Ask(tuple(slot for slot in slots if isinstance(slot, Step)), render)


def _member(member: Any) -> tuple[Any, list[Any]]:
    if not isinstance(member, dict) or not isinstance(params := member.get("params"), list):
        raise codec.Fault(-32602, "each call is a struct of methodName and params")
    return member.get("methodName"), params


def _slot(result: Outcome | Sorry) -> Any:
    return _slot_fault(_sorry(result)) if isinstance(result, Sorry) else [plain(result.value)]


def _slot_fault(fault: codec.Fault) -> dict[str, Any]:
    return {"faultCode": fault.faultCode, "faultString": fault.faultString}


def _introspect(method: str, params: Any) -> Any:
    if method == "system.listMethods":
        return sorted([*BY_RPC, *SYSTEM])
    operation = BY_RPC.get(params[0]) if params else None
    if operation is None:
        raise codec.Fault(-32602, f"{method} takes the name of a method")
    if method == "system.methodHelp":
        return operation.about
    kinds = {"int": "int", "string": "string", "DataSet": "struct", "ArrayOfPerformance": "array", "void": "nil"}
    return [[kinds[operation.result], *("int" if param.type == "int" else "string" for param in operation.params)]]


def _write(result: Outcome | Sorry) -> Reply:
    if isinstance(result, Sorry):
        fault = _sorry(result)
        return _fault(fault.faultCode, fault.faultString)
    return _value(plain(result.value))


def plain(value: str | int | DataSet | Table | None) -> Any:
    """Return the value in XML-RPC's types: a data set is a struct of tables, a table an array of structs."""
    if isinstance(value, DataSet):
        return {table.name: plain(table) for table in value.tables}
    if isinstance(value, Table):
        return [
            {name: float(cell) if isinstance(cell, Decimal) else cell for name, cell in row.items()}
            for row in value.records()
        ]
    return value


def _sorry(sorry: Sorry) -> codec.Fault:
    return codec.Fault(SORRY.get(sorry.kind, 500), sorry.text)


def _value(value: Any) -> Reply:
    return _reply(codec.dumps((value,), methodresponse=True, allow_none=True))


def _fault(code: int, text: str) -> Reply:
    return _reply(codec.dumps(codec.Fault(code, text), methodresponse=True))


def _reply(text: str) -> Reply:
    return Reply(200, "text/xml", text.encode())
