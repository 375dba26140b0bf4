"""JMESPath over exact numbers, and the `{...}` templates of paths: how a description points into an API's answers."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions, signature
from pydantic import AfterValidator

from milepost.platforms.convert import Misfit, as_text

_SIMPLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PLACE = re.compile(r"\{([^{}]*)\}")


class ExactFunctions(Functions):
    """JMESPath's functions with Decimal as a number, and `multiply` and `divide` (minutes to hours)."""

    def _get_allowed_pytypes(self, types: list[str]) -> tuple[list[str], list[tuple[str, ...]]]:
        allowed, inner = super()._get_allowed_pytypes(types)  # type: ignore[misc]  # the stubs lack it
        exact = [*allowed, "Decimal"] if "float" in allowed else allowed
        return exact, [(*names, "Decimal") if "float" in names else names for names in inner]

    def _convert_to_jmespath_type(self, name: str) -> str:
        return "number" if name == "Decimal" else str(super()._convert_to_jmespath_type(name))  # type: ignore[misc]  # the stubs lack it

    @signature({"types": []})
    def _func_to_number(self, value: Any) -> Decimal | None:
        if isinstance(value, list | dict | bool) or value is None:
            return None
        try:
            number = Decimal(str(value).strip())
        except ArithmeticError:
            return None
        return number if number.is_finite() else None

    @signature({"types": []})
    def _func_type(self, value: Any) -> str:
        return self._convert_to_jmespath_type(type(value).__name__)

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        return str(value) if isinstance(value, Decimal) else str(super()._func_to_string(value))  # type: ignore[misc]  # the stubs lack it

    @signature({"types": ["array-number"]})
    def _func_avg(self, numbers: list[Decimal]) -> Decimal | None:
        return sum(numbers, Decimal()) / len(numbers) if numbers else None

    @signature({"types": ["number", "null"]}, {"types": ["number", "null"]})
    def _func_multiply(self, number: Any, by: Any) -> Decimal | None:
        return None if number is None or by is None else _exact(number) * _exact(by)

    @signature({"types": ["number", "null"]}, {"types": ["number", "null"]})
    def _func_divide(self, number: Any, by: Any) -> Decimal | None:
        return None if number is None or not by else _exact(number) / _exact(by)


def _exact(number: Any) -> Decimal:
    return Decimal(str(number))


_OPTIONS = jmespath.Options(custom_functions=ExactFunctions())


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> Callable[[Any], Any]:
    if expression == "@":
        return lambda data: data
    if _SIMPLE.fullmatch(expression):
        names = expression.split(".")
        return lambda data: _followed(data, names)
    parsed = jmespath.compile(expression)
    return lambda data: parsed.search(data, options=_OPTIONS)


def _followed(data: Any, names: list[str]) -> Any:
    """What most expressions are, a few names with dots, without the interpreter."""
    for name in names:
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def search(expression: str, data: Any) -> Any:
    """What the expression finds in the data. Raises Misfit where a function is given what it cannot take."""
    try:
        return _compiled(expression)(data)
    except JMESPathTypeError as error:
        expected = " or ".join(error.expected_types)
        raise Misfit(f"{expected} for {error.function_name}()", f"{error.actual_type}") from error
    except (JMESPathError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Misfit(f"something that {expression} can read", type(error).__name__) from error


def check_expression(expression: str) -> str:
    """The expression, or ValueError with what is wrong with it in one line."""
    try:
        _compiled(expression)
    except (JMESPathError, RecursionError) as error:
        why = str(error).partition("for expression")[0].partition("\n")[0].strip(" ,:").lower()
        raise ValueError(f"'{expression[:60]}' is no JMESPath expression: {why[:120]}") from error
    return expression


Expression = Annotated[str, AfterValidator(check_expression)]


def check_path(path: str) -> str:
    """A path template: each `{...}` is a JMESPath expression over the job; `{id}` is always the job's id."""
    if path.count("{") != path.count("}") or "{" in _PLACE.sub("", path):
        raise ValueError("the braces of the path do not match")
    for expression in path_expressions(path):
        check_expression(expression)
    if re.search(r"\s", _PLACE.sub("", path)):
        raise ValueError("a path has no white space")
    return path


PathTemplate = Annotated[str, AfterValidator(check_path)]


def path_expressions(path: str) -> tuple[str, ...]:
    """What stands in the braces of a path template."""
    return tuple(_PLACE.findall(path))


def filled_path(path: str, job_id: str, job: Mapping[str, Any]) -> str | None:
    """The path with its values, each quoted; None where the job has none of them (a job without a customer)."""
    missing = False

    def value(place: re.Match[str]) -> str:
        nonlocal missing
        found = job_id if place[1] == "id" else as_text(search(place[1], job))
        missing = missing or not found
        return quote(found or "", safe="")

    filled = _PLACE.sub(value, path)
    return None if missing else filled
