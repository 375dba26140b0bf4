"""Drafts as decide would make them, and answers as Xero gives them, for the tests of this folder."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from milepost.billing.decision import ContactDraft, Draft, InvoiceLine, TrackingChoice, Why
from milepost.money import LineAmountTypes, line_amount, line_tax
from milepost.xero import wire
from milepost.xero.client import Answer

CONTACT_ID = "c0ffee00-0000-4000-8000-000000000001"
INVOICE_ID = "1a5e0000-0000-4000-8000-000000000002"


def line(description: str = "Labour", quantity: str = "1", price: str = "100.00", **more: Any) -> InvoiceLine:
    """A line at 15 % tax."""
    amount = line_amount(Decimal(quantity), Decimal(price))
    fields: dict[str, Any] = {"account": "200", "tax_type": "OUTPUT2", **more}
    return InvoiceLine(
        description=description,
        quantity=Decimal(quantity),
        unit_amount=Decimal(price),
        amount=amount,
        tax=line_tax(amount, Decimal(15), LineAmountTypes.EXCLUSIVE),
        why=Why(rule="labour", version=1, where="v0001.yaml:3"),
        **fields,
    )


def draft(*lines: InvoiceLine, **more: Any) -> Draft:
    """An invoice of job 1482."""
    lines = lines or (line(),)
    net = sum((each.amount for each in lines), Decimal("0.00"))
    tax = sum((each.tax for each in lines), Decimal("0.00"))
    fields: dict[str, Any] = {
        "date": date(2026, 11, 20),
        "due_date": date(2026, 12, 4),
        "line_amount_types": LineAmountTypes.EXCLUSIVE,
        "currency": "NZD",
        "status": "DRAFT",
        "reference": "1482",
        "url": "http://127.0.0.1:4280/b/1482",
        **more,
    }
    return Draft(lines=lines, sub_total=net, total_tax=tax, total=net + tax, **fields)


def contact(number: str = "SM8-7", name: str = "Ngaio Cafe", **more: Any) -> ContactDraft:
    """A customer nobody knows in Xero yet."""
    return ContactDraft(number=number, name=name, **more)


def tracking(category: str, option: str) -> TrackingChoice:
    """A choice by name."""
    return TrackingChoice(category=category, option=option)


def answer(data: Mapping[str, Any], status: int = 200) -> Answer:
    """An answer that went through Xero's JSON."""
    return Answer(status, wire.loads(wire.dumps(data)), "corr-1")
