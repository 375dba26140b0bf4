"""What the demo shows: after each act its runs and what Slack received; at the end what Xero holds."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table

from cli.demo_businesses import BUSINESSES
from cli.run_show import as_document as run_document
from cli.show import LOOKS, amount, is_wide, out, say, table, text
from milepost.steps.run import BillingRun
from sandbox.control_state import summary
from sandbox.server import Sandbox


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the story, and the runs it had."""

    title: str
    runs: tuple[BillingRun, ...]


SERVED = (
    "Job 1501 has just been completed in ServiceM8. The schedule finds it now, and looks again every five minutes; "
    "each run is told below.\nStop with Ctrl-C."
)


def show_title() -> None:
    """What the demo is, who is in it, and what its signs mean."""
    words = (
        "From a completed job to the right invoice in Xero, once.\n"
        "[dim]All of it runs on this machine, and calls nothing outside it.[/]"
    )
    out.print(Panel(words, title="[bold]Milepost: the demo[/]", title_align="left", border_style="cyan", padding=(0, 2)))
    rows = [(b.name, b.system, f"mappings/{b.rule_book}/", b.shows) for b in BUSINESSES]
    table("", ("business", "job system", "rule book", "what it is"), rows, whole=("business", "rule book"))
    say(f"{LOOKS['done']}   a draft or an approved invoice is in Xero")
    say(f"{LOOKS['held']}       a person is needed; the line below says why and what to do")
    say(f"{LOOKS['failed']}     Xero or the job system was away; it is tried again by itself")
    say("[bold]contact[/]      who is billed: [bold]new[/], or found in Xero [bold]by[/] link, number, e-mail or name")
    out.print()


def announce(title: str) -> None:
    """The heading of an act."""
    out.print(Rule(f"[bold]{title}[/]", align="left", style="cyan"))
    out.print()


def show_messages(messages: Sequence[Any]) -> None:
    """What Slack received in an act."""
    out.print()
    say("[bold]Slack received[/]" if messages else "[bold]Slack received[/] nothing: it was told before.")
    received = Table.grid(padding=(0, 1))
    for message in messages:
        received.add_row("  ↳" if message.thread_ts else "#", text(message.text.splitlines()[0]))
    out.print(Padding.indent(received, 2))
    out.print()


def show_world(sandbox: Sandbox) -> None:
    """Every invoice that Milepost made in Xero, with totals."""
    announce("What Xero holds now")
    for organisation in summary(sandbox)["xero"].values():
        invoices = [invoice for invoice in organisation["invoices"] if invoice["url"]]
        if not invoices:
            continue
        columns = ("number", "reference", "contact", "status", "net", "tax", "total")
        money = ("net", "tax", "total")
        sums = [sum((Decimal(i[key]) for i in invoices), Decimal(0)) for key in ("sub_total", "total_tax", "total")]
        total = ("", "", f"{len(invoices)} invoices", "", amount(sums[0]), amount(sums[1]), amount(sums[2]))
        title = f"{organisation['name']} ({invoices[0]['currency']})"
        rows = [_invoice_row(invoice) for invoice in invoices]
        table(title, columns, rows, right=money, whole=("number", "status"), short=("reference", "contact"), total=total)


def _invoice_row(invoice: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        text(invoice["number"]),
        text(invoice["reference"]) if is_wide() else "",
        text(invoice["contact"]),
        text(invoice["status"]),
        *(amount(Decimal(invoice[key])) for key in ("sub_total", "total_tax", "total")),
    )


def show_places(address: str, home: Path, *, up: bool) -> None:
    """Where to look next."""
    if not up:
        return
    announce("Look around")
    say(f"Prefect UI   [bold]{address}[/]")
    say(f"  {address}/runs          the runs; open one to see its subflows, and Artifacts for its results")
    say(f"  {address}/blocks        what an operator configures: connections, Xero apps, Slack, job systems")
    say(f"  {address}/deployments   the schedule; run bill-jobs for one job from here")
    say("In another terminal, here:")
    say(f'  export PATH="{text(Path(sys.executable).parent)}:$PATH"')
    say(f"  export PREFECT_API_URL={address}/api MILEPOST_HOME={text(home / 'milepost')}")
    for command in ("status", "explain albion AFO-2102", "explain kauri 1501", "verify albion", "log kauri"):
        say(f"  milepost {command}")
    out.print()


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
