"""The lists of the Accounting API: what each may be filtered and ordered by, and what its pages hold."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.xero.call import Call
from sandbox.xero.contact_wire import contact_in_unpaged_list, contact_summary, contact_to_wire
from sandbox.xero.documents import Contact, Credit, Invoice, Payment
from sandbox.xero.queries import Listing, one_of
from sandbox.xero.rendering import Rendered, Renderer
from sandbox.xero.where import Getter, Predicate


def _attributes(**names: str) -> dict[str, Getter]:
    """Getters by lower-case wire name from attribute names."""

    def getter(attribute: str) -> Getter:
        return lambda row: getattr(row, attribute)

    return {name.lower(): getter(attribute) for name, attribute in names.items()}


def _text_field(key: str) -> Getter:
    return lambda contact: contact.fields.get(key, "")


_CONTACT_FIELDS: Mapping[str, Getter] = {
    **_attributes(ContactID="id", ContactStatus="status", UpdatedDateUTC="updated"),
    **_attributes(IsCustomer="is_customer", IsSupplier="is_supplier", MergedToContactID="merged_to"),
    **{
        key.lower(): _text_field(key)
        for key in (
            "Name",
            "FirstName",
            "LastName",
            "EmailAddress",
            "ContactNumber",
            "AccountNumber",
            "CompanyNumber",
            "TaxNumber",
        )
    },
}


def _write_contact(call: Call, contact: Contact, paged: bool) -> Rendered:
    if call.flag("summaryonly"):
        return contact_summary(contact)
    return contact_to_wire(contact) if paged else contact_in_unpaged_list(contact)


CONTACTS = Listing(
    name="Contacts",
    type_name="Contact",
    rows=lambda call: call.org.contacts,
    fields=_CONTACT_FIELDS,
    write=_write_contact,
    filters={"ids": one_of(lambda c: c.id)},
    searched=lambda c: [
        c.fields.get(key, "") for key in ("Name", "FirstName", "LastName", "ContactNumber", "EmailAddress", "CompanyNumber")
    ],
    hidden=lambda call, c: c.status != "ACTIVE" and not call.flag("includearchived"),
)

_DOCUMENT_FIELDS = _attributes(
    Type="type",
    Status="status",
    Date="date",
    DueDate="due_date",
    Reference="reference",
    CurrencyCode="currency",
    SubTotal="sub_total",
    TotalTax="total_tax",
    Total="total",
    UpdatedDateUTC="updated",
)
_INVOICE_FIELDS: Mapping[str, Getter] = {
    **_DOCUMENT_FIELDS,
    **_attributes(InvoiceID="id", InvoiceNumber="number", SentToContact="sent", Url="url"),
    **_attributes(AmountPaid="amount_paid", AmountCredited="amount_credited", AmountDue="amount_due"),
    **_attributes(FullyPaidOnDate="fully_paid_on", BrandingThemeID="branding_theme_id"),
}


def _write_invoice(call: Call, invoice: Invoice, paged: bool) -> Rendered:
    renderer = Renderer(call.org, call.unit_places)
    if call.flag("summaryonly"):
        return renderer.invoice_summary(invoice)
    return renderer.invoice(invoice, full_contact=False, lines=paged)


def _created_by(client_id: str) -> Callable[[str], Predicate]:
    def make(text: str) -> Predicate:
        return lambda row: text.lower() != "true" or row.created_by == client_id

    return make


def _with_contact(call: Call, fields: Mapping[str, Getter]) -> Mapping[str, Getter]:
    """`Contact.Name` and its like, which need the organisation to be looked up."""

    def through(get: Getter) -> Getter:
        return lambda row: get(call.org.contacts.get(row.contact_id))

    named = {f"contact.{key}": through(_CONTACT_FIELDS[key]) for key in ("contactid", "name", "contactnumber")}
    return {**fields, **named}


def invoices(call: Call) -> Listing:
    return Listing(
        name="Invoices",
        type_name="Invoice",
        rows=lambda c: c.org.invoices,
        fields=_with_contact(call, _INVOICE_FIELDS),
        write=_write_invoice,
        filters={
            "ids": one_of(lambda i: i.id),
            "invoicenumbers": one_of(lambda i: i.number),
            "contactids": one_of(lambda i: i.contact_id),
            "statuses": one_of(lambda i: i.status),
            "createdbymyapp": _created_by(call.app.client_id),
        },
        searched=lambda i: [i.number, i.reference],
        forces_paging=("statuses",),
    )


def credits_of(call: Call, kind: str) -> Listing:
    """Credit notes, prepayments or overpayments."""

    def write(call_: Call, credit: Credit, paged: bool) -> Rendered:
        return Renderer(call_.org, call_.unit_places).credit(credit, full_contact=False, lines=paged)

    own = _attributes(**{f"{kind}ID": "id", f"{kind}Number": "number", "RemainingCredit": "remaining"})
    return Listing(
        name=f"{kind}s",
        type_name=kind,
        rows=lambda c: [credit for credit in c.org.credits if credit.kind == kind],
        fields=_with_contact(call, {**_DOCUMENT_FIELDS, **own}),
        write=write,
    )


def _write_payment(call: Call, payment: Payment, paged: bool) -> Rendered:
    return Renderer(call.org, call.unit_places).payment(payment, lines=paged)


def _hides_payment(call: Call, payment: Payment) -> bool:
    return payment.status == "DELETED" and not call.switches.deleted_payments_listed


PAYMENTS = Listing(
    name="Payments",
    type_name="Payment",
    rows=lambda call: call.org.payments,
    fields={
        **_attributes(PaymentID="id", Date="date", Amount="amount", Reference="reference", Status="status"),
        **_attributes(PaymentType="payment_type", IsReconciled="is_reconciled", UpdatedDateUTC="updated"),
        "invoice.invoiceid": lambda p: p.invoice_id,
        "account.accountid": lambda p: p.account_id,
    },
    write=_write_payment,
    hidden=_hides_payment,
)


def _write_bank_transaction(call: Call, row: Any, paged: bool) -> Rendered:
    return Renderer(call.org, call.unit_places).bank_transaction(row, lines=paged)


BANK_TRANSACTIONS = Listing(
    name="BankTransactions",
    type_name="BankTransaction",
    rows=lambda call: call.org.bank_transactions,
    fields={**_DOCUMENT_FIELDS, **_attributes(BankTransactionID="id")},
    write=_write_bank_transaction,
)


def _plain(name: str, type_name: str, rows: Callable[[Call], Any], fields: Mapping[str, Getter]) -> Listing:
    """A list of settings, which is never paged."""
    return Listing(name, type_name, rows, fields, lambda _call, row, _paged: row.to_wire(), can_page=False)


ACCOUNTS = _plain(
    "Accounts",
    "Account",
    lambda call: call.org.accounts,
    {
        **_attributes(AccountID="id", Code="code", Name="name", Type="type", Status="status", Class="account_class"),
        **_attributes(TaxType="tax_type", SystemAccount="system_account", UpdatedDateUTC="updated"),
        **_attributes(EnablePaymentsToAccount="enable_payments"),
    },
)
ITEMS = Listing(
    name="Items",
    type_name="Item",
    rows=lambda call: call.org.items,
    fields=_attributes(ItemID="id", Code="code", Name="name", UpdatedDateUTC="updated"),
    write=lambda call, item, _paged: item.to_wire(call.unit_places),
    can_page=False,
)


def tax_rates(call: Call) -> list[Rendered]:
    wanted = call.query.get("taxtype", "").casefold()
    rates = call.org.tax_rates.values()
    return [rate.to_wire() for rate in rates if not wanted or rate.tax_type.casefold() == wanted]


def currencies(call: Call) -> list[Rendered]:
    return [{"Code": code, "Description": code} for code, rate in call.org.currencies.items() if rate > Decimal(0)]


def tracking_categories(call: Call) -> list[Rendered]:
    with_archived = call.flag("includearchived")
    found = [c for c in call.org.tracking if with_archived or c.status == "ACTIVE"]
    return [category.to_wire(with_archived=with_archived) for category in found]
