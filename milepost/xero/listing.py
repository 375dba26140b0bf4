"""All sales invoices that changed since a moment, whoever made them, in pages: what verify holds the ledger against.

Reference: Xero developer docs, "Invoices": pages of up to 1,000; `summaryOnly` leaves out lines and payments, which are
most of an answer's bytes; `IDs` for single ones.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from milepost.xero import wire
from milepost.xero.client import XeroClient
from milepost.xero.invoice_outcomes import InvoiceOutcome, invoice_outcome
from milepost.xero.paging import Row, changed_rows

_SALES = "ACCREC"
_PATH = "Invoices"
IDS_A_CALL = 40
"""Ids are 37 characters each in the address, and addresses are to stay under 2,000."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An invoice as a list has it, and the date on it."""

    invoice: InvoiceOutcome
    dated: date | None


async def sales_invoices(client: XeroClient, since: datetime) -> AsyncIterator[list[Listed]]:
    """Sales invoices modified since, whatever their status and whoever made them."""
    params = {"where": f'Type=="{_SALES}"', "includeArchived": "true", "summaryOnly": "true"}
    async for rows in changed_rows(client, _PATH, "invoiceid", since, params):
        yield _listed(rows)


async def invoices_by_id(client: XeroClient, invoice_ids: Sequence[str]) -> list[Listed]:
    """Single invoices; those that Xero does not hold are left out."""
    found: list[Listed] = []
    for start in range(0, len(invoice_ids), IDS_A_CALL):
        some = ",".join(invoice_ids[start : start + IDS_A_CALL])
        data = await client.get(_PATH, {"IDs": some, "includeArchived": "true", "page": "1"})
        found += _listed(wire.elements(data, _PATH))
    return found


def _listed(rows: Sequence[Row]) -> list[Listed]:
    return [Listed(invoice_outcome(row), _dated(row)) for row in rows if row.get("type", _SALES) == _SALES]


def _dated(row: Row) -> date | None:
    moment = wire.xero_moment(row.get("date") or row.get("datestring"))
    return moment.date() if moment else None
