"""A job, a chart and a decision in the words of a test file: the way back from what billing works with.

What is written is only what differs from what a test takes for granted.
"""

from collections.abc import Mapping
from typing import Any

from milepost.billing.decision import Bill, Credit, Decision, Hold, InvoiceLine
from milepost.chart import Account, Chart
from milepost.jobs import Customer, Job, Line, LineTax, Payment, Quote, Site, Stage, Totals
from milepost.rules.model import RuleBook
from milepost.rules.trials.given import JobGiven
from milepost.rules.trials.made import LINE_NAMES, SAME_NAMES
from milepost.rules.trials.organisation import accounts_named, designs_named

Written = dict[str, Any]
_TYPES = {"LIABILITY": "liability", "ASSET": "asset", "EXPENSE": "expense"}
_BANK = "BANK"


def _without_blanks(values: Mapping[str, Any]) -> Written:
    """Without what says nothing: None, no text, an empty list; but with 0 and false."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [], {}, ())}


def job_as_written(job: Job) -> Written:
    """The job as a test gives it."""
    usual = Stage.COMPLETED if job.dates.completed else Stage.IN_PROGRESS
    same = {name: getattr(job, name) for name in SAME_NAMES if name != "number"}
    claims = job.claims
    return _without_blanks(
        {
            "number": job.number,
            "status": job.raw_status,
            "stage": None if job.stage is usual else job.stage.value,
            "completed": job.completed_on,
            "customer": _customer(job.customer),
            "site": _site(job.site),
            **{name: list(value) if isinstance(value, tuple) else value for name, value in same.items()},
            "prices": None if job.tax_mode == JobGiven().prices else job.tax_mode.value,
            "job_total": _totals(job.reported_totals),
            "quoted": _quote(job.quote),
            "payments": [_payment(payment) for payment in job.payments],
            "claims": _without_blanks(dict(claims)) if claims else None,
            "taken_elsewhere": job.export_processed or None,
            "lines": [_line(line) for line in job.lines],
        }
    ) | ({"customer": None} if job.customer is None else {})


def _customer(customer: Customer | None) -> Written | str | None:
    if customer is None:
        return None
    said = {
        "name": customer.name,
        "number": customer.number,
        "email": customer.email,
        "tags": list(customer.tags),
        "company": customer.is_company,
        "currency": customer.currency,
        "address": _without_blanks(dict(customer.billing_address)) if customer.billing_address else None,
    }
    return _without_blanks(said)


def _site(site: Site | None) -> Written | None:
    if site is None:
        return None
    address = _without_blanks(dict(site.address)) if site.address else None
    return {"region": site.region} | _without_blanks({"name": site.name, "address": address})


def _totals(totals: Totals) -> Written:
    return _without_blanks({"net": totals.ex, "tax": totals.tax, "total": totals.inc})


def _quote(quote: Quote | None) -> Written | None:
    if quote is None:
        return None
    accepted = quote.accepted_at.date() if quote.accepted_at else None
    return _totals(quote.totals) | _without_blanks({"number": quote.number, "accepted": accepted})


def _payment(payment: Payment) -> Written:
    said = {
        "amount": payment.amount,
        "method": payment.method,
        "received": payment.received_on,
        "deposit": payment.is_deposit or None,
        "reference": payment.reference,
    }
    return _without_blanks(said)


def _line(line: Line) -> Written:
    theirs = {ours: name for name, ours in LINE_NAMES.items()}
    said = {theirs.get(name, name): value for name, value in line if name not in ("id", "kind", "tax", "billable")}
    written = {"kind": line.kind.value} | _without_blanks(said) | _without_blanks({"tax": _tax(line.tax)})
    return written if line.billable else written | {"billable": False}


def _tax(tax: LineTax | None) -> Written | str | None:
    if tax is None:
        return None
    return tax.name if tax.rate is None and tax.amount is None else _without_blanks(dict(tax))


def organisation_as_written(chart: Chart, book: RuleBook, job: Job, lines: tuple[InvoiceLine, ...]) -> Written:
    """What of the chart the book and this job touch: nothing else of a business's accounts belongs into a test."""
    accounts = {code: chart.account(code) for code in accounts_named(book)}
    base = chart.organisation.base_currency
    said: Written = {
        "currency": base,
        "currencies": [code for code in chart.currencies if code != base] if job.currency not in (None, base) else None,
        "taxes": _taxes(chart, book, accounts, lines),
        "tracking": _tracking(chart, lines) if _tracks(book) else None,
        "accounts": {code: _account(account) for code, account in accounts.items()},
    }
    if _names_items(book):
        said["items"] = sorted({code for line in job.lines if (code := line.code) and chart.item(code)})
    if themes := designs_named(book):
        said["branding"] = [name for name in themes if chart.theme(name)]
    return {name: value for name, value in said.items() if value is not None}


