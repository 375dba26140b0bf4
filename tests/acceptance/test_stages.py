"""Deposit, progress and completion through the real flows: in Xero they add up to the job, net and each tax, to the cent."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from sandbox.xero.documents import Invoice
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

CENT = Decimal("0.01")
STAGED = """
milestones:
  - {code: DEP, name: deposit, on_status: [accepted], amount: {percent: 33.3}, description: "Deposit, job {{ job.number }}"}
  - {code: PRG, name: progress, on_status: [in_progress], amount: {flat: "500.00"}}
  - {code: FIN, name: completion, on_status: [done], amount: remaining, lines: itemised_less_earlier}
"""
RATES = {
    "albion": {"VAT20": ("OUTPUT2", "20"), "VAT5": ("RROUTPUT", "5"), "VAT0": ("ZERORATEDOUTPUT", "0")},
    "southern": {"GST": ("OUTPUT", "10"), "GSTFREE": ("EXEMPTOUTPUT", "0")},
}
"""Tax codes of the job system: the type in Xero and the rate in percent."""
ITEMS: dict[str, list[tuple[str, str, str, str, str]]] = {
    "albion": [
        ("Labour: conversion works", "119.75", "46.35", "labour", "VAT20"),
        ("Flat conversion, qualifying works", "1", "18450.55", "material", "VAT5"),
        ("Sprinkler design, new dwelling", "3", "916.67", "fee", "VAT0"),
        ("Skip hire", "3", "265.19", "expense", "VAT20"),
        ("Goodwill", "1", "-74.99", "discount", "VAT20"),
    ],
    "southern": [
        ("Labour: electrician", "17.25", "121.37", "labour", "GST"),
        ("LED batten 1200 mm", "7", "64.99", "material", "GST"),
        ("Handbook, education supply", "3", "38.33", "material", "GSTFREE"),
        ("Loyalty discount", "1", "-55.55", "discount", "GST"),
    ],
}
Sums = dict[str, tuple[Decimal, Decimal]]


def items_of(kind: str) -> list[dict[str, str]]:
    """A job's items as the job system takes them."""
    names = ("text", "qty", "rate", "kind", "tax_code")
    rows = [dict(zip(names, item, strict=True)) for item in ITEMS[kind]]
    return [row | {"tax_rate": RATES[kind][row["tax_code"]][1]} for row in rows]


def job_sums(kind: str, items: Sequence[dict[str, str]]) -> Sums:
    """Net and tax of a job by Xero's tax type, by hand: tax by line, halves away from zero."""
    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for item in items:
        tax_type, percent = RATES[kind][item["tax_code"]]
        amount = (Decimal(item["qty"]) * Decimal(item["rate"])).quantize(CENT, ROUND_HALF_UP)
        rate = Decimal(percent)
        basis = 100 if kind == "albion" else 100 + rate
        tax = (amount * rate / basis).quantize(CENT, ROUND_HALF_UP)
        sums[tax_type][0] += amount if kind == "albion" else amount - tax
        sums[tax_type][1] += tax
    return {tax_type: (net, tax) for tax_type, (net, tax) in sums.items()}


def invoiced(invoices: Iterable[Invoice]) -> Sums:
    """Net and tax by tax type over all lines of these invoices, as Xero has them."""
    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for invoice in invoices:
        for line in invoice.lines:
            net = line.line_amount - (line.tax_amount if invoice.line_amount_types == "Inclusive" else 0)
            if line.tax_type:
                sums[line.tax_type][0] += net
                sums[line.tax_type][1] += line.tax_amount
    return {tax_type: (net, tax) for tax_type, (net, tax) in sums.items()}


async def of_job(business: Business, ref: str) -> list[Invoice]:
    """The live invoices in Xero of one job, in the order in which they were made."""
    ids = [row.invoice_id for row in await business.rows() if row.job_number == ref and row.invoice_id]
    return [invoice for invoice in business.invoices if invoice.id in ids]


def staged(kind: str) -> str:
    """The kind's own rule book with three stages."""
    (file,) = (PROJECT / "mappings").glob(f"{kind}-*/v0001.yaml")
    text = file.read_text()
    return text if "code: DEP" in text else text[: text.index("milestones:")] + STAGED


