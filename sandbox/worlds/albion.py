"""Albion Fit-Out: a builder in the United Kingdom on Fieldbook, who bills a deposit, a progress claim and the rest.

`seed` is the first morning; `move_on` is what the site reports later: jobs go a stage further, one of them with
more lines than the deposit was taken on.
"""

from datetime import timedelta

from sandbox.fieldbook import Account, Customer, FieldbookSandbox
from sandbox.fieldbook.builder import ItemLike, job
from sandbox.worlds.known import know
from sandbox.xero.tenant import Organisation

NAME = "albion"
REDUCED = {"tax_code": "VAT5", "tax_rate": "5"}
ZERO = {"tax_code": "VAT0", "tax_rate": "0"}

THORNBURY = Customer(
    "Thornbury Dental Practice",
    "manager@thornbury.example",
    "Ruth",
    "Okafor",
    accounts_ref="T-77",
    tax_number="GB998877665",
    terms_days=30,
)
PEMBERTON = Customer("Pemberton Offices", "finance@pemberton.example", "Callum", "Reid", terms_days=14)
BLACKFRIARS = Customer("Blackfriars Pop-Up Ltd", "events@blackfriars.example.org", "Ines", "Duarte")
HARBOUR = Customer("Harbour Hotels Ltd", "projects@harbourhotels.example.org", "Gwen", "Price", accounts_ref="H-310")
ELM = Customer("Elm House Residents", "secretary@elmhouse.example.org", "Noor", "Rahman")
QUAY = Customer("Quayside Studios LLP", "studio@quayside.example.com", "Bea", "Lindqvist")

RECEPTION: list[ItemLike] = [
    ("Stud partition and plasterboard, per m2", "64", "58.75", "material", "PART-ST"),
    ("Labour: joinery", "48", "48.50", "labour", "JOIN"),
    {
        "text": "Subcontract: electrical first fix, Voltline",
        "rate": "2180.00",
        "kind": "subcontract",
        "sku": "SUB-EL",
        "cost": "1850.00",
        "supplier": "Voltline Ltd",
    },
    ("Reception desk, oak veneer", "1", "3420.00", "material", "DESK-OV"),
]
FLATS: list[ItemLike] = [
    ("Labour: conversion works", "120", "46.00", "labour", "JOIN"),
    {"text": "Flat conversion, qualifying works", "qty": "1", "rate": "18450.00", "sku": "CONV", **REDUCED},
    {"text": "Sprinkler design, new dwelling", "qty": "1", "rate": "2750.00", "kind": "fee", "sku": "DES", **ZERO},
    ("Skip hire", "3", "265.00", "expense", "SKIP"),
]


def seed(fieldbook: FieldbookSandbox, org: Organisation) -> None:
    """Fill the account "albion" and the contacts of its organisation in Xero."""
    account = fieldbook.account(NAME)
    know(org, "Harbour Hotels Limited", number="H-310")
    _accepted(account)
    _under_way(account)
    _complete(account)
    job(
        account,
        ref="AFO-2108",
        state="quoted",
        customer=QUAY,
        title="Quote: edit suite acoustic lining",
        items=[("Acoustic lining, per m2", "42", "96.00", "material", "ACO")],
    )


def move_on(fieldbook: FieldbookSandbox) -> None:
    """Later: the accepted job is done, the one under way grew before it was done, the complete ones stay."""
    account = fieldbook.account(NAME)
    now = account.now()
    job(account, ref="AFO-2101", state="in_progress", customer=None, started_at=now)
    extra: ItemLike = ("Variation: acoustic door set", "2", "1145.00", "material", "DOOR-AC")
    job(account, ref="AFO-2102", state="done", customer=None, items=[*_meeting_rooms(), extra], done_at=now)
    job(account, ref="AFO-2106", state="done", customer=None, done_at=now)


def _accepted(account: Account) -> None:
    now = account.now()
    job(
        account,
        ref="AFO-2101",
        state="accepted",
        customer=THORNBURY,
        title="Reception refit",
        items=RECEPTION,
        category="Fit-out",
        order_no="TDP-0419",
        raised_at=now - timedelta(days=9),
        site={"town": "Bristol"},
    )
    job(
        account,
        ref="AFO-2106",
        state="accepted",
        customer=BLACKFRIARS,
        title="Pop-up bar, six weeks",
        items=[("Modular bar front", "4", "780.00", "material", "BAR"), ("Labour: install and strike", "26", "44.00")],
        raised_at=now - timedelta(days=4),
    )


def _under_way(account: Account) -> None:
    now = account.now()
    job(
        account,
        ref="AFO-2102",
        state="in_progress",
        customer=PEMBERTON,
        title="Two meeting rooms",
        category="Fit-out",
        items=_meeting_rooms(),
        raised_at=now - timedelta(days=30),
        started_at=now - timedelta(days=6),
    )


def _complete(account: Account) -> None:
    """A staged one with mixed VAT, one that jumped from accepted to done, and one with a price but no items."""
    now = account.now()
    job(
        account,
        ref="AFO-2103",
        state="done",
        customer=ELM,
        title="Four flats over the surgery",
        items=FLATS,
        raised_at=now - timedelta(days=120),
        started_at=now - timedelta(days=80),
        done_at=now - timedelta(days=1),
        category="Conversion",
    )
    job(
        account,
        ref="AFO-2104",
        state="done",
        customer=HARBOUR,
        title="Lobby ceiling made safe",
        category="Repair",
        items=[
            ("Labour: emergency works", "14", "62.00", "labour", "EMER"),
            ("Ceiling tiles", "36", "11.85", "material", "TILE"),
            ("Goodwill: second visit", "1", "-75.00", "discount", "DISC"),
        ],
        raised_at=now - timedelta(days=3),
        done_at=now - timedelta(days=2),
    )
    job(
        account,
        ref="AFO-2105",
        state="done",
        customer=QUAY,
        title="Fire stopping survey and report",
        items=[],
        quoted_total="640.00",
        raised_at=now - timedelta(days=12),
        done_at=now - timedelta(days=1),
    )


def _meeting_rooms() -> list[ItemLike]:
    return [
        ("Glazed partition, per m2", "31.5", "212.40", "material", "GLZ"),
        ("Labour: joinery", "36", "48.50", "labour", "JOIN"),
        ("Carpet tiles, per m2", "52", "34.90", "material", "CARP"),
    ]
