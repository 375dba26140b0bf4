"""How each field of one job came about: expression, what it found, what became of it. For `milepost platform try`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from milepost.platforms.convert import Misfit, holds_html
from milepost.platforms.declared.description import Description
from milepost.platforms.declared.expressions import search
from milepost.platforms.declared.fields import FieldMap, Section
from milepost.platforms.declared.load import Loaded
from milepost.platforms.declared.normalise import Document
from milepost.platforms.declared.parts import zone_info
from milepost.platforms.declared.targets import Target
from milepost.platforms.declared.values import value_of
from milepost.rules.yaml_text import Path as Place


@dataclass(frozen=True, slots=True)
class Trace:
    """One field. `raw` is what the expression found; `trouble` is what a person should look at, empty where nothing."""

    section: str
    field: str
    source: str
    raw: Any
    value: Any
    trouble: str = ""


def traced(loaded: Loaded, document: Document, time_zone: str) -> tuple[Trace, ...]:
    """Every filled field: of the job, and of the first row of each section."""
    return tuple(
        _trace(str(place[0]), name, target, source, record, time_zone)
        for place, section in loaded.description.sections()
        if (record := _first(place, section, document)) is not None
        for name, target, source in section.maps()
    )


def _first(place: Place, section: Section, document: Document) -> Any:
    key = place if len(place) > 1 else (place[0],)
    if getattr(section, "get", None):
        found = document.answers.get(key)
    else:
        try:
            found = search(getattr(section, "from_", None) or "@", document.job)
        except Misfit:
            return None
    return next(iter(found), None) if isinstance(found, list) else found


def _trace(section: str, name: str, target: Target, source: FieldMap, record: Any, time_zone: str) -> Trace:
    said = source.path if source.path is not None else f"constant {source.value}"
    try:
        raw = search(source.path, record) if source.path is not None else source.value
        value = value_of(target, source, record, zone_info(time_zone))
    except Misfit as misfit:
        return Trace(section, name, said, None, None, str(misfit))
    is_marked_up = isinstance(value, str) and target.kind == "text" and holds_html(value)
    return Trace(section, name, said, raw, value, "it holds HTML; add type: html" if is_marked_up else "")


def unread_keys(description: Description, job: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the job's record that no expression mentions: what might have been forgotten."""
    words = {word for expression in _expressions(description) for word in re.findall(r"\w+", expression)}
    return tuple(key for key in job if key not in words)


def _expressions(description: Description) -> Iterator[str]:
    yield from (description.jobs.list.id, description.jobs.list.modified or "")
    for _, section in description.sections():
        yield getattr(section, "from_", None) or ""
        yield getattr(getattr(section, "get", None), "path", "")
        yield from (source.path or "" for _, _, source in section.maps())
        for name in ("custom_fields", "tracking_hints"):
            if name in section.targets:
                yield from (source.path or "" for source in section.named(name).values())
