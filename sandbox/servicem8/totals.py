"""What ServiceM8 shows as a job's total: the sum of its lines, each rounded to cents."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sandbox.servicem8.records import Row

if TYPE_CHECKING:
    from sandbox.servicem8.state import Account

CENT = Decimal("0.01")


def invoice_total(account: "Account", job_uuid: str, *, with_tax: bool) -> str:
    """Two decimals; lines without a price count as nothing."""
    lines = [row for row in account.children("jobmaterial", job_uuid) if row["active"] == 1]
    return str(sum((_line_total(account, row, with_tax=with_tax) for row in lines), Decimal("0.00")))


def tax_factor(account: "Account", tax_rate_uuid: str) -> Decimal:
    """1.15 for a rate of 15 %, 1 when there is no rate."""
    rate = account.tables["taxrate"].get(tax_rate_uuid)
    return 1 + _decimal(rate["amount"]) / 100 if rate else Decimal(1)


def _line_total(account: "Account", row: Row, *, with_tax: bool) -> Decimal:
    quantity, factor = _decimal(row["quantity"]), tax_factor(account, row["tax_rate_uuid"])
    if row["displayed_amount_is_tax_inclusive"] == "1":
        shown = quantity * _decimal(row["displayed_amount"])
        return (shown if with_tax else shown / factor).quantize(CENT, ROUND_HALF_UP)
    net = quantity * _decimal(row["price"])
    return (net * factor if with_tax else net).quantize(CENT, ROUND_HALF_UP)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)
