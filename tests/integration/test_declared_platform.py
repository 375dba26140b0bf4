"""Fieldbook, described by docs/examples/fieldbook.yaml, over real HTTP: every paging, credential, and way of writing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.platform import app
from milepost.errors import AnswerLost, AuthError, ConfigError, RateLimited, RemoteError
from milepost.jobs import Job, Stage, TaxMode
from milepost.platforms.declared.platform import DeclaredPlatform
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.http import Call
from milepost.platforms.protocol import Platform, WebhookRequest, WriteBack
from milepost.platforms.registry import PLATFORMS, open_platform
from sandbox.faults import Fault
from sandbox.seed import seed_many
from sandbox.server import Sandbox
from tests.sandbox_fixtures import Receiver

EXAMPLE = Path(__file__).parents[2] / "docs/examples/fieldbook.yaml"
TEXT = EXAMPLE.read_text()
SECRETS = {
    "token": SecretStr("fieldbook-token-albion"),
    "webhook": SecretStr("hush"),
    "client": SecretStr("fieldbook-albion"),
    "client_secret": SecretStr("fieldbook-secret-albion"),
}
TOLD = WriteBack("mp-1", "Invoice INV-7 was made", "INV-7", "https://go.xero.com/x", processed=True)


def example(*changes: tuple[str, str]) -> str:
    """The example with parts of its text replaced."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@asynccontextmanager
async def fieldbook(world: Sandbox, file: Path = EXAMPLE, **more: Any) -> AsyncIterator[tuple[DeclaredPlatform, list[Call]]]:
    calls: list[Call] = []
    settings = DeclaredSettings(file=file, secrets=SECRETS, base_url=world.urls["fieldbook"], **more)
    async with DeclaredPlatform(settings, on_call=calls.append) as platform:
        yield platform, calls


def written(folder: Path, text: str) -> Path:
    (folder / "fieldbook.yaml").write_text(text)
    return folder / "fieldbook.yaml"


async def all_jobs(platform: DeclaredPlatform) -> list[Job]:
    changes = await platform.list_changed(None)
    fetched = await platform.fetch([ref.id for ref in changes.refs])
    assert fetched.problems == ()
    return sorted(fetched.jobs, key=lambda job: job.number)


def fill(world: Sandbox, jobs: int = 7) -> None:
    for number in range(jobs):
        world.fieldbook.job(
            ref=f"AFO-{number}",
            customer={"name": f"Client {number}", "email": f"c{number}@example.com"},
            items=[("Partition wall", "12", "80.00"), ("Labour: joinery", "2.5", "48.50")],
            done_at="2026-07-31T16:30:00+01:00",
            raised_at="2026-07-01T09:00:00+01:00",
        )


async def test_a_job_is_read_whole(world: Sandbox) -> None:
    fill(world, 1)
    async with fieldbook(world) as (platform, calls):
        (job,) = await all_jobs(platform)
    assert (job.number, job.stage, job.raw_status, job.currency) == ("AFO-0", Stage.COMPLETED, "done", "GBP")
    assert job.dates.completed == datetime(2026, 7, 31, 15, 30, tzinfo=UTC)
    assert job.customer is not None
    assert (job.customer.name, job.customer.email) == ("Client 0", "c0@example.com")
    assert [(line.kind, line.quantity, line.unit_price_ex) for line in job.lines] == [
        ("material", Decimal(12), Decimal("80.00")),
        ("labour", Decimal("2.5"), Decimal("48.50")),
    ]
    assert job.reported_totals.ex == Decimal("1081.25")
    assert len(calls) == 1, "a list with whole rows needs no call for each job"


async def test_it_is_a_platform_of_the_registry(world: Sandbox) -> None:
    settings = DeclaredSettings(file=EXAMPLE, secrets=SECRETS, base_url=world.urls["fieldbook"])
    async with open_platform(settings) as platform:
        assert isinstance(platform, Platform)
        assert (await platform.test()).name == "Fieldbook"


