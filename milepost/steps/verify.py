"""Verify: every billing against Xero's own data: one live invoice, the same total, contact and number; no stranger's Url.

Beside the way of a job: it reads, and tells what does not agree.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from milepost.ledger import billings
from milepost.ledger.billings import BillingRow
from milepost.steps.workspace import Workspace
from milepost.xero.invoices import InvoiceOutcome, find_invoices

_PAGE = 500
_LOOK_BACK = timedelta(days=1)
_GONE = ("VOIDED", "DELETED")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not agree, and what to do about it."""

    job: str
    milestone: str
    invoice: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Verified:
    """How many billings were held against how many invoices, and what did not agree."""

    billings: int
    invoices: int
    findings: tuple[Finding, ...]


async def verify_billings(workspace: Workspace) -> Verified:
    """Hold every done billing against the invoices that this app made in Xero."""
    rows = await _done(workspace)
    since = min((row.created_at for row in rows), default=datetime.now(UTC)) - _LOOK_BACK
    invoices = await find_invoices(await workspace.xero(), since)
    ours = [i for i in invoices if i.url and i.url.startswith(f"{workspace.installation.console_url}/b/")]
    by_billing: dict[str, list[InvoiceOutcome]] = defaultdict(list)
    for invoice in ours:
        by_billing[(invoice.url or "").rsplit("/", 1)[-1]].append(invoice)
    findings = [finding for row in rows for finding in _check(row, by_billing.get(row.id, []))]
    findings += _strangers(by_billing, {row.id for row in rows})
    return Verified(len(rows), len(ours), tuple(findings))


async def _done(workspace: Workspace) -> list[BillingRow]:
    rows: list[BillingRow] = []
    async with workspace.db.read() as c:
        while page := await billings.listing(
            c, workspace.name, status="done", limit=_PAGE, before=rows[-1].id if rows else None
        ):
            rows += page
    return rows


def _check(row: BillingRow, invoices: Sequence[InvoiceOutcome]) -> list[Finding]:
    live = [invoice for invoice in invoices if invoice.status not in _GONE]
    numbers = ", ".join(invoice.number or "?" for invoice in live)
    if len(live) > 1:
        return [_finding(row, f"Xero holds {len(live)} live invoices: {numbers}.", "Void all but one in Xero.")]
    if not live:
        gone = " It was voided or deleted there." if invoices else ""
        return [_finding(row, f"Xero holds no live invoice for it.{gone}", "Bill it anew, or mark it as handled by hand.")]
    invoice = live[0]
    wanted = {"total": (row.invoice_total, invoice.total), "contact": (row.contact_id, invoice.contact_id)}
    wanted["number"] = (row.invoice_number, invoice.number)
    return [
        _finding(row, f"Its {what} is {theirs} in Xero, and was {ours} when it was made.", "Compare them in Xero.")
        for what, (ours, theirs) in wanted.items()
        if ours != theirs
    ]


def _strangers(by_billing: Mapping[str, Sequence[InvoiceOutcome]], known: set[str]) -> list[Finding]:
    """Live invoices that carry our Url and are no billing's of this ledger."""
    return [
        Finding(
            "?", "?", invoice.number or "?", "It carries our link, but the ledger does not know it.", "Look at it in Xero."
        )
        for billing_id, invoices in by_billing.items()
        for invoice in invoices
        if billing_id not in known and invoice.status not in _GONE
    ]


def _finding(row: BillingRow, why: str, fix: str) -> Finding:
    return Finding(row.job_number, row.milestone, row.invoice_number or "", why, fix)
