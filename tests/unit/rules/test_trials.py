"""Tests of a rule book: what may be written in them, how they are run, and how a difference reads."""

from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.rules.load import Located, RuleBookErrors, load_book
from milepost.rules.model import RuleBook
from milepost.rules.trials.load import LoadedTrials, load_trials, parse_trials, trial_files
from milepost.rules.trials.made import job_of
from milepost.rules.trials.run import TrialResult, run_trials
from milepost.rules.trials.suite import failed_trials, run_suite
from milepost.rules.trials.touched import untouched
from tests.unit.rules.books import book

MAPPINGS = Path(__file__).parents[3] / "mappings"
BOOKS = sorted(MAPPINGS.glob("*/v*.yaml"))

STAGED = book(
    """\
version: 1
effective_from: 2030-01-01
organisation: A
taxes: {GST: OUTPUT2}
lines:
  - {id: labour, when: {kind: labour}, then: {account: "200", item: "{{ line.code }}"}}
  - {id: drops, when: {description: "*free*"}, then: {treat: drop}}
  - {id: parts, when: {kind: material}, then: {account: "210"}}
  - {id: asks, when: {kind: expense}, then: {treat: hold, reason: "Who pays for it?"}}
rates:
  - {id: hours, when: {kind: labour}, price: 80.00}
milestones:
  - {code: DEP, name: deposit, on_status: [Accepted], amount: {percent: 30}, account: "235"}
  - {code: FIN, name: completion, on_status: [Completed, Closed], amount: remaining}
"""
)
LABOUR = "{kind: labour, description: Work, total: 1000.00}"


def file(text: str) -> LoadedTrials:
    """The tests in this text, for an organisation of one tax type."""
    return parse_trials(f"organisation: {{taxes: {{OUTPUT2: 15}}}}\ntests:\n{dedent(text)}", "t.yaml")


def run(text: str, of: RuleBook = STAGED) -> TrialResult:
    """The result of the one test in this text, written as an item of `tests`."""
    (result,) = run_trials(of, file(text))
    return result


def found(text: str, of: RuleBook = STAGED) -> list[str]:
    """What came otherwise than the test expects."""
    return [str(one) for one in run(text, of).differences]


def expecting(expect: str, job: str = f"{{lines: [{LABOUR}]}}", more: str = "") -> str:
    """A test of a job, by default of one line of labour over 1,000.00."""
    return f"- {{name: t, job: {job}, expect: {expect}{more}}}"


def complaints(text: str) -> list[str]:
    """What loading a test file says, without the file's name."""
    with pytest.raises(RuleBookErrors) as caught:
        parse_trials(dedent(text), "t.yaml")
    return [str(error).removeprefix("t.yaml:") for error in caught.value.errors]


@pytest.mark.parametrize(
    "expect",
    ["{total: }", "{total: null}", "{lines: }", "{some_lines: []}", "{hold: }", "{not_due: false}", "{net: 1000.00, due: }"],
)
def test_an_expectation_that_would_fit_anything_is_an_error(expect: str) -> None:
    with pytest.raises(RuleBookErrors, match=r"t\.yaml:3"):
        file(expecting(expect))


def test_that_xero_numbers_an_invoice_and_that_nothing_is_warned_of_can_be_expected() -> None:
    assert found(expecting("{number: null, warnings: []}")) == []
    numbered = STAGED.model_copy(update={"invoice": STAGED.invoice.model_copy(update={"number": "N-1"})})
    assert found(expecting("{number: null}"), numbered) == ["number: expected nothing, got N-1"]
    differing = expecting("{warnings: []}", f"{{lines: [{LABOUR}], job_total: 999.00}}")
    assert found(differing)[0].startswith("warnings: expected nothing, got The platform shows a total of 999.00")


def test_a_general_line_leaves_the_special_one_to_whom_it_fits_alone() -> None:
    some = "{some_lines: [{account: '200'}, {account: '200', amount: 1000.00}]}"
    assert found(expecting(some, f"{{lines: [{LABOUR}, {{kind: labour, total: 5.00}}]}}")) == []


