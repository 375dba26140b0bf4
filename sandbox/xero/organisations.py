"""Three realistic organisations: a plumber (nz), a fit-out builder (uk), an electrical contractor (au).

GUIDs are stable: `stable_id("nz", "account", "200")`, `stable_id("nz", "contact", "Aroha Ngata")` and so on.
"""

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.xero.chart import Account, BrandingTheme, Item, TaxRate, TrackingCategory, TrackingOption, User
from sandbox.xero.documents import Contact
from sandbox.xero.tenant import Organisation, stable_id

_CREATED = datetime(2024, 4, 1, tzinfo=UTC)
_BALANCE_SHEET = frozenset({"ASSET", "EQUITY", "LIABILITY"})
_SALES = _BALANCE_SHEET | {"REVENUE"}
_PURCHASES = _BALANCE_SHEET | {"EXPENSE"}
_ALL = _SALES | _PURCHASES

# code, name, type, role: s sales tax, p purchases tax, n none; then flags
_ACCOUNTS = """
090 | Business Bank Account       | BANK        | n |
091 | Business Savings Account    | BANK        | n |
200 | Sales                       | REVENUE     | s |
203 | After hours                 | REVENUE     | s |
210 | Materials                   | REVENUE     | s |
220 | Call-out fees               | REVENUE     | s |
230 | Subcontract on-charged      | REVENUE     | s |
235 | Customer deposits           | CURRLIAB    | s |
240 | Labour (old coding)         | REVENUE     | s | archived
260 | Other revenue               | REVENUE     | s |
270 | Interest income             | OTHERINCOME | n |
310 | Cost of goods sold          | DIRECTCOSTS | p |
320 | Subcontractors              | DIRECTCOSTS | p |
400 | Advertising                 | EXPENSE     | p |
404 | Bank fees and card charges  | EXPENSE     | n |
412 | Consulting and accounting   | EXPENSE     | p |
429 | General expenses            | EXPENSE     | p |
445 | Light, power, heating       | EXPENSE     | p |
449 | Motor vehicle expenses      | EXPENSE     | p |
453 | Office expenses             | EXPENSE     | p | archived
477 | Salaries                    | EXPENSE     | n |
610 | Accounts receivable         | CURRENT     | n | DEBTORS
630 | Inventory                   | INVENTORY   | n |
710 | Office equipment            | FIXED       | p |
800 | Accounts payable            | CURRLIAB    | n | CREDITORS
820 | GST                         | CURRLIAB    | n | GST
830 | Gift vouchers               | CURRLIAB    | n | payments
840 | Historical adjustment       | CURRLIAB    | n | HISTORICAL
860 | Rounding                    | CURRLIAB    | n | ROUNDING
880 | Owner drawings              | EQUITY      | n | payments
960 | Retained earnings           | EQUITY      | n | RETAINEDEARNINGS
"""


def _add_accounts(org: Organisation, sales_tax: str, purchases_tax: str, no_tax: str) -> None:
    taxes = {"s": sales_tax, "p": purchases_tax, "n": no_tax}
    for row in _ACCOUNTS.strip().splitlines():
        code, name, type_, role, flag = (part.strip() for part in row.split("|"))
        account = Account(
            id=stable_id(org.key, "account", code),
            code=code,
            name=name,
            type=type_,
            tax_type=taxes[role],
            updated=_CREATED,
            status="ARCHIVED" if flag == "archived" else "ACTIVE",
            system_account=flag if flag.isupper() else "",
            enable_payments=flag == "payments",
            bank_account_number=f"0112345678{code}00" if type_ == "BANK" else "",
            currency=org.base_currency if type_ == "BANK" else "",
        )
        org.accounts.save(account)


def _rate(tax_type: str, name: str, percent: str, applies_to: frozenset[str]) -> tuple[str, TaxRate]:
    return tax_type, TaxRate(tax_type, name, Decimal(percent), applies_to)


def _add_tracking(org: Organisation, name: str, *options: str, archived: str | None = None) -> None:
    made = [TrackingOption(stable_id(org.key, "option", name, option), option) for option in options]
    if archived:
        made.append(TrackingOption(stable_id(org.key, "option", name, archived), archived, "ARCHIVED"))
    org.tracking.save(TrackingCategory(stable_id(org.key, "tracking", name), name, tuple(made)))


def _add_items(org: Organisation, tax_type: str, *rows: tuple[str, str, str, str]) -> None:
    for code, name, price, account in rows:
        id_ = stable_id(org.key, "item", code)
        org.items.save(Item(id_, code, name, name, Decimal(price), account, tax_type, _CREATED))


def _add_contacts(org: Organisation, *rows: tuple[str, str, str], archived: str) -> None:
    """Rows of name, e-mail, ContactNumber; `archived` is the name of one archived contact more."""
    for name, email, number in rows:
        fields = {"Name": name, "EmailAddress": email, "ContactNumber": number}
        fields = {key: value for key, value in fields.items() if value}
        id_ = stable_id(org.key, "contact", name)
        org.contacts.save(Contact(id_, fields, _CREATED, is_customer=True))
    id_ = stable_id(org.key, "contact", archived)
    org.contacts.save(Contact(id_, {"Name": archived}, _CREATED, status="ARCHIVED"))


