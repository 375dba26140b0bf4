"""What differs between two versions of a rule book, beside its rules and stages."""

from datetime import date

from milepost.rules.book_changes import compare_books
from tests.unit.billing.builders import book

OLD = book()


def test_another_first_day_and_another_organisation_are_told() -> None:
    new = OLD.model_copy(update={"effective_from": date(2026, 7, 1), "organisation": "Bay Plumbing"})
    told = [(change.entry, change.details) for change in compare_books(OLD, new)]
    assert told == [
        ("effective_from", (f"{OLD.effective_from} → 2026-07-01",)),
        ("organisation", (f"{OLD.organisation} → Bay Plumbing",)),
    ]
