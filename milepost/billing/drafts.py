"""The draft of an invoice round its lines: dates, number, reference, currency, totals. The last part of decide."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from milepost.billing.coding import Coding
from milepost.billing.dates import due_date, invoice_date
from milepost.billing.decision import BillingKey, Draft, InvoiceLine
from milepost.billing.facts import Facts, History
from milepost.billing.figures import LARGEST_AMOUNT
from milepost.billing.trouble import Trouble
from milepost.money import ZERO, net_of
from milepost.rules.model import InvoiceStatus
from milepost.rules.templates import TemplateProblem, render

_LONGEST = 255


def draft_of(
    coding: Coding, key: BillingKey, lines: Sequence[InvoiceLine], facts: Facts, history: History
) -> Draft | Trouble:
    """The invoice to be, complete but for its contact's id."""
    settings, job = coding.settings, coding.job
    dated = invoice_date(job, settings, facts.today)
    words = _numbering(coding, history)
    if isinstance(words, Trouble):
        return words
    tax = sum((line.tax for line in lines), ZERO)
    sub_total = net_of(sum((line.amount for line in lines), ZERO), tax, coding.types)
    if trouble := _locked(coding, dated) or _refused_url(facts.console_url) or _total_trouble(sub_total + tax):
        return trouble
    theme = coding.chart.theme(settings.branding_theme) if settings.branding_theme else None
    return Draft(
        date=dated,
        due_date=due_date(job, dated, settings.terms),
        line_amount_types=coding.types,
        currency=currency_of(coding),
        status=settings.status.value,
        number=words[0],
        reference=words[1],
        branding_theme_id=theme.theme_id if theme else None,
        url=f"{facts.console_url.rstrip('/')}/b/{key.id}",
        email=settings.email,
        lines=tuple(lines),
        sub_total=sub_total,
        total_tax=tax,
        total=sub_total + tax,
    )


def currency_of(coding: Coding) -> str:
    """The invoice's currency: the book's, else the job's, else the organisation's base."""
    if coding.settings.currency != "job":
        return coding.settings.currency
    job = coding.job
    own = job.currency or (job.customer.currency if job.customer else None) or ""
    return own.strip().upper() or coding.chart.organisation.base_currency


def check_currency_said(coding: Coding) -> Trouble | None:
    """Amounts are in the job's currency; a book that names another would turn dollars into pounds one for one."""
    said = (coding.job.currency or "").strip().upper()
    if not said or said == currency_of(coding):
        return None
    return Trouble(
        "currency_differs",
        f"The job is priced in {said}, and the rule book bills in {currency_of(coding)}.",
        "Set 'invoice: currency: job' in the rule book, or correct the job's currency on the platform.",
    )


def _numbering(coding: Coding, history: History) -> tuple[str | None, str] | Trouble:
    settings = coding.settings
    try:
        number = None if settings.number == "xero" else " ".join(render(settings.number, coding.values()).split())
        reference = " ".join(render(settings.reference, coding.values()).split())
    except TemplateProblem as problem:
        return Trouble(
            "template",
            f"The invoice's number or reference cannot be filled: {problem}.",
            f"Correct it at {coding.book.where('invoice')}.",
        )
    number = _numbered(coding, number, history)
    return _number_trouble(coding, number, history) or (number, reference[:_LONGEST].rstrip())


def _numbered(coding: Coding, number: str | None, history: History) -> str | None:
    """A further invoice of a stage, whose template gives it the number of one before it, adds its place: 1482-PRG-2."""
    milestone = coding.milestone
    earlier = {billed.number for billed in history.billed if billed.milestone == milestone.code}
    return f"{number}-{milestone.sequence}" if number and number in earlier else number


def _number_trouble(coding: Coding, number: str | None, history: History) -> Trouble | None:
    """A number is never left out or cut: either could give two invoices the same one, or another than was meant."""
    if number is None or (0 < len(number) <= _LONGEST and number not in (b.number for b in history.billed)):
        return None
    where = coding.book.where("invoice")
    if not number:
        return Trouble(
            "number_empty",
            "The template of the invoice's number gives nothing for this job.",
            f"Correct 'number' at {where} (`xero` lets Xero number it), or fill in what it needs on the job.",
        )
    if len(number) > _LONGEST:
        return Trouble(
            "number_too_long",
            f"The invoice's number would have {len(number)} characters; Xero takes {_LONGEST}.",
            f"Shorten 'number' at {where}.",
        )
    return Trouble(
        "number_taken",
        f"Number {number} was used by an earlier invoice of this job.",
        f"Let 'number' at {where} hold {{{{ milestone.code }}}}, so that each stage has a number of its own.",
    )


def _locked(coding: Coding, dated: date) -> Trouble | None:
    """Xero refuses approval in a locked period; a draft may still be posted and re-dated by the bookkeeper."""
    until = coding.chart.locked_until()
    if until is None or dated > until or coding.settings.status is InvoiceStatus.DRAFT:
        return None
    return Trouble(
        "period_locked",
        f"The invoice would be dated {dated}, but {coding.chart.organisation.name} is locked until {until}.",
        "Move the lock date in Xero, or let the book date such invoices 'today' (invoice: date: today).",
    )


def _refused_url(console_url: str) -> Trouble | None:
    """Xero refuses an invoice whose Url holds its own name (developer docs, "Invoices")."""
    if "xero" not in console_url.casefold():
        return None
    return Trouble(
        "url_refused",
        "The console's address holds the word 'xero', which Xero does not take in an invoice's link.",
        "Give the console an address without it (MILEPOST_CONSOLE_URL), then run again.",
    )


def _total_trouble(total: Decimal) -> Trouble | None:
    if total > LARGEST_AMOUNT:
        return Trouble(
            "amount_too_large",
            f"The invoice would come to {total}; the largest amount that Xero takes is {LARGEST_AMOUNT}.",
            "Correct the job's quantities and prices on the platform, then run again.",
        )
    if total >= 0:
        return None
    return Trouble(
        "negative_total",
        f"The invoice would come to {total}; Xero takes none below zero.",
        "Credit the customer in Xero for what was billed too much, or correct the job's lines and taxes. Then run again.",
    )
