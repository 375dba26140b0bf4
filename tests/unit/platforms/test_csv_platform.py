"""Two exported files as a platform: rows become jobs, bad rows are told by line and column and harm no other."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.errors import RemoteError
from milepost.jobs import Job, LineKind, Stage, TaxMode
from milepost.platforms.csv.platform import CsvPlatform
from milepost.platforms.csv.settings import CsvSettings
from milepost.platforms.csv.told import FILE_NAME
from milepost.platforms.protocol import Fetched, JobProblem, Platform, WebhookRequest, WriteBack
from sandbox.worlds.csv_export import write_csv_export

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
JOBS = "Job Number,Job Name,Customer,Customer Email,Status,Date Completed,Job Total\n"
LINES = "Job Number,Line Type,Description,Quantity,Unit Price,Tax Rate\n"
GOOD = "J1,Deck,Jo Ltd,jo@example.com,Completed,31/07/2026,78.00\n"
LINE = "J1,Labour,Carpenter,1,78.00,15% GST on Income\n"


class Files:
    """A folder with the two files of an export."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def platform(self, jobs: str, lines: str | None = None, **settings: Any) -> CsvPlatform:
        (self.folder / "jobs.csv").write_text(jobs, encoding="utf-8", newline="")
        if lines is not None:
            (self.folder / "lines.csv").write_text(lines, encoding="utf-8", newline="")
            settings["lines"] = self.folder / "lines.csv"
        settings = {"time_zone": "Pacific/Auckland", "currency": "NZD", **settings}
        return CsvPlatform(CsvSettings(jobs=self.folder / "jobs.csv", **settings))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def fetch_all(platform: CsvPlatform) -> Fetched:
    return await platform.fetch([ref.id for ref in (await platform.list_changed(None)).refs])


async def job_of(platform: CsvPlatform) -> Job:
    fetched = await fetch_all(platform)
    assert fetched.problems == ()
    return fetched.jobs[0]


async def problems_of(platform: CsvPlatform) -> dict[str, JobProblem]:
    return {problem.job_id: problem for problem in (await fetch_all(platform)).problems}


async def test_a_job_with_its_line(files: Files) -> None:
    job = await job_of(files.platform(JOBS + GOOD, LINES + LINE))
    assert (job.id, job.number, job.stage, job.raw_status) == ("J1", "J1", Stage.COMPLETED, "Completed")
    assert (job.completed_on, job.currency, job.account_tz) == (date(2026, 7, 31), "NZD", "Pacific/Auckland")
    assert job.customer is not None
    assert (job.customer.name, job.customer.email) == ("Jo Ltd", "jo@example.com")
    (line,) = job.lines
    assert (line.kind, line.quantity, line.unit_price_ex, line.unit_price_inc) == (
        LineKind.LABOUR,
        Decimal(1),
        Decimal("78.00"),
        None,
    )
    assert line.tax is not None
    assert (line.tax.name, line.tax.rate) == ("15% GST on Income", Decimal(15))
    assert job.reported_totals.ex == Decimal("78.00")


async def test_an_export_of_tradify_is_read_without_any_setting(tmp_path: Path) -> None:
    jobs, lines = write_csv_export(tmp_path)
    fetched = await fetch_all(CsvPlatform(CsvSettings(jobs=jobs, lines=lines)))
    assert fetched.problems == ()
    assert [(job.number, len(job.lines)) for job in fetched.jobs] == [
        ("JB00211", 3), ("JB00212", 2), ("JB00213", 3), ("JB00214", 2),
    ]  # fmt: skip
    assert [line.kind for line in fetched.jobs[2].lines] == ["labour", "material", "discount"]
    for job in fetched.jobs:
        assert sum(line.total_ex or 0 for line in job.lines) == job.reported_totals.ex


async def test_the_example_files_are_read() -> None:
    fetched = await fetch_all(CsvPlatform(CsvSettings(jobs=EXAMPLES / "jobs.csv", lines=EXAMPLES / "lines.csv")))
    assert fetched.problems == ()
    assert all(job.lines and job.customer for job in fetched.jobs)


