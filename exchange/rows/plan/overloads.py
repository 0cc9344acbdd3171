"""Which overload of a function fits these arguments, and what the arguments become for it."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.rows.functions import ANY, CLASSES, FIRST, ORDERED, ORDERED_TYPES, OVERLOADS, SAME, Function
from exchange.rows.plan.coercion import coerce
from exchange.rows.plan.typed import Constant, Typed, apply
from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.tree import NOWHERE, Place
from exchange.rows.types import header_name

AS_TEXT = "as_text"
_SHARED = (SAME, ORDERED)


def call(name: str, arguments: Sequence[Typed], *, at: Place = NOWHERE, distinct: bool = False) -> Typed:
    """The call with the overload that needs the fewest literals read as something else. Raises `SoqlError`."""
    best: tuple[int, Function, list[Typed], str] | None = None
    for function in OVERLOADS[name]:
        fitted = _fit(function, arguments)
        if fitted is not None and (best is None or fitted[0] < best[0]):
            best = (fitted[0], function, fitted[1], fitted[2])
    if best is None:
        raise _mismatch(name, arguments, at)
    return apply(best[1], tuple(best[2]), best[3], distinct=distinct)


def _mismatch(name: str, arguments: Sequence[Typed], at: Place) -> SoqlError:
    types = [header_name(argument.type) for argument in arguments]
    sentence = f"Type mismatch for {name}, is {', '.join(types) or 'without arguments'}"
    return SoqlError("type-mismatch", sentence, at=at, function=name, type=types[0] if types else "")


def as_type(value: Typed, type_: str) -> Typed | None:
    """The expression as this type, if it is of it or is a literal that can be read as it."""
    if value.type == type_:
        return value
    if not isinstance(value, Constant):
        return None
    if value.type == "null":
        return Constant(type_, None)
    if value.type == "number" and type_ == "double":
        return Constant("double", value.value)
    if value.type != "text":
        return None
    read = coerce(str(value.value), type_)
    return None if read is None else Constant(type_, read)


def _fit(function: Function, arguments: Sequence[Typed]) -> tuple[int, list[Typed], str] | None:
    wanted = _parameters(function, len(arguments))
    if wanted is None:
        return None
    shared = _shared_type(wanted, arguments)
    if shared is None:
        return None
    fitted, cost = [], 0
    for argument, parameter in zip(arguments, wanted, strict=True):
        became = _argument(argument, shared if parameter in _SHARED else parameter)
        if became is None:
            return None
        cost += became is not argument
        fitted.append(became)
    result = {SAME: shared, FIRST: fitted[0].type if fitted else ""}.get(function.result, function.result)
    return cost, fitted, result


def _parameters(function: Function, count: int) -> list[str] | None:
    """The parameters for so many arguments, or None if they cannot be so many."""
    named = list(function.parameters)
    if function.name == "case":
        return named * (count // 2) if count and count % 2 == 0 else None
    if not function.repeats:
        return named if count == len(named) else None
    return named + [named[-1]] * (count - len(named)) if count >= len(named) else None


def _shared_type(wanted: Sequence[str], arguments: Sequence[Typed]) -> str | None:
    types = {a.type for a, p in zip(arguments, wanted, strict=True) if p in _SHARED and not _is_flexible(a)}
    if types == {"number", "double"} and all(
        isinstance(a, Constant) or a.type == "double" for a, p in zip(arguments, wanted, strict=True) if p in _SHARED
    ):
        types = {"double"}
    if len(types) > 1:
        return None
    shared = types.pop() if types else "text"
    return None if ORDERED in wanted and shared not in ORDERED_TYPES else shared


def _is_flexible(argument: Typed) -> bool:
    return isinstance(argument, Constant) and argument.type in ("text", "null")


def _argument(argument: Typed, parameter: str) -> Typed | None:
    if parameter == ANY:
        return Constant("text", None) if argument.type == "null" else argument
    if parameter in CLASSES:
        return next((found for type_ in CLASSES[parameter] if (found := as_type(argument, type_)) is not None), None)
    if parameter != AS_TEXT:
        return as_type(argument, parameter)
    if argument.type == "text":
        return argument
    if argument.type == "null":
        return Constant("text", None)
    for function in OVERLOADS["::text"]:
        if function.parameters == (argument.type,):
            return apply(function, (argument,), "text")
    return None
