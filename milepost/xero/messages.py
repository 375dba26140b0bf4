"""Xero's own words for what is wrong with a document, and for each a stable code and what a person can do about it.

The texts are Xero's, verbatim from its docs and from what integrations have been answered; the first that fits counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

REFUSED = "xero_refused"
MEND_AND_BILL = "Correct what Xero names, in the job system or the rule book, then bill the job again."


@dataclass(frozen=True, slots=True)
class Advice:
    """What to tell a person. `code` is stable; `why` is Xero's text in full; `retry`: the same document may pass later."""

    code: str
    why: str
    fix: str
    retry: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """A text of Xero's; named groups of the pattern may stand in the fix."""

    pattern: str
    code: str
    fix: str
    retry: bool = False

    def match(self, message: str) -> re.Match[str] | None:
        return re.search(self.pattern, message, re.IGNORECASE)


NAME_TAKEN = (
    r"contact name .* (already assigned|already exists|must be unique)"
    r"|there is an existing contact with that name|contact name already exists"
)
NUMBER_TAKEN = r"another contact has this contact number|contact ?number .*(already|must be unique)"

_KNOWN = (
    _Known(
        r"account code '(?P<code>[^']*)' has been archived",
        "account_archived",
        "Restore account {code} in Xero's chart of accounts, or map the line to another account in the rule book.",
    ),
    _Known(
        r"account code '(?P<code>[^']*)' is not a valid code",
        "account_unknown",
        "Account {code} cannot be used on an invoice here: correct the code in the rule book, or create it in Xero.",
    ),
    _Known(
        r"account code must be specified",
        "account_missing",
        "Give the rule that matched this line an 'account', or add a catch-all rule.",
    ),
    _Known(
        r"tax ?type code '(?P<tax>[^']*)' cannot be used with account code '(?P<code>[^']*)'",
        "tax_not_for_account",
        "Use another tax type than {tax} with account {code} in the rule book, or another account.",
    ),
    _Known(
        r"tax ?type code '(?P<tax>[^']*)' is not valid|tax ?type .*(does not exist|not a valid)",
        "tax_unknown",
        "Map the tax name under 'taxes' in the rule book to a tax type of this organisation: `milepost rules lint BOOK`.",
    ),
    _Known(
        r"contact .*has been archived",
        "contact_archived",
        "Restore the contact in Xero (Contacts > Archived), or set contacts.on_archived: restore in the rule book.",
        retry=True,
    ),
    _Known(
        NAME_TAKEN, "contact_name_taken", "Link the customer to the contact of that name in Xero, or rename one of them."
    ),
    _Known(
        NUMBER_TAKEN,
        "contact_number_taken",
        "Another contact, perhaps an archived one, has this contact number: clear it in Xero, or link the customer to it.",
    ),
    _Known(
        r"contact must (be specified|contain at least 1)",
        "contact_missing",
        "Give the job a customer in the job system.",
    ),
    _Known(
        r"additional people cannot be added|email address must be valid",
        "email_invalid",
        "Correct the customer's e-mail address in the job system.",
    ),
    _Known(
        r"invoice ?(#|number).* must be unique",
        "invoice_number_taken",
        "An invoice of this number exists (deleted and voided ones count): look at it in Xero, or change invoice.number "
        "in the rule book.",
    ),
    _Known(
        r"before the (?P<which>period|end of year) lock date, currently set at (?P<date>[\w-]+)",
        "date_locked",
        "The {which} lock date is {date}: ask the accountant to move it in Xero, or change the completion date of the job.",
        retry=True,
    ),
    _Known(
        r"due date cannot be empty",
        "due_date_missing",
        "Set invoice.terms in the rule book.",
    ),
    _Known(
        r"total for this document must be greater than or equal to zero",
        "total_negative",
        "Credits on this job exceed its charges: check the negative lines in the job system.",
    ),
    _Known(
        r"quantity value '(?P<quantity>[^']*)' is invalid|quantity must not be less than zero",
        "quantity_negative",
        "Show the reduction by a negative price instead of a negative quantity in the job system.",
    ),
    _Known(
        r"not subscribed to currency (?P<currency>\w+)",
        "currency_unknown",
        "Add {currency} under Settings > Currencies in Xero, or set invoice.currency in the rule book.",
        retry=True,
    ),
    _Known(
        r"not of valid status for (modification|creation)",
        "status_not_allowed",
        "Use DRAFT, SUBMITTED or AUTHORISED as invoice.status in the rule book.",
    ),
    _Known(
        r"cannot be edited as it has a payment or credit note|has payments or credit notes allocated",
        "invoice_paid",
        "Remove the payment or credit in Xero first, or leave the invoice as it is.",
    ),
    _Known(
        r"item code .*(not valid|does not exist|not found)|item .*(not valid|could not be found)|not a valid item",
        "item_unknown",
        "Create the item in Xero, correct its code in the rule book, or leave 'item' out of the rule.",
    ),
    _Known(
        r"tracking ?(categor|option)",
        "tracking_unknown",
        "Create or restore the tracking category or option in Xero, or correct 'tracking' in the rule book.",
    ),
    _Known(
        r"status '\w+' is not valid for contacts",
        "contact_restore_refused",
        "Xero does not let apps restore this contact: restore it by hand (Contacts > Archived > Restore).",
        retry=True,
    ),
    _Known(
        r"(?P<field>\w+) must not be longer than (?P<limit>\d+)",
        "too_long",
        "Shorten the text behind {field} to {limit} characters, in the job system or by the rule book's template.",
    ),
    _Known(
        r"branding ?theme",
        "branding_unknown",
        "Correct invoice.branding_theme in the rule book: the theme is not in Xero.",
    ),
    _Known(
        r"one or more line items must be specified",
        "no_lines",
        "Add lines to the job, or a 'fallback' to the rule book.",
    ),
    _Known(r"description (is required|must|cannot)", "description_missing", "Give every line of the job a description."),
    _Known(
        r"line total .* does not match|tax amount cannot be greater",
        "totals_differ",
        "Report this: Milepost's sums and Xero's differ.",
    ),
    _Known(
        r"limit of invoices you can approve",
        "plan_limit",
        "Upgrade the organisation's Xero plan, or create drafts: set invoice.status: DRAFT in the rule book.",
        retry=True,
    ),
    _Known(
        r"does not have the correct permissions|not (permitted|authorised) to",
        "user_not_allowed",
        "Give the Xero user who connected a role that may approve invoices, or connect as another user.",
        retry=True,
    ),
    _Known(r"\burl\b", "url_refused", "Set MILEPOST_CONSOLE_URL to a full address that does not contain the word 'xero'."),
    _Known(
        r"(email|daily).* limit",
        "email_limit",
        "Xero's number of e-mails a day is used up: send it from Xero tomorrow.",
        retry=True,
    ),
    _Known(
        r"unhandled error|currently unavailable|organisation (is )?offline",
        "xero_away",
        "Nothing to do: it is tried again by itself.",
        retry=True,
    ),
    _Known(
        r"(could not be found|was not found)",
        "not_found",
        "It is not in this Xero organisation: check that the connection names the right one.",
    ),
)


