"""Diff: what another version of a book would have done to past jobs, to the cent and by name."""

from decimal import Decimal

import pytest

from milepost.billing.replay import as_unbilled, presumed_facts
from milepost.jobs import EXPORT_MARK, Claims, Job
from milepost.rules.book_changes import compare_books
from milepost.rules.diff import BookDiff, PastJob, diff_books
from milepost.rules.diff_markdown import diff_markdown
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import STAGES, billed, book, discount, facts, job, labour, material

OLD = book()
RECODED = """\
- {id: labour, when: {kind: labour}, then: {account: "260", tax: ZERO}}
- {id: material, when: {kind: material}, then: {account: "210"}}
- {id: discount, when: {kind: discount}, then: {treat: spread}}
- {id: rest, then: {account: "200"}}
"""
NO_MATERIAL = '- {id: labour, when: {kind: labour}, then: {account: "200"}}\n'
OLD_RULES = """\
- {id: labour, when: {kind: labour}, then: {account: "200"}}
- {id: material, when: {kind: material}, then: {account: "210"}}
"""
NEW = book(rules=RECODED)
JOB = job(labour(2, 100, id="l1", tax="GST"), material(1, 50, id="m1", tax="GST"))


def _diff(new: RuleBook, *jobs: Job, old: RuleBook = OLD, billed: tuple[str, ...] = ()) -> BookDiff:
    return diff_books(old, new, [PastJob(one, facts(), billed) for one in jobs])


def test_a_book_compared_with_itself_differs_in_nothing() -> None:
    diff = _diff(OLD, JOB)
    assert (diff.jobs, diff.stages) == (1, 1)
    assert (diff.book_changes, diff.changes, diff.accounts, diff.taxes) == ((), (), (), ())


def test_a_line_of_another_account_and_tax_is_shown_with_both_rules() -> None:
    (change,) = _diff(NEW, JOB).changes
    (line,) = change.lines
    assert line.changed == ("account", "tax")
    assert [(one.account, one.tax_type) for one in (*line.before, *line.after)] == [("200", "OUTPUT"), ("260", "ZERO")]
    assert (change.before.total, change.after.total) == (Decimal("287.50"), Decimal("257.50"))


def test_the_money_that_moves_is_summed_from_where_to_where_over_all_jobs() -> None:
    other = JOB.model_copy(update={"id": "j2", "number": "1483"})
    diff = _diff(NEW, JOB, other)
    assert [(m.source, m.target, m.net, m.times) for m in diff.accounts] == [("200", "260", Decimal("400.00"), 2)]
    assert [(m.source, m.target, m.net, m.times) for m in diff.taxes] == [("OUTPUT", "ZERO", Decimal("400.00"), 2)]


def test_accounts_that_change_places_at_the_same_amount_both_move() -> None:
    swapped = OLD_RULES.replace('"200"', '"x"').replace('"210"', '"200"').replace('"x"', '"210"')
    same = job(labour(1, 50, id="l1"), material(1, 50, id="m1"))
    moves = _diff(book(rules=swapped), same, old=book(rules=OLD_RULES)).accounts
    assert {(m.source, m.target, m.net) for m in moves} == {("200", "210", Decimal(50)), ("210", "200", Decimal(50))}


def test_a_discount_spread_instead_of_shown_moves_from_the_others_accounts_to_its_own() -> None:
    shown = book(rules=RECODED.replace("{treat: spread}", '{treat: line, account: "230"}'))
    cut = job(labour(3, 100, id="l1"), material(1, 100, id="m1"), discount(1, -20, id="d1"))
    diff = _diff(NEW, cut, old=shown)
    assert {(m.source, m.target, m.net) for m in diff.accounts} == {
        ("260", "230", Decimal("15.00")),
        ("210", "230", Decimal("5.00")),
    }
    changed = [line.changed for line in diff.changes[0].lines]
    assert all("amount" in names for names in changed[:2])
    assert changed[2] == ("treatment",)


def test_a_line_that_is_dropped_is_no_longer_billed() -> None:
    dropping = book(rules=RECODED.replace('{account: "210"}', "{treat: drop}"))
    (change,) = _diff(dropping, JOB, old=NEW).changes
    (line,) = change.lines
    assert (line.changed, line.after) == (("treatment",), ())
    (move,) = _diff(dropping, JOB, old=NEW).accounts
    assert (move.source, move.target, move.net) == ("210", None, Decimal("50.00"))


