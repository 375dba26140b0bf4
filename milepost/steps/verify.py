"""Verify: every billing against Xero's own data, and every completed job against the billings. Beside the way of a job.

    billings    one live invoice each, with the total, contact and number it was made with       milepost.steps.compare
    strangers   no other invoice with our link, or with the reference of one of our jobs          milepost.steps.strangers
    jobs        each completed one since the go-live day is billed, or says why not               milepost.steps.completed

Xero is read in pages of 1,000 invoices, so 1,000 billings cost a call or two. What Xero says of an invoice by now is kept:
one that was voided there counts as billed no more. Nothing else is written.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from milepost.ledger import billings, census, connections
from milepost.ledger.billings import BillingRow, BillingStatus
from milepost.steps.compare import Beside, compared, is_mended
from milepost.steps.completed import Standing, completed_work
from milepost.steps.findings import Finding, Verified
from milepost.steps.strangers import mark_of, marked, with_our_link, with_our_references
from milepost.steps.workspace import Workspace
from milepost.xero.client import XeroClient
from milepost.xero.invoices import InvoiceOutcome
from milepost.xero.listing import Listed, invoices_by_id, sales_invoices

LOOK_BACK = timedelta(days=1)
"""How far before the first billing the reading of Xero starts, for clocks and zones that differ."""


@dataclass(slots=True)
class _Read:
    """What was read of Xero, and which of it is whose: our invoices by billing, and the day of the go-live."""

    rows: Sequence[BillingRow]
    listed: list[Listed]
    live_from: date | None
    by_billing: defaultdict[str, list[InvoiceOutcome]]


async def verify_billings(workspace: Workspace, since: date | None = None) -> Verified:
    """Prove what can be proved, of all time or since a day. Raises RemoteError where Xero cannot be read."""
    calls_before = len(workspace.calls)
    client = await workspace.xero()
    read = await _read(workspace, client, since)
    findings = await _of_billings(workspace, client, read)
    findings += await _of_strangers(workspace, client, read)
    updated = await _keep(workspace, read)
    work = await completed_work(workspace, since)
    findings += [_lost(one) for one in work.standings if not one.is_stated]
    calls = workspace.calls[calls_before:]
    return Verified(
        billings=len(read.rows),
        invoices=sum(len(read.by_billing.get(row.id, ())) for row in read.rows),
        findings=tuple(findings),
        looked_at=len(read.listed),
        jobs=len(work.standings),
        source=work.source,
        remark=work.remark,
        xero_calls=sum(call.system == "xero" for call in calls),
        platform_calls=sum(call.system == "platform" for call in calls),
        bytes_read=sum(call.bytes_in or 0 for call in calls if call.system == "xero"),
        updated=updated,
    )


async def _read(workspace: Workspace, client: XeroClient, since: date | None) -> _Read:
    async with workspace.db.read() as c:
        connection = await connections.get_connection(c, workspace.name)
        rows = await census.sent_since(c, workspace.name, _midnight(since) if since else None)
    # Another organisation's invoices are not to be found in this one.
    rows = [row for row in rows if row.tenant_id in (None, client.tenant_id) or row.status is BillingStatus.SENDING]
    live_from = max((day for day in (connection.live_from, since) if day), default=None)
    begins = [row.created_at for row in rows] + [_midnight(live_from) if live_from else connection.created_at]
    newest: dict[str, Listed] = {}
    async for page in sales_invoices(client, min(begins) - LOOK_BACK):
        newest.update((one.invoice.invoice_id, one) for one in page if one.invoice.invoice_id)
    read = _Read(rows, list(newest.values()), live_from, defaultdict(list))
    _match(read, read.listed)
    missing = [row.invoice_id for row in rows if row.invoice_id and row.id not in read.by_billing]
    found = await invoices_by_id(client, missing)
    read.listed += found
    _match(read, found)
    return read


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _match(read: _Read, listed: Sequence[Listed]) -> None:
    """By our mark in the Url, else by the id that the ledger has: a person may have emptied the Url, or billed by hand."""
    ids = {row.invoice_id: row.id for row in read.rows if row.invoice_id}
    for invoice in (one.invoice for one in listed):
        if billing_id := mark_of(invoice) or ids.get(invoice.invoice_id or ""):
            read.by_billing[billing_id].append(invoice)


async def _of_billings(workspace: Workspace, client: XeroClient, read: _Read) -> list[Finding]:
    async with workspace.db.read() as c:
        merged = await census.merged_contacts(c, client.tenant_id)
    beside = Beside(merged, _billed_anew(read.rows))
    return [finding for row in read.rows for finding in compared(row, read.by_billing.get(row.id, ()), beside)]


def _billed_anew(rows: Sequence[BillingRow]) -> frozenset[str]:
    """Billings whose stage was billed once more after them: their own invoice may well be gone."""
    last: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if not row.is_gone:
            last[row.job_id, row.milestone] = max(last[row.job_id, row.milestone], row.sequence)
    return frozenset(row.id for row in rows if row.sequence < last[row.job_id, row.milestone])


async def _of_strangers(workspace: Workspace, client: XeroClient, read: _Read) -> list[Finding]:
    sent = {row.id: row for row in read.rows}
    linked = with_our_link(read.listed, workspace.installation.console_url)
    async with workspace.db.read() as c:
        known = await census.linked_invoices(c, client.tenant_id)
        others = {key: await billings.get(c, key) for key in linked if key not in sent}
    ours = {i.invoice_id: sent[key] for key, found in read.by_billing.items() if key in sent for i in found if i.invoice_id}
    found = list(marked(linked, {**others, **sent}))
    return [*found, *with_our_references(read.listed, ours, known | set(ours), read.live_from)]


async def _keep(workspace: Workspace, read: _Read) -> int:
    """Keep what Xero says of our invoices by now; of how many it was news."""
    statuses: dict[str, str] = {}
    totals: dict[str, tuple[Decimal, Decimal | None]] = {}
    for row in (row for row in read.rows if row.status is BillingStatus.DONE):
        invoice = _of_row(row, read.by_billing)
        if invoice is None:
            continue
        if invoice.status and invoice.status != row.invoice_status:
            statuses[row.id] = invoice.status
        if is_mended(row, invoice) and invoice.total is not None:
            totals[row.id] = (invoice.total, invoice.total_tax)
    if statuses or totals:
        async with workspace.db.write() as c:
            await billings.update_invoice_statuses(c, statuses, workspace.clock())
            await census.note_mended(c, totals, workspace.clock())
    return len(statuses.keys() | totals.keys())


def _of_row(row: BillingRow, by_billing: Mapping[str, Sequence[InvoiceOutcome]]) -> InvoiceOutcome | None:
    """The very invoice that the ledger has for it."""
    return next((invoice for invoice in by_billing.get(row.id, ()) if invoice.invoice_id == row.invoice_id), None)


def _lost(one: Standing) -> Finding:
    return Finding(one.code, f"job:{one.job_id}", one.number, "", "", one.why, one.fix, "no billing", "")
