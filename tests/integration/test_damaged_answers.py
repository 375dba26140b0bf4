"""Whatever is damaged in real answers: a located problem of a job, or a RemoteError; after a create, a lost answer.

Never anything else, and never a job read as something that it is not.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost.errors import AnswerLost, RemoteError
from milepost.jobs import job_from_json
from milepost.platforms.declared.platform import DeclaredPlatform
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.protocol import Fetched, Platform
from milepost.platforms.servicem8.platform import ServiceM8Platform
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.xero.chart import read_chart
from milepost.xero.client import XeroClient
from milepost.xero.contacts import changed_contacts
from milepost.xero.invoices import INVOICES_PARAMS, INVOICES_PATH, find_invoices, invoice_payload, invoices_body
from milepost.xero.invoices import read_invoice_outcomes as outcomes_of
from sandbox.server import LoopbackServer, Sandbox
from sandbox.xero.tenant import stable_id
from tests.damage import Damaging, damaged_body
from tests.integration.xero_world import World, xero_world
from tests.sandbox_fixtures import unlimited
from tests.unit.xero.builders import draft, line

T = TypeVar("T")
LONGEST = 60
EXAMPLE = Path(__file__).parents[2] / "docs/examples/fieldbook.yaml"
often = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seeds = st.integers(0, 10**9)


class Background:
    """An event loop in a thread of its own: Hypothesis' examples are not coroutines."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(LONGEST)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@dataclass
class Vendors:
    """The vendors, each behind something that damages its answers."""

    servicem8: Damaging
    fieldbook: Damaging
    urls: dict[str, str]


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    running = Background()
    yield running
    running.end()


@pytest.fixture(scope="module")
def vendors(background: Background) -> Iterator[Vendors]:
    stack = AsyncExitStack()

    async def start() -> Vendors:
        world = await stack.enter_async_context(Sandbox(unlimited()))
        for number in range(3):
            lines = [("Labour", "2.5", "95.00"), ("Hot water unit", "1", "1350.00", "HWU")]
            world.servicem8.job(number=str(1480 + number), customer=f"Customer {number}", lines=lines, title="A job")
            items = [("Partition wall", "12", "80.00"), ("Door", "2", "310.00")]
            world.fieldbook.job(ref=f"AFO-{number}", customer=f"Customer {number}", items=items)
        return Vendors(
            await _behind(stack, "servicem8", world.servicem8.app),
            await _behind(stack, "fieldbook", world.fieldbook.app),
            _urls,
        )

    _urls: dict[str, str] = {}

    async def _behind(stack: AsyncExitStack, name: str, app: Any) -> Damaging:
        damaging = Damaging(app)
        server = LoopbackServer(name, damaging)
        await server.start()
        stack.push_async_callback(server.stop)
        _urls[name] = server.url
        return damaging

    yield background.run(start())
    background.run(stack.aclose())


def servicem8(vendors: Vendors) -> Platform:
    about = {"api_key": "servicem8-key-kauri", "api_url": vendors.urls["servicem8"]}
    return ServiceM8Platform(ServiceM8Settings.model_validate(about), pause=_not_at_all)


def fieldbook(vendors: Vendors, folder: Path) -> Platform:
    file = folder / "fieldbook.yaml"
    file.write_text(EXAMPLE.read_text().replace("per_minute: 120", "per_minute: 60000"))
    about = {
        "file": file,
        "secrets": {"token": "fieldbook-token-albion", "webhook": "a-webhook-secret"},
        "base_url": vendors.urls["fieldbook"],
        "time_zone": "Europe/London",
    }
    return DeclaredPlatform(DeclaredSettings.model_validate(about))


async def _not_at_all(seconds: float) -> None:
    """A pause that is not waited for."""


async def read_all(platform: Platform) -> Fetched:
    """As a poll does: list, then fetch."""
    async with platform:
        listed = await platform.list_changed(None)
        await platform.list_changed(listed.cursor)
        return await platform.fetch([ref.id for ref in listed.refs])


def damage_by(seed: int, every: int) -> Callable[[str, bytes], bytes]:
    """Damages about one answer in `every`, the same ones for the same seed."""
    chance = Random(seed)
    return lambda _, body: damaged_body(body, chance) if body and not chance.randrange(every) else body


