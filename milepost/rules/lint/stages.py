"""The billing stages against each other: what they come to, their order, their statuses, retention and credits."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations

from milepost.money import HUNDRED, ZERO
from milepost.rules.issues import Issue, Severity, Way, issue, line_of
from milepost.rules.model import Flat, Milestone, Percent, Progress, RuleBook
from milepost.rules.overlap import can_hold_together

_MOST_COMPARED = 10
"""Stages of which every set is looked at; of more, all are taken together."""


def check_percentages(book: RuleBook) -> Iterator[Issue]:
    """The shares that one job can meet come to 100 percent at most, and a stage bills what they leave."""
    shares = _most_together([stage for stage in book.milestones if isinstance(stage.amount, Percent)])
    whole = sum(map(_percent, shares), ZERO)
    said = " and ".join(f"{stage.code} {_percent(stage):f}" for stage in shares)
    if whole > HUNDRED:
        yield issue(
            book,
            Severity.WARNING,
            "percent_over_100",
            ("milestones", shares[-1].code, "amount"),
            f"The shares {said} come to {whole:f} percent; what is over 100 is capped at what is left.",
            "Lower one of them, or let conditions keep them apart.",
        )
    billing = [stage.amount for stage in book.milestones if stage.amount not in ("credit", "retention")]
    to_the_end = "remaining" in billing or any(isinstance(amount, Progress) for amount in billing)
    if whole < HUNDRED and billing and not to_the_end:
        yield issue(
            book,
            Severity.WARNING,
            "rest_unbilled",
            ("#milestones",),
            f"No stage bills what remains: of a job that meets every stage only {_bills(whole, billing)} is billed.",
            "Give the last stage 'amount: remaining'.",
        )


def check_order(book: RuleBook) -> Iterator[Issue]:
    """After a stage that bills all that remains, the stages of the same status find nothing; others stand oddly."""
    stages = book.milestones
    for earlier, later in _pairs(stages):
        if earlier.amount != "remaining" or later.amount in ("remaining", "retention", "credit"):
            continue
        status = _shared_status(earlier, later)
        if status:
            yield _issue_of(
                book,
                later,
                Severity.WARNING,
                "stage_after_remaining",
                f"At '{status}' the stage {_named(book, earlier)} bills all that remains first: nothing is left for this.",
                f"Move it above {earlier.code}, or give it another status.",
            )
        elif not _apart(earlier, later):
            yield _issue_of(
                book,
                later,
                Severity.HINT,
                "stage_after_remaining",
                f"It stands after {_named(book, earlier)}, which bills all that remains; stages are listed as they follow "
                "each other.",
                f"Move it above {earlier.code}.",
            )


def check_same_status(book: RuleBook) -> Iterator[Issue]:
    """Two stages that are due at once for the same job."""
    for earlier, later in _pairs(book.milestones):
        status = _shared_status(earlier, later)
        if not status or "credit" in (earlier.amount, later.amount):
            continue
        if earlier.amount == later.amount == "remaining":
            severity, said = Severity.WARNING, "also bills all that remains, so this one finds nothing"
        elif isinstance(earlier.amount, Percent | Flat | Progress) and later.amount != "retention":
            severity, said = Severity.HINT, "is due as well, so a job that comes there is billed twice at once"
        else:
            continue
        yield _issue_of(
            book,
            later,
            severity,
            "status_shared",
            f"At '{status}' the stage {_named(book, earlier)} {said}.",
            "Give each stage a status of its own, or conditions that keep them apart.",
        )


def check_credits(book: RuleBook) -> Iterator[Issue]:
    """A status at which a job is billed and credited at once."""
    for stage in (stage for stage in book.milestones if stage.amount == "credit"):
        for other in (other for other in book.milestones if other.amount != "credit"):
            if status := _shared_status(stage, other):
                yield _issue_of(
                    book,
                    stage,
                    Severity.ERROR,
                    "credit_with_billing",
                    f"At '{status}' the stage {_named(book, other)} bills what this one credits.",
                    "Credit at a status that bills nothing, such as that of cancelled jobs.",
                )


def check_retention(book: RuleBook) -> Iterator[Issue]:
    """What is held back is released by a later stage, and a release has something to release."""
    keeping = [stage for stage in book.milestones if stage.retention]
    releases = [stage for stage in book.milestones if stage.amount == "retention"]
    if not releases:
        yield from _kept_for_good(book, keeping)
    for release in releases:
        kept_before = [stage for stage in keeping if _place(book, stage) < _place(book, release)]
        if not kept_before:
            yield _issue_of(
                book,
                release,
                Severity.WARNING,
                "retention_not_held",
                "No stage before it has 'retention', so there is nothing to release.",
                "Add 'retention: {percent: 5}' to the stages that hold it back, and list this stage after them.",
                key="amount",
            )
        for stage in kept_before:
            if status := _shared_status(stage, release):
                yield _issue_of(
                    book,
                    release,
                    Severity.WARNING,
                    "retention_at_once",
                    f"At '{status}' the stage {_named(book, stage)} holds back what this one releases at once.",
                    "Give the release a later status.",
                )


def _kept_for_good(book: RuleBook, keeping: Sequence[Milestone]) -> Iterator[Issue]:
    """Without a release, what remains bills what the stages before it held back; what it holds back itself nobody bills."""
    last = max((_place(book, stage) for stage in book.milestones if stage.amount == "remaining"), default=-1)
    for stage in (stage for stage in keeping if _place(book, stage) >= last):
        yield issue(
            book,
            Severity.WARNING,
            "retention_kept",
            ("milestones", stage.code, "retention"),
            "No stage after it has 'amount: retention', so what is held back is never billed.",
            "Add a last stage with 'amount: retention' and the status at which it is released.",
        )


def check_minimums(book: RuleBook) -> Iterator[Issue]:
    """A minimum above the most that a stage can bill."""
    for stage in book.milestones:
        amount = stage.amount
        most = amount.flat if isinstance(amount, Flat) else amount.at_most if isinstance(amount, Percent) else None
        if stage.minimum is not None and most is not None and stage.minimum > most:
            yield _issue_of(
                book,
                stage,
                Severity.WARNING,
                "minimum_above_amount",
                f"It bills {most} at most, and nothing below {stage.minimum}: so it never bills.",
                "Lower the minimum.",
                key="minimum",
            )


def _most_together(stages: Sequence[Milestone]) -> Sequence[Milestone]:
    """The stages with the highest sum of shares that one job can meet."""
    if len(stages) > _MOST_COMPARED:
        return stages
    sets = [some for count in range(len(stages), 0, -1) for some in combinations(stages, count)]
    by_sum = sorted(sets, key=lambda some: -sum(map(_percent, some), ZERO))
    return next((some for some in by_sum if can_hold_together([stage.when for stage in some])), ())


def _percent(stage: Milestone) -> Decimal:
    return stage.amount.percent if isinstance(stage.amount, Percent) else ZERO


def _bills(whole: Decimal, amounts: Sequence[object]) -> str:
    shares = f"{whole:f} percent" if whole else ""
    flat = "a flat amount" if any(isinstance(amount, Flat) for amount in amounts) else ""
    return " and ".join(part for part in (shares, flat) if part)


def _pairs(stages: Sequence[Milestone]) -> Iterator[tuple[Milestone, Milestone]]:
    """Each stage with each that stands after it."""
    return combinations(stages, 2)


def _shared_status(one: Milestone, other: Milestone) -> str | None:
    """A status at which one job meets both."""
    others = {status.casefold() for status in other.on_status}
    shared = next((status for status in one.on_status if status.casefold() in others), None)
    return shared if shared and not _apart(one, other) else None


def _apart(one: Milestone, other: Milestone) -> bool:
    return not can_hold_together([one.when, other.when])


def _place(book: RuleBook, stage: Milestone) -> int:
    return book.milestones.index(stage)


def _named(book: RuleBook, stage: Milestone) -> str:
    return f"{stage.code}{line_of(book, 'milestones', stage.code)}"


def _issue_of(
    book: RuleBook, stage: Milestone, severity: Severity, code: str, message: str, fix: str, *, key: str = "on_status"
) -> Issue:
    way: Way = ("milestones", stage.code, key)
    return issue(book, severity, code, way, message, fix)
