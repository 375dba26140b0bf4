"""Fieldbook's JSON: its own names for everything, moments in UTC with Z, money as the settings say."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from sandbox.fieldbook.records import Customer, Item, Job, Note, Receipt
from sandbox.fieldbook.state import Account

Money = Callable[[Decimal | None], Any]


def as_text(amount: Decimal | None) -> Any:
    return None if amount is None else str(amount)


def as_number(amount: Decimal | None) -> Any:
    """A JSON number. Its text is exact, since a float prints the shortest digits that give it back."""
    return None if amount is None else float(amount)


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return Response(body, status, headers, media_type="application/json")


def refuse(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return answer({"error": {"code": code, "message": message}}, status, headers)


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def job_json(account: Account, job: Job, expand: set[str], money: Money, web: str) -> dict[str, Any]:
    """`expand` may hold "lines" and "customer"; without them there is only the customer's id and name."""
    shown: dict[str, Any] = {
        "id": job.id,
        "jobRef": job.ref,
        "state": job.state,
        "title": job.title,
        "scopeOfWork": job.scope,
        "orderNo": job.order_no or None,
        "category": job.category or None,
        "labels": list(job.tags),
        "currency": account.currency,
        "prices": account.prices,
        "raisedAt": moment(job.raised_at),
        "startedAt": moment(job.started_at),
        "doneAt": moment(job.done_at),
        "doneAtLocal": _local(account, job.done_at),
        "updatedAt": moment(job.updated_at),
        "client": _client(account, job, expand),
        "workSite": dict(job.site) or None,
        "extra": dict(job.extra),
        "totals": {"quoted": money(job.quoted_total), "items": money(_items_total(job))},
        "receipts": [_receipt(receipt, money) for receipt in job.receipts],
        "billing": {"billed": job.billed, "invoiceNo": job.invoice_no, "invoiceUrl": job.invoice_url},
        "webLink": f"{web}/app/jobs/{job.id}",
    }
    if "lines" in expand:
        shown["items"] = items_json(job, money)
    return shown


def items_json(job: Job, money: Money) -> list[dict[str, Any]]:
    return [_item(job, order, item, money) for order, item in enumerate(job.items, 1)]


def customer_json(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "displayName": customer.name,
        "kind": "person" if customer.is_person else "company",
        "givenName": customer.first or None,
        "familyName": customer.last or None,
        "emailAddress": customer.email or None,
        "phone": customer.phone or None,
        "taxNo": customer.tax_number or None,
        "accountsRef": customer.accounts_ref or None,
        "payDays": customer.terms_days,
        "billTo": {
            "street": customer.street,
            "town": customer.town,
            "region": customer.region,
            "postCode": customer.postcode,
            "country": customer.country,
        },
    }


def note_json(note: Note) -> dict[str, Any]:
    return {"id": note.id, "job": note.job, "text": note.text, "writtenAt": moment(note.written_at)}


def _client(account: Account, job: Job, expand: set[str]) -> dict[str, Any] | None:
    customer = account.customers.get(job.customer)
    if customer is None:
        return None
    if "customer" in expand:
        return customer_json(customer)
    return {"id": customer.id, "displayName": customer.name}


def _item(job: Job, order: int, item: Item, money: Money) -> dict[str, Any]:
    return {
        "id": f"{job.id}-{order}",
        "position": order,
        "type": item.kind,
        "sku": item.sku or None,
        "text": item.text,
        "qty": money(item.qty),
        "unit": item.unit,
        "rate": money(item.rate),
        "discountPct": money(item.discount_percent),
        "taxCode": item.tax_code,
        "taxRate": money(item.tax_rate),
        "unitCost": money(item.cost),
        "supplier": item.supplier or None,
    }


def _receipt(receipt: Receipt, money: Money) -> dict[str, Any]:
    return {
        "amount": money(receipt.amount),
        "method": receipt.method,
        "deposit": receipt.is_deposit,
        "paidAt": moment(receipt.paid_at),
    }


def _items_total(job: Job) -> Decimal | None:
    """None for a job without items: Fieldbook has nothing to add up, which is not the same as nothing to pay."""
    return sum((item.total for item in job.items), Decimal("0.00")) if job.items else None


def _local(account: Account, value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(account.zone).strftime("%d/%m/%Y %H:%M")
