"""Decide: what one milestone of one job should become in Xero, and why. The third step on the way of a job, and pure.

    lines      each line is coded by the first rule that matches it        milepost.billing.coding
    discounts  those to be spread are spread over the lines that bear them  milepost.billing.discounts
    stage      the milestone's part of the whole, less what was billed      milepost.billing.stages
    draft      dates, number, reference, currency, tracking, totals         here

A trouble anywhere makes a Hold that names all troubles; nothing left to bill makes a Skip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from milepost.billing.checks import check_currency, check_native_link, nearest
from milepost.billing.coding import (
    CodedLine,
    Coding,
    Dropped,
    Outcome,
    Spread,
    TextLine,
    code_by_rule,
    code_line,
    troubles_of,
)
from milepost.billing.dates import due_date, invoice_date
from milepost.billing.decision import (
    Bill,
    BillingKey,
    Decision,
    Draft,
    ExistingContact,
    NewContact,
    Skip,
    Undecided,
)
from milepost.billing.discounts import spread_discounts
from milepost.billing.facts import Facts, History
from milepost.billing.milestones import settings_for
from milepost.billing.stages import Staged, stage_lines
from milepost.billing.trouble import Trouble, hold
from milepost.jobs import Job, Line, LineKind, LineTax
from milepost.money import ZERO, LineAmountTypes, net_of
from milepost.rules.model import InvoiceStatus, Milestone, Rule, RuleBook, Then
from milepost.rules.templates import TemplateProblem, render

_TYPES = {
    "exclusive": LineAmountTypes.EXCLUSIVE,
    "inclusive": LineAmountTypes.INCLUSIVE,
    "no_tax": LineAmountTypes.NO_TAX,
}
_LONGEST_REFERENCE = 255


def decide(job: Job, milestone: Milestone, facts: Facts, book: RuleBook, history: History) -> Decision:
    """The decision for one due milestone. Same arguments, same decision: no clock, no I/O."""
    key = BillingKey(connection=facts.connection, job_id=job.id, milestone=milestone.code)
    settings = settings_for(book, milestone)
    coding = Coding(job, milestone, book, facts.chart, settings, _TYPES[settings.line_amounts])
    troubles = _job_troubles(job, facts, coding, history)
    coded, notes = _coded_lines(coding)
    if isinstance(coded, list) and not troubles:
        return _decide_stage(coding, key, coded, notes, facts, history)
    found = [] if isinstance(coded, list) else list(coded)
    return hold(key, job, book, [*troubles, *found])


def _decide_stage(
    coding: Coding,
    key: BillingKey,
    coded: list[CodedLine | TextLine],
    notes: Sequence[str],
    facts: Facts,
    history: History,
) -> Decision:
    job, book = coding.job, coding.book
    staged = stage_lines(coding, [line.invoice_line(coding.types) for line in coded], history)
    if isinstance(staged, Trouble):
        return hold(key, job, book, [staged])
    if not staged.lines:
        return Skip(
            key=key,
            code="fully_billed",
            why=" ".join(staged.sums) + " Nothing is left to bill.",
            book=book.origin.book,
            book_version=book.version,
            fingerprint=job.fingerprint,
        )
    draft = _draft(coding, key, staged, facts)
    if isinstance(draft, Trouble):
        return hold(key, job, book, [draft])
    assert isinstance(facts.contact, ExistingContact | NewContact)
    return Bill(
        key=key,
        contact=facts.contact,
        draft=draft,
        sums=(*staged.sums, *notes),
        warnings=(*job.warnings, *_total_warning(coding, history, draft)),
        book=book.origin.book,
        book_version=book.version,
        book_sha256=book.origin.sha256,
        fingerprint=job.fingerprint,
    )


def _job_troubles(job: Job, facts: Facts, coding: Coding, history: History) -> list[Trouble]:
    checks = (
        check_native_link(job, bool(history.billed)),
        _check_contact(job, facts),
        check_currency(facts.chart, currency_of(coding)),
        _check_history(coding, history),
        _check_branding(coding),
    )
    return [trouble for trouble in checks if trouble]


def _check_contact(job: Job, facts: Facts) -> Trouble | None:
    if job.customer is None or facts.contact is None:
        return Trouble("customer_missing", "The job has no customer.", "Choose the customer on the job, then run again.")
    if isinstance(facts.contact, Undecided):
        return Trouble("contact_undecided", facts.contact.why, facts.contact.fix)
    return None


def _check_history(coding: Coding, history: History) -> Trouble | None:
    """Stages can only add up when all of a job's invoices speak in the same currency and tax terms."""
    currency = currency_of(coding)
    other = next((b for b in history.billed if b.currency != currency or b.line_amount_types is not coding.types), None)
    if other is None:
        return None
    return Trouble(
        "terms_changed",
        f"{other.number or other.milestone} was billed in {other.currency}, {other.line_amount_types.value}; "
        f"the book now says {currency}, {coding.types.value}, so the stages would not add up.",
        "Bill this job's last stage by hand in Xero, or set the book's 'line_amounts' and 'currency' as they were.",
    )


def _check_branding(coding: Coding) -> Trouble | None:
    name = coding.settings.branding_theme
    if name is None or coding.chart.theme(name):
        return None
    known = [theme.name for theme in coding.chart.branding]
    return Trouble(
        "branding_unknown",
        f"Branding theme '{name}' is not in Xero.",
        f"Correct 'branding_theme' at {coding.book.where('invoice')}.{nearest(name, known)}",
    )


