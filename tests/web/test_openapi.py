"""The OpenAPI document is valid, says all of a description and of the table of states, and is written without holding the loop."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from time import thread_time
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from sidecar.pieces import whole
from sidecar.states import ROWS
from sidecar.web.openapi import openapi, pieces, tag
from tests.adapters.yardstick import PIECE, one_parse_s
from tests.web.descriptions import BARE, CLEAR, COMPONENTS, GET_SEATS, METHOD, NEARLY, OFFICE, RESERVE, large

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sidecar.described import Described, Description

SERVER = "https://api.theatre.example"


def made(description: Description = OFFICE) -> dict[str, Any]:
    return openapi(description, server=SERVER, version="1.2.3")


def of(*operations: Described) -> dict[str, Any]:
    """Return the paths' items of some operations, by their last part."""
    paths = made(replace(OFFICE, operations=operations))["paths"]
    return {path.rpartition("/")[2]: item for path, item in paths.items()}


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Give every object in a document."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def opened(document: dict[str, Any], to: str) -> Any:
    found: Any = document
    for part in to.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


# --- the document


@pytest.mark.unmeasured
@pytest.mark.parametrize("description", [OFFICE, BARE, large(8, 8)], ids=lambda each: each.backend)
def test_it_is_valid(description: Description) -> None:
    """By the schema of OpenAPI 3.1, its rules for references, ids and parameters, and each default by its own schema."""
    document = json.loads(json.dumps(made(description)))
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_an_invalid_one_is_noticed() -> None:
    """The validator looks at what it is given: it is not by chance that it finds nothing."""
    document = made()
    document["paths"]["/tickets/json/GetSeats"]["get"]["parameters"][0]["in"] = "body"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) != []


def test_every_reference_leads_somewhere() -> None:
    """Whatever is named stands in the document, and nothing outside is."""
    document = made()
    targets = {each["$ref"] for each in objects(document) if isinstance(each.get("$ref"), str)}
    assert all(opened(document, to) is not None for to in targets)
    assert {f"#/components/responses/{status}" for status in (304, 422, 503)} <= targets


def test_every_component_is_named_as_it_may_be() -> None:
    """OpenAPI takes letters, digits, dot, hyphen and underscore."""
    for section in made()["components"].values():
        assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in section)


def test_every_example_is_one_of_its_schema() -> None:
    """What readers copy is right: bodies, answers, problems, parameters and headers."""
    document, seen = made(), 0
    for each in objects(document):
        schema = each.get("schema")
        if not isinstance(schema, dict):
            continue
        values = [each["example"]] if "example" in each else []
        values += [example["value"] for example in each.get("examples", {}).values()]
        for value in values:
            whole_schema = schema | {"components": document["components"]}
            assert [error.message for error in Draft202012Validator(whole_schema).iter_errors(value)] == []
            seen += 1
    assert seen > len(ROWS)


def test_pieces_are_the_whole() -> None:
    """What is written a piece at a time is what is made at once, and the same for the same description."""
    for description in (OFFICE, BARE):
        written = whole(pieces(description, server=None, version="1"))
        assert json.loads(written) == openapi(description, server=None, version="1")
        assert whole(pieces(description, server=None, version="1")) == written
    turned = replace(OFFICE, components=dict(reversed(COMPONENTS.items())))
    assert whole(pieces(turned, server=None, version="1")) == whole(pieces(OFFICE, server=None, version="1"))


@pytest.mark.unmeasured
def test_no_piece_holds_the_loop() -> None:
    """230 operations and 400 types, the best of five runs of each piece: what a busy machine adds is not ours."""
    description = large()
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        runs = [_times_s(description) for _ in range(5)]
    finally:
        sys.settrace(trace)
    assert len(runs[0]) > len(description.operations)
    assert max(map(min, zip(*runs, strict=True))) < PIECE * one_parse_s()


def _times_s(description: Description) -> list[float]:
    work, times = pieces(description, server=SERVER, version="1"), []
    while True:
        started = thread_time()
        over = next(work, "over")
        times.append(thread_time() - started)
        if over == "over":
            return times


@pytest.mark.parametrize(
    ("server", "said"), [(None, "/"), (f"{SERVER}/", SERVER), (f"{SERVER}/legacy", f"{SERVER}/legacy")]
)
def test_the_server_is_the_address_that_clients_see(server: str | None, said: str) -> None:
    """Without one it is the address that the document came from; paths begin with a slash of their own."""
    assert openapi(OFFICE, server=server, version="1")["servers"] == [{"url": said}]


def test_what_is_not_offered_is_said_with_its_reason() -> None:
    """And nothing is said where nothing is missing."""
    assert made()["x-not-offered"] == dict(OFFICE.missing)
    assert "x-not-offered" not in made(BARE)