def put(business: Business, ref: str, state: str, items: Sequence[Any]) -> None:
    """A job in a state, with these items."""
    business.job(ref=ref, state=state, items=items, customer="Elm House", title="Flats", site={"region": "North"})


@pytest.mark.parametrize("kind", ["albion", "southern"])
async def test_three_stages_and_every_short_cut_add_up_to_the_job(business: Businesses, kind: str) -> None:
    """Exclusive (albion) and inclusive (southern), with mixed tax: the whole way, a job that grew, one that jumped."""
    owner = await business(kind, book=staged(kind))
    items = items_of(kind)
    grown = [*items, {**items[0], "text": "Variation", "qty": "2.5"}]

    put(owner, "WAY", "accepted", items)
    put(owner, "GREW", "accepted", items)
    put(owner, "JUMP", "done", items)
    await owner.poll()
    put(owner, "WAY", "in_progress", items)
    await owner.poll()
    put(owner, "WAY", "done", items)
    put(owner, "GREW", "done", grown)
    await owner.poll()

    way, grew, jump = [await of_job(owner, ref) for ref in ("WAY", "GREW", "JUMP")]
    assert [len(way), len(grew), len(jump)] == [3, 2, 1]
    assert invoiced(way) == invoiced(jump) == job_sums(kind, items)
    assert invoiced(grew) == job_sums(kind, grown)
    assert sum(i.total for i in way) == jump[0].total
    for invoices, whole in ((way, items), (grew, grown), (jump, items)):
        net, tax = (sum(each) for each in zip(*job_sums(kind, whole).values(), strict=True))
        assert sum(i.sub_total for i in invoices) == net
        assert sum(i.total_tax for i in invoices) == tax
    assert {row.status for row in await owner.rows()} == {"done"}
    assert owner.slack == []
    assert (await owner.verify()).findings == ()


async def test_a_deposit_rests_in_its_liability_account_until_the_last_stage(business: Businesses) -> None:
    builder = await business("albion")
    put(builder, "AFO-1", "accepted", [("Oak stair", "1", "1000.00")])
    await builder.poll()
    (deposit,) = builder.invoices
    assert (deposit.number, deposit.status, deposit.total) == ("AFO-1-DEP", "AUTHORISED", Decimal("360.00"))
    assert {line.account_code for line in deposit.lines} == {"235"}
    theme = next(theme for theme in builder.org.themes if theme.name == "Deposit request")
    assert deposit.branding_theme_id == theme.id

    put(builder, "AFO-1", "done", [("Oak stair", "1", "1000.00")])
    await builder.poll()
    booked: defaultdict[str, Decimal] = defaultdict(Decimal)
    for invoice in builder.invoices:
        for line in invoice.lines:
            booked[line.account_code or ""] += line.line_amount
    assert dict(booked) == {"235": Decimal(0), "210": Decimal(1000)}


async def test_over_billed_is_held_until_mended_and_fully_billed_is_skipped(business: Businesses) -> None:
    electrician = await business("southern", book=staged("southern"))
    item = {"text": "Switchboard", "qty": "1", "kind": "material", "tax_code": "GST", "tax_rate": "10"}
    put(electrician, "OVER", "accepted", [item | {"rate": "900.00"}])
    put(electrician, "FULL", "accepted", [item | {"rate": "900.00"}])
    await electrician.poll()

    put(electrician, "OVER", "done", [item | {"rate": "200.00"}])
    put(electrician, "FULL", "done", [item | {"rate": "299.70"}])  # just what the deposit took: 33.3 % of 900.00
    run = await electrician.poll()
    assert run.counts == {"planned": 0, "done": 0, "held": 1, "failed": 0, "skipped": 1, "sending": 0}
    over, full = await electrician.row("OVER", "FIN"), await electrician.row("FULL", "FIN")
    assert (over.status, over.trouble_code) == ("held", "over_billed")
    assert full.status == "skipped"
    assert len(electrician.invoices) == 2
    assert any("OVER" in message.text for message in electrician.slack)
    assert not any("FULL" in message.text for message in electrician.slack)
    assert electrician.state is not None
    assert electrician.state.name == "NeedsPerson"

    put(electrician, "OVER", "done", [item | {"rate": "950.00"}])
    await electrician.poll()
    assert electrician.state.is_completed()
    assert sum(i.total for i in await of_job(electrician, "OVER")) == Decimal("950.00")