async def test_gross_prices(files: Files) -> None:
    job = await job_of(files.platform(JOBS + GOOD, LINES + LINE, tax_mode="inclusive"))
    assert job.tax_mode is TaxMode.INCLUSIVE
    assert (job.lines[0].unit_price_inc, job.lines[0].unit_price_ex) == (Decimal("78.00"), None)
    assert job.reported_totals.inc == Decimal("78.00")


async def test_semicolons_commas_other_headers_and_encodings(tmp_path: Path) -> None:
    text = "Nr;Kunde;Status;Summe;PO\nJ1;Müller;erledigt;1.234,50;9\n"
    (tmp_path / "jobs.csv").write_bytes(text.encode("cp1252"))
    settings = CsvSettings.model_validate({
        "jobs": tmp_path / "jobs.csv", "delimiter": ";", "encoding": "cp1252", "decimal_comma": "true",
        "stages": {"Erledigt": "completed"},
        "columns": {"job": {"number": "Nr", "customer_name": "Kunde", "total_ex": "Summe"}, "custom_fields": {"po": "PO"}},
    })  # fmt: skip
    job = await job_of(CsvPlatform(settings))
    assert job.customer is not None
    assert (job.customer.name, job.reported_totals.ex, job.custom_fields) == ("Müller", Decimal("1234.50"), {"po": "9"})


async def test_a_missing_customer_is_none(files: Files) -> None:
    assert (await job_of(files.platform(JOBS + "J1,Deck,,x@example.com,Completed,,\n"))).customer is None


async def test_customers_of_one_name_and_two_addresses_are_two(files: Files) -> None:
    rows = "J1,,Jo,a@x.example,Done,,\nJ2,,jo,A@x.example,Done,,\nJ3,,Jo,b@x.example,Done,,\n"
    fetched = await fetch_all(files.platform(JOBS + rows))
    ids = [job.customer.id for job in fetched.jobs if job.customer]
    assert ids[0] == ids[1] != ids[2]
    assert "jo" not in ids[0]


BAD_ROWS = [
    ("J2,Deck,Jo,j@x.example,Completed,2026-31-31,1\n", "jobs.csv:3:6", "column 'Date Completed': expected a date such as"),
    (
        "J2,Deck,Jo,j@x.example,Completed,,much\n",
        "jobs.csv:3:7",
        "column 'Job Total': expected a number, got the text 'much'",
    ),
    ("J2,Deck,Jo,j@x.example,Complted,,\n", "jobs.csv:3:5", "did you mean 'completed'?"),
    ("J2,Deck,Jo,j@x.example,,,\n", "jobs.csv:3:5", "column 'Status': expected a word, got nothing"),
    ("J2,Deck, Jo,and co,j@x.example,Completed,,\n", "jobs.csv:3:8", "is a text with a comma not in quotes?"),
    ("J2,Deck,Jo,j@x.example,Completed,,5,6\n", "jobs.csv:3:8", "8 cells in a table of 7 columns"),
    ("J2,Deck,A,,Done,,1\nJ2,Deck,B,,Done,,1\n", "jobs.csv:4:1", "job 'J2' stands in line 3 too, with other values"),
]


@pytest.mark.parametrize(("rows", "where", "why"), BAD_ROWS)
async def test_a_bad_row_is_told_by_line_and_column_and_harms_no_other(
    files: Files, rows: str, where: str, why: str
) -> None:
    fetched = await fetch_all(files.platform(JOBS + GOOD + rows, LINES + LINE))
    assert [job.number for job in fetched.jobs] == ["J1"]
    (problem,) = fetched.problems
    assert (problem.job_id, problem.where) == ("J2", where)
    assert why in problem.why


@pytest.mark.parametrize(
    ("row", "where", "why"),
    [
        ("J2,Labour,Tap,two,1,\n", "lines.csv:2:4", "column 'Quantity': expected a number, got the text 'two'"),
        ("J2,Widget,Tap,1,1,\n", "lines.csv:2:2", "expected a known word (add it under 'kinds'"),
        ("J9,Labour,Tap,1,1,\n", "lines.csv:2:1", "the line belongs to job 'J9', which jobs.csv does not have"),
        (",Labour,Tap,1,1,\n", "lines.csv:2:1", "column 'Job Number': expected the number of a job, got nothing"),
    ],
)
async def test_a_bad_line_withholds_its_job_alone(files: Files, row: str, where: str, why: str) -> None:
    more = GOOD.replace("J1", "J2")
    fetched = await fetch_all(files.platform(JOBS + GOOD + more, LINES + row + LINE))
    assert "J1" in [job.number for job in fetched.jobs]
    (problem,) = fetched.problems
    assert problem.where == where
    assert why in problem.why


