"""The billing stages of a rule book: when a milestone is due, for which jobs, and what it bills of a job."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator

from milepost.rules.conditions import JobWhen
from milepost.rules.fields import MILESTONE_CODE, TEMPLATE_ROOTS, AccountCode, InvoiceText, Section, Statuses
from milepost.rules.invoice import InvoiceOverride

Money = Annotated[Decimal, Field(gt=0, decimal_places=2)]


class Percent(Section):
    """A share of the job's total, in percent."""

    percent: Decimal = Field(gt=0, le=100, description="percent of the job's total")
    of: Literal["current", "quoted"] = Field(
        "current", description="`current`: what the job's lines come to now; `quoted`: what was quoted and agreed"
    )
    at_least: Money | None = Field(None, description="no less than this, as far as so much is left")
    at_most: Money | None = Field(None, description="no more than this")

    @model_validator(mode="after")
    def _bounds(self) -> "Percent":
        if self.at_least and self.at_most and self.at_least > self.at_most:
            raise ValueError("'at_least' is more than 'at_most'")
        return self


class Flat(Section):
    """An amount in the invoice's own terms: before tax when line amounts are exclusive, with tax when inclusive."""

    flat: Money = Field(description="an amount in the job's currency")


class Progress(Section):
    """The work done so far, in percent of the job's total, less all that was billed before: a progress claim."""

    progress: str = Field(
        min_length=1,
        description="`platform`: the percentage that the platform itself states; else the custom field that holds it",
    )


class Retention(Section):
    """What is held back of a stage's invoice until a later stage releases it (amount: retention)."""

    percent: Decimal = Field(gt=0, lt=100, description="percent of what the stage bills, before tax")
    account: AccountCode | None = Field(
        None, description="the account it is kept in; left out, the accounts of the job's lines"
    )
    description: InvoiceText = Field("Less retention of {{ milestone.retention.percent }}%", description="template")


_WORDS = ("remaining", "retention", "credit")


def _amount_form(value: object) -> str | None:
    """Which form of amount was meant, so that errors speak of that one only. In <>, since no key looks so."""
    if isinstance(value, str):
        return "<word>" if value in _WORDS else None
    return next((f"<{form}>" for form in ("percent", "flat", "progress") if _has(value, form)), None)


def _has(value: object, key: str) -> bool:
    return key in value if isinstance(value, dict) else hasattr(value, key)


Amount = Annotated[
    Annotated[Literal["remaining", "retention", "credit"], Tag("<word>")]
    | Annotated[Percent, Tag("<percent>")]
    | Annotated[Flat, Tag("<flat>")]
    | Annotated[Progress, Tag("<progress>")],
    Discriminator(
        _amount_form,
        custom_error_type="amount",
        custom_error_message="give 'remaining', {percent: 30}, {flat: 500.00}, {progress: platform}, retention or credit",
    ),
]


class Milestone(Section):
    """A billing stage. It is due when the job's status is one of `on_status` (without regard to case), and `when` holds.

    account, tax: where a deposit or progress amount is coded; left out, it is split over the accounts of the job's lines.
    """

    code: str = Field(pattern=MILESTONE_CODE, description="short and unique in the book; {{ milestone.code }}")
    name: str = Field(min_length=1, description="what people call the stage; {{ milestone.name }}")
    on_status: Statuses = Field(description="the job system's own statuses at which this stage is due")
    when: JobWhen = Field(JobWhen(), description="only for jobs of which this holds")
    amount: Amount = Field(
        "remaining",
        description="`remaining`; a percentage; a flat amount; the progress made; `retention`: what earlier stages held "
        "back; `credit`: a credit note for all that was billed, for a job that was cancelled",
    )
    when_more: Literal["bill", "hold", "ignore"] | None = Field(
        None,
        description="when more is due after the stage was billed: bill it as a further invoice, hold it for a person, or "
        "leave it; by default a remaining amount is held and a progress claim is billed",
    )
    minimum: Money | None = Field(None, description="less than this is not billed at this stage but left to a later one")
    retention: Retention | None = Field(None, description="held back of this stage's invoice")
    lines: Literal["itemised_less_earlier", "summary"] | None = Field(
        None,
        description="by default a remaining amount is itemised less what was billed, any other is a summary",
    )
    description: InvoiceText = Field(
        "{{ milestone.name | capitalize }} for job {{ job.number }}", description="template for a summary line"
    )
    account: AccountCode | None = Field(None, description="the account's code in Xero")
    tax: str | None = Field(None, description="a Xero TaxType")
    invoice: InvoiceOverride = Field(InvoiceOverride(), description="the keys of `invoice` that this stage changes")

    _sequence: int = PrivateAttr(1)

    @property
    def sequence(self) -> int:
        """Which of the stage's own invoices is made: 2 for the second claim; {{ milestone.sequence }}."""
        return self._sequence

    def numbered(self, sequence: int) -> "Milestone":
        """The same stage, about to make its first, second, third invoice of a job."""
        if sequence == self._sequence:
            return self
        copy = self.model_copy()
        copy._sequence = sequence  # noqa: SLF001 - of its own class
        return copy

    @property
    def again(self) -> Literal["bill", "hold", "ignore"]:
        """What happens when more is due after the stage was billed."""
        if self.when_more:
            return self.when_more
        if self.amount == "remaining":
            return "hold"
        return "bill" if isinstance(self.amount, Progress) else "ignore"

    @model_validator(mode="after")
    def _lines_fit_amount(self) -> "Milestone":
        itemised = self.lines == "itemised_less_earlier"
        if self.lines is not None and itemised != (self.amount == "remaining"):
            raise ValueError("'itemised_less_earlier' goes with 'remaining', 'summary' with percent and flat amounts")
        if self.when_more == "bill" and not (self.amount == "remaining" or isinstance(self.amount, Progress)):
            raise ValueError("'when_more: bill' goes with 'remaining' and with progress; others would be billed twice")
        if self.retention and self.amount in ("retention", "credit"):
            raise ValueError(f"'retention' does not go with the amount '{self.amount}'")
        return self


TEMPLATE_ROOTS["milestone"] = Milestone
