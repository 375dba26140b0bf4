"""Readable builders for the simulated ServiceM8: customers and jobs as a test or a seed would say them.

`job(account, number="1482", customer="Ngaio Cafe", lines=[("Labour", "2.5", "95.00")])` adds the job with its
customer, contacts, materials and lines, or changes the job of that number.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.servicem8.records import Row, stable_uuid
from sandbox.servicem8.shapes import Activity, CustomerLike, JobText, Line, LineLike, Payment, as_customer, as_line
from sandbox.servicem8.state import Account
from sandbox.servicem8.totals import CENT, tax_factor

TAX_RATES = {
    "NZD": (("15% GST on Income", "15"), ("Zero Rated", "0"), ("No GST", "0")),
    "AUD": (("GST on Income", "10"), ("GST Free Income", "0"), ("BAS Excluded", "0")),
    "GBP": (("20% (VAT on Income)", "20"), ("5% (VAT on Income)", "5"), ("Zero Rated Income", "0")),
}


def furnish(account: Account) -> None:
    """What every account has: tax rates, one member of staff and the labour rates."""
    for number, (name, amount) in enumerate(TAX_RATES.get(account.vendor["currency"], TAX_RATES["NZD"])):
        rate = {"name": name, "amount": amount, "is_default_tax_rate": 1 if number == 0 else 0}
        account.load("taxrate", {**rate, "uuid": tax_uuid(account, name)})
    _staff(account, "LAB", material(account, Line("Labour", price="95.00", code="LAB")))


def tax_uuid(account: Account, name: str) -> str:
    return stable_uuid(account.name, "taxrate", name)


def customer(account: Account, who: CustomerLike) -> Row:
    """Add the client and its contact, or change the client of the same key; returns the company record."""
    who = as_customer(who)
    uuid = stable_uuid(account.name, "company", who.key or who.name)
    address = f"{who.street}\n{who.city} {who.region} {who.postcode}"
    company = {
        "uuid": uuid,
        "name": who.name,
        "abn_number": who.tax_number,
        "address": address,
        "billing_address": address,
        "address_street": who.street,
        "address_city": who.city,
        "address_state": who.region,
        "address_postcode": who.postcode,
        "address_country": who.country,
        "is_individual": int(who.is_individual),
        "payment_terms": who.terms,
    }
    contact = {
        "first": who.first,
        "last": who.last,
        "email": who.email,
        "phone": who.phone,
        "type": "BILLING",
    }
    account.load(
        "companycontact",
        {**contact, "company_uuid": uuid, "is_primary_contact": "1", "uuid": stable_uuid(uuid, "contact")},
    )
    return account.load("company", company)


def job(
    account: Account,
    *,
    number: str = "",
    status: str = "Completed",
    customer: CustomerLike | None = "Ngaio Cafe",
    lines: Sequence[LineLike] | None = None,
    **text: Any,
) -> Row:
    """Add a job or change the one of this number, and tell the webhooks; returns the job record.

    `lines` None leaves the lines of an existing job alone. `text` is any field of JobText.
    """
    said = JobText(**text)
    found = account.tables["job"].where("generated_job_id", number) if number else []
    row = {**_job_fields(account, status, customer, said), **said.extra}
    before = found[0] if found else {}
    key = {"uuid": before.get("uuid") or stable_uuid(account.name, "job", number) if number else ""}
    kept = {**before, "edit_date": account.local_now()} if before else {"generated_job_id": number}
    stored = account.load("job", {**kept, **key, **row})
    if lines is not None:
        _replace_lines(account, stored["uuid"], lines)
    _contacts_and_payments(account, stored, said, customer)
    _schedule(account, stored, said)
    account.retotal(stored["uuid"])
    account.tell("job", stored, tuple(row), _events(before, stored))
    return account.tables["job"].get(stored["uuid"]) or stored


def material(account: Account, line: Line) -> str:
    """The uuid of the catalogue item behind a line, made when it is new."""
    uuid = stable_uuid(account.name, "material", line.code or line.name)
    if account.tables["material"].get(uuid) is None:
        tax = _tax_of(account, line)
        text = {
            "name": line.name[:70],
            "item_number": line.code,
            "price": line.price or "",
            "cost": line.cost,
        }
        account.load("material", {**text, "uuid": uuid, "tax_rate_uuid": tax})
    return uuid


def _job_fields(account: Account, status: str, who: CustomerLike | None, said: JobText) -> Row:
    row: Row = {"status": status, "date": account.local_now()[:10]}
    given = {
        "job_description": said.title,
        "work_done_description": said.work_done,
        "purchase_order_number": said.purchase_order,
        "completion_date": said.completed,
        "category_uuid": _category(account, said.category),
    }
    row.update({key: value for key, value in given.items() if value})
    if said.processed:
        row.update(payment_processed=1, payment_processed_stamp=said.completed or account.local_now())
    if who is not None:
        row.update(_place(customer(account, who)))
    return row


def _place(company: Row) -> Row:
    number, _, street = company["address_street"].partition(" ")
    return {
        "company_uuid": company["uuid"],
        "job_address": company["address"],
        "billing_address": company["billing_address"],
        "geo_is_valid": 1,
        "geo_number": number,
        "geo_street": street,
        "geo_city": company["address_city"],
        "geo_state": company["address_state"],
        "geo_postcode": company["address_postcode"],
        "geo_country": company["address_country"],
    }


def _category(account: Account, name: str) -> str:
    if not name:
        return ""
    uuid = stable_uuid(account.name, "category", name)
    account.load("category", {"uuid": uuid, "name": name, "colour": "3b82f6"})
    return uuid


def _replace_lines(account: Account, job_uuid: str, lines: Sequence[LineLike]) -> None:
    for kind in ("jobmaterial", "jobmaterialbundle"):
        for row in account.children(kind, job_uuid):
            account.tables[kind].remove(row["uuid"])
    for order, line in enumerate(map(as_line, lines)):
        account.load("jobmaterial", _line_row(account, job_uuid, order, line))


def _line_row(account: Account, job_uuid: str, order: int, line: Line) -> Row:
    ex, shown = _prices(account, line)
    return {
        "uuid": stable_uuid(job_uuid, "line", str(order)),
        "job_uuid": job_uuid,
        "material_uuid": _material_of(account, line),
        "name": line.name,
        "quantity": line.quantity,
        "price": ex,
        "displayed_amount": shown,
        "displayed_amount_is_tax_inclusive": "1" if line.inclusive else "0",
        "tax_rate_uuid": _tax_of(account, line),
        "cost": line.cost,
        "displayed_cost": line.cost,
        "sort_order": str(order),
        "job_material_bundle_uuid": _bundle(account, job_uuid, line.bundle),
    }


def _material_of(account: Account, line: Line) -> str:
    is_labour = line.name.startswith("Labour") if line.labour is None else line.labour
    if is_labour and not line.code:
        return material(account, Line("Labour", code="LAB"))
    uuid = material(account, line)
    if is_labour:
        _staff(account, line.code, uuid)
    return uuid


def _staff(account: Account, key: str, labour_uuid: str) -> None:
    """Someone whose labour rate this is: ServiceM8 tells labour from goods by its staff's rates alone."""
    staff = {"first": "Alex", "last": f"Ngata ({key})", "email": f"alex.{key.lower()}@example.com"}
    account.load("staff", {**staff, "labour_material_uuid": labour_uuid, "uuid": staff_uuid(account, key)})


