"""One value of one field: found by its expression, put into our words by its map, converted to the field's type."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from milepost.platforms import convert
from milepost.platforms.convert import Misfit
from milepost.platforms.declared.expressions import search
from milepost.platforms.declared.fields import FieldMap
from milepost.platforms.declared.parts import zone_info
from milepost.platforms.declared.targets import Target


def value_of(target: Target, source: FieldMap, record: Any, zone: ZoneInfo) -> Any:
    """The value, None where it is unknown. Raises Misfit. `zone` is for moments that come without an offset."""
    raw = source.value if source.path is None else search(source.path, record)
    if source.map is not None and not _is_empty(raw):
        raw = _in_our_words(raw, source.map, source.default)
    if _is_empty(raw):
        raw = source.default
    return _CONVERSIONS[target.kind](raw, target, source, zone)


def _is_empty(raw: Any) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())


def _in_our_words(raw: Any, words: Mapping[str, str], default: str | None) -> str:
    """What the map has for a word, by its exact spelling or else regardless of case."""
    said = convert.as_text(raw) or ""
    if said in words:
        return words[said]
    caseless = {word.casefold(): ours for word, ours in words.items()}
    found = caseless.get(said.casefold(), default)
    if found is None:
        raise Misfit(f"a word of its map ({', '.join(words)})", convert.shown(raw))
    return found


def _text(raw: Any, _: Target, source: FieldMap, __: ZoneInfo) -> str | None:
    text = convert.as_text(raw)
    return convert.without_html(text) or None if text and source.type == "html" else text


def _decimal(raw: Any, _: Target, source: FieldMap, __: ZoneInfo) -> Any:
    if source.type == "cents":
        return convert.as_cents(raw)
    if source.type == "fraction":
        return convert.as_percent(raw)
    return convert.as_decimal(raw, decimal_comma=source.type == "decimal_comma")


def _moment(raw: Any, _: Target, source: FieldMap, zone: ZoneInfo) -> Any:
    return convert.as_moment(raw, zone_info(source.time_zone) if source.time_zone else zone, source.format)


def _day(raw: Any, _: Target, source: FieldMap, zone: ZoneInfo) -> Any:
    return convert.as_day(raw, zone_info(source.time_zone) if source.time_zone else zone, source.format)


def _texts(raw: Any, _: Target, source: FieldMap, __: ZoneInfo) -> tuple[str, ...]:
    return convert.as_texts(raw, source.separator)


def _word(raw: Any, target: Target, _: FieldMap, __: ZoneInfo) -> str | None:
    word = convert.as_text(raw)
    known = _words(target.words)
    if word is not None and word not in known:
        raise Misfit(f"one of {', '.join(known)} (give it a map)", convert.shown(raw))
    return word


@cache
def _words(kind: type[StrEnum] | None) -> tuple[str, ...]:
    """Read once: to go through an enumeration for every line of a thousand jobs takes longer than all else here."""
    return tuple(str(member) for member in kind or ())


_CONVERSIONS: Mapping[str, Callable[[Any, Target, FieldMap, ZoneInfo], Any]] = {
    "text": _text,
    "decimal": _decimal,
    "whole": lambda raw, _, __, ___: convert.as_whole(raw),
    "boolean": lambda raw, _, __, ___: convert.as_boolean(raw),
    "date": _day,
    "moment": _moment,
    "texts": _texts,
    "word": _word,
}
