"""Which column of an export fills which field: the headers that exports use, and how an own header is given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from milepost.platforms.declared import targets
from milepost.platforms.declared.targets import Target, Targets
from milepost.rules.problems import did_you_mean


def _within(prefix: str, fields: Targets) -> dict[str, Target]:
    """The fields of a part of the job, under flat names: customer_email, site_address_city."""
    return {
        f"{prefix}_{name}": replace(target, place=(prefix, *(target.place or (name,))), required=False)
        for name, target in fields.items()
    }


_NOT_IN_FILES = ("custom_fields", "tracking_hints", "account_tz", "tax_mode", "modified_at", "stage")

JOB_FIELDS: Targets = {
    **{name: target for name, target in targets.JOB.items() if name not in _NOT_IN_FILES},
    **_within("customer", targets.CUSTOMER),
    **_within("site", targets.SITE),
}
LINE_FIELDS: Targets = {
    "job": Target("text", "the number of the job that the line belongs to", required=True),
    **{name: target for name, target in targets.LINE.items() if name not in _NOT_IN_FILES},
}

JOB_HEADERS: Mapping[str, Sequence[str]] = {
    "number": ("Job Number", "Job No", "Job #", "Job ID", "Job Ref", "Job Reference", "Number", "Work Order", "Job"),
    "status": ("Status", "Job Status", "State", "Stage"),
    "title": ("Job Name", "Title", "Name", "Subject", "Job Title"),
    "description": ("Description", "Job Description", "Details", "Scope"),
    "work_summary": ("Work Done", "Work Completed", "Work Summary", "Notes"),
    "reference": ("Order Number", "Reference", "PO Number", "Purchase Order", "Customer Reference", "Client Reference"),
    "category": ("Category", "Job Category"),
    "job_type": ("Job Type", "Type"),
    "business_unit": ("Business Unit", "Branch", "Department", "Division"),
    "tags": ("Tags", "Labels"),
    "web_url": ("URL", "Link", "Job Link"),
    "created": ("Date Created", "Created", "Created Date", "Created On"),
    "scheduled": ("Date Scheduled", "Scheduled", "Scheduled Date", "Start Date"),
    "started": ("Date Started", "Started"),
    "completed": ("Date Completed", "Completed", "Completed Date", "Completed On", "Completion Date", "Finish Date"),
    "currency": ("Currency",),
    "quote_number": ("Quote Number", "Quote No"),
    "quote_ex": ("Quote Total (excl. tax)", "Quoted (excl. tax)"),
    "quote_total": ("Quote Total", "Quoted", "Quote Amount"),
    "total_ex": ("Job Total (excl. tax)", "Total (excl. tax)", "Total Ex", "Total ex GST", "Total ex VAT", "Subtotal"),
    "total_tax": ("Total Tax", "Tax Total", "GST", "VAT"),
    "total_inc": ("Job Total (incl. tax)", "Total (incl. tax)", "Total Inc", "Total inc GST", "Total inc VAT"),
    "total": ("Job Total", "Total"),
    "invoiced_to_date": ("Invoiced", "Invoiced To Date"),
    "customer_id": ("Customer ID", "Client ID", "Customer Key"),
    "customer_name": ("Customer", "Customer Name", "Client", "Client Name", "Company", "Account Name", "Bill To"),
    "customer_number": ("Customer Number", "Customer Code", "Client Code", "Account Number"),
    "customer_first_name": ("First Name", "Customer First Name"),
    "customer_last_name": ("Last Name", "Customer Last Name"),
    "customer_email": ("Customer Email", "Email", "Client Email", "E-mail", "Billing Email"),
    "customer_phones": ("Customer Phone", "Phone", "Client Phone", "Mobile"),
    "customer_tax_number": ("Tax Number", "GST Number", "VAT Number", "ABN"),
    "customer_address_line1": ("Billing Address", "Customer Address", "Postal Address"),
    "customer_address_city": ("Billing City", "Customer City"),
    "customer_address_region": ("Billing State", "Billing Region"),
    "customer_address_postcode": ("Billing Postcode", "Customer Postcode"),
    "customer_address_country": ("Billing Country", "Customer Country"),
    "site_name": ("Site", "Site Name"),
    "site_region": ("Region", "Site Region", "Site State", "State/Region"),
    "site_address_line1": ("Site Address", "Job Address", "Address", "Street"),
    "site_address_city": ("Site City", "City", "Suburb", "Town"),
    "site_address_postcode": ("Site Postcode", "Postcode", "Post Code", "ZIP"),
    "site_address_country": ("Site Country", "Country"),
}
LINE_HEADERS: Mapping[str, Sequence[str]] = {
    "job": JOB_HEADERS["number"],
    "id": ("Line ID", "Line Number", "Line No", "Item ID"),
    "kind": ("Line Type", "Type", "Kind", "Item Type"),
    "description": ("Description", "Line Description", "Item", "Item Name", "Details", "Name"),
    "code": ("Item Code", "Code", "SKU", "Product Code", "Part Number"),
    "category": ("Category", "Item Category"),
    "quantity": ("Quantity", "Qty", "Hours", "Units"),
    "unit": ("Unit", "UOM", "Unit of Measure"),
    "unit_price_ex": ("Unit Price (excl. tax)", "Unit Price Ex", "Price Ex", "Unit Price ex GST", "Unit Price ex VAT"),
    "unit_price_inc": ("Unit Price (incl. tax)", "Unit Price Inc", "Price Inc"),
    "unit_price": ("Unit Price", "Price", "Rate", "Sell Price", "Charge Rate"),
    "discount_rate": ("Discount %", "Discount Percent", "Discount Rate"),
    "discount_amount": ("Discount Amount",),
    "total_ex": ("Line Total (excl. tax)", "Total (excl. tax)", "Total Ex", "Total ex GST", "Total ex VAT", "Subtotal"),
    "total_inc": ("Line Total (incl. tax)", "Total (incl. tax)", "Total Inc", "Total inc GST", "Total inc VAT"),
    "total": ("Line Total", "Total", "Amount"),
    "unit_cost": ("Unit Cost", "Cost", "Cost Price", "Buy Price"),
    "tax_name": ("Tax Rate", "Tax", "Tax Name", "Tax Code", "GST Type", "VAT Type"),
    "tax_rate": ("Tax %", "Tax Percent", "GST %", "VAT %"),
    "tax_amount": ("Tax Amount", "Line Tax"),
    "billable": ("Billable", "Chargeable"),
    "section": ("Section", "Stage", "Group"),
    "worked_on": ("Date", "Work Date", "Date Worked"),
    "staff": ("Staff", "Staff Member", "Employee", "Technician", "Supplier"),
    "account_hint": ("Account Code", "Account"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is there: its header and its position, counted from 1."""

    header: str
    position: int


