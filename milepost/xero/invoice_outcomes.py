"""What became of each invoice of a batch, read element by element out of Xero's answer and matched to what was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from milepost.errors import AnswerLost
from milepost.xero import wire
from milepost.xero.exchange import Answer
from milepost.xero.messages import advise
from milepost.xero.refusals import SYSTEM

_COLLECTION = "Invoices"

_NO_REASON = "It has errors, which Xero does not name"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InvoiceOutcome:
    """One invoice as Xero answered it. Created where `invoice_id` is given; else `messages` say why not, in Xero's words.

    One that was created may have `messages` too: what Xero says against it all the same.
    """

    invoice_id: str | None
    number: str | None = None
    status: str | None = None
    sub_total: Decimal | None = None
    total_tax: Decimal | None = None
    total: Decimal | None = None
    amount_due: Decimal | None = None
    messages: tuple[str, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = field(default=(), repr=False)
    url: str | None = None
    reference: str | None = None
    contact_id: str | None = None


def read_invoice_outcomes(answer: Answer, expected: int, body: str | None = None) -> list[InvoiceOutcome]:
    """One outcome an invoice, in the order they were sent.

    Xero answers in that order. With `body`, the one that was sent, this is checked by Url, and an answer in another order
    is matched by Url, else by Reference and contact. Raises AnswerLost where an invoice's outcome cannot be told.
    """
    rows: list[Row | None] = [*wire.elements(answer.data, _COLLECTION)]
    if body is not None:
        sent = wire.elements(wire.loads(body), _COLLECTION)
        rows = _matched(sent, [row for row in rows if row is not None])
    unknown = sum(row is None or not _is_told(row) for row in rows) if len(rows) == expected else expected
    if unknown:
        why = f"its answer leaves the outcome of {unknown} of {expected} invoices open"
        raise AnswerLost(
            SYSTEM,
            "PUT Invoices",
            why,
            permanent=False,
            fix="Nothing is sent again before it is known what was created; this is found out by itself.",
            status=answer.status,
            correlation_id=answer.correlation_id,
        )
    return [invoice_outcome(row) for row in rows if row is not None]


def _is_told(row: Row) -> bool:
    """Whether the answer says what became of it: an id, or why not. Anything else may have been created."""
    return wire.guid(row.get("invoiceid")) is not None or bool(_all_messages(row)) or wire.is_refused(row)


def invoice_outcome(row: Row) -> InvoiceOutcome:
    """One element of an answer or a list, its keys in lower case."""
    messages = _all_messages(row)
    invoice_id = None if _is_of_another(messages) else wire.guid(row.get("invoiceid"))
    if not messages and (invoice_id is None or _is_marked(row)):
        messages = ("Xero refused the invoice without saying why",) if invoice_id is None else (_NO_REASON,)
    return InvoiceOutcome(
        invoice_id=invoice_id,
        number=wire.text(row.get("invoicenumber")),
        status=wire.text(row.get("status")),
        sub_total=wire.amount(row.get("subtotal")),
        total_tax=wire.amount(row.get("totaltax")),
        total=wire.amount(row.get("total")),
        amount_due=wire.amount(row.get("amountdue")),
        messages=messages,
        warnings=wire.messages(row.get("warnings")),
        url=wire.text(row.get("url")),
        reference=wire.text(row.get("reference")),
        contact_id=_contact_id(row),
    )


def _is_marked(row: Row) -> bool:
    return row.get("haserrors") is True or row.get("statusattributestring") == "ERROR"


def _is_of_another(messages: Sequence[str]) -> bool:
    """Whether the id may be that of the invoice that has the number already. With any other complaint, a real id is of
    an invoice that Xero holds; what it did not create has the zero GUID (Xero developer docs, "HTTP response codes").
    """
    return advise(messages).code == "invoice_number_taken"


def _all_messages(row: Row) -> tuple[str, ...]:
    """Of the invoice, and of its contact and lines where Xero puts them there."""
    lines = row.get("lineitems")
    parts = [wire.lower_keys(line) for line in lines] if isinstance(lines, list) else []
    contact = wire.lower_keys(row.get("contact"))
    return wire.messages(*(part.get("validationerrors") for part in (row, contact, *parts)))


def _matched(sent: Sequence[Row], rows: Sequence[Row]) -> list[Row | None]:
    """The answered row of each sent invoice; None where none, or more than one, can be it."""
    if len(rows) == len(sent) and all(_agree(ours, row) for ours, row in zip(sent, rows, strict=True)):
        return list(rows)
    return [_only([row for row in rows if _is_same(ours, row)]) for ours in sent]


def _agree(sent: Row, row: Row) -> bool:
    """Nothing speaks against a row in its place; the echo of a refused one may lack its Url."""
    return not sent.get("url") or not row.get("url") or _same_url(sent, row)


def _is_same(sent: Row, row: Row) -> bool:
    if sent.get("url") and row.get("url"):
        return _same_url(sent, row)
    return bool(sent.get("reference")) and (sent["reference"], _contact_id(sent)) == (
        row.get("reference"),
        _contact_id(row),
    )


def _same_url(sent: Row, row: Row) -> bool:
    """Urls are compared without case and a closing slash, which a server may add."""
    return str(sent["url"]).rstrip("/").casefold() == str(row["url"]).rstrip("/").casefold()


def _only(rows: list[Row]) -> Row | None:
    return rows[0] if len(rows) == 1 else None


def _contact_id(row: Row) -> str | None:
    return wire.guid(wire.lower_keys(row.get("contact")).get("contactid"))
