"""Readable builders for the simulated Fieldbook: customers and jobs as a test or a seed would say them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.fieldbook.records import ITEM_KINDS, STATES, Customer, Item, Job, Receipt, stable_id
from sandbox.fieldbook.state import Account

ItemLike = Item | Mapping[str, Any] | Sequence[str | None]
CustomerLike = Customer | Mapping[str, Any] | str
_TAX = {"GBP": ("VAT20", "20"), "AUD": ("GST", "10"), "NZD": ("GST", "15")}
_MOMENTS = ("raised_at", "started_at", "done_at")


def customer(account: Account, who: CustomerLike) -> Customer:
    """Add the client, or change the client of the same key."""
    if not isinstance(who, Customer):
        who = Customer(who) if isinstance(who, str) else Customer(**who)
    kept = replace(who, id=stable_id("cus", account.name, who.key or who.name))
    account.customers[kept.id] = kept
    return kept


def job(
    account: Account,
    *,
    ref: str,
    state: str = "done",
    customer: CustomerLike | None = "Harbour Hotels Ltd",
    items: Sequence[ItemLike] | None = None,
    receipts: Sequence[Receipt | Mapping[str, Any]] = (),
    updated: datetime | None = None,
    quiet: bool = False,
    **said: Any,
) -> Job:
    """Add a job or change the one of this reference; `said` is any further field of Job.

    `items` None leaves the items of an existing job alone. Moments may be text with an offset.
    Raises ValueError for a state, an item kind or a field that Fieldbook does not have.
    """
    if state not in STATES:
        raise ValueError(f"state {state!r}: use one of {', '.join(STATES)}")
    found = account.by_ref(ref)
    job_id = found.id if found else stable_id("job", account.name, ref)
    kept = replace(found, state=state) if found else Job(job_id, ref, state, "")
    changes: dict[str, Any] = {key: _typed(key, value) for key, value in said.items()}
    if customer is not None:
        changes["customer"] = _customer_id(account, customer)
    if items is not None:
        changes["items"] = [as_item(item, account.currency) for item in items]
    if receipts:
        changes["receipts"] = [_receipt(receipt) for receipt in receipts]
    return account.save(replace(kept, **changes), updated=updated, quiet=quiet)


def as_item(item: ItemLike, currency: str = "GBP") -> Item:
    """A tuple is text, quantity, rate, kind and sku, as far as given; the tax is the currency's usual one."""
    if isinstance(item, Item):
        return item
    if not isinstance(item, Mapping):
        item = dict(zip([f.name for f in fields(Item)][:5], item, strict=False))
    code, rate = _TAX.get(currency, _TAX["GBP"])
    numbers = {"qty", "rate", "tax_rate", "discount_percent", "cost"}
    said = {"tax_code": code, "tax_rate": rate, "kind": _kind(str(item["text"])), **item}
    typed: dict[str, Any] = {k: _decimal(v) if k in numbers else v for k, v in said.items()}
    made = Item(**typed)
    if made.kind not in ITEM_KINDS:
        raise ValueError(f"item kind {made.kind!r}: use one of {', '.join(ITEM_KINDS)}")
    return made


def _kind(text: str) -> str:
    return "labour" if text.startswith("Labour") else "material"


def _customer_id(account: Account, who: CustomerLike) -> str:
    return customer(account, who).id


def _receipt(receipt: Receipt | Mapping[str, Any]) -> Receipt:
    if isinstance(receipt, Receipt):
        return receipt
    paid_at = _moment(receipt.get("paid_at"))
    return Receipt(**{**receipt, "amount": Decimal(str(receipt["amount"])), "paid_at": paid_at})


def _typed(key: str, value: Any) -> Any:
    if key in _MOMENTS:
        return _moment(value)
    return _decimal(value) if key == "quoted_total" else value


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