async def test_a_delimiter_at_the_end_of_every_row_does_no_harm(files: Files) -> None:
    rows = (GOOD + GOOD.replace("J1", "J2")).replace("\n", ",\n")
    assert len((await fetch_all(files.platform(JOBS + rows))).jobs) == 2


async def test_a_row_without_a_number_is_not_lost(files: Files) -> None:
    problems = await problems_of(files.platform(JOBS + GOOD + ",Deck,Jo,,Done,,\n"))
    assert problems["jobs.csv line 3"].where == "jobs.csv:3:1"
    assert "column 'Job Number': expected the job's number, got nothing" in problems["jobs.csv line 3"].why


async def test_all_that_is_wrong_with_a_job_comes_at_once(files: Files) -> None:
    platform = files.platform(JOBS + "J1,Deck,Jo,,?,?,?\n", LINES + "J1,?,a,?,?,\n")
    problem = (await problems_of(platform))["J1"]
    assert problem.why.count("jobs.csv:2:") == 3
    assert problem.why.count("lines.csv:2:") == 2
    assert problem.why.endswith("and 1 more")


async def test_lines_of_the_file_are_counted_as_an_editor_does(files: Files) -> None:
    rows = '\n"J1","two\nlines","Jo",,Done,,\n\nJ2,,,,?,,\n'
    assert (await problems_of(files.platform(JOBS + rows)))["J2"].where == "jobs.csv:6:5"


async def test_a_job_that_stands_twice_alike_counts_once(files: Files) -> None:
    fetched = await fetch_all(files.platform(JOBS + GOOD + GOOD, LINES + LINE))
    assert fetched.jobs[0].warnings == ("it stands 2 times in jobs.csv",)
    assert len(fetched.jobs) == 1


