"""Verify: every billing against Xero's own data: one live invoice, the same total, contact and number; no stranger's Url.

Beside the way of a job: it reads, and tells what does not agree.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from milepost.billing.decision import MARK
from milepost.ledger import billings
from milepost.ledger.billing_rows import GONE_IN_XERO, LIVE
from milepost.ledger.billings import BillingRow, BillingStatus
from milepost.steps.workspace import Workspace
from milepost.xero.invoices import InvoiceOutcome, find_invoices

_PAGE = 500
_LOOK_BACK = timedelta(days=1)
"""Our back-link, wherever the console stood when the invoice was made."""


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
    """Hold every billing that was sent against the invoices that this app made in Xero."""
    rows = await _sent(workspace)
    since = min((row.created_at for row in rows), default=workspace.clock()) - _LOOK_BACK
    invoices = await find_invoices(await workspace.xero(), since)
    by_billing: dict[str, list[InvoiceOutcome]] = defaultdict(list)
    for invoice in invoices:
        if link := MARK.search(invoice.url or ""):
            by_billing[link[1].lower()].append(invoice)
    findings = [finding for row in rows for finding in _check(row, by_billing.get(row.id, []))]
    findings += await _strangers(workspace, by_billing, {row.id for row in rows})
    return Verified(len(rows), sum(len(by_billing.get(row.id, ())) for row in rows), tuple(findings))


async def _sent(workspace: Workspace) -> list[BillingRow]:
    """Billings whose invoice exists, or may."""
    rows: list[BillingRow] = []
    for status in LIVE:
        page: list[BillingRow] = []
        async with workspace.db.read() as c:
            while page := await billings.listing(
                c, workspace.name, status=status, limit=_PAGE, before=page[-1].id if page else None
            ):
                rows += page
    return rows


def _check(row: BillingRow, invoices: Sequence[InvoiceOutcome]) -> list[Finding]:
    live = [invoice for invoice in invoices if invoice.status not in GONE_IN_XERO]
    numbers = ", ".join(invoice.number or "?" for invoice in live)
    if len(live) > 1:
        return [_finding(row, f"Xero holds {len(live)} live invoices: {numbers}.", "Void all but one in Xero.")]
    if row.status is BillingStatus.SENDING:
        why = "It was sent, and its answer is not known yet."
        return [_finding(row, why, f"A run finds out: milepost poll {row.connection}.")]
    if row.is_gone and not live:
        return []
    if not live:
        gone = " It was voided or deleted there." if invoices else ""
        fix = "If the job is still to be billed, write this invoice by hand in Xero."
        return [_finding(row, f"Xero holds no live invoice for it.{gone}", fix)]
    return [*_changed(row, live[0]), *_miscounted(row)]


def _changed(row: BillingRow, invoice: InvoiceOutcome) -> list[Finding]:
    wanted = {"total": (row.invoice_total, invoice.total), "contact": (row.contact_id, invoice.contact_id)}
    wanted["number"] = (row.invoice_number, invoice.number)
    return [
        _finding(row, f"Its {what} is {theirs} in Xero, and was {ours} when it was made.", "Compare them in Xero.")
        for what, (ours, theirs) in wanted.items()
        if ours != theirs
    ]


def _miscounted(row: BillingRow) -> list[Finding]:
    """A cent of difference between our arithmetic and Xero's is shown, never hidden."""
    if row.total is None or row.invoice_total in (None, row.total):
        return []
    why = f"Xero made it {row.invoice_total}; by our arithmetic it is {row.total}."
    return [_finding(row, why, "Compare the invoice's lines with the job before it is paid.")]


async def _strangers(
    workspace: Workspace, by_billing: Mapping[str, Sequence[InvoiceOutcome]], known: set[str]
) -> list[Finding]:
    """Live invoices that carry our Url and were not sent by this ledger; other connections may bill into the same books."""
    own = f"{workspace.installation.console_url}/b/".casefold()
    found = [
        (billing_id, invoice)
        for billing_id in sorted(set(by_billing) - known)
        for invoice in by_billing[billing_id]
        if invoice.status not in GONE_IN_XERO and (invoice.url or "").casefold().startswith(own)
    ]
    async with workspace.db.read() as c:
        rows = {billing_id: await billings.get(c, billing_id) for billing_id, _ in found}
    return [_stranger(invoice, rows[billing_id]) for billing_id, invoice in found if not _was_sent(rows[billing_id])]


def _was_sent(row: BillingRow | None) -> bool:
    return row is not None and row.status in LIVE


def _stranger(invoice: InvoiceOutcome, row: BillingRow | None) -> Finding:
    number = invoice.number or "?"
    if row is None:
        why = "It carries our link, but the ledger does not know it."
        return Finding("?", "?", number, why, "Look at it in Xero.")
    why = f"Xero holds a live invoice for it, which the ledger takes to be {row.status.value}."
    return Finding(row.job_number, row.milestone, number, why, "Void it in Xero before it is billed again.")


def _finding(row: BillingRow, why: str, fix: str) -> Finding:
    return Finding(row.job_number, row.milestone, row.invoice_number or "", why, fix)