@pytest.mark.parametrize(
    "expect",
    [
        "{total: 1150.00}",
        "{net: 1000, tax: 150.0, total: 1150}",
        "{lines: [{rule: labour}]}",
        '{lines: [{account: "200", tax: OUTPUT2, amount: 1000.00, tax_amount: 150.00, description: Work}]}',
        '{some_lines: [{description: "W*"}]}',
        '{accounts: {"200": 1000.00}, taxes: {OUTPUT2: 150.00}}',
        "{status: DRAFT, reference: '1001', currency: NZD, date: 2026-07-01, due: 2026-07-15}",
        '{sums: "*come to 1000.00*"}',
        "{lines: [{item: null, quantity: 1, price: 1000.00}]}",
    ],
)
def test_what_comes_as_expected_passes(expect: str) -> None:
    assert found(expecting(expect)) == []


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ("{total: 1150.01}", "total: expected 1150.01, got 1150.00"),
        ("{lines: [{rule: parts}]}", "line 1 > rule: expected parts, got labour"),
        ("{lines: []}", "line 1: expected no such line, got 'Work' 1000.00 to 200, by rule labour"),
        ('{accounts: {"210": 1.00, "200": 1000}}', "accounts > 210: expected 1.00, got 0.00"),
        ("{taxes: {}}", "taxes > OUTPUT2: expected 0.00, got 150.00"),
        ("{some_lines: [{amount: 2.00}]}", "some line 1 > amount: expected 2.00, got 1000.00"),
        ("{lines: [{item: HOSE}]}", "line 1 > item: expected HOSE, got nothing"),
        ("{lines: [{tracking: {Region: North}}]}", "line 1 > tracking: expected Region: North, got nothing"),
        ("{due: 2026-08-20}", "due: expected 2026-08-20, got 2026-07-15"),
        ("{warnings: late}", "warnings: expected late, got nothing"),
        ("{hold: no_rule}", "outcome: expected held, no_rule, got an invoice of 1150.00"),
        ("{skip: fully_billed}", "outcome: expected skipped, fully_billed, got an invoice of 1150.00"),
        ("{not_due: true}", "outcome: expected nothing is due, got an invoice of 1150.00"),
        ("{credit: {total: 1.00}}", "outcome: expected a credit note, got an invoice of 1150.00"),
    ],
)
def test_a_difference_reads_as_expected_and_got(expect: str, difference: str) -> None:
    assert found(expecting(expect)) == [difference]


def test_lines_that_are_missing_are_named() -> None:
    differences = found(expecting("{lines: [{rule: labour}, {rule: parts, amount: 2.00}]}"))
    assert differences == ["line 2: expected rule parts, amount 2.00, got no such line"]


def test_two_expected_lines_are_not_found_in_the_same_line() -> None:
    assert len(found(expecting("{some_lines: [{rule: labour}, {rule: labour}]}"))) == 1


@pytest.mark.parametrize(
    ("job", "expect"),
    [
        ("{lines: [{kind: fee, total: 9.00}]}", '{hold: {code: no_rule, why: "*fee*", fix: "*Add a rule*"}}'),
        ("{lines: [{kind: expense, total: 9.00}]}", '{hold: {why: "*Who pays for it?*"}}'),
        ("{lines: [{kind: material, quantity: 1}]}", "{hold: price_missing}"),
        (f"{{customer: null, lines: [{LABOUR}]}}", "{hold: customer_missing}"),
        ("{status: Elsewhere}", "{not_due: true}"),
    ],
)
def test_a_job_that_is_not_billed_is_expected_so(job: str, expect: str) -> None:
    assert found(expecting(expect, job)) == []


def test_a_hold_of_another_kind_is_told_with_its_reason() -> None:
    (difference,) = run(expecting("{hold: price_missing}", "{lines: [{kind: fee, total: 9.00}]}")).differences
    assert (difference.what, difference.expected, difference.got) == ("code", "price_missing", "no_rule")


@pytest.mark.parametrize(("contact", "expect"), [("known", "{total: 1150}"), ("new", "{total: 1150}"),
                                                 ("unclear", "{hold: contact_undecided}")])  # fmt: skip
def test_a_test_says_whether_the_customer_is_in_xero(contact: str, expect: str) -> None:
    assert found(expecting(expect, more=f", contact: {contact}")) == []


