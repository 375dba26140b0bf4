"""`milepost rules capture CONNECTION JOB`: a test of a rule book made from a real job, without the people in it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from cli.names import ConnectionName
from cli.prefect_api import run, use_prefect
from cli.rules.shared import AsJson, Folder, out, print_json, root_folder, usage_errors
from milepost.chart import Chart
from milepost.errors import ConfigError, UnknownName
from milepost.jobs import Job
from milepost.ledger import connections
from milepost.ledger.database import open_database
from milepost.rules.trials.capture import Captured, capture_job, file_name
from milepost.rules.trials.load import TESTS, parse_trials
from milepost.rules.versions import BookFolder
from milepost.settings import installation
from milepost.steps.gather import fresh_chart
from milepost.steps.recall import recall_chart, recall_job
from milepost.steps.workspace import open_workspace


@dataclass(frozen=True, slots=True)
class _Known:
    """A job, what was billed of it, the organisation's chart, and the name of the connection's book."""

    job: Job
    billed: tuple[str, ...]
    chart: Chart
    book: str


def capture(
    connection: ConnectionName,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's number or id.")],
    book: Annotated[str | None, typer.Option(help="Of this book; by default the connection's.", show_default=False)] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write it here; by default into the book's tests/.", show_default=False)
    ] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Write a test from a real job: names, addresses and free texts are replaced, and the book's decision is expected.

    The newest version of the book decides. A file that is there is never overwritten.
    """
    with usage_errors():
        known = asyncio.run(_kept(connection, job)) or _fetched(connection, job)
        books = BookFolder(root_folder(folder))
        newest = books.latest(book or known.book)
        target = to or books.root / newest.origin.book / TESTS / file_name(known.job.number)
        captured = capture_job(known.job, newest, known.chart, known.billed, _today(known.job))
        _write(target, captured)
    if as_json:
        print_json({"wrote": str(target), "book": newest.origin.book, "notes": list(captured.notes)})
        return
    out.print(f"wrote {escape(str(target))}", soft_wrap=True)
    for note in captured.notes:
        out.print(f"[yellow]![/] {escape(note)}", soft_wrap=True)
    out.print("Check what it expects, then run it:", soft_wrap=True)
    out.print(f"  milepost rules test {escape(str(target))}", soft_wrap=True)


async def _kept(connection: str, name: str) -> _Known | None:
    """The job as the ledger keeps it. Raises UnknownName for the connection, ConfigError where no chart was read."""
    async with open_database(installation()) as db, db.read() as c:
        row = await connections.get_connection(c, connection)
        recalled = await recall_job(c, connection, name)
        if recalled is None:
            return None
        billed = tuple(one.milestone for one in recalled.history.billed)
        return _Known(recalled.job, billed, await recall_chart(c, row), row.rule_book)


def _fetched(connection: str, name: str) -> _Known:
    """The job as the job system tells it; the ledger keeps nothing of it but the chart. Raises UnknownName, RemoteError."""
    use_prefect()
    from blocks.store import load_connection  # noqa: PLC0415  Prefect takes a second to import
    from cli.jobs import nearest  # noqa: PLC0415

    async def fetch() -> _Known:
        settings = await load_connection(connection)
        async with open_workspace(settings, installation()) as workspace:
            fetched = await workspace.platform.fetch([name])
            if found := next((job for job in fetched.jobs if name in (job.id, job.number)), None):
                return _Known(found, (), await fresh_chart(workspace), settings.rule_book)
        problem = next(iter(fetched.problems), None)
        guess = await nearest(connection, name)
        raise UnknownName(f"job {name} of {connection}: {problem.why if problem else 'there is none'}{guess or '.'}")

    return run(fetch())


def _today(job: Job) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(job.account_tz)).date()


def _write(target: Path, captured: Captured) -> None:
    """Write a file that was not there, once it is certain that it can be read again."""
    parse_trials(captured.text, str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(captured.text)
    except FileExistsError as error:
        raise ConfigError(f"{target} is there already, and is not overwritten; choose another file: --to FILE") from error
