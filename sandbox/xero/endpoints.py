"""The Accounting API's table of paths: which function serves which method of which resource."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.xero import banking, contacts, credit_notes, extras, invoices, listings, payments, wire
from sandbox.xero.call import Batch, Call
from sandbox.xero.contact_wire import contact_to_wire
from sandbox.xero.rendering import Renderer
from sandbox.xero.store import Store
from sandbox.xero.wire import Reply

Handler = Callable[[Call], Reply]
Path = tuple[str, ...]

_ACTIONS = (
    "CreateApprovedInvoice",
    "CreateDraftInvoice",
    "CreateApprovedCreditNote",
    "CreateInvoicePayment",
    "CreateContact",
    "UseMulticurrency",
    "AttachFilesIntoInvoice",
    "ApproveTransactionsBeforePeriodLockDate",
)


def _actions(call: Call) -> Reply:
    denied = set(call.org.denied_actions)
    if call.org.user_role != "FINANCIALADVISER":
        denied.add("ApproveTransactionsBeforePeriodLockDate")
    if len(call.org.currencies) == 1:
        denied.add("UseMulticurrency")
    statuses = {name: "NOT-ALLOWED" if name in denied else "ALLOWED" for name in _ACTIONS}
    return call.reply("Actions", [{"Name": name, "Status": status} for name, status in statuses.items()])


def _account(call: Call) -> Reply:
    account = call.org.accounts.get(call.ids[0])
    if account is None:
        raise wire.not_found()
    return call.reply("Accounts", [account.to_wire()])


def _item(call: Call) -> Reply:
    item = call.org.items.get(call.ids[0]) or next(iter(call.org.items.find("code", call.ids[0])), None)
    if item is None:
        raise wire.not_found()
    return call.reply("Items", [item.to_wire(call.unit_places)])


def _contact(call: Call) -> Reply:
    """By ContactID or by ContactNumber; archived contacts too."""
    numbered = call.org.contacts.find("number", call.ids[0])
    contact = call.org.contacts.get(call.ids[0]) or next(iter(numbered), None)
    if contact is None:
        raise wire.not_found()
    return call.reply("Contacts", [contact_to_wire(contact)])


def _invoice(call: Call) -> Reply:
    if "application/pdf" in call.headers.get("accept", ""):
        return extras.invoice_pdf(call)
    return call.reply("Invoices", [Renderer(call.org, call.unit_places).invoice(extras.find_invoice(call))])


def _credit(kind: str) -> Handler:
    def get(call: Call) -> Reply:
        numbered = call.org.credits.find("number", call.ids[0])
        credit = call.org.credits.get(call.ids[0]) or next(iter(numbered), None)
        if credit is None or credit.kind != kind:
            raise wire.not_found()
        return call.reply(f"{kind}s", [Renderer(call.org, call.unit_places).credit(credit)])

    return get


def _payment(call: Call) -> Reply:
    payment = call.org.payments.get(call.ids[0])
    if payment is None:
        raise wire.not_found()
    return call.reply("Payments", [Renderer(call.org, call.unit_places).payment(payment)])


def _bank_transaction(call: Call) -> Reply:
    found = call.org.bank_transactions.get(call.ids[0])
    if found is None:
        raise wire.not_found()
    return call.reply("BankTransactions", [Renderer(call.org, call.unit_places).bank_transaction(found)])


def _update_one(batch: Batch, find: Callable[[Call], str]) -> Handler:
    """POST to one document: the id in the path names it, whatever the body says."""

    def post(call: Call) -> Reply:
        id_ = find(call)
        return batch.run(call, [{**element, batch.id_key: id_} for element in call.elements(batch.name)])

    return post


def _contact_id(call: Call) -> str:
    if call.org.contacts.get(call.ids[0]) is None:
        raise wire.not_found()
    return call.ids[0]


def _credit_note_id(call: Call) -> str:
    credit = call.org.credits.get(call.ids[0])
    if credit is None or credit.kind != "CreditNote":
        raise wire.not_found()
    return call.ids[0]


def _history(pick: Callable[[Call], Store[Any]]) -> Mapping[str, Handler]:
    return {
        "GET": lambda call: extras.history(call, pick(call)),
        "PUT": lambda call: extras.add_history(call, pick(call)),
    }


def _allocations(kind: str) -> dict[Path, Mapping[str, Handler]]:
    name = f"{kind}s".lower()
    return {
        (name,): {"GET": lambda call: listings.credits_of(call, kind).reply(call)},
        (name, "*"): {"GET": _credit(kind)},
        (name, "*", "allocations"): {"PUT": lambda call: credit_notes.allocate(call, kind)},
        (name, "*", "allocations", "*"): {"DELETE": lambda call: credit_notes.remove_allocation(call, kind)},
        (name, "*", "history"): _history(lambda call: call.org.credits),
    }


def _written(batch: Batch, listing: Handler) -> Mapping[str, Handler]:
    return {"GET": listing, "PUT": batch.run, "POST": batch.run}


_CREDIT_NOTES = _allocations("CreditNote")

ENDPOINTS: Mapping[Path, Mapping[str, Handler]] = {
    ("organisation",): {"GET": lambda call: call.reply("Organisations", [call.org.to_wire()])},
    ("organisation", "actions"): {"GET": _actions},
    ("accounts",): {"GET": listings.ACCOUNTS.reply},
    ("accounts", "*"): {"GET": _account},
    ("taxrates",): {"GET": lambda call: call.reply("TaxRates", listings.tax_rates(call))},
    ("items",): {"GET": listings.ITEMS.reply},
    ("items", "*"): {"GET": _item},
    ("trackingcategories",): {"GET": lambda call: call.reply("TrackingCategories", listings.tracking_categories(call))},
    ("brandingthemes",): {"GET": lambda call: call.reply("BrandingThemes", [t.to_wire() for t in call.org.themes])},
    ("currencies",): {"GET": lambda call: call.reply("Currencies", listings.currencies(call))},
    ("users",): {"GET": lambda call: call.reply("Users", [user.to_wire() for user in call.org.users])},
    ("contacts",): _written(contacts.BATCH, listings.CONTACTS.reply),
    ("contacts", "*"): {"GET": _contact, "POST": _update_one(contacts.BATCH, _contact_id)},
    ("contacts", "*", "history"): _history(lambda call: call.org.contacts),
    ("invoices",): _written(invoices.BATCH, lambda call: listings.invoices(call).reply(call)),
    ("invoices", "*"): {
        "GET": _invoice,
        "POST": _update_one(invoices.BATCH, lambda call: extras.find_invoice(call).id),
    },
    ("invoices", "*", "pdf"): {"GET": extras.invoice_pdf},
    ("invoices", "*", "email"): {"POST": extras.email_invoice},
    ("invoices", "*", "onlineinvoice"): {"GET": extras.online_invoice},
    ("invoices", "*", "history"): _history(lambda call: call.org.invoices),
    ("payments",): _written(payments.BATCH, listings.PAYMENTS.reply),
    ("payments", "*"): {"GET": _payment, "POST": payments.DELETION.run},
    ("payments", "*", "history"): _history(lambda call: call.org.payments),
    **_CREDIT_NOTES,
    ("creditnotes",): _written(credit_notes.BATCH, _CREDIT_NOTES["creditnotes",]["GET"]),
    ("creditnotes", "*"): {"GET": _credit("CreditNote"), "POST": _update_one(credit_notes.BATCH, _credit_note_id)},
    **_allocations("Prepayment"),
    **_allocations("Overpayment"),
    ("banktransactions",): _written(banking.BATCH, listings.BANK_TRANSACTIONS.reply),
    ("banktransactions", "*"): {"GET": _bank_transaction},
}

_SETTINGS = ("accounting.settings",)
_INVOICES = ("accounting.invoices",)
_PAYMENTS = ("accounting.payments",)
SCOPES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("organisation", "accounts", "taxrates", "trackingcategories"), _SETTINGS),
    **dict.fromkeys(("brandingthemes", "currencies", "users"), _SETTINGS),
    "items": (*_SETTINGS, *_INVOICES),
    **dict.fromkeys(("invoices", "creditnotes"), _INVOICES),
    **dict.fromkeys(("payments", "prepayments", "overpayments"), _PAYMENTS),
    "contacts": ("accounting.contacts",),
    "banktransactions": ("accounting.banktransactions",),
}


def route(segments: tuple[str, ...], method: str) -> tuple[Handler, tuple[str, ...]]:
    """The handler and the variable parts of the path; raises ApiError 404, or 501 for a wrong method."""
    lowered = tuple(segment.lower() for segment in segments)
    pattern: Path = tuple("*" if n % 2 else segment for n, segment in enumerate(lowered))
    methods = ENDPOINTS.get(lowered) if "*" not in lowered else None
    ids = () if methods else segments[1::2]
    methods = methods or ENDPOINTS.get(pattern)
    if methods is None:
        raise wire.not_found()
    if method not in methods:
        raise wire.not_implemented()
    return methods[method], tuple(ids)