def _furnish(org: Organisation) -> None:
    for order, name in enumerate(("Standard", "Deposit request")):
        org.themes.append(BrandingTheme(stable_id(org.key, "theme", name), name, order, _CREATED))
    user = stable_id("user")
    org.users.append(User(user, "owner@example.com", "Sam", "Owner", org.user_role, _CREATED))


def nz() -> Organisation:
    """Kauri Plumbing Demo: GST 15 %, a foreign currency, an archived customer."""
    org = Organisation(
        key="nz",
        name="Kauri Plumbing Demo",
        country="NZ",
        version="NZ",
        base_currency="NZD",
        timezone="NEWZEALANDSTANDARDTIME",
        zone="Pacific/Auckland",
        short_code="!kauri",
        created=_CREATED,
        tax_number="101-2-303",
        currencies={"NZD": Decimal(1), "AUD": Decimal("0.910000"), "USD": Decimal("0.590000")},
    )
    org.tax_rates = dict(
        [
            _rate("OUTPUT2", "15% GST on Income", "15", _SALES),
            _rate("INPUT2", "15% GST on Expenses", "15", _PURCHASES),
            _rate("ZERORATED", "Zero Rated", "0", _ALL),
            _rate("NONE", "No GST", "0", _ALL),
        ]
    )
    _add_accounts(org, "OUTPUT2", "INPUT2", "NONE")
    _add_tracking(org, "Region", "Auckland", "Waikato", "Bay of Plenty", archived="Northland")
    _add_items(org, "OUTPUT2", ("LAB", "Labour", "95.00", "200"), ("CALLOUT", "Call-out fee", "79.00", "220"))
    _add_contacts(
        org,
        ("Aroha Ngata", "aroha@example.com", "C-1001"),
        ("Harbour View Apartments", "office@harbourview.example", "C-1002"),
        ("Ridgeline Builders Ltd", "accounts@ridgeline.example", ""),
        archived="Old Mill Cafe",
    )
    _furnish(org)
    return org


def uk() -> Organisation:
    """Albion Fit-Out Demo: VAT 20 % and 5 %, zero-rated and exempt."""
    org = Organisation(
        key="uk",
        name="Albion Fit-Out Demo",
        country="GB",
        version="UK",
        base_currency="GBP",
        timezone="GMTSTANDARDTIME",
        zone="Europe/London",
        short_code="!albin",
        created=_CREATED,
        tax_number="GB123456789",
        currencies={"GBP": Decimal(1), "EUR": Decimal("1.160000")},
    )
    org.tax_rates = dict(
        [
            _rate("OUTPUT2", "20% (VAT on Income)", "20", _SALES),
            _rate("RROUTPUT", "5% (VAT on Income)", "5", _SALES),
            _rate("ZERORATEDOUTPUT", "Zero Rated Income", "0", _SALES),
            _rate("EXEMPTOUTPUT", "Exempt Income", "0", _SALES),
            _rate("INPUT2", "20% (VAT on Expenses)", "20", _PURCHASES),
            _rate("NONE", "No VAT", "0", _ALL),
        ]
    )
    _add_accounts(org, "OUTPUT2", "INPUT2", "NONE")
    _add_items(org, "OUTPUT2", ("FITTER", "Fitter, per hour", "48.50", "200"))
    _add_contacts(
        org,
        ("Thornbury Dental Practice", "manager@thornbury.example", "T-77"),
        ("Pemberton Offices LLP", "finance@pemberton.example", ""),
        archived="Blackfriars Pop-Up Ltd",
    )
    _furnish(org)
    return org


def au() -> Organisation:
    """Southern Electrical Demo: GST 10 %, tracking by Region and Department."""
    org = Organisation(
        key="au",
        name="Southern Electrical Demo",
        country="AU",
        version="AU",
        base_currency="AUD",
        timezone="AUSEASTERNSTANDARDTIME",
        zone="Australia/Sydney",
        short_code="!south",
        created=_CREATED,
        no_tax_type="BASEXCLUDED",
        tax_number="53004085616",
        currencies={"AUD": Decimal(1)},
    )
    org.tax_rates = dict(
        [
            _rate("OUTPUT", "GST on Income", "10", _SALES),
            _rate("INPUT", "GST on Expenses", "10", _PURCHASES),
            _rate("EXEMPTOUTPUT", "GST Free Income", "0", _SALES),
            _rate("EXEMPTEXPENSES", "GST Free Expenses", "0", _PURCHASES),
            _rate("BASEXCLUDED", "BAS Excluded", "0", _ALL),
        ]
    )
    _add_accounts(org, "OUTPUT", "INPUT", "BASEXCLUDED")
    _add_tracking(org, "Region", "North", "South", "East", "West")
    _add_tracking(org, "Department", "Service", "Projects", "Maintenance")
    _add_items(org, "OUTPUT", ("SPARKY", "Electrician, per hour", "110.00", "200"))
    _add_contacts(
        org,
        ("Banksia Body Corporate", "strata@banksia.example", "S-301"),
        ("Coogee Surf Club", "treasurer@coogee.example", ""),
        archived="Dockside Nightclub",
    )
    _furnish(org)
    return org


def demo_organisations() -> dict[str, Organisation]:
    return {org.key: org for org in (nz(), uk(), au())}
