"""What decide may know beside the job and the rule book: the chart, the contact, the date, and what was billed before."""

from datetime import date
from decimal import Decimal

from milepost.billing.decision import InvoiceLine, Resolution
from milepost.chart import Chart
from milepost.jobs import Record
from milepost.money import LineAmountTypes


class Facts(Record):
    """The gathered facts of one job. `today` is the date in the organisation's time zone when they were gathered."""

    connection: str
    chart: Chart
    contact: Resolution | None
    today: date
    console_url: str


class Billed(Record):
    """An earlier live invoice of the same job: sent or being sent. Its lines are exactly what was sent.

    by_hand: a person made it, and its lines are not known here.
    """

    milestone: str
    sequence: int = 1
    number: str | None
    line_amount_types: LineAmountTypes
    currency: str
    lines: tuple[InvoiceLine, ...]
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal
    fingerprint: str = ""
    by_hand: bool = False


class History(Record):
    """What was billed of the job before, in the order it was."""

    billed: tuple[Billed, ...] = ()

    def of(self, milestone: str) -> Billed | None:
        """The last live invoice of a milestone."""
        return next((b for b in reversed(self.billed) if b.milestone == milestone), None)

    def next_sequence(self, milestone: str) -> int:
        """The number that the next invoice of a milestone has among its own."""
        return 1 + max((b.sequence for b in self.billed if b.milestone == milestone), default=0)
