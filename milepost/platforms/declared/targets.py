"""What a description can fill: every field of the normalised Job by a flat name, its type and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from milepost.jobs import LineKind, Stage, TaxMode

Kind = Literal["text", "decimal", "whole", "boolean", "date", "moment", "texts", "word", "named"]
"""How a value is converted. `word`: one of an enumeration; `named`: a mapping of the reader's own names."""


class ContactRole(StrEnum):
    """Who a contact of a job is."""

    JOB = "job"
    BILLING = "billing"
    SITE = "site"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Target:
    """A field to fill. `place` is where it stands in the record; `words` are what a `word` may be."""

    kind: Kind
    about: str
    place: tuple[str, ...] = ()
    words: type[StrEnum] | None = None
    required: bool = False

    def put(self, values: dict[str, Any], name: str, mode: str, value: Any) -> None:
        """Put the value of the field `name` in its place among the values of a record; mode: see BY_TAX_MODE."""
        *sections, last = self.place or (name,)
        for section in sections:
            values = values.setdefault(section, {})
        values[last.format(mode=mode)] = value


Targets = Mapping[str, Target]

BY_TAX_MODE = "{mode}"
"""In a place: `inc` where the job's prices hold tax, else `ex`. For systems with one price field, net or gross."""


def _text(about: str, *place: str, required: bool = False) -> Target:
    return Target("text", about, place, required=required)


def _money(about: str, *place: str) -> Target:
    return Target("decimal", about, place)


def _moment(about: str, *place: str) -> Target:
    return Target("moment", about, place)


def _address(*place: str) -> dict[str, Target]:
    parts = {
        "address_line1": "the street",
        "address_line2": "a second line of the street",
        "address_city": "the city or town",
        "address_region": "the state, county or province",
        "address_postcode": "the postcode",
        "address_country": "the country",
    }
    return {name: _text(about, *place, name.removeprefix("address_")) for name, about in parts.items()}


JOB: Targets = {
    "number": _text("what people call the job; the id where it is not given"),
    "status": _text("the system's own word for the job's status", "raw_status", required=True),
    "stage": Target("word", "the job's stage, by a `map` from the system's statuses", words=Stage, required=True),
    "title": _text("a short title; the fallback line of a rule book uses it"),
    "description": _text("what is to be done"),
    "work_summary": _text("what was done"),
    "reference": _text("the customer's own order number"),
    "category": _text("the job's category"),
    "job_type": _text("the job's type"),
    "business_unit": _text("the branch or department"),
    "tags": Target("texts", "labels of the job"),
    "web_url": _text("the job's page, for people"),
    "modified_at": _moment("when the job last changed"),
    "created": _moment("when the job was made", "dates", "created"),
    "scheduled": _moment("when the work is planned", "dates", "scheduled"),
    "started": _moment("when the work began", "dates", "started"),
    "completed": _moment("when the work was done; due dates count from it", "dates", "completed"),
    "account_tz": _text("the account's time zone, where each job says it"),
    "currency": _text("the three letters of the job's currency"),
    "tax_mode": Target("word", "whether prices hold tax: exclusive, inclusive, none or mixed", words=TaxMode),
    "quote_number": _text("the quote's number", "quote", "number"),
    "quote_accepted_at": _moment("when the customer agreed", "quote", "accepted_at"),
    "quote_ex": _money("the quoted amount before tax", "quote", "totals", "ex"),
    "quote_tax": _money("the quoted tax", "quote", "totals", "tax"),
    "quote_inc": _money("the quoted amount with tax", "quote", "totals", "inc"),
    "quote_total": _money("the quoted amount, with tax or before it as `tax_mode` says", "quote", "totals", BY_TAX_MODE),
    "total": _money("the total, with tax or before it as `tax_mode` says", "reported_totals", BY_TAX_MODE),
    "total_ex": _money("the total before tax as the system states it", "reported_totals", "ex"),
    "total_tax": _money("the total tax as the system states it", "reported_totals", "tax"),
    "total_inc": _money("the total with tax as the system states it", "reported_totals", "inc"),
    "invoiced_to_date": _money("what the system says was invoiced so far", "claims", "invoiced_to_date"),
    "invoice_remaining": _money("what the system says is left to invoice", "claims", "remaining"),
    "percent_claimed": _money("how much was claimed so far, in percent", "claims", "percent"),
    "export_processed": Target("boolean", "whether an accounting link already took this job"),
    "custom_fields": Target("named", "further values by names of your own; rules can match on them"),
}