def stands_alone(fetched: Fetched) -> None:
    """Each job can be kept and read back, and each problem says why and what to do."""
    for job in fetched.jobs:
        assert job_from_json(job.model_dump_json()).fingerprint
        job.completed_on  # noqa: B018 - must not raise
        job.model_dump_json().encode()
    for problem in fetched.problems:
        assert problem.why
        assert problem.fix
        assert "Traceback" not in problem.why


def is_brief(error: RemoteError) -> None:
    """No error repeats the body that it complains of."""
    assert len(str(error)) < 1000


def test_whole_answers_are_read_whole(vendors: Vendors, background: Background, tmp_path: Path) -> None:
    """What follows is damage to answers that are read without a fault."""
    for platform in (servicem8(vendors), fieldbook(vendors, tmp_path)):
        fetched = background.run(read_all(platform))
        assert len(fetched.jobs) == 3
        assert fetched.problems == ()


@often
@given(seed=seeds)
def test_damaged_answers_of_servicem8(vendors: Vendors, background: Background, seed: int) -> None:
    try_damaged(background, vendors.servicem8, seed, lambda: read_all(servicem8(vendors)))


@often
@given(seed=seeds)
def test_damaged_answers_of_a_declared_system(vendors: Vendors, background: Background, tmp_path: Path, seed: int) -> None:
    try_damaged(background, vendors.fieldbook, seed, lambda: read_all(fieldbook(vendors, tmp_path)))


def try_damaged(
    background: Background, damaging: Damaging, seed: int, read: Callable[[], Coroutine[Any, Any, Fetched]]
) -> None:
    """Any exception but RemoteError fails the test."""
    damaging.damage = damage_by(seed, 4)
    try:
        stands_alone(background.run(read()))
    except RemoteError as error:
        is_brief(error)
    finally:
        damaging.damage = None


@dataclass
class Xero:
    """A local Xero whose answers can be damaged."""

    world: World
    client: XeroClient
    damaging: Damaging


@pytest.fixture(scope="module")
def xero(background: Background) -> Iterator[Xero]:
    stack, found = AsyncExitStack(), list[Damaging]()

    def in_front(app: Any) -> Damaging:
        found.append(Damaging(app))
        return found[0]

    async def start() -> Xero:
        world = await stack.enter_async_context(xero_world(in_front=in_front))
        return Xero(world, await stack.enter_async_context(world.client(read_pauses=(0, 0))), found[0])

    yield background.run(start())
    background.run(stack.aclose())


async def _contacts(client: XeroClient) -> None:
    async for _ in changed_contacts(client, None):
        pass


async def _invoices(client: XeroClient) -> None:
    await find_invoices(client, datetime(2020, 1, 1, tzinfo=UTC))


READS: tuple[Callable[[XeroClient], Awaitable[object]], ...] = (read_chart, _contacts, _invoices)


@often
@given(seed=seeds)
def test_damaged_answers_to_what_is_read_of_xero(xero: Xero, background: Background, seed: int) -> None:
    xero.damaging.damage = damage_by(seed, 3)

    async def read() -> None:
        for one in READS:
            try:
                await one(xero.client)
            except RemoteError as error:
                is_brief(error)

    try:
        background.run(read())
    finally:
        xero.damaging.damage = None


@often
@given(seed=seeds)
def test_a_damaged_answer_to_a_create_is_a_lost_one_or_tells_of_every_invoice(
    xero: Xero, background: Background, seed: int
) -> None:
    """Never a failure: Xero made both invoices, and a failure would have them sent again."""
    drafts = [draft(line(), reference=f"J-{seed}-{n}", url=f"http://127.0.0.1:4280/b/{seed}-{n}") for n in (1, 2)]
    body = invoices_body([invoice_payload(each, stable_id("nz", "contact", "Aroha Ngata")) for each in drafts])
    xero.damaging.damage = damage_by(seed, 1)

    async def create() -> None:
        try:
            answer = await xero.client.send("PUT", INVOICES_PATH, body, idempotency_key=f"k{seed}", params=INVOICES_PARAMS)
            outcomes = outcomes_of(answer, 2, body)
        except AnswerLost:
            return
        assert [one.invoice_id is not None or bool(one.messages) for one in outcomes] == [True, True]
        assert not any("without saying why" in " ".join(one.messages) for one in outcomes)

    try:
        background.run(create())
    finally:
        xero.damaging.damage = None
