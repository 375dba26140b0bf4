"""Coding and the invoice round its lines: accounts, taxes, items, tracking, number, reference, currency, link, contact."""

from typing import Any

import pytest

from milepost.billing.decision import Undecided
from milepost.chart import TaxRate
from milepost.jobs import Line
from tests.unit.billing.builders import (
    STAGES,
    account,
    after,
    billed,
    book,
    chart,
    customer,
    discount,
    fee,
    held,
    job,
    labour,
    material,
)

HOUR = labour(1, 95)


def coded(then: str) -> Any:
    """A book with one rule."""
    return book(rules=f"- {{id: all, then: {then}}}")


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ("{account: '999'}", "account_unknown"),
        ("{account: '240'}", "account_archived"),
        ("{account: '800'}", "account_system"),
        ("{account: '090'}", "account_system"),
        ("{account: '860'}", None),
        ("{account: '270'}", "tax_missing"),
        ("{account: '200', tax: NOSUCH}", "tax_unknown"),
        ("{account: '200', tax: OLD}", "tax_unknown"),
        ("{account: '200', tax: INPUT}", "tax_not_allowed"),
        ("{account: '235', tax: INCOMEONLY}", "tax_not_allowed"),
        ("{account: '200', tax: INCOMEONLY}", None),
        ("{account: '620', tax: INCOMEONLY}", "tax_not_allowed"),
        ("{account: '620', tax: OUTPUT}", None),
        ("{account: '200', tax: ODD}", "tax_not_allowed"),
        ("{account: '200', item: LAB}", None),
        ("{account: '200', item: ' LAB '}", None),
        ("{account: '200', item: LABB}", "item_unknown"),
        ("{account: '200', item: '{{ line.code }}'}", None),  # nothing: no item
        ("{account: '200', tracking: {region: north}}", None),
        ("{account: '200', tracking: {Regoin: North}}", "tracking_unknown"),
        ("{account: '200', tracking: {Region: South}}", "tracking_option_unknown"),
        ("{account: '200', tracking: {Region: '{{ job.reference }}'}}", None),  # nothing: not tracked
        ("{account: '200', description: '{{ job.site.name }}'}", "template"),
    ],
)
def test_what_xero_would_refuse_is_held_before_it_is_asked(then: str, code: str | None) -> None:
    known = chart(
        account("240", "Old", status="ARCHIVED"),
        account("800", "Payables", system_account="CREDITORS"),
        account("090", "Bank", type="BANK"),
        account("860", "Rounding", system_account="ROUNDING"),
        account("270", "Interest", tax=None),
        account("620", "Retentions", type="CURRENT", klass="ASSET"),
    )
    more = (
        TaxRate(tax_type="OLD", name="Old", effective_rate=12, status="ARCHIVED"),
        TaxRate(tax_type="INPUT", name="Purchases", effective_rate=15, can_apply_to_revenue=False),
        TaxRate(
            tax_type="INCOMEONLY",
            name="Income",
            effective_rate=15,
            can_apply_to_liabilities=False,
            can_apply_to_assets=False,
        ),
        TaxRate(tax_type="ODD", name="Odd", effective_rate=-5),
    )
    known = known.model_copy(update={"tax_rates": (*known.tax_rates, *more)})
    decision = held(job(HOUR), coded(then), chart=known) if code else billed(job(HOUR), coded(then), chart=known)
    assert getattr(decision, "code", None) == code


def test_a_hold_names_what_was_probably_meant_and_where_it_is_written() -> None:
    hold = held(job(HOUR), coded("{account: '200', item: LABB}"))
    assert hold.fix == "Add it in Xero, or leave 'item' out of the rule at book.yaml:7. Did you mean 'LAB'?"


def test_tracking_is_sent_in_xeros_own_words_and_each_category_once() -> None:
    """The rule's choice wins over the invoice's, however the category is written."""
    rules = "- {id: all, then: {account: '200', tracking: {region: north}}}"
    line = billed(job(HOUR), book(rules=rules, invoice="{tracking: {REGION: South}}")).draft.lines[0]
    assert [(choice.category, choice.option) for choice in line.tracking] == [("Region", "North")]


