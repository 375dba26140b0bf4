"""The connection's part of a file platform: which files, and how this export writes numbers, dates and words."""

import codecs
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from milepost.jobs import LineKind, Stage, TaxMode
from milepost.platforms.csv.columns import JOB_FIELDS, LINE_FIELDS, check_fields
from milepost.platforms.declared.parts import Zone

_COMPLETED = ("completed", "complete", "done", "finished", "closed", "ready to invoice", "to invoice", "awaiting invoice")
_STAGES: dict[Stage, tuple[str, ...]] = {
    Stage.QUOTE: ("quote", "quoted", "quoting", "enquiry", "estimate", "draft", "lead"),
    Stage.SCHEDULED: ("scheduled", "pending", "new", "accepted", "booked", "work order", "open", "to do"),
    Stage.IN_PROGRESS: ("in progress", "started", "active", "underway", "on hold", "paused"),
    Stage.COMPLETED: _COMPLETED,
    Stage.INVOICED: ("invoiced", "paid", "billed"),
    Stage.CANCELLED: ("cancelled", "canceled", "declined", "lost", "unsuccessful"),
}
_KINDS: dict[LineKind, tuple[str, ...]] = {
    LineKind.LABOUR: ("labour", "labor", "time", "timesheet", "hours", "service"),
    LineKind.MATERIAL: ("material", "materials", "product", "part", "parts", "stock", "item"),
    LineKind.SUBCONTRACT: ("subcontract", "subcontractor", "sub-contract", "subbie", "contractor"),
    LineKind.EXPENSE: ("expense", "expenses", "disbursement", "travel", "mileage"),
    LineKind.FEE: ("fee", "call-out", "callout", "call out", "charge", "surcharge", "other"),
    LineKind.DISCOUNT: ("discount", "credit", "adjustment"),
    LineKind.TEXT: ("text", "note", "comment", "heading"),
}
STAGES: dict[str, Stage] = {word: stage for stage, words in _STAGES.items() for word in words}
KINDS: dict[str, LineKind] = {word: kind for kind, words in _KINDS.items() for word in words}


def _check_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"'{name}' is no encoding; write utf-8-sig, cp1252 or utf-16") from error
    return name


class CsvColumns(BaseModel):
    """Fields whose header is not one that is known: our field's name, then the file's header."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Annotated[dict[str, str], AfterValidator(lambda own: check_fields(own, JOB_FIELDS))] = Field(default_factory=dict)
    line: Annotated[dict[str, str], AfterValidator(lambda own: check_fields(own, LINE_FIELDS))] = Field(default_factory=dict)
    custom_fields: dict[str, str] = Field(
        default_factory=dict, description="further columns of the jobs file, by names of your own"
    )


class CsvSettings(BaseModel):
    """Jobs in one file and their lines in another. Only changed jobs are taken up when the files are exported again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["csv"] = "csv"
    jobs: Path
    lines: Path | None = Field(None, description="left out, a job has no lines: the rule book's fallback bills it")
    columns: CsvColumns = CsvColumns()
    time_zone: Zone = Field("UTC", description="in which the files' dates and times are")
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    tax_mode: TaxMode = Field(TaxMode.EXCLUSIVE, description="what columns such as 'Unit Price' hold")
    delimiter: str = Field(",", min_length=1, max_length=1)
    encoding: Annotated[str, AfterValidator(_check_encoding)] = "utf-8-sig"
    decimal_comma: bool = Field(default=False, description="1.234,50 rather than 1,234.50")
    dates: Literal["day_first", "month_first"] = Field("day_first", description="what 03/04/2026 means")
    stages: dict[str, Stage] = Field(
        default_factory=dict, description="statuses of this system beyond the usual ones: {To bill: completed}"
    )
    kinds: dict[str, LineKind] = Field(
        default_factory=dict, description="line types beyond the usual ones: {Plant hire: expense}"
    )
