"""A first book: proposed from the chart and the last jobs; it loads, its codes exist, and it says what to decide."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost.billing.decision import Bill
from milepost.chart import Account, Chart, Organisation, TaxRate, TrackingCategory, TrackingOption
from milepost.errors import ConfigError
from milepost.jobs import Job, Line, LineKind, Payment, Stage, TaxMode, Totals
from milepost.rules.issues import Severity
from milepost.rules.lint import lint_book
from milepost.rules.load import parse_book
from milepost.rules.model import RuleBook
from milepost.rules.propose import propose
from tests.unit.billing.builders import customer, decided, discount, fee, job, labour, material, subcontract

TODAY = date(2026, 7, 10)


def _account(code: str, name: str, type_: str = "REVENUE", tax: str | None = "OUTPUT2", **said: str) -> Account:
    klass = "LIABILITY" if type_ == "CURRLIAB" else "REVENUE" if type_ != "EXPENSE" else "EXPENSE"
    return Account(code=code, account_id=f"a{code}", name=name, type=type_, klass=klass, tax_type=tax, **said)


def _rate(tax_type: str, name: str, percent: str, *, revenue: bool = True) -> TaxRate:
    return TaxRate(tax_type=tax_type, name=name, effective_rate=Decimal(percent), can_apply_to_revenue=revenue)


CHART = Chart(
    organisation=Organisation(organisation_id="o", name="Kauri: Plumbing #1", base_currency="NZD"),
    accounts=(
        _account("270", "Interest Income", "OTHERINCOME"),
        _account("210", "Materials & Parts"),
        _account("200", "Sales", "SALES"),
        _account("203", "After-hours Labour"),
        _account("201", "Labour"),
        _account("204", "Hot Water"),
        _account("0235", "Customer Deposits", "CURRLIAB"),
        _account("299", "Old Labour", status="ARCHIVED"),
        _account("400", "Subcontractors", "EXPENSE"),
    ),
    tax_rates=(
        _rate("OUTPUT2", "15% GST on Income", "15"),
        _rate("INPUT2", "15% GST on Expenses", "15", revenue=False),
        _rate("ZERORATED", "Zero Rated", "0"),
        _rate("NONE", "No GST", "0"),
    ),
)


def _jobs(count: int = 4) -> list[Job]:
    lines = (
        labour(2, 95, id="l1", code="LAB", tax="GST", rate=15),
        labour(1, 150, id="l2", code="AH1", description="After hours labour", tax="GST", rate=15),
        material(1, 50, id="m1", tax="Export", rate=0, category="Hot water"),
        subcontract(1, 80, id="s1", tax="GST", rate=15),
        discount(1, -5, id="d1", tax="GST", rate=15),
    )
    return [job(*lines, id=f"j{n}", number=str(n)) for n in range(count)]


def _proposed(jobs: list[Job], chart: Chart = CHART) -> tuple[str, RuleBook]:
    text = propose("acme", chart, jobs, TODAY)
    return text, parse_book(text, "mappings/acme/v0001.yaml", "acme")


def _errors(book: RuleBook) -> list[str]:
    return [str(issue) for issue in lint_book(book) if issue.severity is Severity.ERROR]


def test_it_loads_has_no_lint_error_and_names_only_accounts_that_are_there() -> None:
    _, book = _proposed(_jobs())
    assert _errors(book) == []
    assert {rule.then.account for rule in book.lines} - {None} <= {a.code for a in CHART.accounts if a.status == "ACTIVE"}


def test_each_kind_goes_to_the_account_that_is_named_after_it_else_to_the_general_one() -> None:
    text, book = _proposed(_jobs())
    accounts = {rule.id: rule.then.account for rule in book.lines}
    assert accounts["labour"] == "201"
    assert accounts["materials"] == "210"
    assert accounts["subcontractors"] == accounts["everything-else"] == "200"
    assert "DECIDE: no account is named after it" in text
    assert book.lines[-1].id == "everything-else"
    assert not book.lines[-1].when.model_fields_set


def test_a_code_or_category_that_an_account_is_named_after_gets_a_rule_above_its_kind() -> None:
    _, book = _proposed(_jobs())
    names = [rule.id for rule in book.lines]
    after_hours, hot_water = names.index("after-hours-labour"), names.index("hot-water")
    assert book.lines[after_hours].when.code == ("AH1",)
    assert book.lines[hot_water].when.category == ("Hot water",)
    assert max(after_hours, hot_water) < names.index("labour")


def test_it_says_how_often_everything_was_seen() -> None:
    text, _ = _proposed(_jobs(3))
    assert "seen 6 times in 3 jobs" in text
    assert "its codes: AH1 (3), LAB (3)" in text


def test_a_tax_is_mapped_by_its_rate_and_one_that_may_be_several_is_left_to_the_accountant() -> None:
    text, book = _proposed(_jobs())
    assert book.taxes == {"GST": "OUTPUT2"}
    assert '# DECIDE: "Export"' in text
    assert "ZERORATED (Zero Rated, 0%), NONE (No GST, 0%)" in text


def test_a_tax_called_as_in_xero_is_that_tax() -> None:
    called = job(material(1, 5, tax="zero rated", rate=0))
    assert _proposed([called])[1].taxes == {"zero rated": "ZERORATED"}


def test_the_last_stage_is_due_at_the_statuses_that_completed_jobs_have() -> None:
    done = [*_jobs(2), job(status="Invoiced", stage=Stage.INVOICED, id="i"), job(status="Quote", stage=Stage.QUOTE, id="q")]
    text, book = _proposed(done)
    assert [(m.code, m.amount, m.on_status) for m in book.milestones] == [("FIN", "remaining", ("Completed", "Invoiced"))]
    assert 'on_status: ["Quote"], amount: {percent: 30}, account: "0235"' in text


def test_it_begins_with_the_first_job_that_was_looked_at() -> None:
    assert _proposed(_jobs())[1].effective_from == date(2026, 7, 2)
    assert _proposed([])[1].effective_from == TODAY


def test_prices_that_hold_tax_terms_currencies_tracking_and_payments_are_taken_up_or_asked_about() -> None:
    chart = CHART.model_copy(
        update={
            "tracking": (
                TrackingCategory(category_id="t", name="Region", options=(TrackingOption(option_id="o", name="North"),)),
            )
        }
    )
    paid = job(
        fee(1, 20),
        labour(2, None, id="l9"),
        tax_mode=TaxMode.INCLUSIVE,
        customer=customer(terms_days=20),
        currency="AUD",
        payments=(Payment(id="p", amount=Decimal(5), method="card", is_deposit=True),),
    )
    text, book = _proposed([paid, job(id="j9", reported_totals=Totals(ex=Decimal(100)))], chart)
    assert (book.invoice.line_amounts, book.invoice.terms.days) in {("inclusive", 20), ("exclusive", 20)}
    assert book.fallback
    for asked in ("track Region", "AUD 1 times", "payments were taken", "hours without a price"):
        assert asked in text


def test_an_organisation_without_sales_tax_bills_none() -> None:
    untaxed = CHART.model_copy(update={"organisation": CHART.organisation.model_copy(update={"pays_tax": False})})
    assert _proposed(_jobs(), untaxed)[1].invoice.line_amounts == "no_tax"


def test_without_any_income_account_the_chart_is_to_be_mended_first() -> None:
    with pytest.raises(ConfigError, match="no active income account"):
        propose("acme", Chart(organisation=CHART.organisation), _jobs(), TODAY)


def test_the_same_jobs_make_the_same_text_in_whatever_order() -> None:
    jobs = _jobs()
    assert propose("acme", CHART, jobs, TODAY) == propose("acme", CHART, jobs[::-1], TODAY)


def test_what_it_proposes_bills_the_jobs_it_was_made_from() -> None:
    jobs = [job(labour(2, 95, tax="GST", rate=15), material(1, 50, tax="GST", rate=15), id=f"j{n}") for n in range(3)]
    _, book = _proposed(jobs)
    assert all(isinstance(decided(one, book, chart=CHART), Bill) for one in jobs)


_TEXTS = st.text(max_size=20)


@given(st.lists(st.tuples(st.sampled_from(LineKind), _TEXTS, _TEXTS, _TEXTS), max_size=6), _TEXTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_people_have_called_things_the_book_loads(said: list[tuple[LineKind, str, str, str]], status: str) -> None:
    lines = [
        Line(id=str(n), kind=kind, code=code, category=category, tax={"name": tax, "rate": "15"})
        for n, (kind, code, category, tax) in enumerate(said)
    ]
    odd = [job(*lines, id=f"j{n}").model_copy(update={"raw_status": status}) for n in range(3)]
    _, book = _proposed(odd)
    assert _errors(book) == []
