"""Validate a part against its schema, with our own messages for faults."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.settings.schema.meant import meant_key, meant_value
from gateway.settings.schema.types import Strict
from gateway.settings.text.document import KeyPath, Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten, show_yaml
from gateway.settings.text.suggestions import did_you_mean

T = TypeVar("T", bound=BaseModel)

_EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected a mapping of keys to values",
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
}


def check_shape(part: Part, kind: type[T], faults: list[Fault]) -> T | None:
    """Return *part* as a *kind*, after adding its faults to *faults*.

    If there are faults, return the rest without the wrong keys if that is still valid, so that
    it can be checked further; nothing is ever started from it.
    """
    try:
        return kind.model_validate(part.raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults.extend(_translate(part, kind, detail) for detail in details)
    rest = copy.deepcopy(part.raw)
    for detail in details:
        _take_out(rest, _steps(detail))
    try:
        return kind.model_validate(rest)
    except ValidationError:
        return None


def _take_out(raw: object, steps: Sequence[str | int]) -> None:
    """Delete the innermost mapping key along *steps*."""
    owner: tuple[dict[str | int, object], str | int] | None = None
    for step in steps:
        if isinstance(raw, dict) and step in raw:
            owner = raw, step
            raw = raw[step]
        elif isinstance(raw, list) and isinstance(step, int) and step < len(raw):
            raw = raw[step]
        else:
            break
    if owner is not None:
        owner[0].pop(owner[1])


def _steps(detail: ErrorDetails) -> list[str | int]:
    # Names of union branches begin with NUL; they are not part of the file.
    return [step for step in detail["loc"] if not (isinstance(step, str) and step[:1] == "\0")]


def _translate(part: Part, kind: Any, detail: ErrorDetails) -> Fault:
    steps = _steps(detail)
    about_key = bool(steps) and steps[-1] == "[key]"
    if about_key:
        steps.pop()
    path: KeyPath = (*part.path, *steps)
    document, error = part.document, detail["type"]
    is_filled = document.is_filled(path)
    if error == "extra_forbidden":
        message = _unknown_key(kind, steps, None if is_filled else detail["input"])
        return document.key_fault(path, Code.UNKNOWN_KEY, message)
    if error == "missing":
        message = f"the key `{steps[-1]}` is missing{_example_of(kind, steps)}"
        return document.key_fault(path[:-1], Code.MISSING_KEY, message)
    code, message = _words(detail)
    if code is Code.WRONG_TYPE and not is_filled and "write" not in message:
        meant = _find_meant(kind, steps, detail["input"]) or _meant_value(kind, steps, path, detail)
        message += f": {meant}" if meant is not None else ""
    elif error == "literal_error" and not is_filled:
        meant = _find_meant(kind, steps, detail["input"])
        message += f": {meant}" if meant is not None else ""
    fault = document.key_fault if about_key else document.fault
    return fault(path, code, message)


def _example_of(kind: Any, steps: Sequence[str | int]) -> str:
    """Return what may be written for the key at the end of *steps*, from its description."""
    found = next(iter(_examples(kind, steps, str(steps[-1]))), None)
    return "" if found is None else f": write it like `{steps[-1]}: {show_yaml(found)}`"


def _examples(kind: Any, steps: Sequence[str | int], key: str) -> list[object]:
    return [
        example
        for model in _models_at(kind, steps[:-1])
        for name, field in model.model_fields.items()
        if (field.alias or name) == key
        for example in field.examples or ()
    ]


def _annotations(kind: Any, steps: Sequence[str | int]) -> Iterator[Any]:
    """Yield the type of the key at the end of *steps*, of each model that has it."""
    for model in _models_at(kind, steps[:-1]) if steps else ():
        for name, field in model.model_fields.items():
            if (field.alias or name) == steps[-1]:
                yield field.annotation


def _unknown_key(kind: Any, steps: Sequence[str | int], value: object) -> str:
    wrong = str(steps[-1])
    meant = _find_meant(kind, steps, value)
    if meant is not None:
        return f"unknown key `{shorten(wrong)}`: {meant}"
    models = _models_at(kind, steps[:-1])
    known = {field.alias or name for model in models for name, field in model.model_fields.items()}
    meant = meant_key(wrong, known) or _find_owner(models, wrong)
    if meant is not None:
        return f"unknown key `{shorten(wrong)}`: {meant}"
    return f"unknown key `{shorten(wrong)}`{did_you_mean(wrong, sorted(known))}"


def _find_owner(models: Sequence[type[BaseModel]], wrong: str) -> str | None:
    """Return in which table of *models* the key *wrong* belongs, if there is exactly one."""
    owners = [
        (field.alias or name, field.annotation)
        for model in models
        for name, field in model.model_fields.items()
        if any(
            wrong == (one.alias or key)
            for below in _models_at(field.annotation, ())
            for key, one in below.model_fields.items()
        )
    ]
    if len(owners) != 1:
        return None
    ((owner, annotation),) = owners
    inner = f"{{{wrong}: …}}"
    if _is_named(annotation):
        inner = f"{{NAME: {inner}}}"
    return f"it belongs in `{owner}`: write `{owner}: {inner}`"


def _is_named(annotation: Any) -> bool:
    """Return whether *annotation* is of mappings of free names to tables."""
    if get_origin(annotation) is dict:
        return True
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return _is_named(annotation.model_fields["root"].annotation)
    return any(_is_named(one) for one in get_args(annotation) if get_origin(one) is not list)


def _meant_value(
    kind: Any, steps: Sequence[str | int], path: KeyPath, detail: ErrorDetails
) -> str | None:
    """Return what to write instead of a value of the wrong type, which is at *path*."""
    key = path[-1] if path else None
    if not isinstance(key, str):
        return None
    examples = _examples(kind, steps, key) if steps else []
    # A text alone may stand for one of the mapping's tables, but not for the mapping.
    models = () if any(map(_is_named, _annotations(kind, steps))) else _models_at(kind, steps)
    return meant_value(detail["type"], key, detail["input"], models, examples)


def _find_meant(kind: Any, steps: Sequence[str | int], value: object) -> str | None:
    """Return what the models at *steps* say should be written there instead of *value*."""
    if not steps:
        return None
    if isinstance(value, dict) and list(value.values()) == [None]:
        # `{path.tenant}` without quotes is a mapping of one key to nothing.
        return f'write `{steps[-1]}: "{{{shorten(str(next(iter(value))))}}}"`, in quotes'
    if isinstance(steps[-1], int):
        return _find_meant(kind, steps[:-1], value)  # an item is what its list is asked about
    owner = str(steps[-2]) if len(steps) > 1 else ""
    models = (one for one in _models_at(kind, steps[:-1]) if issubclass(one, Strict))
    found = (model.find_meant(owner, str(steps[-1]), value) for model in models)
    return next(filter(None, found), None)


def _words(detail: ErrorDetails) -> tuple[Code, str]:
    error, value = detail["type"], detail["input"]
    if error == "int_type" and isinstance(value, float):
        return Code.WRONG_TYPE, "expected a whole number, not a fraction"
    if error in _EXPECTED:
        return Code.WRONG_TYPE, f"{_EXPECTED[error]}, not {_kind_of(value)}"
    if error == "too_short":
        if isinstance(value, list):
            return Code.EMPTY_LIST, "the list is empty: leave the key out, or add an item"
        return Code.EMPTY_LIST, "this mapping is empty: leave the key out"
    if error == "string_too_short":
        return Code.BAD_VALUE, "this text is empty"
    if error == "literal_error":
        choices = [choice.strip("'") for choice in _choices(detail)]
        if not isinstance(value, str):
            return Code.WRONG_TYPE, f"write one of {', '.join(choices)}, not {_kind_of(value)}"
        if value.isdecimal() and choices == ["auto"]:
            return Code.BAD_VALUE, f"write {value} without quotes, or auto"
        meant = did_you_mean(value, choices)
        return Code.BAD_VALUE, f"`{shorten(value)}` is not one of {', '.join(choices)}{meant}"
    if error in set(Code):
        return Code(error), detail["msg"]
    return Code.BAD_VALUE, detail["msg"].lower()


def _choices(detail: ErrorDetails) -> list[str]:
    return str(detail.get("ctx", {}).get("expected", "")).replace(" or ", ", ").split(", ")


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    names: Sequence[tuple[type, str]] = (
        (str, "text"),
        (int, "a number"),
        (float, "a number"),
        (list, "a list"),
        (dict, "a mapping"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "nothing")


def _models_at(kind: Any, steps: Sequence[str | int]) -> list[type[BaseModel]]:
    models = list(_models_in(kind))
    if not steps:
        return models
    fields = [
        field.annotation
        for model in models
        for name, field in model.model_fields.items()
        if (field.alias or name) == steps[0]
    ]
    if not fields:
        # The step is a list index or a free name, and the same models are below it.
        return _models_at(kind, steps[1:])
    return [model for field in fields for model in _models_at(field, steps[1:])]


def _models_in(kind: Any, around: Sequence[type] = ()) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, RootModel):
        # It has no keys of its own, and may hold itself.
        root = kind.model_fields["root"].annotation
        return [] if kind in around else _models_in(root, (*around, kind))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for argument in get_args(kind) for model in _models_in(argument, around)]
