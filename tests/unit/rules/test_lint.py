"""What lint says of a book that loads: one book a case, with the one thing that is wrong."""

from datetime import date
from textwrap import indent

import pytest

from milepost.rules.issues import Severity
from milepost.rules.lint import lint_book
from milepost.rules.load import parse_book
from milepost.rules.model import RuleBook
from tests.unit.rules.books import BOOK, PATH, book

LINES = '- {id: rest, then: {account: "200"}}'
STAGES = "- {code: FIN, name: completion, on_status: [Completed]}"


def made(lines: str = LINES, stages: str = STAGES, more: str = "") -> RuleBook:
    """A book of these rules and stages, in which nothing else is wrong. Rules begin in line 5."""
    head = "version: 1\neffective_from: 2026-07-01\norganisation: A\nlines:\n"
    text = f"{head}{indent(lines, '  ')}\nmilestones:\n{indent(stages, '  ')}\n{more}\n"
    return parse_book(text, "b.yaml", "acme")


def told(book: RuleBook) -> list[str]:
    """The issues by their lines, without their fixes."""
    return [f"{issue.line}: {str(issue).split(': ', 1)[1].split(' Fix: ')[0]}" for issue in lint_book(book)]


def codes(book: RuleBook) -> list[str]:
    """What is wrong, in stable words."""
    return [issue.code for issue in lint_book(book)]


def test_a_good_book_has_no_issue() -> None:
    assert codes(made()) == []


def test_an_issue_says_where_what_and_how_to_mend_it_in_one_line() -> None:
    lines = """- {id: all, then: {account: "200"}}\n- {id: tap, when: {code: TAP}, then: {account: "201"}}"""
    (issue,) = lint_book(made(lines))
    assert str(issue) == (
        "b.yaml:6:5: warning: rule 'tap': The rule 'all' (line 5) takes every line that this one would, so none reaches it. "
        "Fix: Move it above 'all', narrow that one's conditions, or remove this one. (rule_unreached)"
    )


def test_issues_stand_in_the_order_of_the_file() -> None:
    rules = ("- {id: a, when: {code: /x/}, then: {treat: drop, item: A}}", "- {id: b, when: {code: ^y}, then: {account: 1}}")
    found = lint_book(made("\n".join(rules)))
    assert [(issue.line, issue.code) for issue in found] == [
        (4, "no_catch_all"),
        (5, "regex_is_glob"),
        (5, "key_unused"),
        (6, "glob_like_regex"),
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["- {id: a, when: {kind: labour}, then: {account: 1}}", "- {id: b, when: {kind: labour}, then: {account: 2}}"],
            ("6: warning: rule 'b': The rule 'a' (line 5) has the same conditions and stands before it, so no line reaches "
            "this one."),
        ),
        (
            [
                "- {id: big, when: {amount: {over: 100}}, then: {account: 1}}",
                "- {id: small, when: {amount: {at_most: 100}}, then: {account: 2}}",
                "- {id: some, when: {amount: {over: 50}}, then: {account: 2}}",
            ],
            ("7: warning: rule 'some': The rules 'big' (line 5) and 'small' (line 6) together take every line that this one "
            "would, so none reaches it."),
        ),
        (
            ["- {id: never, when: {code: A*, not: {code: '*'}}, then: {account: 1}}"],
            "5: warning: rule 'never' > when: No line can meet all of these conditions at once.",
        ),
        (
            ["- {id: old, when: {completed: {until: 2026-06-30}}, then: {account: 1}}"],
            ("5: warning: rule 'old' > when > completed: This version bills jobs completed from 2026-07-01 on, so no job "
            "fits 'until 2026-06-30'."),
        ),
        (
            ["- {id: taps, when: {code: [x, 'T.*']}, then: {account: 1}}"],
            ("5: warning: rule 'taps' > when > code > item 2: 'T.*' is read as a glob, letter by letter, but looks like a "
            "regular expression."),
        ),
        (
            ["- {id: taps, when: {description: /tap/}, then: {account: 1}}"],
            "5: hint: rule 'taps' > when > description: The regular expression /tap/ says no more than the glob '*tap*'.",
        ),
        (
            ["- {id: free, when: {code: X}, then: {treat: drop, account: 1}}"],
            ("5: hint: rule 'free' > then > account: 'account' does nothing: with 'treat: drop' the line is not billed as a "
            "line."),
        ),
    ],
)  # fmt: skip
def test_what_is_said_of_rules_before_a_catch_all(lines: list[str], said: str) -> None:
    assert told(made("\n".join([*lines, LINES])))[0] == said