def test_a_stage_that_is_not_due_fails_with_the_reason() -> None:
    (difference,) = run(expecting("{total: 1.00}", f"{{status: Closed, lines: [{LABOUR}]}}", ", milestone: DEP")).differences
    assert difference.expected == "an invoice"
    assert "DEP is due at 'Accepted'" in difference.got


def test_a_stage_that_the_book_has_not_fails_with_those_it_has() -> None:
    said = "milestone: expected a stage of the book, got no stage DEPO; there are DEP, FIN"
    assert found(expecting("{total: 1.00}", more=", milestone: DEPO")) == [said]
    assert found(expecting("{not_due: true}", more=", milestone: DEPO")) == [said]


TWO_AT_ONCE = book(
    """\
version: 1
effective_from: 2026-01-01
organisation: A
lines: [{id: all, then: {account: "200"}}]
milestones:
  - {code: ONE, name: one, on_status: Completed, amount: {flat: 10.00}}
  - {code: TWO, name: two, on_status: Completed}
"""
)


def test_where_several_stages_are_due_the_test_names_one() -> None:
    several = ["milestone: expected one that is named, as several are due, got ONE, TWO"]
    assert found(expecting("{not_due: true}"), TWO_AT_ONCE) == several
    assert found(expecting("{net: 10.00}", more=", milestone: ONE"), TWO_AT_ONCE) == []


def test_a_job_without_a_status_has_one_at_which_its_stage_is_due() -> None:
    assert found(expecting("{net: 300.00}", more=", milestone: DEP")) == []
    assert found(expecting("{net: 1000.00}")) == []


@pytest.mark.parametrize("billed", ["DEP", "[DEP]", "{DEP: }", "{DEP: {title: Then}}"])
def test_stages_billed_before_are_taken_off(billed: str) -> None:
    assert found(expecting("{net: 700.00}", more=f", billed: {billed}")) == []


def test_a_stage_was_billed_of_the_job_as_it_was_then() -> None:
    then = "{DEP: {lines: [{kind: labour, total: 2000.00}]}}"
    assert found(expecting("{net: 400.00}", more=f", billed: {then}")) == []


@pytest.mark.parametrize(
    ("billed", "said"),
    [("PRG", "billed > PRG: expected a stage of the book, got there are DEP, FIN"),
     ("{DEP: {lines: []}}", "billed > DEP: expected an invoice, got held, no_lines: The job has no lines and no price.")],
)  # fmt: skip
def test_a_stage_that_cannot_have_been_billed_is_said(billed: str, said: str) -> None:
    assert found(expecting("{net: 700.00}", more=f", billed: {billed}")) == [said]


LIFE = f"""
- name: a life
  job:
    customer: {{name: Kowhai Cafe, tags: [trade]}}
    lines: [{LABOUR}]
  steps:
    - {{job: {{status: Accepted}}, today: 2026-03-02, expect: {{net: 300.00, date: 2026-03-02}}}}
    - {{job: {{status: Working}}, expect: {{not_due: true}}}}
    - name: it grows
      job:
        status: Completed
        customer: {{tags: [vip]}}
        more_lines: [{{kind: material, description: Tap, total: 500.00}}]
      expect: {{net: 1200.00, accounts: {{"200": 1000.00, "210": 500.00, "235": -300.00}}}}
  together: {{net: 1500.00, total: 1725.00, accounts: {{"200": 1000.00, "210": 500.00}}, taxes: {{OUTPUT2: 225.00}}}}
"""


def test_steps_tell_the_life_of_a_job() -> None:
    result = run(LIFE)
    assert result.differences == ()
    assert [decision.action if decision else None for decision in result.decisions] == ["bill", None, "bill"]


def test_a_difference_in_a_step_names_the_step() -> None:
    assert found(LIFE.replace("net: 1200.00", "net: 1.00")) == ["step 3 (it grows): net: expected 1.00, got 1200.00"]


def test_what_does_not_add_up_is_told_of_all_steps_together() -> None:
    assert found(LIFE.replace("net: 1500.00", "net: 1.00")) == ["together > net: expected 1.00, got 1500.00"]