def test_our_own_types_leave_the_names_of_the_backends_alone() -> None:
    """A type of the backend that is called as ours would be stays what it is, and ours get another name."""
    theirs = {"type": "string", "description": "A motorcycle."}
    document = made(replace(OFFICE, components=COMPONENTS | {"SidecarProblem": theirs}))
    assert document["components"]["schemas"]["SidecarProblem"] == theirs
    assert "RFC 9457" in document["components"]["schemas"]["Sidecar_Problem"]["description"]


# --- operations


def test_each_operation_has_its_path_with_a_post() -> None:
    """Whatever a method's name has in it stays one part of the path."""
    paths = made()["paths"]
    assert list(paths) == [
        f"/tickets/json/{name}"
        for name in ("GetSeats", "ReserveSeats", "ClearCart", "system.list%2Fmethods", "GetSeats_get")
    ]
    assert all("post" in item for item in paths.values())


@pytest.mark.parametrize(
    ("safe", "queryable", "offered"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_get_is_there_for_what_is_safe_and_can_be_said_in_a_query(safe: bool, queryable: bool, offered: bool) -> None:
    """And for nothing else."""
    assert ("get" in of(replace(GET_SEATS, safe=safe, queryable=queryable))["GetSeats"]) is offered


def test_a_query_has_a_parameter_for_each_property() -> None:
    """Arrays are repeated; what is said of a property is said of its parameter; the sample's values are its examples."""
    parameters = of(GET_SEATS)["GetSeats"]["get"]["parameters"]
    schemas = GET_SEATS.input["properties"]
    assert parameters == [
        {
            "name": "iPerf_no",
            "in": "query",
            "required": True,
            "schema": schemas["iPerf_no"],
            "description": "The performance.",
            "example": 1201,
        },
        {
            "name": "class",
            "in": "query",
            "required": False,
            "schema": schemas["class"],
            "style": "form",
            "explode": True,
            "example": ["stalls"],
        },
        {"name": "below", "in": "query", "required": False, "schema": schemas["below"]},
        {"$ref": "#/components/parameters/If-None-Match"},
    ]


def test_a_query_may_be_a_named_type() -> None:
    """References are followed to the properties, and a ring of them ends."""
    named = replace(GET_SEATS, input={"$ref": "#/components/schemas/Seat"}, sample=None)
    names = [each.get("name") for each in of(named)["GetSeats"]["get"]["parameters"]]
    assert names == [*COMPONENTS["Seat"]["properties"], None]  # type: ignore[index]  # a schema
    ring = replace(GET_SEATS, input={"$ref": "#/components/schemas/Turn"})
    circular = COMPONENTS | {"Loop": {"$ref": "#/components/schemas/Turn"}}
    document = made(replace(OFFICE, operations=(ring,), components=circular))
    assert len(document["paths"]["/tickets/json/GetSeats"]["get"]["parameters"]) == 1


def test_a_parameter_says_what_is_said_of_it_before_what_is_said_of_its_type() -> None:
    """A description beside a reference is the nearer one."""
    properties = {"a": {"$ref": "#/components/schemas/Class-of.Seat", "description": "Yours."}}
    properties["b"] = {"$ref": "#/components/schemas/Class-of.Seat"}
    named = replace(GET_SEATS, input={"type": "object", "properties": properties})
    said = [each.get("description") for each in of(named)["GetSeats"]["get"]["parameters"]]
    assert said == ["Yours.", "Where it is.", None]


def test_ids_are_unique() -> None:
    """Also where one operation is called as another's GET would be."""
    items = of(GET_SEATS, NEARLY).values()
    ids = [method["operationId"] for item in items for method in item.values() if isinstance(method, dict)]
    assert ids == ["GetSeats_get2", "GetSeats", "GetSeats_get"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("GetPerformancesEx3", "get"),
        ("reserve_tickets", "reserve"),
        ("system.listMethods", "system"),
        ("HTTPGet", "http"),
        ("X", "x"),
        ("_42", "42"),
        ("_", "_"),
    ],
)
def test_the_tag_is_the_first_word(name: str, word: str) -> None:
    """Names are sorted by what they do."""
    assert tag(name) == word


def test_tags_are_declared() -> None:
    """Each that is used, once, in the order of the alphabet."""
    assert made()["tags"] == [{"name": name} for name in ("clear", "get", "reserve", "system")]


def test_it_says_what_is_safe_and_whom_to_ask() -> None:
    """For programs, in members of our own."""
    reserve, seats = of(RESERVE)["ReserveSeats"]["post"], of(GET_SEATS)["GetSeats"]["post"]
    assert (reserve["x-safe"], reserve["x-confirm"]) == (False, "GetSeats")
    assert seats["x-safe"] is True
    assert "x-confirm" not in seats


def test_a_text_has_its_first_sentence_before_it() -> None:
    """One sentence is said once."""
    seats, reserve, clear = (of(each)[each.name]["post"] for each in (GET_SEATS, RESERVE, CLEAR))
    assert (seats["summary"], seats["description"]) == ("Find seats", GET_SEATS.text)
    assert (reserve["summary"], "description" in reserve) == ("Take a seat", False)
    assert "summary" not in clear


@pytest.mark.parametrize(
    ("operation", "required"), [(GET_SEATS, None), (CLEAR, False), (RESERVE, True)], ids=["no", "taken", "needed"]
)
def test_a_key_is_asked_for_where_it_is_taken(operation: Described, required: bool | None) -> None:
    """Where it is needed it is required, where none is taken none is named; only then can a key stand for another call."""
    document = made(replace(OFFICE, operations=(operation,)))
    post = document["paths"][f"/tickets/json/{operation.name}"]["post"]
    given = [opened(document, each["$ref"]) if "$ref" in each else each for each in post.get("parameters", ())]
    keys = [each["required"] for each in given if each["name"] == "Idempotency-Key"]
    assert keys == ([] if required is None else [required])
    assert ("422" in post["responses"]) is (required is not None)
    assert ("replayed" in post["responses"]["200"]["description"]) is (required is not None)


# --- responses


def test_every_state_of_a_json_call_stands_under_its_status() -> None:
    """In words, as an enumeration, and as an example; what XML alone can be, or a browser, or what is not made yet, does not."""
    components = made()["components"]
    for row in ROWS:
        met = row.built and row.origin == "sidecar" and row.name not in ("action_mismatch", "doctype_refused")
        if row.status >= 400:
            response = (
                components["responses"][str(row.status)] if met else components["responses"].get(str(row.status), {})
            )
            assert (f"`{row.name}`: " in response.get("description", "")) is met
        if row.status >= 400 and met:
            narrower = components["schemas"][f"SidecarProblem{row.status}"]["allOf"][1]["properties"]
            assert row.name in narrower["state"]["enum"]
            assert narrower["status"] == {"const": row.status}
            assert row.name in response["content"]["application/problem+json"]["examples"]
        if row.status == 200:
            assert row.name in components["schemas"]["SidecarSuccess"]["properties"]["state"]["enum"]


def test_every_operation_names_every_status_that_it_may_meet() -> None:
    """A GET has no body that could be too large or of a wrong type, and POST is never told that nothing has changed."""
    item = of(GET_SEATS)["GetSeats"]
    get, post = set(item["get"]["responses"]), set(item["post"]["responses"])
    assert {str(row.status) for row in ROWS if row.built and row.origin == "sidecar"} - {"422"} == post
    assert post - get == {"413", "415"}
    assert get - post == {"304"}


def test_a_success_has_the_operations_data() -> None:
    """It is required where there is any, and null or absent where there is none."""
    seats, clear = (of(each)[each.name]["post"]["responses"]["200"] for each in (GET_SEATS, CLEAR))
    content = seats["content"]["application/json"]
    assert content["schema"]["allOf"][1] == {"properties": {"data": GET_SEATS.output}, "required": ["data"]}
    assert content["example"] == {"state": "ok", "category": "ok", "executed": "yes", "data": GET_SEATS.reply, "v": 1}
    assert clear["content"]["application/json"]["schema"]["allOf"][1] == {"properties": {"data": {"type": "null"}}}
    assert (
        "example" not in of(METHOD)["system.list%2Fmethods"]["post"]["responses"]["200"]["content"]["application/json"]
    )


def test_a_declared_detail_stands_in_the_problem_of_a_fault() -> None:
    """Under both statuses that a fault may have, beside everything else that is said of them."""
    responses = of(RESERVE)["ReserveSeats"]["post"]["responses"]
    for status in ("400", "502"):
        schema = responses[status]["content"]["application/problem+json"]["schema"]
        assert schema["allOf"][0] == {"$ref": f"#/components/schemas/SidecarProblem{status}"}
        assert schema["allOf"][1]["properties"]["fault"]["properties"]["detail"] == RESERVE.detail
        assert "`backend_fault`" in responses[status]["description"]
    assert responses["409"] == {"$ref": "#/components/responses/409"}


def test_headers_are_named_where_they_are_sent() -> None:
    """Everywhere the state and the id; an age where answers are kept, an ETag for a GET, a time to come back where there is one."""
    item, responses = of(GET_SEATS)["GetSeats"], made()["components"]["responses"]
    get, post = (set(item[method]["responses"]["200"]["headers"]) for method in ("get", "post"))
    assert {"Sidecar-State", "X-Request-Id", "Age", "Cache-Status"} <= post
    assert get - post == {"ETag", "Cache-Control"}
    assert "Age" not in of(CLEAR)["ClearCart"]["post"]["responses"]["200"]["headers"]
    assert {"Retry-After", "Sidecar-Place"} <= set(responses["503"]["headers"])
    assert "Retry-After" not in responses["415"]["headers"]
    assert "Allow" in responses["405"]["headers"]