@pytest.mark.parametrize("money", ["string", "number"])
async def test_amounts_are_exact_however_they_are_written(world: Sandbox, money: Any) -> None:
    world.fieldbook.settings.money = money
    world.fieldbook.job(ref="A", items=[("Cable", "0.1", "0.2"), ("Wire", "1.005", "1234567.89")])
    async with fieldbook(world) as (platform, _):
        (job,) = await all_jobs(platform)
    assert [line.quantity for line in job.lines] == [Decimal("0.1"), Decimal("1.005")]
    assert job.lines[1].unit_price_ex == Decimal("1234567.89")


async def test_gross_prices_are_kept_as_such(world: Sandbox) -> None:
    world.fieldbook.account("southern", timezone="Australia/Sydney", currency="AUD", prices="gross")
    world.fieldbook.job(account="southern", ref="SE-1", items=[("Lamp", "1", "64.90")])
    secrets = SECRETS | {"token": SecretStr("fieldbook-token-southern")}
    settings = DeclaredSettings(
        file=EXAMPLE, secrets=secrets, base_url=world.urls["fieldbook"], time_zone="Australia/Sydney"
    )
    async with DeclaredPlatform(settings) as platform:
        (job,) = await all_jobs(platform)
    assert (job.tax_mode, job.currency, job.account_tz) == (TaxMode.INCLUSIVE, "AUD", "Australia/Sydney")
    assert (job.lines[0].unit_price_inc, job.lines[0].unit_price_ex) == (Decimal("64.90"), None)
    assert job.reported_totals.inc == Decimal("64.90")


PAGED = "paging: {style: page, pages: meta.pages}"
SMALL_PAGES = ("per_page: 500", "per_page: 3")
PAGINGS = {
    "page": (SMALL_PAGES,),
    "page without a count": (SMALL_PAGES, (PAGED, "paging: {style: page}")),
    "cursor": (
        SMALL_PAGES,
        ("path: /v2/jobs\n", "path: /v2/jobs/cursor\n"),
        (PAGED, "paging: {style: cursor, param: after, next: nextCursor}"),
    ),
    "link": (
        SMALL_PAGES,
        ("path: /v2/jobs\n", "path: /v2/jobs/linked\n"),
        ("rows: data", 'rows: "@"'),
        (PAGED, "paging: {style: link}"),
    ),
}


@pytest.mark.parametrize("changes", PAGINGS.values(), ids=PAGINGS)
async def test_every_paging_gives_every_job_once(world: Sandbox, tmp_path: Path, changes: Any) -> None:
    fill(world)
    async with fieldbook(world, written(tmp_path, example(*changes))) as (platform, calls):
        jobs = await all_jobs(platform)
    assert [job.number for job in jobs] == [f"AFO-{n}" for n in range(7)]
    assert len(calls) in (3, 4)


HEADER = 'auth: {kind: header, name: X-Fieldbook-Token, value: "${token}"}'
AUTHS = {
    "header": HEADER,
    "query": 'auth: {kind: query, name: access_key, value: "${token}"}',
    "basic": 'auth: {kind: basic, username: "${client}", password: "${client_secret}"}',
    "client credentials": (
        'auth: {kind: client_credentials, token_url: /oauth/token, client_id: "${client}", '
        'client_secret: "${client_secret}"}'
    ),
    "client credentials, basic": (
        'auth: {kind: client_credentials, token_url: /oauth/token, client_id: "${client}", '
        'client_secret: "${client_secret}", send: basic}'
    ),
}


@pytest.mark.parametrize("auth", AUTHS.values(), ids=AUTHS)
async def test_every_credential_opens_the_account(world: Sandbox, tmp_path: Path, auth: str) -> None:
    fill(world, 1)
    async with fieldbook(world, written(tmp_path, example((HEADER, auth)))) as (platform, _):
        assert (await platform.test()).timezone == "Europe/London"
        assert len(await all_jobs(platform)) == 1


@pytest.mark.parametrize("auth", AUTHS.values(), ids=AUTHS)
async def test_a_wrong_credential_is_an_auth_error_without_it(world: Sandbox, tmp_path: Path, auth: str) -> None:
    wrong = {name: SecretStr("wr0ng-secret") for name in SECRETS}
    file = written(tmp_path, example((HEADER, auth)))
    settings = DeclaredSettings(file=file, secrets=wrong, base_url=world.urls["fieldbook"])
    async with DeclaredPlatform(settings) as platform:
        with pytest.raises(AuthError) as caught:
            await platform.test()
    assert "wr0ng-secret" not in str(caught.value)


