"""What Xero says against a document, word for word from its docs and from what others were answered: the first fits."""

from milepost.troubles.kinds import Does, Known

NAME_TAKEN = (
    r"contact name .* (already assigned|already exists|must be unique)"
    r"|there is an existing contact with that name|contact name already exists"
)
NUMBER_TAKEN = r"another contact has this contact number|contact ?number .*(already|must be unique)"

DOCUMENTS = (
    Known(
        "account_archived",
        Does.HOLD,
        "The account was archived or deleted in Xero.",
        "Restore account {code} in Xero's chart of accounts, or map the line to another account in the rule book.",
        r"account code '(?P<code>[^']*)' has been archived",
        ("Account code '###' has been archived or has been deleted. Each line item must reference a valid account.",),
    ),
    Known(
        "account_unknown",
        Does.HOLD,
        "Xero has no such account, or not for sales invoices.",
        "Account {code} cannot be used on an invoice here: correct the code in the rule book, or create it in Xero.",
        r"account code '(?P<code>[^']*)' is not a valid code",
        ("Account code '999' is not a valid code for this document",),
    ),
    Known(
        "account_missing",
        Does.HOLD,
        "A priced line without an account cannot be booked.",
        "Give the rule that matched this line an 'account', or add a catch-all rule.",
        r"account code must be specified",
        ("Account code must be specified",),
    ),
    Known(
        "tax_not_for_account",
        Does.HOLD,
        "Xero lets an account have only some of the tax types.",
        "Use another tax type than {tax} with account {code} in the rule book, or another account.",
        r"tax ?type code '(?P<tax>[^']*)' cannot be used with account code '(?P<code>[^']*)'",
        ("The TaxType code 'X' cannot be used with account code 'Y'.",),
    ),
    Known(
        "tax_unknown",
        Does.HOLD,
        "The organisation has no such tax rate.",
        "Map the tax name under 'taxes' in the rule book to a tax type of this organisation: `milepost rules lint BOOK`.",
        r"tax ?type code '(?P<tax>[^']*)' is not valid|tax ?type .*(does not exist|not a valid)",
        ("The TaxType code '...' is not valid",),
    ),
    Known(
        "contact_restore_refused",
        Does.HOLD,
        "Xero does not let apps restore this contact.",
        "Xero does not let apps restore this contact: restore it by hand (Contacts > Archived > Restore).",
        r"status '\w+' is not valid for contacts",
        ("The status 'ARCHIVED' is not valid for contacts",),
    ),
    Known(
        "contact_archived",
        Does.HOLD,
        "Xero takes no invoice for an archived contact.",
        "Restore the contact in Xero (Contacts > Archived), or set contacts.on_archived: restore in the rule book.",
        r"contact .*has been archived",
        (
            (
                "The contact with the specified contact details has been archived. "
                "The contact must be un-archived before creating new invoices or credit notes."
            ),
        ),
    ),
    Known(
        "contact_name_taken",
        Does.HOLD,
        "Names are unique among a Xero organisation's active contacts.",
        "Link the customer to the contact of that name in Xero, or rename one of them.",
        NAME_TAKEN,
        (
            (
                "The contact name X is already assigned to another contact. "
                "The contact name must be unique across all active contacts."
            ),
            (
                'The existing contact with name "A" cannot be updated to use new name "B". '
                "There is an existing contact with that name."
            ),
            "The contact name already exists. Please enter a different contact name",
        ),
    ),
    Known(
        "contact_number_taken",
        Does.HOLD,
        "Contact numbers are unique, those of archived contacts included.",
        "Another contact, perhaps an archived one, has this contact number: clear it in Xero, or link the customer to it.",
        NUMBER_TAKEN,
        ("Another contact has this contact number. Please enter a different contact number.",),
    ),
    Known(
        "contact_missing",
        Does.HOLD,
        "An invoice needs somebody to pay it.",
        "Give the job a customer in the job system.",
        r"contact must (be specified|contain at least 1)",
        (
            "A Contact must be specified for this type of transaction",
            (
                "The Contact must contain at least 1 of the following elements to identify the contact: "
                "Name, ContactID, ContactNumber"
            ),
        ),
    ),
    Known(
        "email_invalid",
        Does.HOLD,
        "Xero checks e-mail addresses, and takes no people without the main one.",
        "Correct the customer's e-mail address in the job system.",
        r"additional people cannot be added|email address must be valid",
        (
            "Email address must be valid.",
            "Additional people cannot be added when the primary person has no email address set.",
        ),
    ),
    Known(
        "invoice_number_taken",
        Does.HOLD,
        "Invoice numbers are unique, those of deleted and voided invoices included.",
        "An invoice of this number exists (deleted and voided ones count): look at it in Xero, or change invoice.number "
        "in the rule book.",
        r"invoice ?(#|number).* must be unique",
        ("Invoice # must be unique.",),
    ),
    Known(
        "date_locked",
        Does.HOLD,
        "The accountant has closed the period that the invoice's date is in.",
        "The {which} lock date is {date}: ask the accountant to move it in Xero, or change the completion date of the job.",
        r"before the (?P<which>period|end of year) lock date, currently set at (?P<date>[\w-]+)",
        (
            "The document date cannot be before the period lock date, currently set at 30-Nov-2018",
            "The document date cannot be before the end of year lock date, currently set at 30-Nov-2018",
        ),
    ),
    Known(
        "due_date_missing",
        Does.HOLD,
        "An approved invoice needs a due date.",
        "Set invoice.terms in the rule book.",
        r"due date cannot be empty",
        ("Due date cannot be empty",),
    ),
    Known(
        "total_negative",
        Does.HOLD,
        "Money owed to the customer is a credit note, not an invoice.",
        "Credits on this job exceed its charges: check the negative lines in the job system.",
        r"total for this document must be greater than or equal to zero",
        ("The Total for this document must be greater than or equal to zero.",),
    ),
    Known(
        "quantity_negative",
        Does.HOLD,
        "Xero takes negative prices, but no negative quantities.",
        "Show the reduction by a negative price instead of a negative quantity in the job system.",
        r"quantity value '(?P<quantity>[^']*)' is invalid|quantity must not be less than zero",
        ("The quantity value '-1.0000' is invalid. Quantity must not be less than zero.",),
    ),
    Known(
        "currency_unknown",
        Does.HOLD,
        "The organisation does not use this currency yet.",
        "Add {currency} under Settings > Currencies in Xero, or set invoice.currency in the rule book.",
        r"not subscribed to currency (?P<currency>\w+)",
        ("Users Organisation is not subscribed to currency NZD",),
    ),
    Known(
        "status_not_allowed",
        Does.HOLD,
        "Xero does not let a document be made in, or changed from, this status.",
        "Use DRAFT, SUBMITTED or AUTHORISED as invoice.status in the rule book.",
        r"not of valid status for (modification|creation)",
        (
            "Invoice not of valid status for modification",
            "Invoice not of valid status for creation",
            "Document not of valid status for modification",
        ),
    ),
    Known(
        "line_id_missing",
        Does.BUG,
        "Lines of a paid invoice are changed by their ids.",
        "Report this: Milepost changed a line of a paid invoice without naming it.",
        r"must supply a lineitemid",
        ("To update fields on a paid invoice line item, you must supply a LineItemID",),
    ),
    Known(
        "invoice_paid",
        Does.HOLD,
        "Xero does not change or void what was paid or credited.",
        "Remove the payment or credit in Xero first, or leave the invoice as it is.",
        r"cannot be edited as it has a (payment|reconciled)|has payments or credit notes allocated",
        (
            "This document cannot be edited as it has a payment or credit note allocated to it.",
            "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it.",
        ),
    ),
    Known(
        "payment_not_possible",
        Does.HOLD,
        "Only approved invoices are paid.",
        "Approve the invoice in Xero; if it is paid or voided there, nothing is left to pay.",
        r"payments can only be made against authorised documents",
        ("Payments can only be made against Authorised documents",),
    ),
    Known(
        "payment_too_large",
        Does.HOLD,
        "A payment cannot be more than what is owed.",
        "Compare the payment with what the invoice still owes in Xero; record the rest there as an overpayment.",
        r"payment amount exceeds the amount outstanding",
        ("Payment amount exceeds the amount outstanding on this document",),
    ),
    Known(
        "payment_account",
        Does.HOLD,
        "Payments go to bank accounts, and to others only where Xero is told so.",
        "Name a bank account under 'payments' in the rule book, or enable payments to this account in Xero.",
        r"account type is invalid for making a payment",
        ("Account type is invalid for making a payment to/from",),
    ),
    Known(
        "payment_in_batch",
        Does.HOLD,
        "A payment of a batch cannot be removed alone.",
        "Remove the whole batch payment in Xero, then run again.",
        r"payments within a batch cannot be deleted",
        ("Payments within a batch cannot be deleted.",),
    ),
    Known(
        "item_taken",
        Does.HOLD,
        "Item codes are unique.",
        "Use the item that exists in Xero, or another code in the rule book.",
        r"price list item with code .* already exists",
        ("Price List Item with Code 'abc' already exists",),
    ),
    Known(
        "item_unknown",
        Does.HOLD,
        "Xero has no such item.",
        "Create the item in Xero, correct its code in the rule book, or leave 'item' out of the rule.",
        r"item code .*(not valid|does not exist|not found)|\bitem .*(not valid|could not be found)|not a valid item",
        ("Item code 'ABC' is not valid",),
    ),
    Known(
        "tracking_unknown",
        Does.HOLD,
        "The tracking category or option does not exist, or was archived.",
        "Create or restore the tracking category or option in Xero, or correct 'tracking' in the rule book.",
        r"tracking ?(categor|option)",
        ("Tracking option 'West' of category 'Region' is not valid",),
    ),
    Known(
        "too_long",
        Does.HOLD,
        "Xero limits the length of its fields.",
        "Shorten the text behind {field} to {limit} characters, in the job system or by the rule book's template.",
        r"(?P<field>\w+) must not be longer than (?P<limit>\d+)",
        ("Reference must not be longer than 255 characters",),
    ),
    Known(
        "branding_unknown",
        Does.HOLD,
        "The organisation has no such branding theme.",
        "Correct invoice.branding_theme in the rule book: the theme is not in Xero.",
        r"branding ?theme",
        ("The BrandingThemeID could not be found",),
    ),
    Known(
        "no_lines",
        Does.HOLD,
        "An invoice needs a line.",
        "Add lines to the job, or a 'fallback' to the rule book.",
        r"one or more line items must be specified",
        ("One or more line items must be specified",),
    ),
    Known(
        "type_missing",
        Does.BUG,
        "Every invoice says whether it is a sale or a bill.",
        "Report this: Milepost sent an invoice without its type.",
        r"invoice type must be specified",
        ("Invoice Type must be specified",),
    ),
    Known(
        "description_missing",
        Does.HOLD,
        "Xero wants words on every line.",
        "Give every line of the job a description.",
        r"description (is required|must|cannot)",
        ("Description must be specified",),
    ),
    Known(
        "totals_differ",
        Does.BUG,
        "Our arithmetic and Xero's differ.",
        "Report this: Milepost's sums and Xero's differ.",
        r"line total .* does not match|tax amount cannot be greater",
        (
            "The line total 123.00 does not match the expected line total of 134.99",
            "The tax amount cannot be greater than the line amount!",
        ),
    ),
    Known(
        "plan_limit",
        Does.HOLD,
        "The organisation's plan allows no more approved invoices this month.",
        "Upgrade the organisation's Xero plan, or create drafts: set invoice.status: DRAFT in the rule book.",
        r"limit of invoices you can approve",
        ("You have reached the limit of invoices you can approve",),
    ),
    Known(
        "user_not_allowed",
        Does.RECONNECT,
        "The Xero user who connected may not do this.",
        "Give the Xero user who connected a role that may approve invoices, or connect as another user.",
        r"does not have the correct permissions|not (permitted|authorised) to",
        ("The User specified does not have the correct permissions to perform this action",),
    ),
    Known(
        "url_refused",
        Does.HOLD,
        "Xero takes only whole addresses on an invoice, and none with its own name in them.",
        "Set MILEPOST_CONSOLE_URL to a full address that does not contain the word 'xero'.",
        r"\burl\b",
        ("The Url must be a valid absolute URL that does not contain 'xero'",),
    ),
    Known(
        "email_limit",
        Does.RETRY,
        "Xero's number of e-mails a day is used up.",
        "Xero's number of e-mails a day is used up: send it from Xero tomorrow.",
        r"(email|daily).* limit",
        ("The daily email limit has been reached",),
    ),
    Known(
        "xero_away",
        Does.RETRY,
        "Xero has trouble, or is being maintained.",
        "Nothing to do: it is tried again by itself.",
        r"unhandled error|currently unavailable|organisation (is )?offline",
        (
            "An unhandled error with the Xero API occurred. Contact the Xero API team if problems persist",
            "API is currently unavailable",
            "organisation offline",
        ),
    ),
    Known(
        "not_found",
        Does.HOLD,
        "The document is not in this organisation, or not any more.",
        "It is not in this Xero organisation: check that the connection names the right one.",
        r"(could not be found|was not found|cannot be found)",
        (
            "The document with the supplied id was not found for this endpoint.",
            "An existing Credit Note with the specified CreditNoteID could not be found",
            "An existing invoice with the specified ID could not be found",
            "Document could not be found",
            "The resource you're looking for cannot be found",
        ),
    ),
)