CLAIMS = book(
    """\
version: 1
effective_from: 2026-01-01
organisation: A
lines: [{id: all, then: {account: "200"}}]
milestones:
  - {code: DEP, name: deposit, on_status: [Accepted], amount: {percent: 30}, account: "235"}
  - {code: PRG, name: claim, on_status: [Working], amount: {progress: platform}, retention: {percent: 5, account: "236"}}
  - {code: FIN, name: completion, on_status: [Completed], amount: remaining, when_more: bill}
  - {code: RET, name: retention, on_status: [Released], amount: retention}
  - {code: CRD, name: credit, on_status: [Cancelled], amount: credit}
payments: {deposits: deduct, deposit_account: "237"}
"""
)


@pytest.mark.parametrize(
    "test",
    [
        """
- name: a deposit, and the job is cancelled
  job: {lines: [{kind: labour, description: Work, total: 1000.00}]}
  steps:
    - {job: {status: Accepted}, expect: {net: 300.00}}
    - job: {status: Cancelled}
      expect: {credit: {net: 300.00, total: 345.00, invoices: [INV-1], accounts: {"235": 300.00}}}
  together: {net: 0.00, accounts: {}}
""",
        """
- name: claims with retention, a variation, and the retention released
  job: {lines: [{kind: labour, description: Work, total: 1500.00}]}
  steps:
    - {job: {status: Working, claims: {percent: 40}}, expect: {net: 570.00, accounts: {"200": 600, "236": -30}}}
    - {job: {title: The same}, expect: {skip: nothing_due}}
    - {job: {claims: {percent: 70}}, expect: {net: 427.50}}
    - {job: {status: Completed}, expect: {net: 450.00}}
    - {job: {more_lines: [{kind: labour, description: Extra, total: 100.00}]}, expect: {net: 100.00}}
    - {job: {status: Released}, expect: {net: 52.50}}
  together: {net: 1600.00, accounts: {"200": 1600.00}}
""",
        """
- name: a deposit that the job system took
  job:
    payments: [{amount: 115.00, method: card, deposit: true}]
    lines: [{kind: labour, description: Work, total: 1000.00}]
  expect: {total: 1035.00, deposits: [{amount: 115.00, treatment: deduct}], accounts: {"200": 1000, "237": -100}}
""",
    ],
    ids=["cancelled", "claims", "deposit taken"],
)
def test_every_kind_of_stage_can_be_told(test: str) -> None:
    assert found(test, CLAIMS) == []


def test_the_version_under_test_applies_whatever_its_date() -> None:
    assert STAGED.effective_from.year == 2030
    assert found(expecting("{date: 2026-01-31}", f"{{completed: 2026-01-31, lines: [{LABOUR}]}}")) == []


def test_a_test_reaches_the_rules_of_lines_that_are_not_on_the_invoice_too() -> None:
    lines = "[{kind: labour, quantity: 2}, {kind: fee, description: free of charge, total: 1.00}]"
    result = run(expecting("{net: 160.00}", f"{{lines: {lines}}}"))
    assert result.differences == ()
    assert result.touched == {"lines.labour", "lines.drops", "rates.hours", "milestones.FIN"}
    assert untouched(STAGED, result.touched) == ["rule 'parts'", "rule 'asks'", "stage DEP"]


