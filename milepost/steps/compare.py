"""A billing held against the invoices in Xero that are its own: pure, no call. Part of verify."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from milepost.ledger.billing_rows import GONE_IN_XERO, BillingRow, BillingStatus
from milepost.steps.findings import Finding
from milepost.xero.invoices import InvoiceOutcome

PAID = "PAID"


@dataclass(frozen=True, slots=True)
class Beside:
    """What else must be known: contacts merged in Xero (into which), and billings billed anew after their invoice went."""

    merged: Mapping[str, str] = field(default_factory=dict)
    billed_anew: frozenset[str] = frozenset()


def compared(row: BillingRow, invoices: Sequence[InvoiceOutcome], beside: Beside) -> list[Finding]:
    """What does not agree between a billing that was sent and its invoices, live and gone."""
    live = [invoice for invoice in invoices if invoice.status not in GONE_IN_XERO]
    if len(live) > 1:
        numbers = ", ".join(sorted(invoice.number or "?" for invoice in live))
        return [_finding(row, "twice", f"Xero holds {len(live)} live invoices: {numbers}.", "Void all but one in Xero.")]
    if row.status is BillingStatus.SENDING:
        return [_unanswered(row)]
    if not live:
        return [] if row.by_hand or row.id in beside.billed_anew else [_gone(row, invoices)]
    return [*_changed(row, live[0], beside), *_miscounted(row, live[0])]


def is_mended(row: BillingRow, invoice: InvoiceOutcome) -> bool:
    """Whether a person has made an invoice that came out otherwise what it was to be."""
    return row.total is not None and invoice.total == row.total != row.invoice_total


def _unanswered(row: BillingRow) -> Finding:
    why = "It was sent, and its answer is not known yet."
    fix = row.trouble_fix if row.trouble_code in ("ambiguous", "other_organisation") else None
    told = f"{why} {row.trouble_why}" if fix and row.trouble_why else why
    return _finding(row, "unanswered", told, fix or f"A run finds out: milepost poll {row.connection}.")


def _gone(row: BillingRow, invoices: Sequence[InvoiceOutcome]) -> Finding:
    was = " It was voided or deleted there." if invoices or row.is_gone else ""
    theirs = ", ".join(f"{invoice.number or '?'} {(invoice.status or '?').lower()}" for invoice in invoices) or "none"
    return _finding(
        row,
        "gone" if was else "missing",
        f"Xero holds no live invoice for it.{was}",
        "If the job is still to be billed, write this invoice by hand in Xero. Either way say so, and it is in order: "
        f"milepost queue by-hand {row.id} --reason TEXT [--invoice NUMBER]",
        ours=_ours(row),
        theirs=theirs,
    )


def _changed(row: BillingRow, invoice: InvoiceOutcome, beside: Beside) -> list[Finding]:
    pairs = {"number": (row.invoice_number, invoice.number)}
    if _into(row.contact_id, beside.merged) != _into(invoice.contact_id, beside.merged):
        pairs["contact"] = (row.contact_id, invoice.contact_id)
    if not is_mended(row, invoice):
        pairs["total"] = (_plain(row.invoice_total), _plain(invoice.total))
    return [
        _finding(
            row,
            f"other_{what}",
            f"Its {what} is {theirs} in Xero, and was {ours} when it was made.",
            "Compare them in Xero: somebody has changed the invoice there.",
            ours=ours or "",
            theirs=theirs or "",
        )
        for what, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


def _into(contact_id: str | None, merged: Mapping[str, str]) -> str | None:
    """The contact that one was merged into, and that one into another, and so on."""
    seen: set[str] = set()
    while contact_id and contact_id in merged and contact_id not in seen:
        seen.add(contact_id)
        contact_id = merged[contact_id]
    return contact_id


def _miscounted(row: BillingRow, invoice: InvoiceOutcome) -> list[Finding]:
    """A cent of difference between our arithmetic and Xero's is shown, until the invoice is mended or paid."""
    if row.total is None or row.invoice_total in (None, row.total) or invoice.status == PAID or is_mended(row, invoice):
        return []
    why = f"Xero made it {row.invoice_total}; by our arithmetic it is {row.total}."
    fix = "Compare the invoice's lines with the job before it is paid."
    return [_finding(row, "total_differs", why, fix, ours=str(row.total), theirs=str(row.invoice_total))]


def _ours(row: BillingRow) -> str:
    total = row.invoice_total if row.invoice_total is not None else row.total
    return " ".join(part for part in (row.invoice_number, row.currency, _plain(total)) if part)


def _plain(amount: Decimal | None) -> str | None:
    """Equal amounts read alike: 100, 100.0 and 100.00 are one total."""
    return None if amount is None else f"{amount:.2f}" if amount == round(amount, 2) else str(amount)


def _finding(row: BillingRow, code: str, why: str, fix: str, *, ours: str = "", theirs: str = "") -> Finding:
    return Finding(code, row.id, row.job_number, row.milestone, row.invoice_number or "", why, fix, ours, theirs)