CUSTOMER: Targets = {
    "id": _text("the customer's key in the system", required=True),
    "name": _text("the customer's name", required=True),
    "number": _text("the customer's number or accounts reference"),
    "is_company": Target("boolean", "a company rather than a person"),
    "first_name": _text("a person's first name"),
    "last_name": _text("a person's last name"),
    "email": _text("where invoices go"),
    "phones": Target("texts", "telephone numbers"),
    "tax_number": _text("the VAT, GST or ABN number"),
    "company_number": _text("the number in the company register"),
    "terms_days": Target("whole", "days to pay"),
    "currency": _text("the three letters of the customer's currency"),
    "parent_id": _text("the key of the customer who pays for this one"),
    "external_ref": _text("the Xero ContactID, where the system stores it"),
    "tags": Target("texts", "labels of the customer"),
    **_address("billing_address"),
}

SITE: Targets = {
    "id": _text("the site's key"),
    "name": _text("the site's name"),
    "region": _text("a state, county or branch, for tracking"),
    **_address("address"),
}

CONTACT: Targets = {
    "role": Target("word", "job, billing, site or manager", words=ContactRole),
    "name": _text("the person's name"),
    "email": _text("the person's e-mail address"),
    "phone": _text("the person's telephone number"),
}

LINE: Targets = {
    "id": _text("the line's key; its row number where it is not given"),
    "kind": Target("word", "what the line stands for, by a `map` or a constant; else material", words=LineKind),
    "description": _text("what the customer reads"),
    "code": _text("the item's code"),
    "category": _text("the line's category"),
    "quantity": _money("how many units"),
    "unit": _text("the unit: h, m, each"),
    "unit_price_ex": _money("the price of one unit before tax"),
    "unit_price_inc": _money("the price of one unit with tax"),
    "unit_price": _money(
        "the price of one unit, with tax or before it as the job's `tax_mode` says", f"unit_price_{BY_TAX_MODE}"
    ),
    "discount_rate": _money("the line's discount in percent"),
    "discount_amount": _money("the line's discount in currency, for the whole line"),
    "total_ex": _money("the line's total before tax, after its discount"),
    "total_inc": _money("the line's total with tax, after its discount"),
    "total": _money("the line's total, with tax or before it as the job's `tax_mode` says", f"total_{BY_TAX_MODE}"),
    "unit_cost": _money("what one unit costs the business"),
    "tax_name": _text("the system's word for the tax; `taxes` in a rule book maps it", "tax", "name"),
    "tax_rate": _money("the tax rate in percent", "tax", "rate"),
    "tax_amount": _money("the line's tax", "tax", "amount"),
    "billable": Target("boolean", "false leaves the line off the invoice"),
    "section": _text("a heading the line stands under"),
    "worked_on": Target("date", "the day of the work"),
    "staff": _text("who did the work"),
    "account_hint": _text("an account code the system itself keeps for the line"),
    "tracking_hints": Target("named", "tracking options by category, where the system keeps them"),
    "already_invoiced": _money("how much of the line was invoiced before"),
}

PAYMENT: Targets = {
    "id": _text("the payment's key; its row number where it is not given"),
    "amount": Target("decimal", "the amount received", required=True),
    "received_on": Target("date", "the day it was received"),
    "method": _text("card, cash, bank transfer, ..."),
    "is_deposit": Target("boolean", "paid before the work"),
    "reference": _text("the payment's reference"),
}