def test_the_organisation_is_what_the_file_says() -> None:
    organisation = 'organisation: {taxes: {OUTPUT2: 10}, accounts: {"200": {archived: true}, "210": null}}\ntests:\n'
    for kind, code in (("labour", "account_archived"), ("material", "account_unknown")):
        text = expecting(f"{{hold: {code}}}", f"{{lines: [{{kind: {kind}, total: 9.00}}]}}")
        (result,) = run_trials(STAGED, parse_trials(organisation + text, "t.yaml"))
        assert result.differences == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests:\n  - name: t\n    exepct: {net: 1}\n", "3:5: test 't' > exepct: unknown key; did you mean 'expect'?"),
        ("tests:\n  - {name: t}\n", "2:5: test 't': give 'expect', or 'steps' that have one each"),
        ("tests: [{name: t, expect: {}}]\n",
         "1:27: test 't' > expect: is empty; say what is expected, such as total: 230.00, or hold: no_rule"),
        ("tests: [{name: t, expect: {hold: x, net: 1}}]\n",
         "1:27: test 't' > expect: 'hold' stands alone: nothing else can be expected with it"),
        ("tests: [{name: t, expect: {net: much}}]\n", "1:33: test 't' > expect > net: 'much' is not a number"),
        ("tests: [{name: t, job: {lines: [{total: 1}]}, expect: {net: 1}}]\n",
         "1:33: test 't' > job > lines > item 1 > kind: is missing"),
        ("tests: [{name: t, expect: {net: 1}}, {name: t, expect: {net: 1}}]\n",
         "1:45: test 't' > name: 't' is used twice; first in line 1"),
        ("organisation: {accounts: {200: {tpye: income}}}\n",
         "1:33: organisation > accounts > 200 > tpye: unknown key; did you mean 'type'?"),
        ("tests: *x\n", "1:8: tests: aliases are not used in test files; a text that begins with * is quoted: \"*x\""),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_test_file_is_located_and_said_in_plain_words(text: str, said: str) -> None:
    assert said in complaints(text)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_the_tests_of_a_book_of_ours_pass_and_reach_all_of_it(path: Path) -> None:
    suite = run_suite(load_book(path), load_trials(trial_files(path.parent)))
    assert [(result.name, result.differences) for result in suite.failed] == []
    assert suite.untouched == ()
    assert len(suite.results) > 4


def test_what_fails_is_told_in_a_line_each_before_a_version_is_published(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    assert failed_trials(STAGED, tmp_path) == []
    tests.mkdir()
    (tests / "organisation.yaml").write_text("organisation: {taxes: {OUTPUT2: 15}}\n")
    (tests / "a.yaml").write_text(f"tests:\n  {expecting('{net: 1.00, tax: 150.00, total: 2.00}')}\n")
    assert failed_trials(STAGED, tmp_path) == [
        f"{tests / 'a.yaml'}:2: t: net: expected 1.00, got 1000.00 (and 1 more)",
    ]
    (tests / "b.yaml").write_text("tests: 5\n")
    assert failed_trials(STAGED, tmp_path) == [f"{tests / 'b.yaml'}:1:8: tests: '5' is not a list"]


SHIPPED = (MAPPINGS / "albion-fitout" / "tests" / "stages.yaml").read_text(encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SHIPPED)), st.integers(0, 30), st.text("{}[]:,-\"'&*!#|> \n\taD0", max_size=6))
def test_a_damaged_test_file_is_read_or_has_located_errors(at: int, cut: int, instead: str) -> None:
    errors: tuple[Located, ...] = ()
    try:
        parse_trials(SHIPPED[:at] + instead + SHIPPED[at + cut :], "t.yaml")
    except RuleBookErrors as problem:
        errors = problem.errors
    assert all(error.line > 0 and error.column > 0 for error in errors)


def test_only_tests_whose_name_holds_a_text_are_run_if_wanted() -> None:
    text = "- {name: One, expect: {net: 1}}\n- {name: two, expect: {net: 1}}\n"
    assert [result.name for result in run_trials(STAGED, file(text), "ONE")] == ["One"]
    assert run_suite(STAGED, [file(text)], "one").untouched == ()


def test_every_figure_of_a_line_can_be_given() -> None:
    line = (
        "{kind: material, description: Tap, code: T1, category: c, section: s, quantity: 2, unit: pc, price: 10.00, "
        "price_inc: 11.50, total: 18.00, total_inc: 20.70, cost: 5.00, discount: 10, "
        "tax: {name: GST, rate: 15, amount: 2.70}, billable: true, staff: w, worked_on: 2026-01-02, account_hint: h, "
        "tracking_hints: {a: b}, already_invoiced: 0}"
    )
    (trial,) = file(expecting("{net: 18.00}", f"{{lines: [{line}]}}")).trials
    (made,) = job_of(trial.job, "x").lines
    assert (made.unit_price_ex, made.unit_cost, made.discount_rate) == (Decimal("10.00"), Decimal("5.00"), Decimal(10))
    assert (made.total_ex, made.total_inc) == (Decimal("18.00"), Decimal("20.70"))
    assert all(value is not None for name, value in made if name != "discount_amount")