@pytest.mark.parametrize(
    ("when", "left"),
    [
        ("kind: [labour, material, fee, expense]", "the kinds subcontract, discount"),
        ("kind: [labour, material, fee, expense, subcontract]", "the kind discount"),
        ("code: T*", "any kind"),
        ("not: {kind: fee, code: X}", "the kind fee"),
    ],
)
def test_without_a_catch_all_the_kinds_that_are_left_over_are_named(when: str, left: str) -> None:
    (said,) = told(made(f"- {{id: one, when: {{{when}}}, then: {{account: 1}}}}"))
    assert said == f"4: warning: lines: There are lines of {left} that no rule takes; a job with such a line is held."


@pytest.mark.parametrize(
    ("text", "suspect"),
    [
        *(
            (text, False)
            for text in ("*tap*", "AH1", "A[1-3]?", "1/2", "24 V", "$5 part", "C.O.D", "Bob (Smith)", "A+B", "/")
        ),
        *((text, True) for text in ("^AH", "AH$", "tap.*", "tap|valve", r"\d+", "/tap", "(hot|cold)? water")),
    ],
)
def test_a_glob_that_looks_like_a_regular_expression_is_pointed_out(text: str, suspect: bool) -> None:
    found = lint_book(made(f"- {{id: a, when: {{code: '{text}'}}, then: {{account: 1}}}}\n{LINES}"))
    assert [issue.code for issue in found] == (["glob_like_regex"] if suspect else [])


@pytest.mark.parametrize(
    ("expression", "glob"),
    [
        ("/tap/", "*tap*"),
        ("/^tap/", "tap*"),
        ("/tap$/", "*tap"),
        ("/^hot tap$/", "hot tap"),
        ("/.*tap.*/", "*tap*"),
        ("/t.p/", None),
    ],
)
def test_a_regular_expression_that_a_glob_can_say_has_that_glob_suggested(expression: str, glob: str | None) -> None:
    found = lint_book(made(f"- {{id: a, when: {{code: '{expression}'}}, then: {{account: 1}}}}\n{LINES}"))
    assert [issue.suggestion for issue in found] == ([glob] if glob else [])


def stage(code: str, status: str, more: str = "") -> str:
    """A stage as a book has it."""
    return f"- {{code: {code}, name: stage, on_status: {status}{', ' if more else ''}{more}}}"


@pytest.mark.parametrize(
    ("stages", "found"),
    [
        ([stage("A", "x", "amount: {percent: 60}"), stage("B", "y", "amount: {percent: 60}"), stage("C", "z")],
         ["percent_over_100"]),
        ([stage("A", "x", "amount: {percent: 60}, when: {job_total: {under: 5000}}"),
          stage("B", "y", "amount: {percent: 60}, when: {job_total: {at_least: 5000}}"), stage("C", "z")], []),
        ([stage("A", "x", "amount: {percent: 30}")], ["rest_unbilled"]),
        ([stage("A", "x", "amount: {flat: 500}")], ["rest_unbilled"]),
        ([stage("A", "x", "amount: {percent: 100}")], []),
        ([stage("A", "x", "amount: {progress: platform}")], []),
        ([stage("C", "[X, y]"), stage("A", "x", "amount: {percent: 30}")], ["stage_after_remaining"]),
        ([stage("C", "z"), stage("A", "x", "amount: {percent: 30}")], ["stage_after_remaining"]),
        ([stage("A", "x"), stage("B", "X")], ["status_shared"]),
        ([stage("A", "x", "when: {job_type: repair}"), stage("B", "X", "when: {not: {job_type: repair}}")], []),
        ([stage("A", "x", "amount: {percent: 30}"), stage("B", "x")], ["status_shared"]),
        ([stage("A", "[done, x]"), stage("C", "[off, X]", "amount: credit")], ["credit_with_billing"]),
        ([stage("A", "done"), stage("C", "off", "amount: credit")], []),
        ([stage("A", "x", "retention: {percent: 5}")], ["retention_kept"]),
        ([stage("P", "p", "amount: {percent: 40}, retention: {percent: 5}"), stage("A", "x")], []),
        (
            [stage("A", "x"), stage("P", "p", "amount: {progress: Done}, retention: {percent: 5}")],
            ["stage_after_remaining", "retention_kept"],
        ),
        ([stage("A", "x"), stage("R", "y", "amount: retention")], ["retention_not_held"]),
        ([stage("A", "x", "retention: {percent: 5}"), stage("R", "y", "amount: retention")], []),
        ([stage("A", "x", "retention: {percent: 5}"), stage("R", "x", "amount: retention")], ["retention_at_once"]),
        ([stage("A", "x", "amount: {flat: 50}, minimum: 100"), stage("B", "y")], ["minimum_above_amount"]),
        ([stage("A", "x", "account: 200")], ["key_unused"]),
        ([stage("A", "x", "when: {all: [{job_type: a}, {job_type: b}]}")], ["conditions_contradict"]),
    ],
)  # fmt: skip
def test_stages(stages: list[str], found: list[str]) -> None:
    assert codes(made(stages="\n".join(stages))) == found


