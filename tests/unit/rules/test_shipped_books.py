"""The books that come with Milepost fit the businesses of the sandbox: accounts, taxes, tracking, designs, statuses."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from milepost.platforms.servicem8.settings import STATUSES
from milepost.rules.model import RuleBook
from milepost.rules.versions import BookFolder
from sandbox.fieldbook.builder import as_item
from sandbox.fieldbook.records import STATES
from sandbox.servicem8.builder import TAX_RATES
from sandbox.worlds.albion import FLATS, RECEPTION
from sandbox.xero.organisations import demo_organisations
from sandbox.xero.tenant import Organisation

FOLDER = BookFolder(Path(__file__).parents[3] / "mappings")
ORGANISATIONS = demo_organisations()
PAIRS = [("kauri-plumbing", "nz"), ("albion-fitout", "uk"), ("southern-electrical", "au")]


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[0])
def pair(request: pytest.FixtureRequest) -> tuple[RuleBook, Organisation]:
    """A book, and the organisation it bills into."""
    name, key = request.param
    return FOLDER.latest(name), ORGANISATIONS[key]


def _accounts(book: RuleBook) -> Iterable[str]:
    yield from (rule.then.account for rule in book.lines if rule.then.account)
    yield from (milestone.account for milestone in book.milestones if milestone.account)
    yield from book.payments.accounts.values()
    yield from filter(None, (book.payments.fees, book.payments.surcharges, book.fallback and book.fallback.account))


def test_every_account_is_active_in_the_organisation(pair: tuple[RuleBook, Organisation]) -> None:
    book, org = pair
    active = {account.code for account in org.accounts if account.status == "ACTIVE" and not account.system_account}
    assert set(_accounts(book)) <= active


def test_every_tax_type_is_the_organisations(pair: tuple[RuleBook, Organisation]) -> None:
    book, org = pair
    assert set(book.taxes.values()) <= set(org.tax_rates)


def test_tracking_and_designs_are_the_organisations(pair: tuple[RuleBook, Organisation]) -> None:
    book, org = pair
    categories = {category.name: {option.name for option in category.options} for category in org.tracking}
    assert set(book.invoice.tracking) <= set(categories)
    for rule in book.lines:
        for category, option in (rule.then.tracking or {}).items():
            assert option in categories[category]
    designs = {milestone.invoice.branding_theme for milestone in book.milestones} - {None}
    assert designs <= {theme.name for theme in org.themes}


def test_the_organisations_name_is_the_books(pair: tuple[RuleBook, Organisation]) -> None:
    book, org = pair
    assert book.organisation == org.name


@pytest.mark.parametrize(
    ("name", "statuses"), [("kauri-plumbing", STATUSES), ("albion-fitout", STATES), ("southern-electrical", STATES)]
)
def test_every_status_is_one_the_job_system_has(name: str, statuses: tuple[str, ...]) -> None:
    used = {status for milestone in FOLDER.latest(name).milestones for status in milestone.on_status}
    assert used <= set(statuses)


def test_every_tax_of_the_job_systems_is_mapped() -> None:
    assert {name for name, _ in TAX_RATES["NZD"]} <= set(FOLDER.latest("kauri-plumbing").taxes)
    albion = {as_item(item, "GBP").tax_code for item in (*RECEPTION, *FLATS)}
    assert albion == set(FOLDER.latest("albion-fitout").taxes)
    assert as_item(("x", "1", "1"), "AUD").tax_code in FOLDER.latest("southern-electrical").taxes
