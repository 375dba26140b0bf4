"""A book held against the chart: what Xero would refuse is an error at its place, with the nearest value that would do."""

from dataclasses import replace
from textwrap import indent

import pytest

from milepost.chart import BrandingTheme, Chart, TaxRate, TrackingCategory
from milepost.rules.chart_lint import lint_chart
from milepost.rules.issues import Severity
from milepost.rules.load import parse_book
from milepost.rules.model import RuleBook
from tests.unit.billing.builders import account, chart

GOOD = '- {id: rest, then: {account: "200"}}'
ORGANISATION = chart(
    account("240", "Old labour", status="ARCHIVED"),
    account("310", "Cost of goods", "EXPENSE"),
    account("610", "Receivable", "ASSET", system_account="DEBTORS"),
    account("620", "Retentions receivable", "ASSET"),
    account("090", "Bank", "ASSET", type="BANK"),
    account("830", "Vouchers", "LIABILITY", enable_payments=True),
    currencies=("NZD", "AUD"),
    tracking=(
        *chart().tracking,
        TrackingCategory(category_id="t2", name="Old", status="ARCHIVED"),
    ),
    branding=(BrandingTheme(theme_id="b1", name="Standard"),),
).model_copy(
    update={
        "tax_rates": (
            *chart().tax_rates,
            TaxRate(tax_type="INPUT", name="GST on Expenses", effective_rate=15, can_apply_to_revenue=False),
            TaxRate(tax_type="GONE", name="Old GST", effective_rate=12, status="ARCHIVED"),
        )
    }
)


def made(lines: str = GOOD, more: str = "", stages: str = "[{code: FIN, name: f, on_status: done}]") -> RuleBook:
    """A book that is well in every other way."""
    head = "version: 1\neffective_from: 2026-07-01\norganisation: ACME\n"
    return parse_book(f"{head}lines:\n{indent(lines, '  ')}\nmilestones: {stages}\n{more}\n", "b.yaml", "acme")


def told(book: RuleBook, against: Chart = ORGANISATION) -> list[tuple[str, str, str, str | None]]:
    """Severity, code, place and suggestion of each issue."""
    return [(str(i.severity), i.code, i.trail, i.suggestion) for i in lint_chart(book, against)]


def test_a_book_of_what_the_organisation_has_is_in_order() -> None:
    assert told(made()) == []


@pytest.mark.parametrize(
    ("then", "code", "key", "suggestion"),
    [
        ("account: '2000'", "account_unknown", "account", "200"),
        ("account: Materials", "account_unknown", "account", "210"),
        ("account: '240'", "account_archived", "account", None),
        ("account: '610'", "account_system", "account", None),
        ("account: '090'", "account_system", "account", None),
        ("account: '200', tax: OUTPT", "tax_unknown", "tax", "OUTPUT"),
        ("account: '200', tax: GONE", "tax_unknown", "tax", None),
        ("account: '200', tax: INPUT", "tax_not_allowed", "tax", "OUTPUT"),
        ("account: '200', item: LABB", "item_unknown", "item", "LAB"),
        ("account: '200', tracking: {Regin: North}", "tracking_unknown", "tracking > Regin", "Region"),
        ("account: '200', tracking: {Old: x}", "tracking_unknown", "tracking > Old", None),
        ("account: '200', tracking: {region: Nord}", "tracking_option_unknown", "tracking > region", "North"),
        ("account: '200', tracking: {Region: South}", "tracking_option_unknown", "tracking > Region", "North"),
    ],
)
def test_what_a_rule_names_and_xero_would_refuse_is_an_error(then: str, code: str, key: str, suggestion: str | None) -> None:
    ((severity, found, trail, near),) = told(made(f"- {{id: taps, then: {{{then}}}}}"))
    assert (severity, found, trail) == ("error", code, f"rule 'taps' > then > {key}")
    assert near == suggestion


@pytest.mark.parametrize(
    "then",
    [
        "account: '200', item: '{{ line.code }}', tracking: {Region: '{{ job.site.region }}'}",
        "account: '200', item: ''",
        "account: '200', tax: ZERO, tracking: {region: north}",
        "treat: drop, account: '240'",
    ],
)
def test_templates_and_what_is_not_billed_are_left_to_the_jobs(then: str) -> None:
    assert told(made(f"- {{id: taps, then: {{{then}}}}}\n{GOOD}")) == []


def test_a_category_is_known_to_be_gone_even_where_its_option_is_a_template() -> None:
    found = told(made("- {id: taps, then: {account: '200', tracking: {Branch: '{{ job.site.region }}'}}}"))
    assert [code for _, code, _, _ in found] == ["tracking_unknown"]


