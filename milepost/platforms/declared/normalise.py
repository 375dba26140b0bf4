"""From what a system answered about one job to the normalised Job, or to a problem that points into the description."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from milepost.jobs import Job, TaxMode
from milepost.platforms import convert
from milepost.platforms.convert import Misfit, in_words
from milepost.platforms.declared.expressions import search
from milepost.platforms.declared.fields import FieldMap, Section
from milepost.platforms.declared.load import Loaded
from milepost.platforms.declared.parts import check_zone, zone_info
from milepost.platforms.declared.targets import Target
from milepost.platforms.declared.values import value_of
from milepost.platforms.protocol import JobProblem
from milepost.rules.yaml_text import Path as Place

MOST_TOLD = 5
"""Fields of one job whose misfits are told; the others are counted."""

_OWN_NAME = Target("text", "a value by a name of the reader's own")


@dataclass(frozen=True, slots=True)
class Document:
    """All that was read about one job: its own record, and what the endpoints of sections answered, by place."""

    job: Mapping[str, Any]
    answers: Mapping[Place, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for jobs that do not say it."""

    time_zone: str
    currency: str | None
    tax_mode: TaxMode


@dataclass(frozen=True, slots=True)
class Found:
    """A misfit, and where the description asks for the value; `row` counts from 1, `more` rows do not fit either."""

    place: Place
    misfit: Misfit
    row: int | None = None
    more: int = 0

    def __str__(self) -> str:
        got = f"row {self.row} of {self.place[0]} has" if self.row else "got"
        rest = f" (and {self.more} more rows)" if self.more else ""
        return f"field '{self.place[-1]}': expected {self.misfit.expected}, {got} {self.misfit.got}{rest}"


def normalise(loaded: Loaded, job_id: str, document: Document, defaults: Defaults) -> Job | JobProblem:
    """The Job, or why it cannot be one."""
    reading = Reading(loaded, document, defaults)
    values = reading.job(job_id)
    if reading.found:
        return _problem(loaded, job_id, reading.found, values.get("number"))
    try:
        return Job.model_validate(values)
    except ValidationError as error:
        where = loaded.where("job")
        fix = f"Correct the job in {loaded.description.name}, or the map at {where}."
        return JobProblem(job_id, in_words(error), fix, where, job_number=values.get("number"))


def _problem(loaded: Loaded, job_id: str, found: list[Found], number: str | None) -> JobProblem:
    fields = _by_field(found)
    why = "; ".join(map(str, fields[:MOST_TOLD]))
    more = f"; and {len(fields) - MOST_TOLD} more fields" if len(fields) > MOST_TOLD else ""
    where = loaded.where(*found[0].place)
    fix = f"Correct the job in {loaded.description.name}, or the field's map at {where}."
    return JobProblem(job_id, why + more, fix, where, job_number=number)


def _by_field(found: list[Found]) -> list[Found]:
    """The first misfit of each field, with the number of those that follow."""
    counted = Counter(one.place for one in found)
    first = {one.place: one for one in reversed(found)}
    return [replace(first[place], more=number - 1) for place, number in counted.items()]


