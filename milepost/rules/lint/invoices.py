"""What a book says of the invoice as a whole, held against its stages: numbers, e-mail, tracking."""

import re
from collections.abc import Iterator

from milepost.rules.issues import Issue, Severity, Way, issue
from milepost.rules.model import InvoiceStatus, Milestone, RuleBook

_OF_ONE_JOB = re.compile(r"\bjob\s*\.\s*(number|id)\b")
_OF_ONE_STAGE = re.compile(r"\bmilestone\s*\.\s*(code|name)\b")
_MOST_CATEGORIES = 2


def check_numbers(book: RuleBook) -> Iterator[Issue]:
    """Xero takes a number once, so it must differ from job to job, and from stage to stage."""
    first: dict[str, str] = {}
    for stage in _invoicing(book):
        said, way = _of_stage(book, stage, "number")
        number = str(said)
        if number == "xero":
            continue
        if not _OF_ONE_JOB.search(number):
            yield _number_for_many_jobs(book, way)
        earlier = first.setdefault(number, stage.code)
        if earlier != stage.code and not _OF_ONE_STAGE.search(number):
            yield issue(
                book,
                Severity.ERROR,
                "number_repeated",
                way,
                f"The stages {earlier} and {stage.code} would give their invoices of a job the same number.",
                "Add the stage to the number, as in {{ job.number }}-{{ milestone.code }}.",
                "{{ job.number }}-{{ milestone.code }}",
            )


def check_email(book: RuleBook) -> Iterator[Issue]:
    """Xero mails approved invoices alone."""
    for stage in _invoicing(book):
        status, _ = _of_stage(book, stage, "status")
        email, way = _of_stage(book, stage, "email")
        if email and status is not InvoiceStatus.AUTHORISED:
            yield issue(
                book,
                Severity.WARNING,
                "email_unapproved",
                way,
                f"The invoices of stage {stage.code} are created as {status}; Xero mails none before it is approved.",
                "Set 'status: AUTHORISED', or 'email: false' and mail them from Xero.",
            )


def check_tracking_count(book: RuleBook) -> Iterator[Issue]:
    """An organisation has two active tracking categories, so a third on a line cannot be there."""
    layers = {stage.code: _categories(_of_stage(book, stage, "tracking")[0]) for stage in book.milestones}
    for rule in book.lines:
        own = _categories(rule.then.tracking or {})
        several = next((own | layer for layer in layers.values() if len(own | layer) > _MOST_CATEGORIES), None)
        if own and several:
            yield issue(
                book,
                Severity.ERROR,
                "tracking_over_two",
                ("lines", rule.id, "then", "tracking"),
                f"With the invoice's, its lines have {len(several)} tracking categories, {', '.join(sorted(several))}; "
                "Xero keeps two.",
                "Remove one from the rule or from 'invoice'.",
            )


def _number_for_many_jobs(book: RuleBook, way: Way) -> Issue:
    return issue(
        book,
        Severity.ERROR,
        "number_constant",
        way,
        "The number does not hold the job's own number, so two jobs may come to the same invoice number.",
        "Add {{ job.number }} to it.",
        "{{ job.number }}-{{ milestone.code }}",
    )


def _invoicing(book: RuleBook) -> list[Milestone]:
    return [stage for stage in book.milestones if stage.amount != "credit"]


def _of_stage(book: RuleBook, stage: Milestone, key: str) -> tuple[object, Way]:
    """The value that a stage's invoices have, and where the book says it."""
    own = getattr(stage.invoice, key)
    if own is not None:
        return own, ("milestones", stage.code, "invoice", key)
    return getattr(book.invoice, key), ("invoice", key)


def _categories(tracking: object) -> set[str]:
    return {str(name).strip().casefold() for name in tracking} if isinstance(tracking, dict) else set()
