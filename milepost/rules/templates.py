"""Templates of a rule book: sandboxed Jinja2 over `job`, `line` and `milestone`.

Checked when a book is loaded, rendered by decide. Only what cannot loop, call or calculate is let through: names,
their fields, filters, comparisons, `if` and `~`. So a template always ends; the worst it can do is be refused.
"""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from milepost.errors import MilepostError
from milepost.rules.filters import FILTERS, MAX_TEXT, plain_text
from milepost.rules.template_names import Roots, check_nodes

MAX_TEMPLATE = 4000
"""Characters a template may have: Xero's longest line description."""

_MARKS = ("{{", "{%", "{#")
_TESTS = ("defined", "undefined", "none")
_REFUSALS = (TemplateError, ValueError, TypeError, ArithmeticError, SyntaxError, RecursionError, MemoryError)


class TemplateProblem(MilepostError):
    """A template cannot be compiled, or not be filled in for this job. `why` holds none of the job's data."""

    def __init__(self, template: str, why: str) -> None:
        self.template = template
        self.why = why
        super().__init__(f"template '{template}': {why}")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Reads the own fields and properties of our records, and nothing else of anything."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        del value
        return isinstance(obj, BaseModel) and attr in readable_names(type(obj))

    def is_safe_callable(self, obj: Any) -> bool:
        del obj
        return False


@lru_cache
def readable_names(model: type[BaseModel]) -> frozenset[str]:
    """The names of a record that templates may read: its fields, and the properties of its own classes."""
    own = [cls for cls in model.__mro__ if issubclass(cls, BaseModel) and cls is not BaseModel]
    properties = {
        name
        for cls in own
        for name, value in vars(cls).items()
        if isinstance(value, property | cached_property) and not name.startswith("_")
    }
    return frozenset(model.model_fields) | properties


def _environment() -> _Sandbox:
    environment = _Sandbox(
        undefined=StrictUndefined,
        autoescape=False,
        finalize=plain_text,
        cache_size=0,
    )
    environment.globals.clear()
    environment.filters = dict(FILTERS)
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_ENVIRONMENT = _environment()


def check_template(template: str, roots: Roots) -> None:
    """Compile a template and check every name in it; `roots` maps `job` and so on to their models.

    Raises TemplateProblem with all that is wrong.
    """
    if problems := check_nodes(_parsed(template), roots, FILTERS, _TESTS, readable_names):
        raise TemplateProblem(template, "; ".join(problems))
    _compiled(template)


def render(template: str, values: Mapping[str, object]) -> str:
    """The template filled in from `values` (`job`, `line`, `milestone`), without trailing white space.

    An unknown value (None) is empty text, a number has no trailing zeros. Raises TemplateProblem when a value is
    asked of something that the job does not have (`job.site.region` without a site), or the text grows past
    20,000 characters.
    """
    if not any(mark in template for mark in _MARKS):
        return template.rstrip()
    compiled = _compiled(template)
    parts: list[str] = []
    size = 0
    try:
        for part in compiled.generate(values):
            size += len(part)
            if size > MAX_TEXT:
                raise TemplateProblem(template, f"its text is longer than {MAX_TEXT} characters")
            parts.append(part)
    except UndefinedError as error:
        raise TemplateProblem(template, _what_is_missing(error)) from error
    except _REFUSALS as error:
        raise TemplateProblem(template, str(error) or type(error).__name__) from error
    return "".join(parts).rstrip()


def _what_is_missing(error: UndefinedError) -> str:
    """Jinja's message in the words of a person; it holds names and types, never values."""
    message = error.message or "a value is missing"
    if "has no attribute" in message:
        return f"this job does not say {message.rsplit(' ', 1)[-1]}; add: | default('...')"
    return f"{message}; add: | default('...')"


def _parsed(template: str) -> nodes.Template:
    if len(template) > MAX_TEMPLATE:
        raise TemplateProblem(f"{template[:60]}...", f"it is longer than {MAX_TEMPLATE} characters")
    try:
        return _ENVIRONMENT.parse(template)
    except RecursionError as error:
        raise TemplateProblem(template, "it is nested too deeply") from error
    except (TemplateError, ValueError) as error:
        raise TemplateProblem(template, f"template syntax: {str(error).rstrip('.')}") from error


@lru_cache(maxsize=4096)
def _compiled(template: str) -> Template:
    """Compiled once for all books. A template that was never checked is held to the allowed forms here."""
    if problems := check_nodes(_parsed(template), None, FILTERS, _TESTS, readable_names):
        raise TemplateProblem(template, "; ".join(problems))
    try:
        return _ENVIRONMENT.from_string(template)
    except _REFUSALS as error:
        raise TemplateProblem(template, f"template syntax: {str(error).rstrip('.')}") from error