async def test_a_token_that_ended_is_renewed(world: Sandbox, tmp_path: Path) -> None:
    fill(world, 1)
    async with fieldbook(world, written(tmp_path, example((HEADER, AUTHS["client credentials"])))) as (platform, _):
        await platform.test()
        world.fieldbook.identity.expire()
        assert len(await all_jobs(platform)) == 1


async def test_only_changed_jobs_come_again(world: Sandbox) -> None:
    fill(world, 3)
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    for number in range(3):
        world.fieldbook.job(ref=f"AFO-{number}", updated=long_ago + timedelta(minutes=number))
    async with fieldbook(world) as (platform, _):
        first = await platform.list_changed(None)
        world.fieldbook.job(ref="AFO-1", title="changed")
        second = await platform.list_changed(first.cursor)
        fetched = await platform.fetch([ref.id for ref in second.refs])
    assert len(first.refs) == 3
    assert "AFO-1" in {job.number for job in fetched.jobs}
    assert next(job for job in fetched.jobs if job.number == "AFO-1").title == "changed"
    again = {ref for ref in second.refs if ref in first.refs}
    assert len(second.refs) - len(again) == 1, "the markers tell the overlap from what is new"


async def test_a_job_changed_after_it_was_listed_is_read_as_it_is_later(world: Sandbox) -> None:
    fill(world, 1)
    async with fieldbook(world) as (platform, _):
        (job,) = await all_jobs(platform)
        world.fieldbook.job(ref="AFO-0", title="later")
        fetched = await platform.fetch([job.id])
    assert fetched.jobs[0].title == "later"


async def test_an_unknown_job_is_a_problem_of_its_own(world: Sandbox) -> None:
    fill(world, 2)
    done: list[tuple[int, int | None]] = []
    async with fieldbook(world) as (platform, _):
        ids = [ref.id for ref in (await platform.list_changed(None)).refs]
        fetched = await platform.fetch([ids[0], "nope/../x", ids[1], ids[0]], lambda *so_far: done.append(so_far))
    assert len(fetched.jobs) == 2
    assert [(problem.job_id, problem.permanent) for problem in fetched.problems] == [("nope/../x", True)]
    assert done[-1] == (3, 3)


LEAN = (
    (', expand: "lines,customer"', ""),
    ("    complete: true ", "    complete: false"),
    ('    params: {expand: "lines,customer"}\n', ""),
    ("  from: items\n", "  get: {path: '/v2/jobs/{id}/lines', rows: items}\n"),
    ("  from: client\n", "  get: /v2/customers/{client.id}\n"),
)


async def test_children_are_read_from_endpoints_of_their_own_and_customers_once(world: Sandbox, tmp_path: Path) -> None:
    for number in range(6):
        world.fieldbook.job(ref=f"AFO-{number}", customer={"name": "One client", "email": "one@example.com"},
                            items=[("Partition wall", str(number + 1), "80.00")])  # fmt: skip
    world.fieldbook.job(ref="AFO-6", customer=None, items=[])
    async with fieldbook(world, written(tmp_path, example(*LEAN))) as (platform, calls):
        jobs = await all_jobs(platform)
    assert [line.quantity for job in jobs for line in job.lines] == [Decimal(n + 1) for n in range(6)]
    assert {job.customer.email for job in jobs if job.customer} == {"one@example.com"}
    assert (jobs[6].customer, jobs[6].lines) == (None, ())
    entities = [call.entity for call in calls]
    assert {name: entities.count(name) for name in set(entities)} == {"jobs": 1, "job": 7, "lines": 7, "customer": 1}


