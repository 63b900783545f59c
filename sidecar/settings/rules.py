"""The vocabulary of `faults:` and `results:`: what a backend's answers stand for. A part of `schema`, and like it without judgement.

The states that a rule may name are those that the table of states says so of.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from sidecar.model import Executed
from sidecar.settings import shapes
from sidecar.settings.quantities import wrong
from sidecar.settings.section import Section
from sidecar.states import TABLE

_EXECUTED = tuple(effect.value for effect in Executed)
FAULT_STATES = (*(name for name, row in TABLE.items() if "fault_rule" in row.reasons), "overloaded")
RESULT_STATES = tuple(name for name, row in TABLE.items() if "result_rule" in row.reasons)


class Match(Section):
    """Which faults: globs, a key left out matches anything, at least one is needed."""

    faultcode: shapes.Words | None = Field(
        default=None, description="glob over the code (SOAP faultcode or Code, XML-RPC faultCode)"
    )
    faultstring: shapes.Words | None = Field(
        default=None, description="glob over the text (SOAP faultstring or Reason, XML-RPC faultString)"
    )


class Fault(Section):
    """What a backend's fault stands for. It is relayed untouched; its state and what it says of effect change."""

    match: Match = Field(description="which faults are meant")
    state: Literal[FAULT_STATES] = Field(description="what they stand for")  # type: ignore[valid-type]  # the table of states is the list
    executed: Literal[_EXECUTED] | None = Field(  # type: ignore[valid-type]  # the enum is the list
        default=None, description="whether the backend did what it was asked to; left out: as the state's rule says"
    )


class Parameter(Section):
    """A value of the request."""

    param: shapes.Words = Field(description="name of the request's parameter")


def _than(value: object) -> object:
    """Read a comparison's right side: a literal, or the name of a parameter."""
    if isinstance(value, dict):
        if set(value) != {"param"} or not isinstance(value["param"], str):
            raise wrong("E204", "must be a value or {param: NAME}", "as in lt: {param: iNumberOfSeats}")
        return Parameter(param=shapes.words(value["param"]))
    return shapes.literal(value)


Than = Annotated[
    str | Parameter | None,
    PlainValidator(_than),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                {
                    "type": "object",
                    "properties": {"param": {"type": "string"}},
                    "required": ["param"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class When(Section):
    """A value of the reply and one comparison. Numbers compare as numbers, all else as text."""

    path: shapes.Words = Field(description="element of the reply: its local name, or names joined by dots")
    eq: Than = Field(default=None, validate_default=False, description="equal to a value or to {param: NAME}")
    ne: Than = Field(default=None, validate_default=False, description="not equal to")
    lt: Than = Field(default=None, validate_default=False, description="less than")
    le: Than = Field(default=None, validate_default=False, description="less than or equal to")
    gt: Than = Field(default=None, validate_default=False, description="greater than")
    ge: Than = Field(default=None, validate_default=False, description="greater than or equal to")


class Result(Section):
    """What a good reply stands for when a value in it says so."""

    operation: shapes.Pattern = Field(description="operation or pattern that the rule is for")
    when: When = Field(description="the value and the comparison that must hold")
    state: Literal[RESULT_STATES] = Field(description="what the reply stands for")  # type: ignore[valid-type]  # the table of states is the list