def advise(messages: Sequence[str]) -> Advice:
    """The advice for what Xero said about one document. All of its texts are shown; the first known one gives the code.

    `retry` only when each text is one that may pass by itself or after a change in Xero alone.
    """
    why = " ".join(_sentence(message) for message in messages) or "Xero gave no reason."
    found = [(known, match) for message in messages for known, match in [_first(message)]]
    known_ones = [(known, match) for known, match in found if known and match]
    if not known_ones:
        return Advice(REFUSED, why, MEND_AND_BILL)
    fixes = dict.fromkeys(known.fix.format(**_groups(match)) for known, match in known_ones)
    retry = len(known_ones) == len(found) and all(known.retry for known, _ in known_ones)
    return Advice(known_ones[0][0].code, why, " ".join(fixes), retry)


def says_name_taken(message: str) -> bool:
    """Whether an active contact has this name already."""
    return re.search(NAME_TAKEN, message, re.IGNORECASE | re.DOTALL) is not None


def says_number_taken(message: str) -> bool:
    """Whether a contact, active or archived, has this ContactNumber already."""
    return re.search(NUMBER_TAKEN, message, re.IGNORECASE | re.DOTALL) is not None


def _first(message: str) -> tuple[_Known | None, re.Match[str] | None]:
    return next(((known, match) for known in _KNOWN if (match := known.match(message))), (None, None))


def _groups(match: re.Match[str]) -> dict[str, str]:
    return {name: value or "" for name, value in match.groupdict().items()}


def _sentence(message: str) -> str:
    stripped = message.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."