@pytest.mark.parametrize(
    ("jobs", "settings", "why"),
    [
        ("", {}, "has no column for 'number', such as 'Job Number'"),
        ("Job Number;Status\n", {}, "check the delimiter: it has 1 columns"),
        ("Job Number,Name\nJ1,x\n", {}, "has no column for 'status'"),
        (JOBS, {"columns": {"job": {"title": "Titel"}}}, "has no column 'Titel' for 'title'"),
        (JOBS, {"columns": {"custom_fields": {"po": "PO"}}}, "has no column 'PO' for 'po'"),
        (JOBS + '"J1,x\n', {}, "the row that begins in line 2 is broken"),
        (JOBS + '"J1"x,y\n', {}, "the row that begins in line 2 is broken"),
        (JOBS, {"encoding": "utf-16"}, "it is not utf-16 text"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(files: Files, jobs: str, settings: Any, why: str) -> None:
    platform = files.platform(jobs, **settings)
    with pytest.raises(RemoteError, match="reading ") as caught:
        await platform.list_changed(None)
    assert why in str(caught.value)
    assert caught.value.permanent


async def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"reading jobs\.csv failed: there is no such file"):
        await CsvPlatform(CsvSettings(jobs=tmp_path / "jobs.csv")).test()


async def test_only_jobs_whose_rows_changed_come_again(files: Files) -> None:
    more = GOOD.replace("J1", "J2")
    first = await files.platform(JOBS + GOOD + more, LINES + LINE).list_changed(None)
    turned = await files.platform(JOBS + more + GOOD, LINES + LINE).list_changed(first.cursor)
    changed = await files.platform(JOBS + GOOD + more, LINES + LINE.replace("78.00", "79.00")).list_changed(first.cursor)
    gone = await files.platform(JOBS + more, LINES).list_changed(first.cursor)
    assert [ref.id for ref in first.refs] == ["J1", "J2"]
    assert turned.refs == ()
    assert [ref.id for ref in changed.refs] == ["J1"]
    assert (gone.refs, list(json.loads(gone.cursor))) == ((), ["J2"])


async def test_the_first_poll_may_leave_out_what_was_completed_before(files: Files) -> None:
    old = GOOD.replace("J1", "J0").replace("31/07/2026", "30/06/2026")
    open_one = GOOD.replace("J1", "J2").replace("31/07/2026", "")
    platform = files.platform(JOBS + old + GOOD + open_one + "J3,,,,?,,\n")
    changes = await platform.list_changed(None, since=datetime(2026, 7, 1, tzinfo=UTC))
    assert [ref.id for ref in changes.refs] == ["J1", "J2", "J3"]
    assert (await platform.list_changed(changes.cursor)).refs == ()


@pytest.mark.parametrize("cursor", ["", "[]", "x"])
async def test_a_cursor_that_is_not_ours_is_an_error(files: Files, cursor: str) -> None:
    with pytest.raises(RemoteError, match="cursor"):
        await files.platform(JOBS).list_changed(cursor)


async def test_an_unknown_job_is_a_problem(files: Files) -> None:
    fetched = await files.platform(JOBS + GOOD).fetch(["J1", "J7"])
    assert [problem.why for problem in fetched.problems] == ["jobs.csv has no job with this number"]
    assert len(fetched.jobs) == 1


async def test_the_test_of_a_connection_tells_what_is_wrong(files: Files) -> None:
    account = await files.platform(JOBS + GOOD + "J2,,,,?,,\n").test()
    assert account.name == "jobs.csv"
    assert "jobs.csv:3:5: column 'Status'" in account.warnings[0]
    assert "there is no file of lines" in account.warnings[1]


def told(key: str = "k1", note: str = "Invoice INV-1 was made") -> WriteBack:
    return WriteBack(key, note, "INV-1", "https://go.xero.com/x", processed=True)


async def test_an_invoice_is_told_once_in_a_file_beside_the_jobs(files: Files) -> None:
    platform = files.platform(JOBS + GOOD)
    await asyncio.gather(*(platform.write_back("J1", told()) for _ in range(5)))
    await platform.write_back("J2", told("k2", "=HYPERLINK(1)"))
    await platform.write_back("J1", told())
    with (files.folder / FILE_NAME).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["Key"], row["Job Number"], row["Invoice Number"], row["Processed"]) for row in rows] == [
        ("k1", "J1", "INV-1", "yes"), ("k2", "J2", "INV-1", "yes"),
    ]  # fmt: skip
    assert rows[1]["Note"] == "'=HYPERLINK(1)"


async def test_a_folder_that_cannot_be_written_is_a_remote_error(files: Files) -> None:
    platform = files.platform(JOBS + GOOD)
    (files.folder / FILE_NAME).mkdir()
    with pytest.raises(RemoteError, match=r"writing milepost-invoices\.csv for job J1 failed"):
        await platform.write_back("J1", told())


async def test_files_send_no_webhooks(files: Files) -> None:
    platform = files.platform(JOBS)
    assert isinstance(platform, Platform)
    assert not platform.verify_webhook(WebhookRequest(b""))
    assert platform.parse_webhook(WebhookRequest(b"")) == ()


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map(str.strip)
AMOUNTS = st.decimals(min_value=0, max_value=10**7, places=2)


def written(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, AMOUNTS, AMOUNTS), min_size=1, max_size=5))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    files = Files(tmp_path_factory.mktemp("csv"))
    jobs = written([[f"J{n}", title, name, "", "Done", "", ""] for n, (title, name, *_) in enumerate(rows)])
    lines = written([[f"J{n}", "Material", title, qty, price, ""] for n, (title, _, qty, price) in enumerate(rows)])
    fetched = asyncio.run(fetch_all(files.platform(JOBS + jobs, LINES + lines)))
    assert fetched.problems == ()
    for job, (title, name, quantity, price) in zip(fetched.jobs, rows, strict=True):
        assert (job.title, job.customer.name if job.customer else "") == (title, name)
        assert (job.lines[0].description, job.lines[0].quantity, job.lines[0].unit_price_ex) == (title, quantity, price)


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, jobs: str, lines: str) -> None:
    files = Files(tmp_path_factory.mktemp("csv"))
    try:
        text = jobs.encode("utf-8", "replace").decode(), lines.encode("utf-8", "replace").decode()
        asyncio.run(fetch_all(files.platform(JOBS + text[0], LINES + text[1])))
    except RemoteError as error:
        assert "reading " in str(error)  # noqa: PT017 - most texts are read, some are refused
