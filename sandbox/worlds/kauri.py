"""Kauri Plumbing: a plumber in New Zealand on ServiceM8, who bills each job once, when it is completed.

Most jobs bill without a hand; three are meant to be held (no lines, a line without a price, already invoiced by the
native link), and the customers meet every way of finding a contact in Xero.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sandbox.servicem8 import Account, Customer, Line, Payment, ServiceM8Sandbox
from sandbox.servicem8.builder import job
from sandbox.servicem8.records import stable_uuid
from sandbox.servicem8.shapes import Activity, LineLike
from sandbox.worlds.known import know
from sandbox.xero.tenant import Organisation

NAME = "kauri"
_CALL_OUT = Line("Call-out fee", "1", "79.00", "CALLOUT")

NGATA = Customer("Aroha & Wiremu Ngata", "aroha@example.com", "Aroha", "Ngata", "021 555 0101", is_individual=True)
TAMAKI = Customer("Tamaki Property Mgmt", "jobs@tamaki.example.org", "Priya", "Nair", "09 555 0110", terms="14 days")
OLD_MILL = Customer("Old Mill Cafe", "owner@oldmill.example.org", "Tom", "Haddow", "09 555 0122")
SMITH_NORTH = Customer("J Smith", "jane.smith@example.com", "Jane", "Smith", is_individual=True, key="smith-north")
SMITH_SOUTH = Customer(
    "J Smith", "john.smith@example.org", "John", "Smith", is_individual=True, key="smith-south", street="8 Rimu Road"
)
NGAIO = Customer("Ngaio Cafe", "hello@ngaio.example.org", "Mere", "Tipene", "09 555 0133")
RIDGELINE = Customer("Ridgeline Builders Ltd", "accounts@ridgeline.example", "Sione", "Vea", "09 555 0144")
MARAE = Customer("Te Awa Marae Trust", "office@teawa.example.org", "Hana", "Pohatu", "09 555 0155")
BOATS = Customer("Bluewater Charters (Noumea)", "ops@bluewater.example.com", "Luc", "Moreau", country="New Caledonia")

Row = tuple[str, Customer, str, Sequence[LineLike], dict[str, Any]]


COMPLETED: Sequence[Row] = [
    (
        "1482",
        NGATA,
        "Replace laundry tap and check pressure",
        [
            _CALL_OUT,
            ("Labour", "1.5", "95.00"),
            ("Laundry tap set, chrome", "1", "148.35", "TAP-LC"),
            ("Thread tape and sundries", "1", "6.50", "SUN"),
        ],
        {"category": "Maintenance"},
    ),
    (
        "1483",
        TAMAKI,
        "Hot water cylinder, unit 4",
        [
            ("Labour", "5.25", "95.00"),
            Line(
                "180 L mains pressure cylinder",
                "1",
                "1349.00",
                "HWC180",
                bundle="Cylinder replacement kit",
                cost="985.00",
            ),
            Line("Tempering valve 20 mm", "1", "164.20", "TV20", bundle="Cylinder replacement kit", cost="118.00"),
            Line("Seismic restraint", "2", "38.75", "SR2", bundle="Cylinder replacement kit"),
        ],
        {"category": "Hot water", "purchase_order": "PO-7781"},
    ),
    (
        "1484",
        NGAIO,
        "Blocked kitchen waste",
        [_CALL_OUT, ("Labour", "2", "95.00"), ("Drain machine, per hour", "1.5", "65.00", "DRAIN")],
        {"category": "Drains"},
    ),
    (
        "1485",
        OLD_MILL,
        "Grease trap service",
        [("Labour", "3", "95.00"), ("Grease trap disposal", "1", "210.00", "DISP")],
        {"category": "Drains"},
    ),
    (
        "1486",
        SMITH_NORTH,
        "Burst pipe, Sunday night",
        [
            _CALL_OUT,
            Line("Labour after hours", "3.5", "142.50", "AH1", labour=True),
            ("Copper pipe 15 mm, per metre", "4.2", "18.90", "CU15"),
        ],
        {"category": "Emergency"},
    ),
    (
        "1487",
        SMITH_SOUTH,
        "Bathroom fit-off",
        [
            ("Labour", "7.75", "95.00"),
            ("Basin mixer", "1", "289.00", "MIX-B"),
            ("Shower mixer", "1", "415.00", "MIX-S"),
            ("Repeat customer discount", "1", "-85.00", "DISC"),
        ],
        {"category": "Renovation"},
    ),
    (
        "1488",
        RIDGELINE,
        "Drainage for two-lot subdivision",
        [
            ("Labour", "16", "95.00"),
            Line("Subcontract: drain camera survey, Drainworks NZ", "1", "680.00", "SUB1", cost="590.00"),
            ("PVC drain 100 mm, per metre", "36", "22.40", "PVC100"),
            ("Inspection junction", "3", "74.10", "IJ100"),
        ],
        {"category": "Drains", "purchase_order": "RB-2291"},
    ),
    ("1489", MARAE, "Inspect wharekai grease line, no charge agreed yet", [], {"category": "Drains"}),
    (
        "1490",
        NGAIO,
        "Replace dishwasher hose",
        [("Labour", "0.75", "95.00"), ("Dishwasher hose 3 m", "1", None, "HOSE3")],
        {"category": "Maintenance"},
    ),
    (
        "1491",
        NGATA,
        "Toilet cistern repair",
        [("Labour", "1", "95.00"), ("Inlet valve", "1", "46.80", "INV")],
        {"category": "Maintenance", "processed": True},
    ),
    (
        "1492",
        MARAE,
        "Kitchen repipe, stage one",
        [
            ("Labour", "22.5", "95.00"),
            ("PEX pipe 20 mm, per metre", "60", "6.35", "PEX20"),
            ("Fittings allowance", "1", "318.40", "FIT"),
        ],
        {"category": "Renovation", "payments": [Payment("1000.00", "Bank Transfer", is_deposit=True)]},
    ),
    (
        "1493",
        TAMAKI,
        "Annual backflow test, three sites",
        [
            Line("Backflow test and certificate", "3", "155.25", "BFT", inclusive=True),
            Line("Labour", "1", "109.25", inclusive=True),
        ],
        {"category": "Compliance"},
    ),
    (
        "1494",
        BOATS,
        "Fresh water pump for export vessel",
        [
            Line("Labour", "4", "95.00", tax="Zero Rated"),
            Line("Jabsco pump 24 V", "1", "742.00", "JAB24", tax="Zero Rated"),
        ],
        {"category": "Marine"},
    ),
]
"""Number, customer, title, lines, and what else is to be said of the job."""


def seed(servicem8: ServiceM8Sandbox, org: Organisation) -> None:
    """Fill the account "kauri" and the contacts of its organisation in Xero."""
    account = servicem8.account(NAME)
    know_contacts(org)
    for age, (number, customer, title, lines, said) in enumerate(reversed(COMPLETED), 1):
        _job(account, age, number, customer, title, lines, said)
    job(
        account, number="1495", status="Quote", customer=NGAIO, title="Quote: second basin", lines=[("Labour", "4", "95.00")]
    )
    job(
        account,
        number="1496",
        status="Work Order",
        customer=MARAE,
        title="Kitchen repipe, stage two",
        lines=[("Labour", "6", "95.00")],
    )


def know_contacts(org: Organisation) -> None:
    """Aroha by e-mail, Ridgeline by name and the archived cafe are the organisation's own; Tamaki by ContactNumber."""
    know(org, "Tamaki Property Management Limited", number=stable_uuid(NAME, "company", TAMAKI.name))
    know(org, "Smith, Jane", email=SMITH_NORTH.email)


def _job(
    account: Account, age: int, number: str, customer: Customer, title: str, lines: Sequence[LineLike], said: dict[str, Any]
) -> None:
    """A job that was completed `age` days before now."""
    now = account.now()
    text = {"title": title, "work_done": f"{title}. Tested and left tidy.", **said}
    finished = now - timedelta(days=age, hours=age % 5)
    on_site = Activity(account.local(finished - timedelta(hours=1 + age % 4)), account.local(finished))
    completed = account.local(finished)
    job(account, number=number, customer=customer, lines=lines, completed=completed, activities=[on_site], **text)
