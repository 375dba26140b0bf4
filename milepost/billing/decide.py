"""Decide: what one milestone of one job should become in Xero, and why. The third step on the way of a job, and pure.

    lines      each line is coded by the first rule that matches it        milepost.billing.coding
    discounts  those to be spread are spread over the lines that bear them  milepost.billing.discounts
    merging    lines that are shown as one are put together                 milepost.billing.merging
    stage      the milestone's part of the whole, less what was billed      milepost.billing.stages
    deposits   those that the platform took are taken off or told of        milepost.billing.deposits
    draft      dates, number, reference, currency, totals                   milepost.billing.drafts

A trouble anywhere makes a Hold that names all troubles; nothing left to bill makes a Skip; a cancelled job that was billed
a Credit.
"""

from collections.abc import Sequence
from dataclasses import replace

from milepost.billing.again import billed_before, more_due, needs_nobody
from milepost.billing.checks import check_claims, check_currency, check_native_link, nearest
from milepost.billing.coding import (
    CodedLine,
    Coding,
    Dropped,
    Outcome,
    Spread,
    TextLine,
    code_by_rule,
    code_line,
    is_words,
    troubles_of,
)
from milepost.billing.credits import credit_of
from milepost.billing.dates import check_dates
from milepost.billing.decision import (
    Bill,
    BillingKey,
    Decision,
    Draft,
    ExistingContact,
    InvoiceLine,
    NewContact,
    Skip,
    Undecided,
)
from milepost.billing.deposits import deposits_on
from milepost.billing.discounts import spread_discounts
from milepost.billing.drafts import check_currency_said, currency_of, draft_of
from milepost.billing.earlier import is_of_the_job, total_of
from milepost.billing.facts import Facts, History
from milepost.billing.merging import merge_lines
from milepost.billing.milestones import already_billed, settings_for
from milepost.billing.stages import stage_lines
from milepost.billing.trouble import Trouble, hold
from milepost.jobs import Job, Line, LineKind, LineTax
from milepost.money import ZERO, LineAmountTypes
from milepost.rules.model import Milestone, Rule, RuleBook, Then

__all__ = ["currency_of", "decide"]

_TYPES = {
    "exclusive": LineAmountTypes.EXCLUSIVE,
    "inclusive": LineAmountTypes.INCLUSIVE,
    "no_tax": LineAmountTypes.NO_TAX,
}


def decide(job: Job, milestone: Milestone, facts: Facts, book: RuleBook, history: History) -> Decision:
    """The decision for one due milestone. Same arguments, same decision: no clock, no I/O."""
    if why := already_billed(job, milestone, history):
        billed = history.of(milestone.code)
        key = _key(job, milestone, facts, billed.sequence if billed else 1)
        return _skip(key, job, book, "already_billed", why)
    key = _key(job, milestone, facts, history.next_sequence(milestone.code))
    if by_hand := _check_by_hand(history):
        return hold(key, job, book, [by_hand])
    if milestone.amount == "credit":
        return credit_of(key, job, milestone, book, history)
    settings = settings_for(book, milestone)
    coding = Coding(job, milestone.numbered(key.sequence), book, facts.chart, settings, _TYPES[settings.line_amounts])
    troubles = _job_troubles(job, facts, coding, history)
    coded, notes = _coded_lines(coding)
    found = [] if isinstance(coded, list) else list(coded)
    full = _full(coding, coded) if isinstance(coded, list) else None
    if isinstance(full, Trouble):
        found, full = [full], None
    if full is not None and not troubles:
        return _decide_stage(coding, key, full, notes, facts, history)
    if why := needs_nobody(coding, None if _check_history(coding, history) else full, history):
        return _skip(key, job, book, "already_billed", why)
    return hold(key, job, book, [*troubles, *found])


def _full(coding: Coding, coded: Sequence[CodedLine | TextLine]) -> tuple[InvoiceLine, ...] | Trouble:
    """All of the job's lines, as one invoice would show them."""
    return merge_lines(coding, [line.invoice_line(coding.types) for line in coded])


