"""What a `when` asks for: its plain conditions one by one, those nested in it, and the words for all of them.

Read by `match`, and by whoever shows a rule to people.
"""

from collections.abc import Mapping, Sequence

from milepost.rules.conditions import DateRange, JobWhen, Range
from milepost.rules.seen import OF_JOB, OF_LINE

Wanted = Sequence[str] | Range | DateRange
"""Texts of which one must fit, or the bounds of a number or a day."""

_PLAIN = (*OF_LINE, *OF_JOB)
CUSTOM = "custom_fields."
"""Before the name of a custom field, where one is named among the conditions."""


def conditions_of(when: JobWhen) -> dict[str, Wanted]:
    """The plain conditions that are given, in the order they are looked at; a custom field as `custom_fields.NAME`.

    The order is the same for all rules, so that the reason of one does not depend on the others.
    """
    plain = {name: wanted for name in _PLAIN if (wanted := getattr(when, name, None)) is not None}
    custom = sorted((when.custom_fields or {}).items(), key=lambda field: field[0].casefold())
    return plain | {f"{CUSTOM}{name}": texts for name, texts in custom}


def wanted_in_words(wanted: Wanted) -> str:
    """`AH* or BH*`, `over 500 and under 900`, `since 2026-01-01`."""
    return str(wanted) if isinstance(wanted, Range | DateRange) else " or ".join(wanted)


def nested_words(when: JobWhen) -> dict[str, str]:
    """Under any, all and not, what each asks for: `kind labour or code AH*`; under `not`, what must not be."""
    said: dict[str, str] = {}
    if when.any_:
        said["any"] = " or ".join(_bracketed(inner) for inner in when.any_)
    if when.all_:
        said["all"] = " and ".join(_bracketed(inner) for inner in when.all_)
    if when.not_ is not None:
        said["not"] = f"not {_bracketed(when.not_)}"
    return said


def asked_in_words(when: JobWhen) -> dict[str, str]:
    """By condition, what is asked for."""
    plain = {name: wanted_in_words(wanted) for name, wanted in conditions_of(when).items()}
    return plain | nested_words(when)


def when_in_words(when: JobWhen) -> str:
    """All of it in one sentence: `kind labour and code (AH* or BH*)`."""
    return " and ".join(_parts(when)) or "anything"


def seen_in_words(seen: Mapping[str, str]) -> str:
    """By condition, what was seen: `kind material, no code`."""
    return ", ".join(f"{_label(name)} {value}" if value else f"no {_label(name)}" for name, value in seen.items())


def one_in_words(condition: str, wanted: str, *, several: bool = False) -> str:
    """One plain condition: `code AH*`."""
    return f"{_label(condition)} ({wanted})" if several else f"{_label(condition)} {wanted}"


def _parts(when: JobWhen) -> list[str]:
    plain = [
        one_in_words(name, wanted_in_words(wanted), several=_is_several(wanted))
        for name, wanted in conditions_of(when).items()
    ]
    nested = nested_words(when)
    alone = len(plain) + len(nested) == 1
    return [*plain, *(words if alone or name == "not" else f"({words})" for name, words in nested.items())]


def _bracketed(when: JobWhen) -> str:
    parts = _parts(when)
    is_nested = bool(when.any_ or when.all_)
    words = " and ".join(parts) or "anything"
    return f"({words})" if len(parts) > 1 or is_nested else words


def _is_several(wanted: Wanted) -> bool:
    bounds = wanted if not isinstance(wanted, Range | DateRange) else [bound for _, bound in wanted if bound is not None]
    return len(bounds) > 1


def _label(condition: str) -> str:
    return f"custom field '{condition.removeprefix(CUSTOM)}'" if condition.startswith(CUSTOM) else condition