TWO = "\n".join([stage("A", "x", "amount: {percent: 30}"), stage("B", "y")])


@pytest.mark.parametrize(
    ("stages", "more", "found"),
    [
        (TWO, 'invoice: {number: "{{ job.number }}"}', [(Severity.ERROR, "number_repeated")]),
        (TWO, 'invoice: {number: "{{ job.number }}-{{ milestone.code }}"}', []),
        (STAGES, 'invoice: {number: "{{ job.number }}"}', []),
        (STAGES, 'invoice: {number: "{{ job.reference }}"}', [(Severity.ERROR, "number_constant")]),
        (STAGES, "invoice: {email: yes}", [(Severity.WARNING, "email_unapproved")]),
        (STAGES, "invoice: {email: yes, status: AUTHORISED}", []),
        (STAGES, "taxes: {GST: A, gst: B}", [(Severity.WARNING, "tax_twice")]),
        (STAGES, "taxes: {GST: A, gst: A}", [(Severity.HINT, "tax_twice")]),
        (
            stage("A", "x", "amount: {progress: platform}"),
            'payments: {deposits: deduct, deposit_account: "235"}',
            [(Severity.ERROR, "deposit_never_deducted")],
        ),
        (STAGES, 'payments: {deposit_account: "235"}', [(Severity.HINT, "key_unused")]),
        (
            STAGES,
            "rates: [{id: all, price: 95}, {id: night, when: {code: N}, price: 120}]",
            [(Severity.WARNING, "rate_unreached")],
        ),
    ],
)
def test_invoices_taxes_deposits_and_rates(stages: str, more: str, found: list[tuple[Severity, str]]) -> None:
    assert [(issue.severity, issue.code) for issue in lint_book(made(stages=stages, more=more))] == found


def test_lines_with_more_than_two_tracking_categories_are_an_error() -> None:
    lines = """- {id: rest, then: {account: "1", tracking: {Department: x, Team: y}}}"""
    assert codes(made(lines, more="invoice: {tracking: {Region: z}}")) == ["tracking_over_two"]
    assert codes(made(lines, more="invoice: {tracking: {TEAM: z}}")) == []


def test_a_version_that_begins_in_years_is_pointed_out() -> None:
    assert [issue.code for issue in lint_book(made(), today=date(2020, 1, 1))] == ["begins_late"]
    assert lint_book(made(), today=date(2026, 1, 1)) == []


def test_issues_know_their_file() -> None:
    assert {issue.path for issue in lint_book(book(BOOK))} == {PATH}


@pytest.mark.parametrize(
    ("text", "meant"),
    [("tap.*", "/tap.*/"), ("*pump.*", "*pump*"), ("*tap.+", "*tap*"), ("/tap", "/tap/"), ("AH$", "/AH$/")],
)
def test_what_is_proposed_in_place_of_such_a_glob_can_be_used(text: str, meant: str) -> None:
    (found,) = lint_book(made(f"- {{id: a, when: {{code: '{text}'}}, then: {{account: 1}}}}\n{LINES}"))
    assert found.suggestion == meant
    mended = codes(made(f"- {{id: a, when: {{code: '{meant}'}}, then: {{account: 1}}}}\n{LINES}"))
    assert "glob_like_regex" not in mended