def _decide_stage(
    coding: Coding,
    key: BillingKey,
    full: Sequence[InvoiceLine],
    notes: Sequence[str],
    facts: Facts,
    history: History,
) -> Decision:
    job, book = coding.job, coding.book
    staged = stage_lines(coding, full, history)
    if isinstance(staged, Trouble):
        why = needs_nobody(coding, full, history)
        return _skip(key, job, book, "already_billed", why) if why else hold(key, job, book, [staged])
    if staged.lines and key.sequence > 1 and coding.milestone.again == "hold":
        return hold(key, job, book, [more_due(coding, staged, history)])
    deposits = deposits_on(coding, staged, history)
    if isinstance(deposits, Trouble):
        return hold(key, job, book, [deposits])
    if not staged.lines:
        return _skip(key, job, book, staged.code, " ".join(staged.sums))
    draft = draft_of(coding, key, (*staged.lines, *deposits.lines), facts, history)
    if isinstance(draft, Trouble):
        return hold(key, job, book, [draft])
    assert isinstance(facts.contact, ExistingContact | NewContact)
    return Bill(
        key=key,
        contact=facts.contact,
        draft=draft,
        sums=(*staged.sums, *deposits.sums, *notes),
        warnings=(*job.warnings, *deposits.warnings, *_total_warning(coding, history, draft)),
        deposits=deposits.taken,
        book=book.origin.book,
        book_version=book.version,
        book_sha256=book.origin.sha256,
        fingerprint=job.fingerprint,
    )


def _key(job: Job, milestone: Milestone, facts: Facts, sequence: int) -> BillingKey:
    return BillingKey(connection=facts.connection, job_id=job.id, milestone=milestone.code, sequence=sequence)


def _skip(key: BillingKey, job: Job, book: RuleBook, code: str, why: str) -> Skip:
    return Skip(key=key, code=code, why=why, book=book.origin.book, book_version=book.version, fingerprint=job.fingerprint)


def _job_troubles(job: Job, facts: Facts, coding: Coding, history: History) -> list[Trouble]:
    checks = (
        check_native_link(job, bool(history.billed)),
        check_claims(job, history),
        _check_contact(job, facts),
        check_currency_said(coding),
        check_currency(facts.chart, currency_of(coding)),
        check_dates(job, facts.today),
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


def _check_by_hand(history: History) -> Trouble | None:
    """Of an invoice that a person made the lines are not ours: nothing can be taken off it, line by line and tax by tax."""
    billed = next((billed for billed in history.billed if billed.by_hand), None)
    if billed is None:
        return None
    return Trouble(
        "by_hand_before",
        f"{billed.milestone} of this job was billed by hand, by {billed.number or 'an invoice without a number'} over "
        f"{billed.currency} {billed.total}. What is left cannot be worked out, as its lines are not known here.",
        "Bill this stage by hand in Xero as well, and say so: `milepost queue by-hand JOB --reason TEXT --invoice NUMBER`.",
    )


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
    # Told apart by their places: platforms that read lines from several lists may give two the same id.
    bearing = iter(spread)
    kept = (o for o in outcomes if isinstance(o, CodedLine | TextLine))
    return [next(bearing) if isinstance(o, CodedLine) else o for o in kept], notes


def _outcomes(coding: Coding) -> list[Outcome]:
    lines = coding.job.lines
    priced = [line for line in lines if not is_words(line)]
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


def _total_warning(coding: Coding, history: History, draft: Draft) -> tuple[str, ...]:
    """A cent of difference to what the platform shows is told, never hidden."""
    reported = coding.job.reported_totals
    if coding.milestone.amount != "remaining" or coding.types is LineAmountTypes.NO_TAX:
        return ()
    lines = [line for line in draft.lines if is_of_the_job(line)]
    billed, net = billed_before(history)
    total, tax = total_of(coding.types, lines), sum((line.tax for line in lines), ZERO)
    stated, ours, words = reported.inc, billed + total, "with tax"
    if stated is None:
        stated, ours, words = reported.ex, net + total - tax, "before tax"
    if stated is None or stated == ours:
        return ()
    return (f"The platform shows a total of {stated} {words}; by Xero's arithmetic the job's invoices come to {ours}.",)
