"""Many jobs for a benchmark: one customer a job, most of whom the organisation in Xero knows already."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sandbox.fieldbook import Customer as FieldbookCustomer
from sandbox.fieldbook import FieldbookSandbox
from sandbox.fieldbook import builder as fieldbook_builder
from sandbox.fieldbook.records import stable_id
from sandbox.servicem8 import Customer as ServiceM8Customer
from sandbox.servicem8 import Line, ServiceM8Sandbox
from sandbox.servicem8 import builder as servicem8_builder
from sandbox.servicem8.records import stable_uuid
from sandbox.worlds.known import know
from sandbox.xero.tenant import Organisation

_GOODS = ("Pipe 15 mm", "Elbow 90", "Ball valve", "Sealant", "Fixings", "Cable 2.5 mm", "Downlight", "Junction box")
_TRADES = ("Plumbing", "Roofing", "Electrical", "Joinery", "Glazing", "Flooring", "Painting", "Paving")
_SURNAMES = ("Ngata", "Okafor", "Lindqvist", "Haddow", "Tipene", "Duarte", "Rahman", "Boyle", "Simic", "Vea")


@dataclass(frozen=True)
class Entry:
    """One job of many: `is_known` says that Xero has the customer, by ContactNumber or else by e-mail."""

    index: int
    name: str
    email: str
    is_known: bool
    by_number: bool
    lines: tuple[tuple[str, str, str], ...]


def entries(jobs: int, new_customers: float, lines: int, seed: int) -> Iterator[Entry]:
    """The same entries for the same arguments; exactly `round(jobs * new_customers)` customers are new."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    fresh = set(chance.sample(range(jobs), round(jobs * new_customers)))
    for index in range(jobs):
        surname, trade = chance.choice(_SURNAMES), chance.choice(_TRADES)
        rows = tuple(_line(chance, order) for order in range(lines))
        yield Entry(
            index=index,
            name=f"{surname} {trade} {index:04d}",
            email=f"client{index:04d}@example.com",
            is_known=index not in fresh,
            by_number=chance.random() < 0.5,
            lines=rows,
        )


def seed_servicem8(servicem8: ServiceM8Sandbox, org: Organisation, rows: Iterator[Entry]) -> None:
    """Completed jobs numbered from 20001 in the account "kauri"."""
    account = servicem8.account()
    for row in rows:
        customer = ServiceM8Customer(row.name, row.email)
        if row.is_known:
            _know(org, row, stable_uuid(account.name, "company", row.name))
        lines = [Line(text, quantity, price) for text, quantity, price in row.lines]
        completed = account.local(account.now() - timedelta(minutes=row.index))
        servicem8_builder.job(
            account, number=str(20_001 + row.index), customer=customer, lines=lines, title=row.name, completed=completed
        )


def seed_fieldbook(fieldbook: FieldbookSandbox, org: Organisation, rows: Iterator[Entry]) -> None:
    """Done jobs M-00001 and on in the account "albion"; a customer known by number has it as accountsRef too."""
    account = fieldbook.account()
    for row in rows:
        number = stable_id("cus", account.name, row.name)
        if row.is_known:
            _know(org, row, number)
        customer = FieldbookCustomer(row.name, row.email, accounts_ref=number)
        done = account.now() - timedelta(minutes=row.index)
        fieldbook_builder.job(
            account, ref=f"M-{row.index + 1:05d}", customer=customer, items=row.lines, title=row.name, done_at=done
        )


def _know(org: Organisation, row: Entry, number: str) -> None:
    """By number under a name of its own, or by e-mail under yet another: the name alone must not be needed."""
    if row.by_number:
        know(org, f"{row.name} Limited", number=number)
    else:
        know(org, f"{row.name} (accounts)", email=row.email)


def _line(chance: random.Random, order: int) -> tuple[str, str, str]:
    if order == 0:
        return "Labour", str(Decimal(chance.randint(2, 32)) / 4), "95.00"
    return chance.choice(_GOODS), str(chance.randint(1, 12)), str(Decimal(chance.randint(150, 24_999)) / 100)
