"""What a cell says: exact numbers as spreadsheets write them, dates by day or month first, words by tables."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from milepost.jobs import local_date
from milepost.platforms import convert
from milepost.platforms.convert import Misfit
from milepost.platforms.declared.targets import Target
from milepost.rules.problems import did_you_mean

_CURRENCY = re.compile(r"^([+-]?)\s*(?:[A-Z]{0,3}[$€£])\s*")
_IN_BRACKETS = re.compile(r"\((.+)\)")
_RATE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
_DAYS = {
    "day_first": ("%d/%m/%Y", "%d/%m/%y", "%d-%m-%Y", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y"),
    "month_first": ("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y"),
}

Order = Literal["day_first", "month_first"]


def cell_value(cell: str, target: Target, *, zone: ZoneInfo, order: Order, decimal_comma: bool) -> Any:
    """The value of a cell for a field, None for an empty one. Raises Misfit."""
    match target.kind:
        case "decimal":
            return convert.as_decimal(plain_number(cell), decimal_comma=decimal_comma)
        case "whole":
            return convert.as_whole(cell)
        case "boolean":
            return convert.as_boolean(cell)
        case "moment":
            return _moment(cell, zone, order)
        case "date":
            return local_date(_moment(cell, zone, order), zone.key)
        case "texts":
            return convert.as_texts(cell)
        case _:
            return convert.as_text(cell)


def plain_number(cell: str) -> str:
    """Without currency sign and percent; an amount in brackets is negative, as accountants write it."""
    text = cell.strip().removesuffix("%").strip()
    bracketed = _IN_BRACKETS.fullmatch(text)
    bare = _CURRENCY.sub(r"\1", bracketed[1].strip() if bracketed else text)
    if bracketed:
        return f"-{bare}" if bare[:1].isdigit() else cell
    return bare or cell.strip()


def _moment(cell: str, zone: ZoneInfo, order: Order) -> datetime | None:
    text = " ".join(cell.split())
    if not text:
        return None
    for form in (None, *(day + time for day in _DAYS[order] for time in _TIMES)):
        try:
            return convert.as_moment(text, zone, form)
        except Misfit:
            continue
    example = "31/07/2026" if order == "day_first" else "07/31/2026"
    raise Misfit(f"a date such as {example} or 2026-07-31", convert.shown(cell))


Word = TypeVar("Word")


def word_of(cell: str, words: Mapping[str, Word], own: Mapping[str, Word], setting: str) -> Word:
    """What the tables have for a word, regardless of case. Raises Misfit that names the setting to extend."""
    asked = " ".join(cell.split()).casefold()
    table = {**words, **{word.casefold(): ours for word, ours in own.items()}}
    if asked not in table:
        raise Misfit(f"a known word (add it under '{setting}'{did_you_mean(asked, table)})", convert.shown(cell))
    return table[asked]


def rate_in(tax: str) -> str:
    """The percentage in the name of a tax: `15% GST on Income`; empty where there is none."""
    found = _RATE.search(tax)
    return found[1] if found else tax if re.fullmatch(r"\d{1,3}(\.\d+)?", tax) else ""