def staff_uuid(account: Account, key: str) -> str:
    return stable_uuid(account.name, "staff", key)


def _tax_of(account: Account, line: Line) -> str:
    return tax_uuid(account, line.tax or TAX_RATES.get(account.vendor["currency"], TAX_RATES["NZD"])[0][0])


def _prices(account: Account, line: Line) -> tuple[str, str]:
    """Ex-tax unit price with four decimals, and the amount a person saw."""
    if line.price is None:
        return "", ""
    given = Decimal(line.price)
    ex = given / tax_factor(account, _tax_of(account, line)) if line.inclusive else given
    shown = given if given != given.quantize(CENT) else given.quantize(CENT)
    return str(ex.quantize(Decimal("0.0001"), ROUND_HALF_UP)), str(shown)


def _bundle(account: Account, job_uuid: str, name: str) -> str:
    if not name:
        return ""
    uuid = stable_uuid(job_uuid, "bundle", name)
    account.load("jobmaterialbundle", {"uuid": uuid, "job_uuid": job_uuid, "name": name, "quantity": "1.0000"})
    return uuid


def _contacts_and_payments(account: Account, row: Row, said: JobText, who: CustomerLike | None) -> None:
    if who is not None:
        person = as_customer(who)
        contact = {"first": person.first, "last": person.last, "phone": person.phone, "job_uuid": row["uuid"]}
        for kind, email in (("JOB", person.email), ("BILLING", said.billing_email or person.email)):
            uuid = stable_uuid(row["uuid"], "contact", kind)
            account.load("jobcontact", {**contact, "uuid": uuid, "type": kind, "email": email})
    for order, paid in enumerate(said.payments):
        payment = paid if isinstance(paid, Payment) else Payment(**paid)
        money = {"amount": payment.amount, "method": payment.method, "is_deposit": int(payment.is_deposit)}
        when = {"job_uuid": row["uuid"], "timestamp": payment.paid or account.local_now()}
        account.load("jobpayment", {**money, **when, "uuid": stable_uuid(row["uuid"], "payment", str(order))})


def _schedule(account: Account, row: Row, said: JobText) -> None:
    for order, one in enumerate(said.activities):
        activity = one if isinstance(one, Activity) else Activity(**one)
        times = {"start_date": activity.start, "end_date": activity.end}
        kind = "activity_was_recorded" if activity.is_recorded else "activity_was_scheduled"
        flags = {"activity_was_recorded": "0", "activity_was_scheduled": "0", kind: "1"}
        who = {"job_uuid": row["uuid"], "staff_uuid": staff_uuid(account, "LAB")}
        uuid = stable_uuid(row["uuid"], "activity", str(order))
        account.load("jobactivity", {**times, **flags, **who, "uuid": uuid})


def _events(before: Row, after: Row) -> tuple[str, ...]:
    if before and before["status"] == after["status"]:
        return ("updated",)
    changed = ("updated", "status_changed") if before else ("created",)
    return (*changed, "completed") if after["status"] == "Completed" else changed