@pytest.mark.parametrize(
    ("line", "by_rule", "tax_type", "from_"),
    [
        (labour(1, 95), "", "OUTPUT", "account 200's own"),
        (labour(1, 95, tax="Free"), "", "ZERO", "taxes > Free"),
        (labour(1, 95, tax="free", rate=0), "", "ZERO", "taxes > free"),
        (labour(1, 95, tax="Unheard of", rate=7), ", tax: FIVE", "FIVE", "the rule"),
    ],
)
def test_the_tax_comes_from_the_rule_else_the_platforms_name_else_the_account(
    line: Line, by_rule: str, tax_type: str, from_: str
) -> None:
    found = billed(job(line), coded(f"{{account: '200'{by_rule}}}")).draft.lines[0]
    assert (found.tax_type, found.why.tax_from) == (tax_type, from_)


def test_every_line_says_why() -> None:
    why = billed(job(material(2, 40, description="Tap", id="m1"))).draft.lines[0].why
    assert (why.rule, why.where, why.source_lines) == ("material", "book.yaml:8", ("m1",))
    assert (why.account_from, why.tax_from, why.amount_from) == (
        "rule 'material'", "account 210's own", "quantity times the price before tax",
    )  # fmt: skip
    assert [(r.rule, r.condition, r.wanted, r.seen) for r in why.rejected] == [("labour", "kind", "labour", "material")]


@pytest.mark.parametrize(
    ("template", "said", "number", "code"),
    [
        ("xero", {}, None, None),
        ("{{ job.number }}-{{ milestone.code }}", {}, "1482-FIN", None),
        ("  {{ job.number }}  A ", {}, "1482 A", None),
        ("{{ job.reference }}", {}, None, "number_empty"),
        ("{{ job.title }}", {"title": "x" * 255}, "x" * 255, None),
        ("{{ job.title }}", {"title": "x" * 256}, None, "number_too_long"),
        ("{{ job.site.name }}", {}, None, "template"),
    ],
)
def test_the_number_is_xeros_or_the_templates_and_never_cut_or_left_out(
    template: str, said: dict[str, Any], number: str | None, code: str | None
) -> None:
    numbered = book(invoice=f"{{number: '{template}'}}")
    if code:
        assert held(job(HOUR, **said), numbered).code == code
    else:
        assert billed(job(HOUR, **said), numbered).draft.number == number


def test_stages_of_one_number_are_told_apart_before_xero_refuses_the_second() -> None:
    numbered = book(STAGES, invoice="{number: '{{ job.number }}'}")
    deposit = billed(job(HOUR), numbered, stage="DEP")
    hold = held(job(HOUR), numbered, history=after(deposit))
    assert hold.code == "number_taken"
    assert "{{ milestone.code }}" in hold.fix


def test_a_long_reference_is_cut_since_nothing_hangs_on_it() -> None:
    draft = billed(job(HOUR, title="x" * 300), book(invoice="{reference: '{{ job.title }}'}")).draft
    assert draft.reference == "x" * 255


@pytest.mark.parametrize(
    ("setting", "said", "currency", "code"),
    [
        ("job", {}, "NZD", None),
        ("job", {"currency": "aud"}, "AUD", None),
        ("job", {"customer": customer(currency="AUD")}, "AUD", None),
        ("AUD", {}, "AUD", None),
        ("AUD", {"currency": "NZD"}, None, "currency_differs"),  # 100 dollars are not 100 of another
        ("job", {"currency": "USD"}, None, "currency_not_subscribed"),
    ],
)
def test_the_currency_is_the_jobs_and_never_another(
    setting: str, said: dict[str, Any], currency: str | None, code: str | None
) -> None:
    known, in_book = chart(currencies=("NZD", "AUD")), book(invoice=f"{{currency: {setting}}}")
    if code:
        assert held(job(HOUR, **said), in_book, chart=known).code == code
    else:
        assert billed(job(HOUR, **said), in_book, chart=known).draft.currency == currency