async def test_a_child_that_fails_for_one_job_harms_no_other(world: Sandbox, tmp_path: Path) -> None:
    fill(world, 3)
    async with fieldbook(world, written(tmp_path, example(*LEAN))) as (platform, _):
        ids = [ref.id for ref in (await platform.list_changed(None)).refs]
        world.fieldbook.faults.add(Fault("status", path=f"*{ids[1]}/lines", status=500, body="{}", times=-1))
        fetched = await platform.fetch(ids)
    assert [job.id for job in fetched.jobs] == [ids[0], ids[2]]
    assert [(problem.job_id, problem.permanent) for problem in fetched.problems] == [(ids[1], False)]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("status", status=401, times=-1), AuthError),
        (Fault("status", status=429, headers={"retry-after": "900"}, times=-1), RateLimited),
    ],
)
async def test_a_system_that_refuses_stops_the_whole_fetch(world: Sandbox, tmp_path: Path, fault: Fault, error: Any) -> None:
    fill(world, 5)
    async with fieldbook(world, written(tmp_path, example(*LEAN))) as (platform, _):
        ids = [ref.id for ref in (await platform.list_changed(None)).refs]
        world.fieldbook.faults.add(fault)
        with pytest.raises(error):
            await platform.fetch(ids)


async def test_many_jobs_of_another_process_are_found_in_the_list(world: Sandbox) -> None:
    fill(world, 12)
    async with fieldbook(world) as (first, _):
        ids = [ref.id for ref in (await first.list_changed(None)).refs]
    async with fieldbook(world) as (second, calls):
        fetched = await second.fetch(ids)
    assert len(fetched.jobs) == 12
    assert len(calls) == 1


async def test_looking_through_the_list_never_costs_much_more_than_single_calls(world: Sandbox, tmp_path: Path) -> None:
    fill(world, 30)
    async with fieldbook(world, written(tmp_path, example(("per_page: 500", "per_page: 1")))) as (platform, calls):
        ids = [ref.id for ref in (await platform.list_changed(None)).refs][-6:]
    async with fieldbook(world, written(tmp_path, example(("per_page: 500", "per_page: 1")))) as (platform, calls):
        fetched = await platform.fetch(ids)
    assert len(fetched.jobs) == 6
    assert len(calls) <= 9


async def test_a_thousand_jobs_need_a_handful_of_calls(world: Sandbox) -> None:
    seed_many(world, "fieldbook", jobs=1000)
    started = asyncio.get_running_loop().time()
    async with fieldbook(world) as (platform, calls):
        jobs = await all_jobs(platform)
    assert len(jobs) >= 1000
    assert len(calls) <= 4
    assert asyncio.get_running_loop().time() - started < 10


async def test_a_job_that_cannot_be_read_is_a_problem_with_its_place(world: Sandbox, tmp_path: Path) -> None:
    fill(world, 2)
    file = written(tmp_path, example(("  quantity: qty", "  quantity: text")))
    async with fieldbook(world, file) as (platform, _):
        fetched = await platform.fetch([ref.id for ref in (await platform.list_changed(None)).refs])
    assert fetched.jobs == ()
    line = TEXT.splitlines().index("  quantity: qty") + 1
    assert fetched.problems[0].where == f"{file}:{line}:3"
    assert "field 'quantity': expected a number, row 1 of lines has the text 'Partition wall'" in fetched.problems[0].why


async def test_a_note_is_left_once_and_the_job_is_marked(world: Sandbox) -> None:
    job = world.fieldbook.job(ref="AFO-1")
    async with fieldbook(world) as (platform, _):
        for _ in range(2):
            await platform.write_back(job.id, TOLD)
        await platform.write_back(job.id, WriteBack("mp-2", "Another", processed=False))
    assert [note.text for note in world.fieldbook.notes()] == ["Invoice INV-7 was made [mp-1]", "Another [mp-2]"]
    kept = world.fieldbook.account().jobs[job.id]
    assert (kept.billed, kept.invoice_no, kept.invoice_url) == (True, "INV-7", "https://go.xero.com/x")


async def test_a_note_whose_answer_was_lost_is_not_written_again(world: Sandbox) -> None:
    job = world.fieldbook.job(ref="AFO-1")
    world.fieldbook.faults.add(Fault("drop_after", method="POST", path="*/notes"))
    async with fieldbook(world) as (platform, _):
        with pytest.raises(AnswerLost):
            await platform.write_back(job.id, TOLD)
        await platform.write_back(job.id, TOLD)
    assert len(world.fieldbook.notes()) == 1


