"""Xero's validation messages, word for word where one was recorded; `UNRECORDED` marks those worded here."""

from datetime import date

ARCHIVED_CONTACT = (
    "The contact with the specified contact details has been archived. "
    "The contact must be un-archived before creating new invoices or credit notes."
)
CONTACT_UNIDENTIFIED = (
    "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, ContactNumber"
)
CONTACT_NUMBER_TAKEN = "Another contact has this contact number. Please enter a different contact number."
CONTACT_MISSING = "A Contact must be specified for this type of transaction"
EMAIL_INVALID = "Email address must be valid."
PEOPLE_WITHOUT_EMAIL = "Additional people cannot be added when the primary person has no email address set."
TYPE_MISSING = "Invoice Type must be specified"
LINES_MISSING = "One or more line items must be specified"
ACCOUNT_MISSING = "Account code must be specified"
NUMBER_TAKEN = "Invoice # must be unique."
STATUS_FOR_CREATION = "Invoice not of valid status for creation"
STATUS_FOR_MODIFICATION = "Invoice not of valid status for modification"
DOCUMENT_STATUS = "Document not of valid status for modification"
MONEY_APPLIED = "This document cannot be edited as it has a payment or credit note allocated to it."
PAID_LINE_NEEDS_ID = "To update fields on a paid invoice line item, you must supply a LineItemID"
TOTAL_NEGATIVE = "The Total for this document must be greater than or equal to zero."
DUE_DATE_EMPTY = "Due date cannot be empty"
TAX_OVER_LINE = "The tax amount cannot be greater than the line amount!"
CREDIT_NOTE_UNKNOWN = "An existing Credit Note with the specified CreditNoteID could not be found"
INVOICE_UNKNOWN = "An existing invoice with the specified ID could not be found"
PAYMENT_DOCUMENT_UNKNOWN = "Document could not be found"
HISTORY_DOCUMENT_UNKNOWN = "The document with the supplied id was not found for this endpoint."
NOT_PERMITTED = "The User specified does not have the correct permissions to perform this action"
PAYMENT_UNAPPROVED = "Payments can only be made against Authorised documents"
PAYMENT_TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"
PAYMENT_ACCOUNT = "Account type is invalid for making a payment to/from"


def name_taken(name: str) -> str:
    return (
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


def rename_taken(old: str, new: str) -> str:
    return (
        f'The existing contact with name "{old}" cannot be updated to use new name "{new}". '
        "There is an existing contact with that name."
    )


def contact_status(status: str) -> str:
    return f"The status '{status}' is not valid for contacts"


def account_invalid(code: str) -> str:
    return f"Account code '{code}' is not a valid code for this document"


def account_archived(code: str) -> str:
    return f"Account code '{code}' has been archived or has been deleted. Each line item must reference a valid account."


def tax_invalid(tax_type: str) -> str:
    return f"The TaxType code '{tax_type}' is not valid"


def tax_not_for_account(tax_type: str, code: str) -> str:
    return f"The TaxType code '{tax_type}' cannot be used with account code '{code}'."


def quantity_negative(quantity: object) -> str:
    return f"The quantity value '{quantity}' is invalid. Quantity must not be less than zero."


def line_total(given: object, expected: object) -> str:
    return f"The line total {given} does not match the expected line total of {expected}"


def period_locked(day: date) -> str:
    return f"The document date cannot be before the period lock date, currently set at {day:%d-%b-%Y}"


def year_locked(day: date) -> str:
    return f"The document date cannot be before the end of year lock date, currently set at {day:%d-%b-%Y}"


def status_with_money(status: str) -> str:
    return f"The status {status} cannot be applied to the invoice because it has payments or credit notes allocated to it."


def currency_unknown(code: str) -> str:
    return f"Users Organisation is not subscribed to currency {code}"


# UNRECORDED: Xero refuses these too, in words that no source quotes.
CONTACT_UNKNOWN = "An existing contact with the specified ContactID could not be found"
CONTACT_NAME_CHARACTERS = "The contact name must not contain angle brackets"
CONTACT_NAME_SPACES = "The contact name must not have leading, trailing or double spaces"
CONTACT_PEOPLE = "A contact cannot have more than 5 contact persons"
COUNTRY_LETTERS = "Country must contain letters only"
DESCRIPTION_MISSING = "Description must be specified"
DISCOUNT_ON_CREDIT = "Discounts cannot be used on credit notes"
LINE_TOO_LARGE = "The line amount must not exceed 9,999,999,999.99"
TOO_MUCH_TRACKING = "A line item cannot have more than 2 tracking categories"
URL_INVALID = "The Url must be a valid absolute URL that does not contain 'xero'"
THEME_UNKNOWN = "The BrandingThemeID could not be found"
CREDIT_NOT_AUTHORISED = "Only authorised credits can be allocated"
ALLOCATION_TOO_MUCH = "Allocation amount exceeds the remaining credit or the amount due"
ALLOCATION_INCOMPLETE = "Amount, Invoice and Date must be specified"
AMOUNT_NOT_POSITIVE = "Amount must be greater than zero"
RECONCILED = "Reconciled payments cannot be deleted"
EMAIL_STATUS = "Invoices must be submitted, authorised or paid to be emailed"
EMAIL_NO_ADDRESS = "The contact does not have an email address"
EMAIL_LIMIT = "The daily email limit has been reached"
HISTORY_LENGTH = "Details must be between 1 and 2500 characters"
BANK_ACCOUNT_MISSING = "A bank account must be specified"
IDEMPOTENCY_KEY_LENGTH = "Idempotency Key must be between 1 and 128 characters"


def too_long(field: str, limit: int) -> str:
    return f"{field} must not be longer than {limit} characters"


def item_unknown(code: str) -> str:
    return f"Item code '{code}' is not valid"


def tracking_unknown(name: str, option: str) -> str:
    return f"Tracking option '{option}' of category '{name}' is not valid"