@pytest.mark.parametrize(
    ("more", "stages", "said"),
    [
        ("", "[{code: D, name: d, on_status: x, amount: {percent: 30}, account: '999'}, {code: F, name: f, on_status: y}]",
         ("error", "account_unknown", "milestone 'D' > account")),
        ("", ("[{code: D, name: d, on_status: x, amount: {percent: 30}, account: '235', tax: FIV}, "
         "{code: F, name: f, on_status: y}]"), ("error", "tax_unknown", "milestone 'D' > tax")),
        ("", "[{code: D, name: d, on_status: x, amount: {percent: 30}, tax: INPUT}, {code: F, name: f, on_status: y}]",
         ("error", "tax_not_allowed", "milestone 'D' > tax")),
        ("", "[{code: D, name: d, on_status: x, amount: {percent: 30}, account: '310'}, {code: F, name: f, on_status: y}]",
         ("warning", "account_type", "milestone 'D' > account")),
        ("", "[{code: D, name: d, on_status: x, retention: {percent: 5, account: '999'}}]",
         ("error", "account_unknown", "milestone 'D' > retention > account")),
        ("", "[{code: D, name: d, on_status: x, invoice: {branding_theme: Standrd}}]",
         ("error", "branding_unknown", "milestone 'D' > invoice > branding_theme")),
        ("", "[{code: D, name: d, on_status: x, invoice: {tracking: {Region: Nord}}}]",
         ("error", "tracking_option_unknown", "milestone 'D' > invoice > tracking > Region")),
        ("invoice: {branding_theme: Nice}", None, ("error", "branding_unknown", "invoice > branding_theme")),
        ("invoice: {currency: USD}", None, ("error", "currency_not_subscribed", "invoice > currency")),
        ("invoice: {tracking: {Region: Nord}}", None, ("error", "tracking_option_unknown", "invoice > tracking > Region")),
        ("taxes: {GST: OUTPUT, Old: GONE}", None, ("error", "tax_unknown", "taxes > Old")),
        ("taxes: {GST: INPUT}", None, ("error", "tax_not_allowed", "taxes > GST")),
        ("fallback: {account: '999'}", None, ("error", "account_unknown", "fallback > account")),
        ("payments: {accounts: {card: '200'}}", None, ("error", "account_no_payments", "payments > accounts > card")),
        ("payments: {accounts: {card: '999'}}", None, ("error", "account_no_payments", "payments > accounts > card")),
        ("payments: {fees: '999'}", None, ("error", "account_unknown", "payments > fees")),
        ("payments: {deposits: deduct, deposit_account: '999'}", None,
         ("error", "account_unknown", "payments > deposit_account")),
    ],
)  # fmt: skip
def test_the_other_parts_of_a_book(more: str, stages: str | None, said: tuple[str, str, str]) -> None:
    (found,) = told(made(more=more, stages=stages) if stages else made(more=more))
    assert found[:3] == said


@pytest.mark.parametrize(
    "more",
    [
        "invoice: {currency: AUD, branding_theme: standard}",
        "invoice: {line_amounts: no_tax}\ntaxes: {GST: NOSUCH}",
        "payments: {accounts: {card: '090', gift_card: '830'}, fees: '310', surcharges: '200'}",
        "payments: {deposits: deduct, deposit_account: '235', deposit_tax: OUTPUT}",
    ],
)
def test_what_the_organisation_has_is_no_issue(more: str) -> None:
    assert told(made(more=more)) == []


def test_income_that_goes_to_an_expense_account_is_only_a_warning() -> None:
    (found,) = lint_chart(made("- {id: taps, then: {account: '310'}}"), ORGANISATION)
    assert found.severity is Severity.WARNING
    assert found.message == "Account 310 (Cost of goods) is an expense account; an income account is expected here."


def test_a_book_of_another_organisation_is_a_warning() -> None:
    other = ORGANISATION.model_copy(update={"organisation": ORGANISATION.organisation.model_copy(update={"name": "Kauri"})})
    assert told(made(), other) == [("warning", "organisation_differs", "organisation", "Kauri")]


def test_an_error_says_its_line_and_the_fix() -> None:
    (found,) = lint_chart(made("- {id: taps, then: {account: '240'}}"), ORGANISATION)
    assert str(replace(found, column=1)) == (
        "b.yaml:5:1: error: rule 'taps' > then > account: Account 240 (Old labour) is archived in Xero. "
        "Fix: Restore it in Xero, or name another account at b.yaml:5. (account_archived)"
    )


@pytest.mark.parametrize(
    ("said", "trail"),
    [
        ("amount: {percent: 30}, account: '235'", "milestone 'DEP' > account"),
        ("amount: {percent: 30}, retention: {percent: 5, account: '235'}", "milestone 'DEP' > retention > account"),
    ],
)
def test_an_account_that_goes_with_none_of_the_taxes_of_the_lines_is_an_error(said: str, trail: str) -> None:
    stages = f"[{{code: DEP, name: d, on_status: a, {said}}}]"
    refusing = tuple(
        rate.model_copy(update={"can_apply_to_liabilities": rate.tax_type != "OUTPUT"}) for rate in ORGANISATION.tax_rates
    )
    against = ORGANISATION.model_copy(update={"tax_rates": refusing})
    assert told(made(more="taxes: {GST: OUTPUT}", stages=stages), against) == [("error", "tax_not_allowed", trail, None)]
    assert told(made(more="taxes: {GST: OUTPUT, Free: ZERO}", stages=stages), against) == []
    assert told(made(more="taxes: {GST: OUTPUT}", stages=stages)) == []


@pytest.mark.parametrize(("code", "meant"), [("205", "200"), ("2.10", "210"), ("299", None)])
def test_a_proposed_account_may_be_billed_and_the_fix_proposes_no_other(code: str, meant: str | None) -> None:
    against = chart(account("429", "General expenses", "EXPENSE"))
    (found,) = lint_chart(made(f"- {{id: a, then: {{account: '{code}'}}}}"), against)
    assert found.suggestion == meant
    assert (f"Did you mean '{meant}'?" in found.fix) is (meant is not None)
    assert "429" not in found.fix
