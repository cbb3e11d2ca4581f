"""The schema of rules over claims."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, RootModel, Tag

from gateway.decision.rules.claim_tests import KINDS, OPERATORS
from gateway.settings.schema.routes.foreign_operators import find_meant_operator
from gateway.settings.schema.types import LIST, TABLE, Number, Scalar, Strict, Text, bad
from gateway.settings.text.fault import Code
from gateway.settings.text.scalars import shorten, show_yaml


def _list_or_tests(value: object) -> str:
    return LIST if isinstance(value, list) else TABLE


def _refuse_tables_of_groups(value: object) -> object:
    """Refuse ``any: {roles: {…}}``, which reads like a group, but tests the claim ``any``."""
    if not isinstance(value, dict):
        return value
    for kind in KINDS:
        inner = value.get(kind)
        if isinstance(inner, dict) and inner and inner.keys().isdisjoint(OPERATORS):
            first = shorten(str(next(iter(inner))))
            message = (
                f"`{kind}` with a table tests the claim `{kind}`, which has no operator `{first}`;"
                f" a group is a list: write `{kind}: [{{{first}: …}}]`"
            )
            raise bad(Code.WRONG_TYPE, message)
    for claim, items in value.items():
        if claim not in KINDS and isinstance(items, list) and items and _are_scalars(items):
            name = show_yaml(claim)
            message = (
                f"a list is no test: write `{name}: {{in: {show_yaml(items)}}}`, or `contains`"
                " if the claim itself is a list"
            )
            raise bad(Code.WRONG_TYPE, message)
    return value


def _are_scalars(items: list[object]) -> bool:
    return all(isinstance(item, str | int | float) for item in items)


class ClaimModel(Strict):
    """Tests of one claim; all must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of the operator *key* of the claim *owner*."""
        return find_meant_operator(owner, key, value)

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return the test that *value*, alone, probably stands for."""
        if value == "*":
            return {"exists": True}
        return {"equals": value} if isinstance(value, str | int | float) else None

    equals: Scalar = Field(
        default=None,
        description='The claim is this value; "{path.name}" is a path variable.',
        examples=["acme", "{path.tenant}"],
    )
    not_equals: Scalar = Field(
        default=None, description="The claim has another value.", examples=["guest"]
    )
    in_: list[Scalar] | None = Field(
        default=None,
        alias="in",
        min_length=1,
        description="The claim is one of these values.",
        examples=[["sales", "finance"]],
    )
    contains: Scalar = Field(
        default=None, description="The claim is a list with this value.", examples=["staff"]
    )
    exists: bool | None = Field(default=None, description="Whether the claim must be present.")
    matches: Text | None = Field(
        default=None, description="The claim matches this glob.", examples=["*@example.com"]
    )
    at_least: Number = Field(default=None, description="The claim is a number, at least this one.")


ClaimTerm = Annotated[
    Annotated[ClaimModel, Tag(TABLE)]
    | Annotated[Annotated[list["ClaimsModel"], Field(min_length=1)], Tag(LIST)],
    Discriminator(_list_or_tests),
]


_GROUPS = {
    "any": "A list: at least one part of it holds. A table tests the claim `any`.",
    "all": "A list: every part of it holds. A table tests the claim `all`.",
    "not": "A list: no part of it holds. A table tests the claim `not`.",
}


def _show_groups(schema: dict[str, Any]) -> None:
    """Tell editors that only groups are lists."""
    term = schema["additionalProperties"]
    schema["properties"] = {key: {**term, "description": text} for key, text in _GROUPS.items()}
    schema["additionalProperties"] = term["oneOf"][0]


_Claims = Annotated[
    dict[Text, ClaimTerm], Field(min_length=1), BeforeValidator(_refuse_tables_of_groups)
]


class ClaimsModel(RootModel[_Claims]):
    """Tests by claim, and under `any`, `all` or `not` lists of more; all must hold."""

    model_config = ConfigDict(strict=True, frozen=True, json_schema_extra=_show_groups)
