"""Reads a document's line items: amounts, accounts, taxes, tracking, and every reason to refuse them."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.xero import texts, wire
from sandbox.xero.chart import Account, Item
from sandbox.xero.documents import Line, Tracking
from sandbox.xero.money import ZERO, LineAmountTypes, line_amount, tax_amount, to_places
from sandbox.xero.tenant import Organisation

_LIMIT = Decimal("9999999999.99")
_DESCRIPTION_LIMIT = 4000
_NO_CENTS = Decimal("0.00")


@dataclass
class LineReader:
    """Reads the lines of one document; refusals gather in `errors`.

    `places` is the scale of UnitAmount (2, or 4 with unitdp=4). `approving` asks for what a draft may lack.
    `default_tax` is the contact's own tax type, which comes before the account's.
    """

    org: Organisation
    types: LineAmountTypes
    places: int
    approving: bool
    rounding: str = "half_up"
    default_tax: str | None = None
    allows_discounts: bool = True
    errors: list[str] = field(default_factory=list)

    def read(self, elements: Any, existing: Iterable[Line] = ()) -> tuple[Line, ...]:
        """The new lines of a document; a LineItemID among `existing` keeps what the element leaves out."""
        if not isinstance(elements, list) or not all(isinstance(e, dict) for e in elements):
            raise wire.post_data_invalid("JSON request body could not be read, Error LineItems must be an array")
        known = {line.id: line for line in existing}
        return tuple(self._line(self._filled(element, known)) for element in elements)

    def _filled(self, element: dict[str, Any], known: Mapping[str, Line]) -> dict[str, Any]:
        kept = known.get(str(element.get("LineItemID", "")).lower())
        if kept is None:
            return {**element, "LineItemID": str(uuid.uuid4())}
        return {**_as_sent(kept), **element, "LineItemID": kept.id}

    def _line(self, raw: dict[str, Any]) -> Line:
        item = self._item(raw.get("ItemCode"))
        description = raw.get("Description") or (item.description if item else None)
        if len(description or "") > _DESCRIPTION_LIMIT:
            self.errors.append(texts.too_long("Description", _DESCRIPTION_LIMIT))
        quantity, unit, amount = self._amounts(raw, item)
        account = self._account(raw, is_text=unit is None)
        if self.approving and not description:
            self.errors.append(texts.DESCRIPTION_MISSING)
        tax_type = self._tax_type(raw.get("TaxType"), account)
        return Line(
            id=raw["LineItemID"],
            description=description,
            quantity=quantity,
            unit_amount=unit,
            line_amount=amount,
            tax_amount=self._tax(raw, amount, tax_type),
            tax_type=tax_type,
            account_code=account.code if account else None,
            account_id=account.id if account else None,
            item_code=item.code if item else None,
            discount_rate=wire.read_decimal(raw.get("DiscountRate")),
            discount_amount=wire.read_decimal(raw.get("DiscountAmount")),
            tracking=self._tracking(raw.get("Tracking") or []),
        )

    def _item(self, code: Any) -> Item | None:
        if not code:
            return None
        found = next(iter(self.org.items.find("code", str(code))), None)
        if found is None:
            self.errors.append(texts.item_unknown(str(code)))
        return found

    def _amounts(self, raw: dict[str, Any], item: Item | None) -> tuple[Decimal | None, Decimal | None, Decimal]:
        """Quantity, unit amount and line amount; all empty for a line of text."""
        quantity, unit = wire.read_decimal(raw.get("Quantity")), wire.read_decimal(raw.get("UnitAmount"))
        given = wire.read_decimal(raw.get("LineAmount"))
        if unit is None and given is None and item is not None:
            unit = item.price
        if unit is None and given is None and quantity is None:
            return None, None, _NO_CENTS
        quantity = to_places(Decimal(1) if quantity is None else quantity, 4)
        if quantity < 0:
            self.errors.append(texts.quantity_negative(quantity))
        if unit is None and given is not None:
            return (
                quantity,
                to_places(given / quantity if quantity else given, self.places),
                to_places(given, 2),
            )
        unit = to_places(unit or ZERO, self.places)
        return quantity, unit, self._line_total(raw, quantity, unit, given)

    def _line_total(self, raw: dict[str, Any], quantity: Decimal, unit: Decimal, given: Decimal | None) -> Decimal:
        rate, discount = (
            wire.read_decimal(raw.get("DiscountRate")),
            wire.read_decimal(raw.get("DiscountAmount")),
        )
        if (rate or discount) and not self.allows_discounts:
            self.errors.append(texts.DISCOUNT_ON_CREDIT)
        expected = line_amount(quantity, unit, rate, discount)
        if given is not None and given != expected:
            self.errors.append(texts.line_total(to_places(given, 2), expected))
        if abs(expected) > _LIMIT:
            self.errors.append(texts.LINE_TOO_LARGE)
        return expected

    def _account(self, raw: dict[str, Any], *, is_text: bool) -> Account | None:
        code, id_ = raw.get("AccountCode"), raw.get("AccountID")
        if not code and not id_:
            if self.approving and not is_text:
                self.errors.append(texts.ACCOUNT_MISSING)
            return None
        account = self.org.account(str(code)) if code else self.org.accounts.get(id_)
        if account is None or not account.takes_lines:
            self.errors.append(texts.account_invalid(str(code or id_)))
        elif account.status != "ACTIVE":
            self.errors.append(texts.account_archived(account.code))
        return account

    def _tax_type(self, given: Any, account: Account | None) -> str | None:
        if self.types == "NoTax":
            return self.org.no_tax_type
        if not given:
            return self.default_tax or (account.tax_type if account else None)
        rate = self.org.tax_rates.get(str(given))
        if rate is None or rate.status != "ACTIVE":
            self.errors.append(texts.tax_invalid(str(given)))
        elif account is not None and account.account_class not in rate.applies_to:
            self.errors.append(texts.tax_not_for_account(rate.tax_type, account.code))
        return str(given)

    def _tax(self, raw: dict[str, Any], amount: Decimal, tax_type: str | None) -> Decimal:
        given = wire.read_decimal(raw.get("TaxAmount"))
        if given is not None and self.types != "NoTax":
            if abs(given) > abs(amount):
                self.errors.append(texts.TAX_OVER_LINE)
            return to_places(given, 2)
        rate = self.org.tax_rates.get(tax_type or "")
        return tax_amount(amount, rate.percent if rate else ZERO, self.types, self.rounding)

    def _tracking(self, elements: list[dict[str, Any]]) -> tuple[Tracking, ...]:
        if len(elements) > 2:
            self.errors.append(texts.TOO_MUCH_TRACKING)
        found = (self._tracked(element) for element in elements)
        return tuple(tracking for tracking in found if tracking is not None)

    def _tracked(self, element: dict[str, Any]) -> Tracking | None:
        name, option_name = str(element.get("Name", "")), str(element.get("Option", ""))
        by_name = next(iter(self.org.tracking.find("name", name.casefold())), None)
        category = self.org.tracking.get(element.get("TrackingCategoryID")) or by_name
        for option in category.options if category else ():
            wanted = option.id == str(element.get("TrackingOptionID", "")).lower()
            if option.status == "ACTIVE" and (wanted or option.name.casefold() == option_name.casefold()):
                return Tracking(category.id, option.id, category.name, option.name) if category else None
        unknown = option_name or str(element.get("TrackingOptionID", ""))
        self.errors.append(texts.tracking_unknown(name, unknown))
        return None


def _as_sent(line: Line) -> dict[str, Any]:
    """An existing line as if a client had sent it; amounts that follow from others are left out."""
    sent = {
        "Description": line.description,
        "Quantity": line.quantity,
        "UnitAmount": line.unit_amount,
        "TaxType": line.tax_type,
        "AccountCode": line.account_code,
        "ItemCode": line.item_code,
        "DiscountRate": line.discount_rate,
        "DiscountAmount": line.discount_amount,
        "Tracking": [{"TrackingCategoryID": t.category_id, "TrackingOptionID": t.option_id} for t in line.tracking],
    }
    return {key: value for key, value in sent.items() if value is not None}
