"""Keys that do nothing, and entries that undo each other: taxes, deposits, lines that are not billed."""

from collections.abc import Iterator

from milepost.rules.issues import Issue, Severity, issue, line_of
from milepost.rules.model import Percent, RuleBook, Treat

_UNBILLED = (Treat.DROP, Treat.SPREAD, Treat.HOLD)
_CODING = ("account", "tax", "item", "description", "tracking")


def check_unused_keys(book: RuleBook) -> Iterator[Issue]:
    """What a line that is not billed by itself is coded with makes no difference."""
    for rule in book.lines:
        for key in _CODING if rule.then.treat in _UNBILLED else ():
            if getattr(rule.then, key) is not None:
                yield issue(
                    book,
                    Severity.HINT,
                    "key_unused",
                    ("#lines", rule.id, "then", key),
                    f"'{key}' does nothing: with 'treat: {rule.then.treat}' the line is not billed as a line.",
                    f"Remove '{key}', or correct 'treat'.",
                )
    for stage in book.milestones:
        for key in ("account", "tax") if stage.amount in ("remaining", "credit") else ():
            if getattr(stage, key) is not None:
                yield issue(
                    book,
                    Severity.HINT,
                    "key_unused",
                    ("#milestones", stage.code, key),
                    f"'{key}' does nothing: the amount '{stage.amount}' is coded as the job's lines are.",
                    f"Remove '{key}', or give the stage another amount.",
                )


def check_taxes(book: RuleBook) -> Iterator[Issue]:
    """Upper and lower case make no difference, so of two spellings only the first is used."""
    first: dict[str, str] = {}
    for name, tax_type in book.taxes.items():
        earlier = first.setdefault(name.strip().casefold(), name)
        if earlier == name:
            continue
        same = book.taxes[earlier] == tax_type
        yield issue(
            book,
            Severity.HINT if same else Severity.WARNING,
            "tax_twice",
            ("#taxes", name),
            f"'{earlier}'{line_of(book, 'taxes', earlier)} is the same tax name, and its {book.taxes[earlier]} is used.",
            "Remove one of the two.",
        )


def check_deposits(book: RuleBook) -> Iterator[Issue]:
    """A deposit is taken off the last invoice, which only a stage that bills to the end is."""
    payments = book.payments
    if payments.deposits == "deduct" and not _bills_to_the_end(book):
        yield issue(
            book,
            Severity.ERROR,
            "deposit_never_deducted",
            ("payments", "deposits"),
            "No stage bills what remains, so a deposit would never be taken off and the customer would pay it twice.",
            "Give the last stage 'amount: remaining', or choose 'note' or 'record'.",
        )
    for key in ("deposit_account", "deposit_tax"):
        if payments.deposits != "deduct" and getattr(payments, key) is not None:
            yield issue(
                book,
                Severity.HINT,
                "key_unused",
                ("#payments", key),
                f"'{key}' does nothing: it goes with 'deposits: deduct'.",
                f"Remove '{key}', or choose 'deposits: deduct'.",
            )


def _bills_to_the_end(book: RuleBook) -> bool:
    amounts = [stage.amount for stage in book.milestones]
    whole = (isinstance(amount, Percent) and amount.percent == 100 for amount in amounts)
    return "remaining" in amounts or any(whole)
