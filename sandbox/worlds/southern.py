"""Southern Electrical: a contractor in Australia on Fieldbook; prices hold GST, and every job has a region to track."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sandbox.fieldbook import Account, Customer, FieldbookSandbox
from sandbox.fieldbook.builder import ItemLike, job
from sandbox.worlds.known import know
from sandbox.xero.tenant import Organisation

NAME = "southern"


def _client(
    name: str, email: str, first: str, last: str, *, ref: str = "", days: int | None = None, tax_number: str = ""
) -> Customer:
    return Customer(
        name,
        email,
        first,
        last,
        accounts_ref=ref,
        tax_number=tax_number,
        terms_days=days,
        street="15 Wattle Street",
        town="Sydney",
        region="NSW",
        postcode="2000",
        country="Australia",
    )


BANKSIA = _client(
    "Banksia Body Corporate", "strata@banksia.example", "Lena", "Park", ref="S-301", days=30, tax_number="51824753556"
)
COOGEE = _client("Coogee Surf Life Saving Club", "treasurer@coogee.example", "Matt", "Boyle")
DOCKSIDE = _client("Dockside Nightclub", "venue@dockside.example.org", "Rae", "Simic")
GUMTREE = _client("Gumtree Early Learning", "admin@gumtree.example.org", "Asha", "Patel")
MALLEE = _client("Mallee Cold Stores Pty Ltd", "accounts@mallee.example.com", "Owen", "Hart", ref="S-412")
Row = tuple[str, Customer, str, str, str, list[ItemLike]]
GST_FREE = {"tax_code": "GSTFREE", "tax_rate": "0"}


def seed(fieldbook: FieldbookSandbox, org: Organisation) -> None:
    """Fill the account "southern" and the contacts of its organisation in Xero."""
    account = fieldbook.account(NAME, timezone="Australia/Sydney", currency="AUD", prices="gross")
    know(org, "Mallee Cold Stores", number="S-412")
    for age, row in enumerate(DONE, 1):
        _add(account, age, *row)
    job(
        account,
        ref="SE-5127",
        state="in_progress",
        customer=GUMTREE,
        title="Switchboard upgrade",
        items=[("Labour: electrician", "6", "121.00", "labour", "SPARKY")],
        extra={"region": "North", "department": "Projects"},
    )


DONE: Sequence[Row] = [
    (
        "SE-5120",
        BANKSIA,
        "Common area lighting, level 2",
        "North",
        "Maintenance",
        [
            ("Labour: electrician", "5.5", "121.00", "labour", "SPARKY"),
            ("LED batten 1200 mm", "14", "64.90", "material", "LED12"),
            ("Call-out, metro", "1", "99.00", "fee", "CALL"),
        ],
    ),
    (
        "SE-5121",
        COOGEE,
        "Pump shed supply",
        "East",
        "Projects",
        [
            ("Labour: electrician", "18", "121.00", "labour", "SPARKY"),
            ("Sub-board 12 pole", "1", "412.50", "material", "SB12"),
            {
                "text": "Subcontract: trenching, Dig Right",
                "rate": "1562.00",
                "kind": "subcontract",
                "sku": "SUB-TR",
                "cost": "1210.00",
                "supplier": "Dig Right Pty Ltd",
            },
        ],
    ),
    (
        "SE-5122",
        MALLEE,
        "Cold room controls, agreed price",
        "West",
        "Service",
        [
            {"text": "Controls service, agreement SP-22", "qty": "1", "rate": "880.00", "kind": "fee", "sku": "SP-22"},
            {"text": "Contactor 25 A", "qty": "3", "rate": "74.80", "sku": "CON25", "discount_percent": "12.5"},
        ],
    ),
    (
        "SE-5123",
        GUMTREE,
        "Test and tag, 212 appliances",
        "South",
        "Maintenance",
        [
            ("Test and tag, per item", "212", "3.85", "labour", "TAG"),
            ("Loyalty discount", "1", "-55.00", "discount", "DISC"),
        ],
    ),
    (
        "SE-5124",
        DOCKSIDE,
        "Emergency exit signs",
        "East",
        "Service",
        [
            ("Exit sign, maintained", "6", "187.00", "material", "EXIT"),
            ("Labour: electrician", "4.25", "121.00", "labour", "SPARKY"),
        ],
    ),
    (
        "SE-5125",
        GUMTREE,
        "Training booklet and safety switch",
        "South",
        "Service",
        [
            {"text": "First aid handbook, education supply", "rate": "38.00", "sku": "BOOK", **GST_FREE},
            ("Safety switch 20 A", "2", "96.80", "material", "RCD20"),
        ],
    ),
    (
        "SE-5126",
        BANKSIA,
        "Car park sensor, price to come from supplier",
        "North",
        "Maintenance",
        [("Labour: electrician", "1", "121.00", "labour", "SPARKY"), ("Microwave sensor", "2", None, "material", "SEN")],
    ),
]
"""Reference, customer, title, region, department and items; rates hold the tax."""


def _add(
    account: Account, age: int, ref: str, customer: Customer, title: str, region: str, department: str, items: list[Any]
) -> None:
    now = account.now()
    job(
        account,
        ref=ref,
        customer=customer,
        title=title,
        items=items,
        site={"region": region, "town": "Sydney", "postCode": "2000"},
        extra={"region": region, "department": department},
        started_at=now - timedelta(days=age + 3),
        done_at=now - timedelta(days=age, hours=age),
    )
