"""Strangers: invoices in Xero that look like ours and that no billing stands for. Pure, no call. Part of verify."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from milepost.billing.decision import MARK
from milepost.ledger.billing_rows import GONE_IN_XERO, LIVE, BillingRow
from milepost.steps.findings import Finding
from milepost.xero.invoices import InvoiceOutcome
from milepost.xero.listing import Listed


def mark_of(invoice: InvoiceOutcome) -> str | None:
    """The billing whose mark the invoice carries in its Url, whatever the console's address was when it was made."""
    found = MARK.search(invoice.url or "")
    return found[1].lower() if found else None


def with_our_link(listed: Sequence[Listed], console_url: str) -> dict[str, list[InvoiceOutcome]]:
    """Live invoices by the billing they are marked with, where the mark is of this installation's console."""
    own = f"{console_url}/b/".casefold()
    found: dict[str, list[InvoiceOutcome]] = defaultdict(list)
    for invoice in (one.invoice for one in listed):
        mark = mark_of(invoice)
        if mark and invoice.status not in GONE_IN_XERO and (invoice.url or "").casefold().startswith(own):
            found[mark].append(invoice)
    return dict(found)


def marked(found: Mapping[str, Sequence[InvoiceOutcome]], rows: Mapping[str, BillingRow | None]) -> Iterator[Finding]:
    """Of those with our link: the ones whose billing the ledger does not know, or does not take to be sent."""
    for billing_id in sorted(found):
        row = rows.get(billing_id)
        if row is None or row.status not in LIVE:
            yield from (_with_link(invoice, row) for invoice in found[billing_id])


def _with_link(invoice: InvoiceOutcome, row: BillingRow | None) -> Finding:
    number, subject = invoice.number or "?", invoice.invoice_id or "?"
    if row is None:
        why, fix = "It carries our link, but the ledger does not know it.", "Look at it in Xero."
        return Finding("stranger", subject, "?", "?", number, why, fix, "none", _in_brief(invoice))
    why = f"Xero holds a live invoice for it, which the ledger takes to be {row.status.value}."
    fix = "Void it in Xero before it is billed again."
    return Finding(
        "stranger", subject, row.job_number, row.milestone, number, why, fix, row.status.value, _in_brief(invoice)
    )


def with_our_references(
    listed: Sequence[Listed], ours: Mapping[str, BillingRow], known: Collection[str], since: date | None
) -> Iterator[Finding]:
    """Live invoices of others with the reference of one of our jobs: perhaps that job was billed by hand as well.

    ours: our invoices' billings by invoice id. known: invoices that the ledger links to some billing. since: the day the
    connection went live; what is dated before was written by other means, and rightly so.
    """
    jobs = _jobs_by_reference(listed, ours)
    for one in listed:
        invoice = one.invoice
        rows = jobs.get((invoice.reference or "").strip().casefold(), ())
        is_late = since is None or one.dated is None or one.dated >= since
        if not rows or invoice.status in GONE_IN_XERO or invoice.invoice_id in known or mark_of(invoice) or not is_late:
            continue
        row = next((row for row in rows if row.contact_id == invoice.contact_id), rows[0])
        yield _with_reference(invoice, row)


def _jobs_by_reference(listed: Sequence[Listed], ours: Mapping[str, BillingRow]) -> dict[str, list[BillingRow]]:
    """Our billings by their reference in Xero, where it is of one job alone: one that many share says nothing."""
    found: dict[str, list[BillingRow]] = defaultdict(list)
    for invoice in (one.invoice for one in listed):
        reference, row = (invoice.reference or "").strip().casefold(), ours.get(invoice.invoice_id or "")
        if reference and row:
            found[reference].append(row)
    return {reference: rows for reference, rows in found.items() if len({row.job_id for row in rows}) == 1}


def _with_reference(invoice: InvoiceOutcome, row: BillingRow) -> Finding:
    whose = "the same customer" if row.contact_id == invoice.contact_id else "another customer"
    return Finding(
        "same_reference",
        invoice.invoice_id or "?",
        row.job_number,
        row.milestone,
        invoice.number or "?",
        f"An invoice that Milepost did not make bears this job's reference, for {whose}.",
        "If it bills the same work, void one of the two in Xero; if not, give it another reference there.",
        f"{row.invoice_number or '?'} {row.invoice_total}",
        _in_brief(invoice),
    )


def _in_brief(invoice: InvoiceOutcome) -> str:
    return " ".join(str(part) for part in (invoice.number, invoice.total, (invoice.status or "").lower()) if part)