@pytest.mark.parametrize("address", ["http://console.example", "http://console.example/"])
def test_the_invoice_links_back_to_its_billing(address: str) -> None:
    bill = billed(job(HOUR), console_url=address)
    assert bill.draft.url == f"http://console.example/b/{bill.key.id}"


def test_a_link_that_xero_would_refuse_is_held() -> None:
    assert held(job(HOUR), console_url="http://Xero-billing.example").code == "url_refused"


@pytest.mark.parametrize(
    ("said", "contact", "code"),
    [
        ({"customer": None}, None, "customer_missing"),
        ({}, None, "customer_missing"),
        ({}, Undecided(customer_id="c1", why="Two fit.", fix="Choose."), "contact_undecided"),
    ],
)
def test_nobody_is_billed_whom_nobody_knows(said: dict[str, Any], contact: Any, code: str) -> None:
    assert held(job(HOUR, **said), contact=contact).code == code


def test_all_that_is_wrong_with_a_job_is_told_at_once() -> None:
    wrong = job(material(1, id="m"), fee(1, 5, tax="VAT", id="f"), customer=None)
    hold = held(wrong, contact=None)
    assert (hold.code, hold.book, hold.book_version, hold.fingerprint) == ("customer_missing", "acme", 1, wrong.fingerprint)
    for part in ("no customer", "has no price", "'VAT' is not mapped"):
        assert part in hold.why
    many = held(job(*(material(1, id=str(n), description=f"Part {n}") for n in range(9))))
    assert many.why.endswith("And 4 more of the kind.")


def test_an_unknown_invoice_design_is_held_and_a_known_one_sent_by_its_id() -> None:
    assert held(job(HOUR), book(invoice="{branding_theme: Standart}")).fix.endswith("Did you mean 'Standard'?")
    assert billed(job(HOUR), book(invoice="{branding_theme: standard}")).draft.branding_theme_id == "b1"


@pytest.mark.parametrize(
    ("reported", "warned"),
    [
        ({"inc": "109.25"}, None),
        ({"inc": "109.26"}, "109.26 with tax; by Xero's arithmetic the job's invoices come to 109.25"),
        ({"ex": "95.00"}, None),
        ({"ex": "96.00"}, "96.00 before tax; by Xero's arithmetic the job's invoices come to 95.00"),
    ],
)
def test_a_cent_of_difference_to_the_platforms_total_is_told(reported: dict[str, str], warned: str | None) -> None:
    told = billed(job(HOUR, reported_totals=reported)).warnings
    assert [warned in one for one in told] == [True] if warned else told == ()


def test_a_milestone_lays_its_own_settings_over_the_books() -> None:
    stages = """
    - {code: FIN, name: f, on_status: [Completed], invoice: {status: AUTHORISED, email: true, reference: Final}}
    """
    draft = billed(job(HOUR), book(stages, invoice="{terms: {days: 3}, reference: R}")).draft
    assert (draft.status, draft.email, draft.reference, draft.due_date.day) == ("AUTHORISED", True, "Final", 5)


def test_a_time_zone_that_does_not_exist_is_refused_where_the_job_is_made() -> None:
    with pytest.raises(ValueError, match="'Pacific/Aukland' is not an IANA time zone"):
        job(HOUR, account_tz="Pacific/Aukland")


def test_a_job_without_any_rule_for_a_line_names_the_line() -> None:
    hold = held(
        job(discount(1, -5, description="Rebate", code="RB")),
        book(rules="- {id: a, when: {kind: fee}, then: {account: '200'}}"),
    )
    assert (hold.code, "line 'Rebate' (kind discount, code RB)" in hold.why) == ("no_rule", True)


def test_the_same_job_has_the_same_decision_and_its_billing_the_same_id() -> None:
    """The id is made from connection, job and milestone, so that links in Xero outlive a lost ledger."""
    first, again = billed(job(HOUR)), billed(job(HOUR))
    assert first == again
    assert first.key.id == again.key.id
    assert first.key.id != billed(job(HOUR, id="j2")).key.id
    assert first.key.id != billed(job(HOUR), connection="other").key.id