class Reading:
    """One document being read. Values come out; misfits are kept in `found`."""

    def __init__(self, loaded: Loaded, document: Document, defaults: Defaults) -> None:
        self._about = loaded.description
        self._document = document
        self._defaults = defaults
        self._zone = zone_info(defaults.time_zone)
        self._mode = "ex"
        self.found: list[Found] = []

    def job(self, job_id: str) -> dict[str, Any]:
        """The values of the Job by their names."""
        tax_mode = self._tax_mode()
        zone = self._account_zone()
        values = self._record(("job",), self._about.job, self._document.job)
        currency = values.get("currency") or self._defaults.currency or ""
        return values | {
            "platform": "declared",
            "id": job_id,
            "number": values.get("number") or job_id,
            "account_tz": zone,
            "currency": currency.upper() or None,
            "tax_mode": tax_mode,
            "customer": self._single("customer"),
            "site": self._single("site"),
            "contacts": [contact for contact in self._several("contacts") if set(contact) - {"role"}],
            "lines": [{"kind": "material"} | line for line in self._several("lines")],
            "payments": self._several("payments"),
        }

    def _tax_mode(self) -> TaxMode:
        """Read before all else: whether `unit_price` and `total` hold tax depends on it."""
        source = getattr(self._about.job, "tax_mode", None)
        said = source and self._value(
            ("job", "tax_mode"), self._about.job.targets["tax_mode"], source, self._document.job, None
        )
        mode = TaxMode(said or self._defaults.tax_mode)
        self._mode = "inc" if mode is TaxMode.INCLUSIVE else "ex"
        self.found.clear()
        return mode

    def _account_zone(self) -> str:
        """Read early too: days are read on this zone's calendar."""
        source = getattr(self._about.job, "account_tz", None)
        said = source and self._value(("job", "account_tz"), _OWN_NAME, source, self._document.job, None)
        self.found.clear()
        try:
            zone = check_zone(said or self._defaults.time_zone)
        except ValueError:
            self._misfit(("job", "account_tz"), Misfit("an IANA time zone", convert.shown(said)))
            return self._defaults.time_zone
        self._zone = zone_info(zone)
        return zone

    def _single(self, name: str) -> dict[str, Any] | None:
        section = getattr(self._about, name)
        if section is None:
            return None
        record = self._document.answers.get((name,)) if section.get else self._at((name,), section)
        if record is None:
            return None
        if not isinstance(record, dict):
            self._misfit((name, "from"), Misfit("one record", convert.shown(record)))
            return None
        return self._record((name,), section, record) or None

    def _several(self, name: str) -> list[dict[str, Any]]:
        sections = getattr(self._about, name)
        found: list[dict[str, Any]] = []
        for number, section in enumerate(sections):
            place = (name, number)
            records = self._document.answers.get(place) if section.get else self._at(place, section)
            known: dict[str, tuple[int, Any]] = {}
            for row, record in enumerate(self._listed(place, records), 1):
                values = self._record(place, section, record, row)
                first, twin = known.setdefault(values.get("id", f"row {row}"), (row, record))
                if first != row and twin == record:  # as when a list shifts while its pages are read
                    self._misfit((*place, "id"), Misfit("an id of its own", f"that of row {first}, which is the same"), row)
                if "id" in section.targets:
                    values.setdefault("id", f"{number + 1}-{row}" if len(sections) > 1 else str(row))
                found.append(values)
        return found

    def _at(self, place: Place, section: Any) -> Any:
        try:
            return search(section.from_ or "@", self._document.job)
        except Misfit as misfit:
            self._misfit((*place, "from"), misfit)
            return None

    def _listed(self, place: Place, records: Any) -> list[Any]:
        if records is None:
            return []
        if not isinstance(records, list | dict):
            self._misfit((*place, "from"), Misfit("a list of records", convert.shown(records)))
            return []
        return records if isinstance(records, list) else [records]

    def _record(self, place: Place, section: Section, record: Any, row: int | None = None) -> dict[str, Any]:
        """The section's values in the shape of its record; unknown values are left out."""
        values: dict[str, Any] = {}
        for name, target, source in section.maps():
            value = self._value((*place, name), target, source, record, row)
            if value is not None and value != ():
                target.put(values, name, self._mode, value)
        self._own_names(values, place, section, record, row)
        if values or row is not None or place == ("job",):
            self._note_missing(values, place, section, row)
        return values

    def _own_names(self, values: dict[str, Any], place: Place, section: Section, record: Any, row: int | None) -> None:
        for name in (name for name, target in section.targets.items() if target.kind == "named"):
            sources = section.named(name)
            found = {
                own: self._value((*place, name, own), _OWN_NAME, source, record, row) for own, source in sources.items()
            }
            values |= {name: known} if (known := {own: v for own, v in found.items() if v is not None}) else {}

    def _note_missing(self, values: dict[str, Any], place: Place, section: Section, row: int | None) -> None:
        told = {found.place for found in self.found if found.row == row}
        for name, target in section.targets.items():
            is_missing = target.required and (target.place or (name,))[0] not in values
            if is_missing and (*place, name) not in told:
                self._misfit((*place, name), Misfit("a value", "nothing"), row)

    def _value(self, place: Place, target: Target, source: FieldMap, record: Any, row: int | None) -> Any:
        try:
            return value_of(target, source, record, self._zone)
        except Misfit as misfit:
            self._misfit(place, misfit, row)
            return None

    def _misfit(self, place: Place, misfit: Misfit, row: int | None = None) -> None:
        self.found.append(Found(place, misfit, row))
