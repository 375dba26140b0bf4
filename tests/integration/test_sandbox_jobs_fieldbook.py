"""The simulated Fieldbook over HTTP: every kind of paging and credential, expansion, write-back and limits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.fieldbook import Customer
from sandbox.server import Sandbox

TOKEN = {"x-fieldbook-token": "fieldbook-token-albion"}
DAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def seven_jobs(world: Sandbox) -> None:
    """A-1 to A-7, changed one a day, the even ones still under way."""
    for number in range(1, 8):
        state = "done" if number % 2 else "in_progress"
        updated = DAY + timedelta(days=number)
        world.fieldbook.job(ref=f"A-{number}", state=state, items=[("Partition", "12", "80.00")], updated=updated)


def refs(rows: list[dict[str, Any]]) -> str:
    return "".join(row["jobRef"].removeprefix("A-") for row in rows)


async def get(http: httpx.AsyncClient, world: Sandbox, path: str, **params: str | int) -> httpx.Response:
    return await http.get(f"{world.urls['fieldbook']}/v2{path}", headers=TOKEN, params=params)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, "1234567"),
        ({"status": "done"}, "1357"),
        ({"status": "done,in_progress"}, "1234567"),
        ({"status": "quoted"}, ""),
        ({"updated_since": "2026-11-07T09:00:00Z"}, "567"),
        ({"updated_since": "2026-11-07T22:00:00+13:00", "status": "done"}, "57"),
        ({"sort": "-updatedAt"}, "7654321"),
        ({"sort": "-updatedAt", "status": "in_progress"}, "642"),
    ],
)
async def test_the_list_is_filtered_and_sorted(
    world: Sandbox, http: httpx.AsyncClient, params: dict[str, str], found: str
) -> None:
    seven_jobs(world)
    assert refs((await get(http, world, "/jobs", **params)).json()["data"]) == found


async def test_pages_by_number(world: Sandbox, http: httpx.AsyncClient) -> None:
    seven_jobs(world)
    pages = [(await get(http, world, "/jobs", page=page, per_page=3)).json() for page in (1, 2, 3, 4)]
    assert [refs(page["data"]) for page in pages] == ["123", "456", "7", ""]
    assert pages[0]["meta"] == {"page": 1, "perPage": 3, "pages": 3, "total": 7}


async def test_pages_by_cursor(world: Sandbox, http: httpx.AsyncClient) -> None:
    seven_jobs(world)
    found, after = [], ""
    while True:
        page = (await get(http, world, "/jobs/cursor", after=after, per_page=3)).json()
        found.append(refs(page["data"]))
        if page["nextCursor"] is None:
            break
        after = page["nextCursor"]
    assert found == ["123", "456", "7"]


async def test_a_cursor_skips_nothing_when_a_job_changes_in_between(world: Sandbox, http: httpx.AsyncClient) -> None:
    seven_jobs(world)
    first = (await get(http, world, "/jobs/cursor", per_page=4)).json()
    world.fieldbook.job(ref="A-2", state="done", items=None)
    rest = (await get(http, world, "/jobs/cursor", per_page=50, after=first["nextCursor"])).json()
    assert refs(first["data"]) + refs(rest["data"]) == "12345672"


async def test_pages_by_link_header(world: Sandbox, http: httpx.AsyncClient) -> None:
    seven_jobs(world)
    answer, found = await get(http, world, "/jobs/linked", per_page=3, status="done"), []
    while True:
        found.append(refs(answer.json()))
        if "next" not in answer.links:
            break
        answer = await http.get(answer.links["next"]["url"], headers=TOKEN)
    assert found == ["135", "7"]
    assert set(answer.links) == {"first", "last"}


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/jobs", {"status": "finished"}, "status"),
        ("/jobs", {"updated_since": "yesterday"}, "updated_since"),
        ("/jobs", {"updated_since": "2026-11-07T09:00:00"}, "updated_since"),
        ("/jobs", {"page": "0"}, "page"),
        ("/jobs", {"per_page": "many"}, "per_page"),
        ("/jobs", {"sort": "name"}, "sort"),
        ("/jobs", {"expand": "everything"}, "expand"),
        ("/jobs/cursor", {"after": "%%%"}, "after"),
        ("/jobs/cursor", {"sort": "-updatedAt"}, "sort"),
    ],
)
async def test_a_bad_parameter_is_422_and_named(
    world: Sandbox, http: httpx.AsyncClient, path: str, params: dict[str, str], field: str
) -> None:
    answer = await get(http, world, path, **params)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(f"{field}:")


async def test_expansion_embeds_lines_and_customer_and_is_off_otherwise(world: Sandbox, http: httpx.AsyncClient) -> None:
    client = Customer("Elm House", "secretary@example.org", accounts_ref="E-1")
    job = world.fieldbook.job(ref="A-1", customer=client, items=[("Labour: joinery", "2.5", "48.50", "labour", "JOIN")])
    (bare,) = (await get(http, world, "/jobs")).json()["data"]
    (whole,) = (await get(http, world, "/jobs", expand="lines,customer")).json()["data"]
    detail = (await get(http, world, f"/jobs/{job.id}", expand="lines")).json()
    assert "items" not in bare
    assert set(bare["client"]) == {"id", "displayName"}
    assert (whole["client"]["emailAddress"], whole["client"]["accountsRef"]) == ("secretary@example.org", "E-1")
    assert whole["items"] == detail["items"] == (await get(http, world, f"/jobs/{job.id}/lines")).json()["items"]
    assert (await get(http, world, f"/customers/{bare['client']['id']}")).json() == whole["client"]


@pytest.mark.parametrize(("money", "rate"), [("string", "48.50"), ("number", 48.5)])
async def test_money_is_text_or_a_number_as_set_and_null_when_unknown(
    world: Sandbox, http: httpx.AsyncClient, money: Any, rate: object
) -> None:
    world.fieldbook.settings.money = money
    job = world.fieldbook.job(ref="A-1", items=[("Labour", "1", "48.50"), ("Sensor", "2", None)])
    items = (await get(http, world, f"/jobs/{job.id}/lines")).json()["items"]
    assert [item["rate"] for item in items] == [rate, None]


async def test_moments_are_utc_and_once_more_local(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.fieldbook.account("southern", timezone="Australia/Sydney", currency="AUD")
    world.fieldbook.job(account="southern", ref="S-1", items=[], done_at="2026-11-19T15:30:00+00:00")
    answer = await http.get(f"{world.urls['fieldbook']}/v2/jobs", headers={"x-fieldbook-token": "fieldbook-token-southern"})
    (job,) = answer.json()["data"]
    assert (job["doneAt"], job["doneAtLocal"]) == ("2026-11-19T15:30:00.000000Z", "20/11/2026 02:30")


async def bearer(http: httpx.AsyncClient, world: Sandbox, *, basic: bool) -> dict[str, str]:
    who = ("fieldbook-albion", "fieldbook-secret-albion")
    form = {"grant_type": "client_credentials"}
    body = form if basic else {**form, "client_id": who[0], "client_secret": who[1]}
    auth = httpx.BasicAuth(*who) if basic else None
    answer = await http.post(f"{world.urls['fieldbook']}/oauth/token", data=body, auth=auth or httpx.USE_CLIENT_DEFAULT)
    assert (answer.status_code, answer.json()["expires_in"]) == (200, 3600)
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("basic", [True, False])
async def test_client_credentials_give_a_token_that_expires(world: Sandbox, http: httpx.AsyncClient, basic: bool) -> None:
    headers, url = await bearer(http, world, basic=basic), f"{world.urls['fieldbook']}/v2/jobs"
    assert (await http.get(url, headers=headers)).status_code == 200
    world.clock.advance(3601)
    assert (await http.get(url, headers=headers)).status_code == 401


async def test_header_query_and_basic_credentials_all_work(world: Sandbox, http: httpx.AsyncClient) -> None:
    url = f"{world.urls['fieldbook']}/v2/jobs"
    basic = httpx.BasicAuth("fieldbook-albion", "fieldbook-secret-albion")
    answers = [
        await http.get(url, headers=TOKEN),
        await http.get(url, params={"access_key": "fieldbook-token-albion"}),
        await http.get(url, auth=basic),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.parametrize(
    "headers", [{}, {"x-fieldbook-token": "wrong"}, {"authorization": "Basic !!"}, {"authorization": "Bearer x"}]
)
async def test_without_a_good_credential_there_is_401(
    world: Sandbox, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await http.get(f"{world.urls['fieldbook']}/v2/jobs", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorised")


async def test_a_wrong_client_secret_gives_no_token(world: Sandbox, http: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "client_id": "fieldbook-albion", "client_secret": "wrong"}
    answer = await http.post(f"{world.urls['fieldbook']}/oauth/token", data=form)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


async def test_notes_and_the_billed_mark_are_written_back(world: Sandbox, http: httpx.AsyncClient) -> None:
    job = world.fieldbook.job(ref="A-1", items=[])
    url = f"{world.urls['fieldbook']}/v2/jobs/{job.id}"
    note = await http.post(f"{url}/notes", headers=TOKEN, json={"text": "Invoice INV-0001 created"})
    told = {"billed": True, "invoiceNo": "INV-0001", "invoiceUrl": "https://example.com/1", "state": "invoiced"}
    changed = await http.patch(url, headers=TOKEN, json=told)
    assert note.status_code == 201
    assert [kept.text for kept in world.fieldbook.notes()] == ["Invoice INV-0001 created"]
    assert [kept["text"] for kept in (await http.get(f"{url}/notes", headers=TOKEN)).json()["notes"]] == [
        "Invoice INV-0001 created"
    ]
    assert changed.json()["billing"] == {"billed": True, "invoiceNo": "INV-0001", "invoiceUrl": "https://example.com/1"}
    assert changed.json()["state"] == "invoiced"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PATCH", "", {"title": "x"}), ("PATCH", "", {"state": "finished"}), ("POST", "/notes", {"text": " "})],
)
async def test_a_bad_write_is_422_and_changes_nothing(
    world: Sandbox, http: httpx.AsyncClient, method: str, path: str, body: dict[str, str]
) -> None:
    job = world.fieldbook.job(ref="A-1", items=[])
    before = job.updated_at
    answer = await http.request(method, f"{world.urls['fieldbook']}/v2/jobs/{job.id}{path}", headers=TOKEN, json=body)
    assert answer.status_code == 422
    assert (world.fieldbook.account().jobs[job.id].updated_at, world.fieldbook.notes()) == (before, [])


@pytest.mark.parametrize("path", ["/jobs/job_0", "/jobs/job_0/lines", "/jobs/job_0/notes", "/customers/cus_0"])
async def test_an_unknown_thing_is_404(world: Sandbox, http: httpx.AsyncClient, path: str) -> None:
    assert (await get(http, world, path)).status_code == 404


async def test_over_the_limit_retry_after_says_how_long(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.fieldbook.settings.limits = True
    world.fieldbook.settings.per_minute = 2
    answers = [await get(http, world, "/jobs") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    wait = int(answers[2].headers["retry-after"])
    assert 58 <= wait <= 60
    world.clock.advance(wait)
    assert (await get(http, world, "/jobs")).status_code == 200


async def test_a_fault_answers_in_its_stead(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.fieldbook.faults.add(Fault("status", path="/v2/jobs", status=503, body="down for repairs"))
    answers = [await get(http, world, "/jobs") for _ in range(2)]
    assert [(answer.status_code, answer.text[:4]) for answer in answers] == [(503, "down"), (200, '{"da')]


async def test_a_thousand_jobs_with_ten_lines_each_are_listed_quickly(world: Sandbox, http: httpx.AsyncClient) -> None:
    items = [(f"Part {number}", "2", "19.95") for number in range(10)]
    for number in range(1000):
        world.fieldbook.job(ref=f"A-{number}", items=items, quiet=True)
    started = datetime.now(UTC)
    pages = [await get(http, world, "/jobs", page=page, per_page=200, expand="lines,customer") for page in range(1, 6)]
    seconds = (datetime.now(UTC) - started).total_seconds()
    assert sum(len(row["items"]) for page in pages for row in page.json()["data"]) == 10_000
    assert seconds < 1.5


@pytest.mark.parametrize(
    ("items", "total"),
    [
        ([], None),
        ([("Partition", "12", "80.00"), ("Goodwill", "1", "-75.00", "discount")], "885.00"),
        ([{"text": "Contactor", "qty": "3", "rate": "74.80", "discount_percent": "12.5"}], "196.35"),
        ([("Sensor", "2", None)], "0.00"),
    ],
)
async def test_the_total_is_that_of_the_items_after_discount(
    world: Sandbox, http: httpx.AsyncClient, items: list[Any], total: str | None
) -> None:
    world.fieldbook.job(ref="A-1", items=items, quoted_total="640.00")
    (job,) = (await get(http, world, "/jobs")).json()["data"]
    assert job["totals"] == {"quoted": "640.00", "items": total}