class ColumnTrouble(ValueError):
    """The headers of a file do not fit: nothing in it can be read."""


def plain_header(header: str) -> str:
    """A header as headers are compared: letters and digits, `#` and `%` only, in small letters."""
    return re.sub(r"[^\w#%]|_", "", header.casefold())


def find_columns(headers: Sequence[str], known: Mapping[str, Sequence[str]], own: Mapping[str, str]) -> dict[str, Column]:
    """The column of each field, own headers first. Raises ColumnTrouble for an own header that is not there."""
    places: dict[str, Column] = {}
    for position, header in enumerate(headers, 1):
        places.setdefault(plain_header(header), Column(header.strip(), position))
    found: dict[str, Column] = {}
    for field, header in own.items():
        if plain_header(header) not in places:
            near = did_you_mean(header, [column.header for column in places.values()])
            raise ColumnTrouble(f"it has no column '{header}' for '{field}'{near}")
        found[field] = places[plain_header(header)]
    taken = {column.position for column in found.values()}
    for field, names in known.items():
        column = next((places[plain_header(name)] for name in names if plain_header(name) in places), None)
        if field not in found and column and column.position not in taken:
            found[field] = column
            taken.add(column.position)
    return found


def check_fields(own: Mapping[str, str], fields: Targets) -> Mapping[str, str]:
    """The mapping, or ValueError for a field that does not exist."""
    for field in own:
        if field not in fields:
            raise ValueError(f"'{field}' is no field{did_you_mean(field, fields)}")
    return own