def _coded_lines(coding: Coding) -> tuple[list[CodedLine | TextLine] | Sequence[Trouble], list[str]]:
    outcomes = _outcomes(coding)
    notes = [o.note for o in outcomes if isinstance(o, Dropped)]
    if troubles := troubles_of(outcomes):
        return tuple(troubles), notes
    coded = [o for o in outcomes if isinstance(o, CodedLine)]
    if not coded:
        return (_no_lines(coding),), notes
    spread = spread_discounts(coded, [o for o in outcomes if isinstance(o, Spread)], coding.types)
    if isinstance(spread, Trouble):
        return (spread,), notes
    by_id = {line.line.id: line for line in spread}
    kept = (o for o in outcomes if isinstance(o, CodedLine | TextLine))
    return [by_id[o.line.id] if isinstance(o, CodedLine) else o for o in kept], notes


def _outcomes(coding: Coding) -> list[Outcome]:
    lines = coding.job.lines
    priced = [line for line in lines if line.kind is not LineKind.TEXT]
    service = _service_line(coding) if not priced else None
    outcomes: list[Outcome] = [code_line(coding, line) for line in lines]
    return [*outcomes, service] if service else outcomes


def _service_line(coding: Coding) -> Outcome | None:
    """One line from the job's net price, for a job that has none of its own."""
    fallback, job = coding.book.fallback, coding.job
    totals = next(
        (t for t in (job.reported_totals, job.quote.totals if job.quote else None) if t and (t.ex or t.inc)),
        None,
    )
    if fallback is None or totals is None:
        return None
    where = coding.book.where("fallback")
    then = Then(account=fallback.account, tax=fallback.tax, item=fallback.item, description=fallback.description)
    line = Line(
        id="fallback",
        kind=LineKind.FEE,
        description=job.title,
        total_ex=totals.ex,
        total_inc=totals.inc,
        tax=LineTax(),
    )
    rule = Rule(id="fallback", then=then)
    outcome = code_by_rule(coding, line, rule)
    if isinstance(outcome, CodedLine):
        return replace(outcome, why=outcome.why.model_copy(update={"where": where, "account_from": "fallback"}))
    return outcome


def _no_lines(coding: Coding) -> Trouble:
    if coding.job.lines:
        return Trouble(
            "nothing_to_bill",
            "None of the job's lines is billed: all are words, not billable, dropped or discounts.",
            "Price the job on the platform, or change the rules that drop its lines.",
        )
    return Trouble(
        "no_lines",
        "The job has no lines and no price.",
        "Add what is to be billed on the platform; "
        f"or, for jobs with a price but no lines, a 'fallback' in {coding.book.origin.path}.",
    )


def currency_of(coding: Coding) -> str:
    """The invoice's currency: the book's, else the job's, else the organisation's base."""
    if coding.settings.currency != "job":
        return coding.settings.currency
    job = coding.job
    own = job.currency or (job.customer.currency if job.customer else None)
    return own or coding.chart.organisation.base_currency


def _draft(coding: Coding, key: BillingKey, staged: Staged, facts: Facts) -> Draft | Trouble:
    settings, job = coding.settings, coding.job
    dated = invoice_date(job, settings, facts.today)
    words = _numbering(coding, {**coding.values()})
    if isinstance(words, Trouble):
        return words
    if locked := _locked(coding, dated):
        return locked
    amount = sum((line.amount for line in staged.lines), ZERO)
    tax = sum((line.tax for line in staged.lines), ZERO)
    sub_total = net_of(amount, tax, coding.types)
    if sub_total + tax < 0:
        return _negative(sub_total + tax)
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
        url=f"{facts.console_url}/b/{key.id}",
        email=settings.email,
        lines=staged.lines,
        sub_total=sub_total,
        total_tax=tax,
        total=sub_total + tax,
    )


def _numbering(coding: Coding, values: Mapping[str, Any]) -> tuple[str | None, str] | Trouble:
    settings = coding.settings
    try:
        number = None if settings.number == "xero" else render(settings.number, values)
        return number, render(settings.reference, values)[:_LONGEST_REFERENCE]
    except TemplateProblem as problem:
        return Trouble(
            "template",
            f"The invoice's number or reference cannot be filled: {problem}.",
            f"Correct it at {coding.book.where('invoice')}.",
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


def _negative(total: Decimal) -> Trouble:
    return Trouble(
        "negative_total",
        f"The invoice would come to {total}; Xero takes none below zero.",
        "Credit the customer in Xero for what was billed too much, or correct the job's lines and taxes. Then run again.",
    )


def _total_warning(coding: Coding, history: History, draft: Draft) -> tuple[str, ...]:
    """A cent of difference to what the platform shows is told, never hidden."""
    reported = coding.job.reported_totals
    if coding.milestone.amount != "remaining":
        return ()
    total = draft.total + sum((b.total for b in history.billed), Decimal(0))
    if reported.inc is None or reported.inc == total or coding.types is LineAmountTypes.NO_TAX:
        return ()
    return (f"The platform shows a total of {reported.inc}; by Xero's arithmetic the job's invoices come to {total}.",)