def _tracks(book: RuleBook) -> bool:
    laid_over = [*(rule.then.tracking for rule in book.lines), *(m.invoice.tracking for m in book.milestones)]
    return bool(book.invoice.tracking) or any(laid_over)


def _names_items(book: RuleBook) -> bool:
    return any(rule.then.item for rule in book.lines) or bool(book.fallback and book.fallback.item)


def _taxes(chart: Chart, book: RuleBook, accounts: Mapping[str, Account | None], lines: tuple[InvoiceLine, ...]) -> Written:
    named = [*book.taxes.values(), *(line.tax_type for line in lines), *(rule.then.tax for rule in book.lines)]
    named += [milestone.tax for milestone in book.milestones]
    named += [account.tax_type for account in accounts.values() if account]
    named += [book.fallback.tax if book.fallback else None, book.payments.deposit_tax]
    rates = {rate.tax_type: rate for rate in chart.tax_rates if rate.status == "ACTIVE"}
    return {name: rates[name].effective_rate.normalize() for name in dict.fromkeys(named) if name in rates}


def _tracking(chart: Chart, lines: tuple[InvoiceLine, ...]) -> Written:
    """The categories with the options of these lines; with all, where there are no lines to tell by."""
    used = {choice.option for line in lines for choice in line.tracking}
    return {
        category.name: [o.name for o in category.options if o.status == "ACTIVE" and (not used or o.name in used)]
        for category in chart.tracking
        if category.status == "ACTIVE"
    }


def _account(account: Account | None) -> Written | None:
    if account is None:
        return None
    kind = "bank" if account.type == _BANK else _TYPES.get(account.klass or "", "income")
    said = {"name": account.name, "type": None if kind == "income" else kind, "tax": account.tax_type}
    return _without_blanks(said) | ({"archived": True} if account.status != "ACTIVE" else {})


def decision_as_written(decision: Decision | None) -> Written:
    """A decision as a test expects it."""
    if decision is None:
        return {"not_due": True}
    if isinstance(decision, Bill):
        draft = decision.draft
        head = {"status": draft.status, "reference": draft.reference, "due": draft.due_date}
        return _money(decision.draft) | _without_blanks(head)
    if isinstance(decision, Credit):
        return {"credit": _money(decision)}
    return {"hold" if isinstance(decision, Hold) else "skip": decision.code}


def _money(source: Any) -> Written:
    """Lines and figures of an invoice or a credit note."""
    lines = [_invoice_line(line) for line in source.lines]
    return {"lines": lines, "net": source.sub_total, "tax": source.total_tax, "total": source.total}


def _invoice_line(line: InvoiceLine) -> Written:
    said = {
        "rule": line.why.rule,
        "account": line.account,
        "tax": line.tax_type,
        "amount": line.amount,
        "item": line.item,
        "tracking": {choice.category: choice.option for choice in line.tracking},
        "description": line.description,
    }
    return _without_blanks(said)
