"""Invoices, credits, payments and bank transactions as Xero writes them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.xero import wire
from sandbox.xero.contact_wire import contact_in_document, contact_to_wire
from sandbox.xero.documents import (
    Allocation,
    BankTransaction,
    Contact,
    Credit,
    HistoryRecord,
    Invoice,
    Line,
    Payment,
)
from sandbox.xero.tenant import Organisation

Rendered = dict[str, Any]
_ONE = Decimal(1)


def line_to_wire(line: Line, places: int) -> Rendered:
    wired: Rendered = {"LineItemID": line.id, "Description": line.description or ""}
    if line.item_code:
        wired["ItemCode"] = line.item_code
    if line.unit_amount is not None:
        wired["UnitAmount"] = wire.number(line.unit_amount, places)
    if line.tax_type:
        wired["TaxType"] = line.tax_type
    wired["TaxAmount"] = wire.number(line.tax_amount)
    wired["LineAmount"] = wire.number(line.line_amount)
    if line.account_code:
        wired["AccountCode"] = line.account_code
    wired["Tracking"] = [
        {
            "Name": t.name,
            "Option": t.option,
            "TrackingCategoryID": t.category_id,
            "TrackingOptionID": t.option_id,
        }
        for t in line.tracking
    ]
    if line.quantity is not None:
        wired["Quantity"] = wire.number(line.quantity, 4)
    if line.discount_rate is not None:
        wired["DiscountRate"] = wire.number(line.discount_rate)
    if line.discount_amount is not None:
        wired["DiscountAmount"] = wire.number(line.discount_amount)
    if line.account_id:
        wired["AccountID"] = line.account_id
    return {**wired, "ValidationErrors": []}


def _dated(name: str, day: Any) -> Rendered:
    if day is None:
        return {}
    return {f"{name}String": wire.date_string(day), name: wire.document_date(day)}


def _updated(at: Any) -> Rendered:
    return {"UpdatedDateUTC": wire.stamp(at), "UpdatedDateUTCString": wire.stamp_string(at)}


class Renderer:
    """Writes the documents of one organisation; `places` is the scale of unit amounts: 2, or 4 by unitdp."""

    def __init__(self, org: Organisation, places: int = 2) -> None:
        self.org = org
        self.places = places

    def contact(self, contact_id: str, *, full: bool) -> Rendered:
        contact = self.org.contacts.get(contact_id)
        write: Callable[[Contact], Rendered] = contact_to_wire if full else contact_in_document
        return write(contact) if contact else {}

    def lines(self, lines: tuple[Line, ...]) -> list[Rendered]:
        return [line_to_wire(line, self.places) for line in lines]

    def invoice(self, invoice: Invoice, *, full_contact: bool = True, lines: bool = True) -> Rendered:
        """An invoice by id, just written, or (without `full_contact`) on a page."""
        wired = {
            **self.invoice_summary(invoice, full_contact=full_contact),
            "HasAttachments": False,
            "Payments": [self._payment_in_invoice(p) for p in self._live_payments(invoice)],
            **self._credits_in(invoice),
            "LineItems": self.lines(invoice.lines) if lines else [],
        }
        if invoice.total_discount:
            wired["TotalDiscount"] = wire.number(invoice.total_discount)
        return wired

    def invoice_summary(self, invoice: Invoice, *, full_contact: bool = False) -> Rendered:
        wired = {
            "Type": invoice.type,
            "InvoiceID": invoice.id,
            "InvoiceNumber": invoice.number,
            "Reference": invoice.reference,
            "AmountDue": wire.number(invoice.amount_due),
            "AmountPaid": wire.number(invoice.amount_paid),
            "AmountCredited": wire.number(invoice.amount_credited),
            "CurrencyRate": wire.number(invoice.currency_rate, 6),
            "IsDiscounted": bool(invoice.total_discount),
            "HasErrors": False,
            "SentToContact": invoice.sent,
            "Contact": self.contact(invoice.contact_id, full=full_contact),
            **_dated("Date", invoice.date),
            **_dated("DueDate", invoice.due_date),
            "Status": invoice.status,
            "LineAmountTypes": invoice.line_amount_types,
            **self._sums(invoice),
            **_updated(invoice.updated),
            "CurrencyCode": invoice.currency,
        }
        return {**wired, **self._optional(invoice)}

    def _optional(self, invoice: Invoice) -> Rendered:
        expected, paid_on = invoice.expected_payment_date, invoice.fully_paid_on
        return {
            **({"BrandingThemeID": invoice.branding_theme_id} if invoice.branding_theme_id else {}),
            **({"Url": invoice.url} if invoice.url else {}),
            **_dated("ExpectedPaymentDate", expected),
            **({"FullyPaidOnDate": wire.document_date(paid_on)} if paid_on else {}),
        }

    def _sums(self, document: Invoice | Credit | BankTransaction) -> Rendered:
        return {
            "SubTotal": wire.number(document.sub_total),
            "TotalTax": wire.number(document.total_tax),
            "Total": wire.number(document.total),
        }

    def _live_payments(self, invoice: Invoice) -> list[Payment]:
        return [p for p in self.org.payments.find("invoice", invoice.id) if p.status == "AUTHORISED"]

    def _payment_in_invoice(self, payment: Payment) -> Rendered:
        return {
            "PaymentID": payment.id,
            "Date": wire.document_date(payment.date),
            "Amount": wire.number(payment.amount),
            "Reference": payment.reference,
            "CurrencyRate": wire.number(payment.currency_rate, 6),
            "HasAccount": False,
            "HasValidationErrors": False,
        }

    def _credits_in(self, invoice: Invoice) -> Rendered:
        found: dict[str, list[Rendered]] = {"CreditNotes": [], "Prepayments": [], "Overpayments": []}
        for allocation in self.org.allocations.find("invoice", invoice.id):
            if credit := self.org.credits.get(allocation.credit_id):
                found[f"{credit.kind}s"].append(self._credit_in_invoice(credit, allocation))
        return found

    def _credit_in_invoice(self, credit: Credit, allocation: Allocation) -> Rendered:
        number = {"CreditNoteNumber": credit.number} if credit.kind == "CreditNote" else {}
        return {
            f"{credit.kind}ID": credit.id,
            **number,
            "ID": credit.id,
            "AppliedAmount": wire.number(allocation.amount),
            **_dated("Date", allocation.date),
            "Total": wire.number(credit.total),
            "LineItems": [],
        }

    def credit(self, credit: Credit, *, full_contact: bool = True, lines: bool = True) -> Rendered:
        """A credit note, prepayment or overpayment."""
        number = "CreditNoteNumber" if credit.kind == "CreditNote" else "InvoiceNumber"
        return {
            f"{credit.kind}ID": credit.id,
            "ID": credit.id,
            **({number: credit.number} if credit.number else {}),
            "Type": credit.type,
            "Reference": credit.reference,
            "RemainingCredit": wire.number(credit.remaining),
            "Allocations": self.allocations(credit),
            "Payments": [self._payment_in_invoice(p) for p in self._refunds(credit)],
            "HasAttachments": False,
            "HasErrors": False,
            "CurrencyRate": wire.number(credit.currency_rate, 6),
            "SentToContact": credit.sent,
            "Contact": self.contact(credit.contact_id, full=full_contact),
            **_dated("Date", credit.date),
            **_dated("DueDate", credit.due_date),
            **({"BrandingThemeID": credit.branding_theme_id} if credit.branding_theme_id else {}),
            "Status": credit.status,
            "LineAmountTypes": credit.line_amount_types,
            "LineItems": self.lines(credit.lines) if lines else [],
            **self._sums(credit),
            **_updated(credit.updated),
            "CurrencyCode": credit.currency,
            **({"FullyPaidOnDate": wire.document_date(credit.fully_paid_on)} if credit.fully_paid_on else {}),
        }

    def _refunds(self, credit: Credit) -> list[Payment]:
        return [p for p in self.org.payments.find("credit", credit.id) if p.status == "AUTHORISED"]

    def allocations(self, credit: Credit) -> list[Rendered]:
        return [self.allocation(a, credit) for a in self.org.allocations.find("credit", credit.id)]

    def allocation(self, allocation: Allocation, credit: Credit) -> Rendered:
        invoice = self.org.invoices.get(allocation.invoice_id)
        number = invoice.number if invoice else ""
        return {
            "AllocationID": allocation.id,
            "Amount": wire.number(allocation.amount),
            "Date": wire.document_date(allocation.date),
            "Invoice": {
                "InvoiceID": allocation.invoice_id,
                "InvoiceNumber": number,
                "LineItems": [],
                "HasErrors": False,
            },
            credit.kind: {f"{credit.kind}ID": credit.id, "ID": credit.id, "LineItems": []},
            "ValidationErrors": [],
        }

    def payment(self, payment: Payment, *, lines: bool = True) -> Rendered:
        account = self.org.accounts.get(payment.account_id)
        return {
            "PaymentID": payment.id,
            "Date": wire.document_date(payment.date),
            "BankAmount": wire.number(payment.amount),
            "Amount": wire.number(payment.amount),
            "Reference": payment.reference,
            "CurrencyRate": wire.number(payment.currency_rate, 6),
            "PaymentType": payment.payment_type,
            "Status": payment.status,
            **_updated(payment.updated),
            "HasAccount": True,
            "IsReconciled": payment.is_reconciled,
            "Account": {"AccountID": payment.account_id, "Code": account.code, "Name": account.name} if account else {},
            **self._paid_document(payment, lines=lines),
            "HasValidationErrors": False,
        }

    def _paid_document(self, payment: Payment, *, lines: bool) -> Rendered:
        if credit := self.org.credits.get(payment.credit_id):
            return {credit.kind: self.credit(credit, full_contact=False, lines=lines)}
        invoice = self.org.invoices.get(payment.invoice_id)
        return {"Invoice": self.invoice(invoice, full_contact=False, lines=lines)} if invoice else {}

    def bank_transaction(self, transaction: BankTransaction, *, lines: bool = True) -> Rendered:
        account = self.org.accounts.get(transaction.bank_account_id)
        credit = self.org.credits.get(transaction.credit_id)
        contact = {"Contact": self.contact(transaction.contact_id, full=False)} if transaction.contact_id else {}
        return {
            "BankTransactionID": transaction.id,
            "BankAccount": {"AccountID": account.id, "Code": account.code, "Name": account.name} if account else {},
            "Type": transaction.type,
            "Reference": transaction.reference,
            "IsReconciled": transaction.is_reconciled,
            "HasAttachments": False,
            "CurrencyRate": wire.number(transaction.currency_rate, 6),
            **contact,
            **_dated("Date", transaction.date),
            **({"Url": transaction.url} if transaction.url else {}),
            **({f"{credit.kind}ID": credit.id} if credit else {}),
            "Status": transaction.status,
            "LineAmountTypes": transaction.line_amount_types,
            "LineItems": self.lines(transaction.lines) if lines else [],
            **self._sums(transaction),
            "UpdatedDateUTC": wire.stamp(transaction.updated),
            "CurrencyCode": transaction.currency,
        }


def history_to_wire(record: HistoryRecord) -> Rendered:
    return {
        "Changes": record.changes,
        "DateUTCString": record.at.strftime("%Y-%m-%dT%H:%M:%S"),
        "DateUTC": wire.stamp(record.at),
        "User": record.user,
        "Details": record.details,
    }
