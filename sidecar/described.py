"""A backend as its pages describe it, whatever it speaks: operations with JSON Schemas of what goes in and what comes out.

Both protocols make it; OpenAPI, the page of documentation and the TypeScript types are written from it alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonSchema: TypeAlias = "Mapping[str, Any]"
"""JSON Schema of draft 2020-12, which OpenAPI 3.1 takes as it is; named types are `{"$ref": "#/components/schemas/NAME"}`."""


@dataclass(frozen=True, slots=True)
class Described:
    """One operation. `input` is the schema of the request's body, `output` of the member `data` of what comes back (None: nothing).

    `queryable`: what it takes can be said in a query, so that GET is offered where it is `safe`; then `input` is an object whose
    properties are simple, or arrays of simple values. `detail` is the schema of the member `fault.detail` of a problem.
    `sample` and `reply` are examples of `input` and `output`. `confirm` is the operation that tells what became of one whose outcome is not
    known.
    """

    name: str
    input: JsonSchema
    output: JsonSchema | None
    safe: bool = False
    queryable: bool = False
    text: str = ""
    detail: JsonSchema | None = None
    sample: Any = None
    reply: Any = None
    confirm: str | None = None
    keyed: str = "no"  # Idempotency-Key: no | taken | needed
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """A backend. `path` is where it lives on our listener; `components` are the named types; `missing` the operations whose schemas have
    something that the facade cannot speak, with the reason.
    """

    backend: str
    path: str
    protocol: str
    operations: tuple[Described, ...]
    components: Mapping[str, JsonSchema] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
