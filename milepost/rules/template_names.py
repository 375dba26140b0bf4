"""What a template may hold, found in its parsed form before it is run: allowed forms, and names that exist.

A name is followed through the models of its roots, so `job.numbr` is known to be wrong when a book is loaded.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from math import isfinite
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from jinja2 import nodes
from pydantic import BaseModel

from milepost.rules.problems import did_you_mean

Roots = Mapping[str, type[BaseModel]]
"""The names that a template starts from, and their models."""

Readable = Callable[[type[BaseModel]], Collection[str]]

MAX_DEPTH = 40

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.Keyword,
    nodes.Concat,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Tuple,
    nodes.List,
)
_HINTS: tuple[tuple[type[nodes.Node], str], ...] = (
    (nodes.Call, "nothing can be called; use a filter, such as: | upper"),
    (nodes.For, "loops are not allowed; write a list with: | join(', ')"),
    (nodes.BinExpr, "templates do not calculate; texts are joined with ~"),
    (nodes.FilterBlock, "a filter is written behind a value: {{ job.title | upper }}"),
)


def check_nodes(
    tree: nodes.Template,
    roots: Roots | None,
    filters: Collection[str],
    tests: Collection[str],
    readable: Readable,
) -> list[str]:
    """All problems of a parsed template, as sentences. Without `roots` only its forms are looked at."""
    problems: list[str] = []
    for node, depth in _walk(tree):
        if depth > MAX_DEPTH:
            return [*problems, "it is nested too deeply"]
        problems.extend(_form_problems(node, filters, tests))
    if roots is not None and not problems:
        for node, _ in _walk(tree):
            problems.extend(_name_problems(node, roots, readable))
    return list(dict.fromkeys(problems))


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    """Every node with its depth, without recursion, in the order of the text."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        children = [(child, depth + 1) for child in node.iter_child_nodes()]
        waiting.extend(reversed(children))


def _form_problems(node: nodes.Node, filters: Collection[str], tests: Collection[str]) -> Iterator[str]:
    if not isinstance(node, _ALLOWED):
        hint = next((hint for form, hint in _HINTS if isinstance(node, form)), None)
        yield hint or f"'{type(node).__name__.lower()}' is not allowed in a template"
    elif isinstance(node, nodes.Filter) and node.name not in filters:
        known = ", ".join(filters)
        yield f"unknown filter '{node.name}'{did_you_mean(node.name, filters)}; there are {known}"
    elif isinstance(node, nodes.Test) and node.name not in tests:
        yield f"unknown test 'is {node.name}'; there are {', '.join(tests)}"
    elif isinstance(node, nodes.Const) and isinstance(node.value, float) and not isfinite(node.value):
        yield "a number is out of range"
    elif isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Const):
        yield "a plain value has no parts"


def _name_problems(node: nodes.Node, roots: Roots, readable: Readable) -> Iterator[str]:
    if isinstance(node, nodes.Name) and node.name not in roots:
        known = " and ".join(f"'{root}'" for root in roots)
        yield f"unknown name '{node.name}'{did_you_mean(node.name, roots)}; known here: {known}"
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        yield from _step_problems(node, roots, readable)
    if isinstance(node, nodes.Output):
        for shown in node.nodes:
            yield from _shown_problems(shown, roots, readable)


def _step_problems(node: nodes.Getattr | nodes.Getitem, roots: Roots, readable: Readable) -> Iterator[str]:
    """A step from a record to one of its names; a step from a text or a number has nowhere to go."""
    kind = _type_of(node.node, roots, readable)
    name = _key_of(node)
    if _is_model(kind):
        known = readable(kind)
        if name is None:
            yield "a record's parts are read by name: job.number"
        elif name not in known:
            yield f"unknown name '{name}'{did_you_mean(name, known)}"
    elif kind is not None and isinstance(node, nodes.Getattr) and get_origin(kind) is not dict:
        yield f"'{name}' is asked of a plain value, which has no parts"


def _shown_problems(node: nodes.Expr, roots: Roots, readable: Readable) -> Iterator[str]:
    kind = _type_of(node, roots, readable)
    if _is_model(kind):
        known = ", ".join(sorted(readable(kind)))
        yield f"a whole {kind.__name__.lower()} is no text; name one of its fields: {known}"
    elif get_origin(kind) in (tuple, dict):
        yield "a list is no text; write it with: | join(', ')"


def _key_of(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _type_of(node: nodes.Node, roots: Roots, readable: Readable) -> Any:
    """The type of an expression, `None` when that cannot be said beforehand. Follows names and steps only."""
    if isinstance(node, nodes.Name):
        return roots.get(node.name)
    if not isinstance(node, nodes.Getattr | nodes.Getitem):
        return None
    owner = _type_of(node.node, roots, readable)
    name = _key_of(node)
    if _is_model(owner):
        return _field_type(owner, name) if name in readable(owner) else None
    if get_origin(owner) is dict:
        return _without_none(get_args(owner)[1])
    if get_origin(owner) is tuple and isinstance(node, nodes.Getitem):
        return None if isinstance(node.arg, nodes.Slice) else _without_none(get_args(owner)[0])
    return None


def _field_type(model: type[BaseModel], name: str | None) -> Any:
    """The type of a field or property, without its `None`."""
    if name in model.model_fields:
        return _without_none(model.model_fields[name].annotation)
    described = getattr(model, name or "", None)
    getter = getattr(described, "fget", None) or getattr(described, "func", None)
    return _without_none(get_type_hints(getter).get("return")) if getter else None


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, UnionType):
        return kind
    rest = [part for part in get_args(kind) if part is not type(None)]
    return rest[0] if len(rest) == 1 else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
