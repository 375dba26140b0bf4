"""What a test expects: an invoice, a credit note, a hold, a skip, or that nothing is due. Only what is said is compared."""

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from milepost.rules.fields import IsoDate, Section


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_code(value: object) -> object:
    return {"code": value} if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])]
"""Texts of which each must be found; * stands for anything."""


class LineExpected(Section):
    """A line of the invoice. Texts may hold *, which stands for anything."""

    rule: str | None = Field(None, description="the rule that coded it")
    account: str | None = None
    tax: str | None = Field(None, description="the tax type in Xero")
    amount: Decimal | None = Field(None, description="as the invoice has it: before tax, or with it where inclusive")
    tax_amount: Decimal | None = None
    description: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = Field(None, description="for one unit, as the invoice has it")
    discount: Decimal | None = Field(None, description="in percent")
    item: str | None = None
    tracking: dict[str, str] | None = Field(None, description="tracking category: option; all that the line has")


_MAY_BE_NOTHING = frozenset({"number"})
"""What an invoice may do without, so that a test may expect just that."""


class Sums(Section):
    """Sums over lines."""

    @model_validator(mode="after")
    def _nothing_blank(self) -> "Sums":
        """A key without a value would be compared with nothing, and pass whatever comes."""
        blank = (name for name in self.model_fields_set - _MAY_BE_NOTHING if getattr(self, name) is None)
        if name := min(blank, default=None):
            raise ValueError(f"'{name}' is empty and would fit anything; say what is expected, or leave it out")
        return self

    net: Decimal | None = Field(None, description="before tax")
    tax: Decimal | None = None
    total: Decimal | None = Field(None, description="with tax")
    accounts: dict[str, Decimal] | None = Field(None, description="account: the sum of its lines; all accounts with money")
    taxes: dict[str, Decimal] | None = Field(None, description="tax type: the tax of its lines; all types with tax")


class MoneyExpected(Sums):
    """Lines and sums, of an invoice or of a credit note."""

    lines: tuple[LineExpected, ...] | None = Field(None, description="all lines, in order")
    some_lines: tuple[LineExpected, ...] | None = Field(
        None, min_length=1, description="lines that are among others, in any order"
    )


class CreditExpected(MoneyExpected):
    """A credit note, prepared for a person. Amounts are positive."""

    invoices: tuple[str, ...] | None = Field(None, description="the numbers of the invoices it credits")


class Refusal(Section):
    """Why something is held or skipped."""

    code: str | None = Field(None, description="the kind of trouble, such as no_rule")
    why: str | None = Field(None, description="the sentence; * stands for anything")
    fix: str | None = Field(None, description="what to do; * stands for anything")


class DepositExpected(Section):
    """A deposit that the job system took."""

    amount: Decimal | None = None
    treatment: str | None = Field(None, description="note, deduct or record")
    method: str | None = None
    account: str | None = None


Refused = Annotated[Refusal, BeforeValidator(_as_code, json_schema_input_type=str | Refusal)]


class Expected(MoneyExpected):
    """What is expected of a job's stage. Only the keys that are given are compared."""

    date: IsoDate | None = None
    due: IsoDate | None = Field(None, description="the day the invoice is due")
    status: str | None = Field(None, description="DRAFT, SUBMITTED or AUTHORISED")
    reference: str | None = None
    number: str | None = Field(None, description="null: Xero numbers it")
    currency: str | None = None
    email: bool | None = None
    deposits: tuple[DepositExpected, ...] | None = None
    sums: Texts | None = Field(None, description="sentences on how the amount came about, each with * for anything")
    warnings: Texts | None = Field(None, description="each with * for anything; [] expects that there is none")
    hold: Refused | None = Field(None, description="a person is needed: the code, or a section: code, why, fix")
    skip: Refused | None = Field(None, description="nothing is billed: the code, or a section: code, why")
    credit: CreditExpected | None = Field(None, description="a credit note: lines and sums of it")
    not_due: bool = Field(default=False, description="true: the job's status asks for no such stage")

    @model_validator(mode="after")
    def _one_outcome(self) -> "Expected":
        said = self.model_fields_set
        ends = said & {"hold", "skip", "credit", "not_due"}
        if not said:
            raise ValueError("is empty; say what is expected, such as total: 230.00, or hold: no_rule")
        if "not_due" in said and not self.not_due:
            raise ValueError("'not_due: false' says nothing; say what is expected, or leave it out")
        if len(ends) > 1 or (ends and said - ends):
            first = min(ends)
            raise ValueError(f"'{first}' stands alone: nothing else can be expected with it")
        return self

    @property
    def outcome(self) -> str:
        """bill, hold, skip, credit or not_due."""
        return next((end for end in ("hold", "skip", "credit", "not_due") if end in self.model_fields_set), "bill")
