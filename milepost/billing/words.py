"""How a line is called: in a reason, for our own people, and on the invoice, for the customer."""

from decimal import Decimal

from milepost.jobs import Line

LONGEST_DESCRIPTION = 4000
"""Characters of a line's description (OpenAPI text of LineItem)."""

_LONGEST = 60


def label(line: Line) -> str:
    """A line as people know it."""
    return f"line '{_first_words(line) or line.code or line.id}'"


def line_words(line: Line) -> str:
    """What a line without a description is called on the invoice: Xero does not approve one without words."""
    return line.code or line.kind.value.capitalize()


def plain(number: Decimal) -> str:
    """A number as people write it, without the zeros at its end."""
    return f"{number.normalize():f}"


def _first_words(line: Line) -> str:
    text = line.description.strip()
    return text.splitlines()[0][:_LONGEST] if text else ""
