"""Deposits that the platform took before any invoice: noted, recorded, or taken off the job's last invoice.

Part of decide, after the stages: what is taken off is paid already, and so is no part of what stages bill.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from milepost.billing.checks import check_account, check_tax
from milepost.billing.coding import Coding
from milepost.billing.decision import DepositTaken, InvoiceLine, Why
from milepost.billing.earlier import DEPOSIT, deducted_deposits, total_of
from milepost.billing.facts import History
from milepost.billing.stages import Staged
from milepost.billing.trouble import Trouble
from milepost.chart import TaxRate
from milepost.jobs import Payment
from milepost.money import CENT, HUNDRED, ZERO, LineAmountTypes, line_tax, round2

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Deposits:
    """What becomes of the platform's deposits on one invoice: lines that take them off, and what is said of them."""

    lines: tuple[InvoiceLine, ...] = ()
    taken: tuple[DepositTaken, ...] = ()
    sums: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def deposits_on(coding: Coding, staged: Staged, history: History) -> Deposits | Trouble:
    """The deposits that concern this stage: those of the job's last one, each payment once."""
    known = deducted_deposits(history)
    payments = [p for p in coding.job.payments if p.is_deposit and p.amount > 0 and p.id not in known]
    if not payments or not staged.is_last:
        return Deposits()
    if coding.book.payments.deposits == "deduct":
        return _deducted(coding, staged, history, payments)
    return Deposits() if _is_told(coding, history) else _told(coding, payments)


def _is_told(coding: Coding, history: History) -> bool:
    """Whether an earlier last invoice of the job told of its deposits already."""
    if coding.milestone.sequence > 1:
        return True
    earlier = (coding.book.milestone(billed.milestone) for billed in history.billed)
    return any(milestone is not None and milestone.amount == "remaining" for milestone in earlier)


def _told(coding: Coding, payments: Sequence[Payment]) -> Deposits:
    settings = coding.book.payments
    if settings.deposits == "note":
        noted = tuple(_taken(p, "note", None) for p in payments)
        return Deposits(taken=noted, warnings=tuple(f"{_words(p)}; the invoice bills the job in full." for p in payments))
    accounts = {p.id: _account_of(coding, p) for p in payments}
    return Deposits(
        taken=tuple(_taken(p, "record", accounts[p.id]) for p in payments),
        sums=tuple(
            f"{_words(p)}; it is to be recorded in Xero as a payment{f' in account {a}' if (a := accounts[p.id]) else ''}."
            for p in payments
        ),
        warnings=tuple(_unmapped(coding, p) for p in payments if accounts[p.id] is None),
    )


def _account_of(coding: Coding, payment: Payment) -> str | None:
    """The account for the payment's method, whatever its case and blanks."""
    wanted = _plain(payment.method or "")
    return next((code for method, code in coding.book.payments.accounts.items() if _plain(method) == wanted), None)


def _plain(method: str) -> str:
    return method.strip().casefold().replace(" ", "_")


def _unmapped(coding: Coding, payment: Payment) -> str:
    method = f"payments by '{payment.method}'" if payment.method else "a payment that names no method"
    where = coding.book.where("payments")
    return f"{where} has no account for {method}, so it is not known where the deposit of {payment.amount} was received."


def _deducted(coding: Coding, staged: Staged, history: History, payments: Sequence[Payment]) -> Deposits | Trouble:
    due, paid = total_of(coding.types, staged.lines), sum((payment.amount for payment in payments), ZERO)
    if paid > due and (staged.lines or coding.milestone.sequence == 1):
        return _too_large(due, paid)
    if not staged.lines:
        return Deposits()
    if ours := _paid_ours(coding, history, payments):
        return ours
    booked = _booked(coding)
    if isinstance(booked, Trouble):
        return booked
    lines = [line for payment in payments for line in _lines(coding, payment, *booked)]
    account = coding.book.payments.deposit_account
    return Deposits(
        lines=tuple(lines),
        taken=tuple(_taken(payment, "deduct", account) for payment in payments),
        sums=tuple(f"{_words(payment)}; it is taken off this invoice." for payment in payments),
        warnings=_may_be_ours(history, paid),
    )


