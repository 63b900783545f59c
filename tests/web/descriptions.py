"""Descriptions that have everything a description may have, and one as large as the largest WSDL that people really have."""

from __future__ import annotations

from sidecar.described import Described, Description


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


PRICE = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "x-xsd-type": "xs:decimal"}
ANY = {"type": "array", "items": {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": {}}}

COMPONENTS = {
    "Seat": {
        "type": "object",
        "description": "One seat; its neighbours */ are seats too.",
        "properties": {
            "@id": {"type": "integer", "description": "Of the plan."},
            "row": {"type": "string", "minLength": 1, "maxLength": 3, "examples": ["A"]},
            "class": ref("Class-of.Seat"),
            "price": PRICE | {"description": "In pounds."},
            "note": {"type": ["string", "null"], "default": None},
            "next": {"type": "array", "items": ref("Seat")},
            "left": {"anyOf": [ref("Seat"), {"type": "null"}]},
        },
        "required": ["@id", "row"],
        "additionalProperties": False,
    },
    "Class-of.Seat": {"enum": ["stalls", 'the "gods"', "box */"], "description": "Where it is."},
    "Class_of_Seat": {"type": "string", "enum": ["another type", "of nearly that name"]},
    "GetSeatsResult": {
        "type": "object",
        "properties": {"Seat": {"type": ["array", "null"], "items": ref("Seat"), "maxItems": 500}, "$any": ANY},
    },
    "string": {"type": "object", "properties": {"$value": {"type": "number"}, "@unit": {"const": "GBP"}}},
    "Client": {"oneOf": [ref("Seat"), ref("string"), {"type": "boolean"}]},
    "Table": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
    "Loop": {"anyOf": [ref("Turn"), {"type": "null"}]},
    "Turn": ref("Loop"),
}

GET_SEATS = Described(
    name="GetSeats",
    input={
        "type": "object",
        "properties": {
            "iPerf_no": {"type": "integer", "minimum": 1, "description": "The performance."},
            "class": {"type": "array", "items": ref("Class-of.Seat")},
            "below": PRICE,
        },
        "required": ["iPerf_no"],
        "additionalProperties": False,
    },
    output={"type": "object", "properties": {"GetSeatsResult": ref("GetSeatsResult")}},
    safe=True,
    queryable=True,
    cached=True,
    text="Find seats. Those that are sold */ are not among them.\nSeats in boxes come last.",
    sample={"iPerf_no": 1201, "class": ["stalls"]},
    reply={"GetSeatsResult": {"Seat": [{"@id": 7, "row": "A", "price": "12.50", "note": None, "left": None}]}},
)
RESERVE = Described(
    name="ReserveSeats",
    input=ref("Seat"),
    output={"type": "object", "properties": {"ReserveSeatsResult": {"type": "integer"}}},
    detail={
        "type": "object",
        "properties": {"TooMany": {"type": "object", "properties": {"most": {"type": "integer"}}}},
    },
    confirm="GetSeats",
    keyed="needed",
    text="Take a seat.",
    sample={"@id": 7, "row": "A"},
    reply={"ReserveSeatsResult": 1},
)
CLEAR = Described(name="ClearCart", input={"type": "object", "additionalProperties": False}, output=None, keyed="taken")
METHOD = Described(
    name="system.list/methods",
    input={"type": "array", "items": {"type": "string"}},
    output={"type": "array", "items": {"type": ["integer", "string"]}},
    safe=True,
)
NEARLY = Described(name="GetSeats_get", input={}, output={"type": "array"}, safe=True)

OFFICE = Description(
    backend="tickets",
    path="/tickets",
    protocol="soap",
    operations=(GET_SEATS, RESERVE, CLEAR, METHOD, NEARLY),
    components=COMPONENTS,
    missing={"Print": "its schema has a type of\na namespace that nobody gives", "Admin": "it has two bodies"},
)
BARE = Description(backend="bare", path="/", protocol="xmlrpc", operations=())


def large(operations: int = 230, components: int = 400) -> Description:
    """Return as many operations and types as the largest ticketing WSDL has."""
    columns = {f"column_{i}": {"type": ["string", "null"], "description": "A column of it."} for i in range(12)}
    named = {f"Type{i}": {"type": "object", "properties": columns} for i in range(components)}
    several = tuple(
        Described(
            name=f"GetThing{i}",
            input={"type": "object", "properties": {f"sParameter{j}": {"type": "string"} for j in range(8)}},
            output={"type": "object", "properties": {f"GetThing{i}Result": ref(f"Type{i % components}")}},
            safe=True,
            queryable=True,
            cached=True,
            text="Find a thing by what is known of it.",
            sample={f"sParameter{j}": "words" for j in range(8)},
            reply={f"GetThing{i}Result": dict.fromkeys(columns, "words")},
        )
        for i in range(operations)
    )
    return Description("large", "/large", "soap", several, named)