def test_a_job_that_only_the_new_version_holds_is_named_with_the_reason_and_one_freed_as_well() -> None:
    strict = book(rules=NO_MATERIAL)
    diff = _diff(strict, JOB)
    (held,) = diff.newly_held
    assert (held.after.code, held.job_number) == ("no_rule", "1482")
    assert held.after.fix
    assert diff.accounts == ()
    assert [change.before.code for change in _diff(OLD, JOB, old=strict).newly_free] == ["no_rule"]


def test_totals_stand_before_and_after() -> None:
    (total,) = _diff(NEW, JOB).totals
    assert (total.net_before, total.net_after) == (Decimal("250.00"), Decimal("250.00"))
    assert (total.tax_before, total.tax_after) == (Decimal("37.50"), Decimal("7.50"))


def test_a_stage_that_was_billed_is_replayed_though_the_job_has_moved_on() -> None:
    old, new = book(STAGES), book(STAGES.replace("percent: 30", "percent: 50"))
    done = job(labour(1, 1000, tax="GST"))
    diff = _diff(new, done, old=old, billed=("DEP",))
    by_stage = {change.milestone: (change.before.sub_total, change.after.sub_total) for change in diff.changes}
    assert by_stage == {"DEP": (Decimal("300.00"), Decimal("500.00")), "FIN": (Decimal("700.00"), Decimal("500.00"))}
    (total,) = diff.totals
    assert total.net_before == total.net_after == Decimal("1000.00")


def test_what_the_platform_says_of_the_invoice_that_was_made_holds_nothing() -> None:
    exported = JOB.model_copy(update={"export_processed": True, "claims": Claims(invoiced_to_date=Decimal(250))})
    diff = _diff(NEW, exported)
    assert diff.changes[0].before.action == diff.changes[0].after.action == "bill"


def test_a_past_job_is_compared_though_its_period_is_locked_by_now() -> None:
    locked = facts().chart.organisation.model_copy(update={"period_lock_date": facts().today})
    chart = facts().chart.model_copy(update={"organisation": locked})
    past = PastJob(JOB, presumed_facts("acme", chart, JOB, facts().today))
    assert diff_books(OLD, NEW, [past]).changes[0].after.action == "bill"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (book(rules=RECODED), ("rule 'subcontract'", "removed")),
        (book(rules=RECODED), ("rule 'labour'", "changed")),
        (book(rules='- {id: first, then: {account: "200"}}\n'), ("rule 'first'", "added")),
        (book(STAGES), ("milestone 'DEP'", "added")),
        (book(invoice="{terms: {days: 7}}"), ("invoice", "changed")),
    ],
)
def test_what_was_changed_in_the_book_is_named(new: RuleBook, expected: tuple[str, str]) -> None:
    assert expected in [(change.entry, change.change) for change in compare_books(OLD, new)]


def test_a_changed_entry_says_key_by_key_what_it_was_and_is_and_where_it_stands() -> None:
    change = next(c for c in compare_books(OLD, NEW) if c.entry == "rule 'labour'")
    assert change.details == ("then > account: 200 → 260", "then > tax: nothing → ZERO")
    assert change.where == NEW.where("lines.labour")


def test_rules_in_another_order_are_said_to_have_moved() -> None:
    lines = OLD_RULES.splitlines()
    moved = compare_books(book(rules=OLD_RULES), book(rules="\n".join(reversed(lines)) + "\n"))
    assert [(change.change, change.details) for change in moved] in (
        [("moved", ("now the first",))],
        [("moved", ("now after 'material'",))],
    )


def test_the_markdown_has_sums_and_job_numbers_and_no_words_of_a_line() -> None:
    secret = job(labour(2, 100, description="At Mrs Smith's"), material(1, 50))
    held = JOB.model_copy(update={"number": "14|83"})
    text = diff_markdown(_diff(book(rules=NO_MATERIAL), secret, held), " of acme since 2026-07-01")
    assert "Rule book acme: version 1 → 1" in text
    assert "`no_rule`" in text
    assert "14\\|83" in text
    assert "Smith" not in text


def test_a_bill_is_the_same_whether_compared_or_decided() -> None:
    assert _diff(NEW, JOB).changes[0].before.total == billed(JOB, OLD).draft.total


def test_a_job_as_unbilled_bears_no_mark_of_our_own_invoice() -> None:
    marked = job(labour(), export_processed=True, warnings=(f"the job system marks this job as {EXPORT_MARK}", "no client"))
    assert (as_unbilled(marked).export_processed, as_unbilled(marked).warnings) == (None, ("no client",))