def _paid_ours(coding: Coding, history: History, payments: Sequence[Payment]) -> Trouble | None:
    """A deposit of the very sum of an earlier invoice most likely paid it, and would be taken off a second time."""
    found = ((p, b) for p in payments for b in history.billed if p.amount == b.total)
    payment, billed = next(found, (None, None))
    if payment is None or billed is None:
        return None
    invoice = billed.number or f"the invoice of {billed.milestone}"
    return Trouble(
        "deposit_unclear",
        f"{_words(payment)}, and {invoice} came to just that: if it paid that invoice, it cannot be taken off once more.",
        f"If it paid {invoice}, take the payment's mark as a deposit away on the platform, or let 'deposits' at "
        f"{coding.book.where('payments')} be 'note'. If not, bill this job's last stage by hand.",
    )


def _may_be_ours(history: History, paid: Decimal) -> tuple[str, ...]:
    if not history.billed:
        return ()
    numbers = ", ".join(billed.number or billed.milestone for billed in history.billed)
    return (f"Deposits of {paid} are taken off; make sure that none of them paid an earlier invoice ({numbers}).",)


def _booked(coding: Coding) -> tuple[str, TaxRate | None] | Trouble:
    """The account that deposits were booked to, and the rate of the deducted line."""
    settings, where = coding.book.payments, coding.book.where("payments")
    assert settings.deposit_account is not None
    account = check_account(coding.chart, settings.deposit_account, where)
    if isinstance(account, Trouble):
        return account
    tax_type = settings.deposit_tax or account.tax_type
    if tax_type is None or coding.types is LineAmountTypes.NO_TAX:
        return settings.deposit_account, None
    rate = check_tax(coding.chart, account, tax_type, where)
    return rate if isinstance(rate, Trouble) else (settings.deposit_account, rate)


def _lines(coding: Coding, payment: Payment, account: str, rate: TaxRate | None) -> Iterator[InvoiceLine]:
    """Lines that take off the payment, tax included: one, or one and a cent where no single line's tax gives the sum."""
    percent = rate.effective_rate if rate else ZERO
    for amount in _amounts(payment.amount, percent, coding.types):
        yield InvoiceLine(
            description=f"Less deposit received{f' {payment.received_on}' if payment.received_on else ''}",
            quantity=ONE,
            unit_amount=-amount,
            account=account,
            tax_type=rate.tax_type if rate else None,
            amount=-amount,
            tax=-line_tax(amount, percent, coding.types),
            why=_why(coding, payment),
        )


def _amounts(paid: Decimal, percent: Decimal, types: LineAmountTypes) -> list[Decimal]:
    """Line amounts that come to the payment with their tax, which Xero rounds for each line."""
    if types is not LineAmountTypes.EXCLUSIVE:
        return [paid]

    def with_tax(amount: Decimal) -> Decimal:
        return amount + line_tax(amount, percent, types)

    amount = round2(paid * HUNDRED / (HUNDRED + percent))
    while with_tax(amount) > paid:
        amount -= CENT
    missing = paid - with_tax(amount)
    return [amount, *([CENT] * int(missing / CENT))] if amount else [paid]


def _why(coding: Coding, payment: Payment) -> Why:
    settings = coding.book.payments
    return Why(
        rule=f"{DEPOSIT}{payment.id}",
        version=coding.book.version,
        where=coding.book.where("payments"),
        account_from="payments > deposit_account",
        tax_from="payments > deposit_tax" if settings.deposit_tax else f"account {settings.deposit_account}'s own",
        amount_from=f"the {payment.amount} that the job system received, tax included",
    )


def _taken(payment: Payment, treatment: str, account: str | None) -> DepositTaken:
    return DepositTaken.model_validate(
        {
            "payment_id": payment.id,
            "amount": payment.amount,
            "received_on": payment.received_on,
            "method": payment.method,
            "treatment": treatment,
            "account": account,
        }
    )


def _words(payment: Payment) -> str:
    day = f" on {payment.received_on}" if payment.received_on else ""
    method = f" by {payment.method}" if payment.method else ""
    return f"The job system took a deposit of {payment.amount}{day}{method}"


def _too_large(due: Decimal, paid: Decimal) -> Trouble:
    return Trouble(
        "deposit_too_large",
        f"The job system took deposits of {paid}, and the job's last invoice comes to {due}: {paid - due} more.",
        "Pay the difference back or correct the deposits on the platform; or correct the job's lines. Then run again.",
    )
