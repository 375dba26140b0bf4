"""From the rows of a job and of its lines to the normalised Job, or to problems by file, line and column."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from milepost.jobs import Job, LineKind, TaxMode
from milepost.platforms.convert import Misfit, in_words
from milepost.platforms.csv.cells import cell_value, rate_in, word_of
from milepost.platforms.csv.columns import JOB_FIELDS, LINE_FIELDS, Column
from milepost.platforms.csv.settings import KINDS, STAGES, CsvSettings
from milepost.platforms.csv.table import Row, Table
from milepost.platforms.declared.parts import zone_info
from milepost.platforms.declared.targets import Target, Targets
from milepost.platforms.protocol import JobProblem

MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one job: as a rule one of the jobs file, and those of the lines file."""

    jobs: tuple[Row, ...]
    lines: tuple[Row, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for equal contents, wherever the rows stand in the files."""
        told = repr(([row.cells for row in self.jobs], [row.cells for row in self.lines]))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass
class RowReader:
    """Reads the rows of one job; what is wrong is kept with its place."""

    settings: CsvSettings
    jobs: Table
    lines: Table | None
    found: list[tuple[str, str]] = field(default_factory=list)

    def read(self, job_id: str, rows: Rows) -> Job | JobProblem:
        """The job, or all that is wrong with its rows (the first five are told)."""
        self.found = []
        values = self._job(job_id, rows)
        if not self.found:
            try:
                return Job.model_validate(values)
            except ValidationError as error:
                self.found.append((self.jobs.where(rows.jobs[0]), in_words(error)))
        told = [f"{where}: {why}" for where, why in self.found[:MOST_TOLD]]
        more = [f"and {len(self.found) - MOST_TOLD} more"] if len(self.found) > MOST_TOLD else []
        return JobProblem(
            job_id,
            "; ".join([*told, *more]),
            "Correct it in the job system and export again, or correct the file.",
            self.found[0][0],
            job_number=job_id,
        )

    def _job(self, job_id: str, rows: Rows) -> dict[str, Any]:
        if not rows.jobs:
            self._note_homeless(job_id, rows.lines)
            return {}
        first, *others = rows.jobs
        self._note_number(first, others)
        if self._is_too_wide(self.jobs, first):
            return {}
        values = self._values(self.jobs, first, JOB_FIELDS)
        own = {name: first.text(column) for name, column in self.jobs.own_columns.items()}
        return values | {
            "platform": "csv",
            "id": job_id,
            "number": job_id,
            "stage": self._word(self.jobs, first, "status", STAGES, self.settings.stages, "stages"),
            "account_tz": self.settings.time_zone,
            "currency": str(values.get("currency") or self.settings.currency or "").upper() or None,
            "tax_mode": self.settings.tax_mode,
            "customer": _customer(values.get("customer", {})),
            "custom_fields": {name: text for name, text in own.items() if text},
            "lines": [self._line(row, number) for number, row in enumerate(rows.lines, 1)],
            "warnings": (f"it stands {len(rows.jobs)} times in {self.jobs.name}",) if others else (),
        }

    def _note_homeless(self, job_id: str, lines: Sequence[Row]) -> None:
        table = self.lines or self.jobs
        column = table.columns["job"]
        if not lines[0].text(column):
            self._note(table, lines[0], column, Misfit("the number of a job", "nothing"))
            return
        why = f"the line belongs to job '{job_id}', which {self.jobs.name} does not have"
        self.found += [(table.where(row, column), why) for row in lines]

    def _note_number(self, first: Row, others: Sequence[Row]) -> None:
        """A job needs a number, and has one row; the same row again does no harm."""
        column = self.jobs.columns["number"]
        if not first.text(column):
            self._note(self.jobs, first, column, Misfit("the job's number", "nothing"))
        for other in others:
            if other.cells != first.cells:
                why = f"job '{first.text(column)}' stands in line {first.line} too, with other values"
                self.found.append((self.jobs.where(other, column), why))

    def _line(self, row: Row, number: int) -> dict[str, Any]:
        table = self.lines or self.jobs
        if self._is_too_wide(table, row):
            return {}
        values = self._values(table, row, LINE_FIELDS)
        values.pop("job", None)
        values.setdefault("id", str(number))
        tax = values.get("tax", {})
        if "name" in tax and "rate" not in tax and (rate := rate_in(tax["name"])):
            values["tax"] = tax | {"rate": rate}
        return values | {"kind": self._kind(table, row, values)}

    def _kind(self, table: Table, row: Row, values: Mapping[str, Any]) -> LineKind:
        """The line's type by the table. What lowers the bill without being called anything is a discount."""
        said = row.text(table.columns.get("kind"))
        prices = (values.get(name) for name in ("unit_price_ex", "unit_price_inc", "total_ex", "total_inc"))
        lowers = any(price is not None and price < 0 for price in prices)
        if lowers and said.casefold() in ("", "other"):
            return LineKind.DISCOUNT
        if not said:
            return LineKind.MATERIAL
        return self._word(table, row, "kind", KINDS, self.settings.kinds, "kinds") or LineKind.MATERIAL

    def _word(
        self, table: Table, row: Row, name: str, words: Mapping[str, Any], own: Mapping[str, Any], setting: str
    ) -> Any:
        column = table.columns[name]
        if not row.text(column):
            self._note(table, row, column, Misfit("a word", "nothing"))
            return None
        try:
            return word_of(row.text(column), words, own, setting)
        except Misfit as misfit:
            self._note(table, row, column, misfit)
            return None

    def _values(self, table: Table, row: Row, targets: Targets) -> dict[str, Any]:
        """The cells' values in the shape of their record; empty cells are left out."""
        suffix = "inc" if self.settings.tax_mode is TaxMode.INCLUSIVE else "ex"
        values: dict[str, Any] = {}
        for name, column in table.columns.items():
            value = self._cell(table, row, column, targets[name])
            if value is not None and value != () and name not in ("number", "kind"):
                targets[name].put(values, name, suffix, value)
        return values

    def _is_too_wide(self, table: Table, row: Row) -> bool:
        """Cells that no header stands over have moved the others: none of the row can be trusted."""
        if len(row.cells) <= table.width:
            return False
        why = f"{len(row.cells)} cells in a table of {table.width} columns; is a text with a comma not in quotes?"
        self.found.append((f"{table.name}:{row.line}:{table.width + 1}", why))
        return True

    def _cell(self, table: Table, row: Row, column: Column, target: Target) -> Any:
        try:
            return cell_value(
                row.text(column),
                target,
                zone=zone_info(self.settings.time_zone),
                order=self.settings.dates,
                decimal_comma=self.settings.decimal_comma,
            )
        except Misfit as misfit:
            self._note(table, row, column, misfit)
            return None

    def _note(self, table: Table, row: Row, column: Column, misfit: Misfit) -> None:
        self.found.append((table.where(row, column), f"column '{column.header}': {misfit}"))


def _customer(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The customer; without a key of its own, one from name and e-mail, in which neither can be read."""
    if "name" not in values:
        return None
    told = f"{values['name']}|{values.get('email', '')}".casefold()
    key = f"c-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    return {"id": key, **values}