async def test_words_and_numbers_of_a_body_keep_their_types(world: Sandbox) -> None:
    job = world.fieldbook.job(ref="AFO-1")
    async with fieldbook(world) as (platform, _):
        await platform.write_back(job.id, WriteBack("mp-1", 'He said "hi"\n{{ told.key }} €', processed=True))
    assert world.fieldbook.notes()[0].text == 'He said "hi"\n{{ told.key }} € [mp-1]'
    assert world.fieldbook.account().jobs[job.id].billed is True


async def test_a_webhook_is_genuine_by_its_signature_and_names_its_job(world: Sandbox, receiver: Receiver) -> None:
    world.fieldbook.hooks.add("albion", receiver.url, "hush")
    job = world.fieldbook.job(ref="AFO-1")
    await world.fieldbook.deliveries.drain()
    ((headers, body),) = receiver.arrived
    async with fieldbook(world) as (platform, _):
        request = WebhookRequest(body, headers)
        assert platform.verify_webhook(request)
        assert not platform.verify_webhook(WebhookRequest(body + b" ", headers))
        assert [ref.id for ref in platform.parse_webhook(request)] == [job.id]  # type: ignore[union-attr]


async def test_a_system_that_is_away_is_a_remote_error_that_passes(world: Sandbox) -> None:
    world.fieldbook.faults.add(Fault("drop_before", times=-1))
    async with fieldbook(world) as (platform, _):
        with pytest.raises(RemoteError) as caught:
            await platform.list_changed(None)
    assert not caught.value.permanent


async def run_try(world: Sandbox, *more: str, file: Path = EXAMPLE, token: str = "fieldbook-token-albion") -> Any:
    arguments = ["try", str(file), "--secret", f"token={token}", "--base-url", world.urls["fieldbook"], *more]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "160"}).invoke, app, arguments)


async def test_trying_shows_raw_beside_normalised(world: Sandbox) -> None:
    job = world.fieldbook.job(ref="AFO-9", state="in_progress", items=[("Cable", "3", "1.50")], extra={"po": "1"})
    result = await run_try(world, "--job", job.id)
    assert result.exit_code == 0, result.output
    for shown in ("jobRef", "AFO-9", "in_progress", "unit_price", "1.50", "not read from the job's record", "extra"):
        assert shown in result.output


async def test_trying_without_a_job_takes_the_first(world: Sandbox) -> None:
    fill(world, 2)
    result = await run_try(world, "--json")
    shown = json.loads(result.output)
    assert shown["job"]["number"] == "AFO-0"
    assert shown["raw"]["job"]["jobRef"] == "AFO-0"
    assert {"section": "lines", "field": "quantity", "source": "qty", "raw": "12", "value": "12", "trouble": ""} in shown[
        "fields"
    ]


async def test_trying_a_draft_names_what_is_missing_and_what_does_not_fit(world: Sandbox, tmp_path: Path) -> None:
    fill(world, 1)
    file = written(tmp_path, example(("  status: state\n", ""), ("  quantity: qty", "  quantity: text")))
    result = await run_try(world, file=file)
    assert result.exit_code == 1
    assert "'status' is missing: the system's own word for the job's status" in result.output
    assert "expected a number, got the text 'Partition wall'" in result.output


async def test_trying_an_empty_list_says_so(world: Sandbox) -> None:
    result = await run_try(world)
    assert isinstance(result.exception, ConfigError)
    assert "the list has no jobs" in str(result.exception)


async def test_trying_with_a_wrong_key_says_so(world: Sandbox) -> None:
    result = await run_try(world, token="wr0ng")
    assert isinstance(result.exception, AuthError)
    assert "wr0ng" not in str(result.exception)


def test_the_kinds_of_job_systems_are_listed() -> None:
    result = CliRunner().invoke(app, ["list", "--json"])
    listed = json.loads(result.output)
    assert set(listed) == set(PLATFORMS)
    assert listed["csv"]["webhooks"] is False
    assert listed["declared"] is None
    assert "as its file says" in CliRunner().invoke(app, ["list"]).output


def test_the_schema_is_printed_or_written(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["schema"]).output
    CliRunner().invoke(app, ["schema", "--write", str(tmp_path / "s.json")])
    assert json.loads(printed) == json.loads((tmp_path / "s.json").read_text())
