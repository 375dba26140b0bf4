"""A small valid rule book as text, a job to match, and ways to say both briefly."""

from datetime import UTC, datetime
from decimal import Decimal
from textwrap import dedent
from typing import Any

from milepost.jobs import Customer, Job, JobDates, Line, LineKind, LineTax, Site, Stage
from milepost.rules.load import RuleBookErrors, parse_book
from milepost.rules.model import Rule, RuleBook

PATH = "mappings/acme/v0003.yaml"

BOOK = """\
# yaml-language-server: $schema=../rule-book.schema.json
version: 3
effective_from: 2026-07-01
organisation: Acme Plumbing
invoice:
  status: DRAFT
  number: xero
  reference: "{{ job.number }}"
  terms: {days: 14}
  tracking: {Region: "{{ job.site.region }}"}
contacts:
  match: [link, email, name]
  on_archived: restore
taxes: {GST on Income: OUTPUT, NO: EXEMPTOUTPUT}
lines:
  - id: after-hours
    when: {kind: labour, code: "AH*"}
    then: {account: 0200, description: "{{ line.description }} ({{ line.quantity }} h after hours)"}
  - {id: labour, when: {kind: labour}, then: {account: "200"}}
  - id: subcontractors
    when: {kind: subcontract}
    then: {treat: on_bill, account: "415"}
  - {id: discounts, when: {kind: discount}, then: {treat: spread}}
fallback: {description: "{{ job.title }}", account: "200"}
milestones:
  - {code: DEP, name: deposit, on_status: [Quote Accepted], amount: {percent: 30}, account: "235",
     invoice: {status: AUTHORISED, terms: {days: 0}, email: yes}}
  - {code: PRG, name: progress, on_status: [In Progress], amount: {flat: "500.00"}}
  - {code: FIN, name: completion, on_status: [Completed], amount: remaining, lines: itemised_less_earlier}
payments: {accounts: {card: "090", bank_transfer: "091"}, fees: "404"}
"""


def book(text: str = BOOK) -> RuleBook:
    """The book in this text."""
    return parse_book(text, PATH, "acme")


def errors_of(text: str) -> list[str]:
    """What loading this text says, without the file's name; empty when it loads."""
    try:
        parse_book(text, "b", "acme")
    except RuleBookErrors as problem:
        return [str(error).removeprefix("b:") for error in problem.errors]
    return []


def changed(old: str, new: str) -> str:
    """The valid book with one piece replaced, which must be in it once."""
    assert BOOK.count(old) == 1, f"{old!r} must be in the book exactly once"
    return BOOK.replace(old, new)


def rules(text: str) -> tuple[Rule, ...]:
    """The rules of a book of which only the rules matter, written as the items of `lines`."""
    head = "version: 1\neffective_from: 2026-01-01\norganisation: A\nmilestones: [{code: F, name: f, on_status: done}]\n"
    return parse_book(f"{head}lines:\n{dedent(text)}", "b", "acme").lines


def line(kind: LineKind = LineKind.LABOUR, tax: str | None = None, **said: Any) -> Line:
    """A line of a job."""
    return Line(id="1", kind=kind, tax=LineTax(name=tax) if tax else None, **said)


def job(*lines: Line, customer: str = "Ngaio Cafe", tags: tuple[str, ...] = (), region: str = "", **said: Any) -> Job:
    """A job completed on 2 July 2026 in Auckland, which is still 1 July in UTC."""
    return Job(
        platform="test",
        id="j1",
        number="1482",
        raw_status="Completed",
        stage=Stage.COMPLETED,
        title="Replace tap",
        customer=Customer(id="c1", name=customer, tags=tags),
        site=Site(region=region) if region else None,
        dates=JobDates(completed=datetime(2026, 7, 1, 13, 0, tzinfo=UTC)),
        account_tz="Pacific/Auckland",
        lines=lines or (line(description="Tap", quantity=Decimal("2.50")),),
        **said,
    )
