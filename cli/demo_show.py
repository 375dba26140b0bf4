"""What the demo shows: after each act its runs and what Slack received; at the end what Xero holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.rule import Rule

from cli.billing import as_document as run_document
from cli.billing import show_run
from cli.show import amount, out, table, text
from milepost.steps.run import BillingRun
from sandbox.control_state import summary
from sandbox.server import Sandbox


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the story, and the runs it had."""

    title: str
    runs: tuple[BillingRun, ...]


def announce(title: str) -> None:
    """The heading of an act."""
    out.print(Rule(f"[bold]{title}[/]", align="left"))


def show_act(act: Act, messages: Sequence[Any]) -> None:
    """The runs of an act, then what Slack received."""
    for run in act.runs:
        show_run(run)
    rows = [("  ↳" if message.thread_ts else "#", text(message.text.splitlines()[0])) for message in messages]
    table("Slack received", ("", "message"), rows)


def show_world(sandbox: Sandbox) -> None:
    """Every invoice that Xero holds at the end."""
    for organisation in summary(sandbox)["xero"].values():
        rows = [
            (
                text(i["number"]),
                text(i["reference"]),
                text(i["contact"]),
                text(i["status"]),
                amount(Decimal(i["sub_total"])),
                amount(Decimal(i["total_tax"])),
                amount(Decimal(i["total"]), i["currency"]),
            )
            for i in organisation["invoices"]
            if i["url"]
        ]
        columns = ("number", "reference", "contact", "status", "net", "tax", "total")
        table(f"Xero: {organisation['name']}", columns, rows, right=("net", "tax", "total"))


def as_document(acts: Sequence[Act], sandbox: Sandbox) -> dict[str, Any]:
    """The demo as one JSON object: counts over all acts, the invoices in Xero, each act's runs, and Slack's messages."""
    runs = [run for act in acts for run in act.runs]
    final = {result.billing_id: result.status for run in runs for result in run.results}
    world = summary(sandbox)
    invoices = [
        {**invoice, "organisation": organisation["name"]}
        for organisation in world["xero"].values()
        for invoice in organisation["invoices"]
        if invoice["url"]
    ]
    counts = Counter(final.values())
    return {
        "counts": {
            "billings": len(final),
            "invoiced": counts["done"],
            "held": counts["held"],
            "failed": counts["failed"] + counts["sending"],
            "skipped": counts["skipped"],
            "invoices_in_xero": len(invoices),
            "new_contacts": sum(run.new_contacts for run in runs),
            "slack_messages": len(sandbox.slack.messages),
        },
        "invoices": invoices,
        "acts": [{"title": act.title, "runs": [run_document(run) for run in act.runs]} for act in acts],
        "slack": [{"text": m.text, "threaded": m.thread_ts is not None} for m in sandbox.slack.messages],
    }
