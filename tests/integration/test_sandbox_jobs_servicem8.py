"""The simulated ServiceM8 over HTTP: filters, paging, credentials, limits, changes and faults."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.server import Sandbox
from sandbox.servicem8 import Customer, Line

KEY = {"x-api-key": "servicem8-key-kauri"}


async def listed(http: httpx.AsyncClient, world: Sandbox, kind: str, query: str = "") -> list[dict[str, Any]]:
    answer = await http.get(f"{world.urls['servicem8']}/api_1.0/{kind}.json{query}", headers=KEY)
    assert answer.status_code == 200
    return list(answer.json())


def numbers(rows: list[dict[str, Any]]) -> set[str]:
    return {row["generated_job_id"] for row in rows}


def three_jobs(world: Sandbox) -> None:
    world.servicem8.job(number="1", status="Completed", lines=[("Labour", "1", "95.00")], completed="2026-11-01 09:00:00")
    world.servicem8.job(number="2", status="Work Order", lines=[("Labour", "2", "95.00")])
    world.servicem8.job(
        number="3", status="Completed", lines=[], completed="2026-11-19 17:30:00", purchase_order="O'Hara and Sons"
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "123"),
        ("?%24filter=status%20eq%20%27Completed%27", "13"),
        ("?$filter=status%20eq%20%27Completed%27", "13"),
        ("?%24filter=status+eq+%27Completed%27", "13"),
        ("?%24filter=status%20ne%20%27Completed%27", "2"),
        ("?%24filter=active%20eq%201", "123"),
        ("?%24filter=active%20eq%200", ""),
        ("?%24filter=completion_date%20gt%20%272026-11-10%2000%3A00%3A00%27%20and%20status%20eq%20%27Completed%27", "3"),
        ("?%24filter=generated_job_id%20lt%20%272%27", "1"),
        ("?%24filter=purchase_order_number%20eq%20%27O%27%27Hara%20and%20Sons%27", "3"),
        ("?%24filter=purchase_order_number%20eq%20%27O%27%27Hara%20and%20Sons%27%20and%20active%20eq%201", "3"),
    ],
)
async def test_a_filter_selects(world: Sandbox, http: httpx.AsyncClient, query: str, found: str) -> None:
    three_jobs(world)
    assert numbers(await listed(http, world, "job", query)) == set(found)


@pytest.mark.parametrize(
    "text",
    [
        "status%20ge%20%27Completed%27",
        "status%20eq%20%27Completed%27%20or%20active%20eq%200",
        "(status%20eq%20%27Completed%27)",
        "not%20status%20eq%20%27Completed%27",
        "status%20eq%20%27Completed%27%20and",
        "no_such_field%20eq%20%27Completed%27",
        "status",
        "status%20eq%20'Completed'",
        "%20and%20".join(["status%20eq%20%27Completed%27"] * 11),
    ],
)
async def test_a_filter_that_is_not_understood_or_not_encoded_returns_all_records(
    world: Sandbox, http: httpx.AsyncClient, text: str
) -> None:
    three_jobs(world)
    assert numbers(await listed(http, world, "job", f"?$filter={text}")) == {"1", "2", "3"}


async def test_children_are_found_by_job(world: Sandbox, http: httpx.AsyncClient) -> None:
    job = world.servicem8.job(number="7", lines=[("Labour", "1", "95.00"), ("Valve", "2", "10.50", "V1")])
    world.servicem8.job(number="8", lines=[("Pipe", "9", "1.00")])
    rows = await listed(http, world, "jobmaterial", f"?%24filter=job_uuid%20eq%20%27{job['uuid']}%27")
    assert [(row["name"], row["quantity"], row["price"]) for row in rows] == [
        ("Labour", "1", "95.0000"),
        ("Valve", "2", "10.5000"),
    ]


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("?%24sort=generated_job_id%20desc", ["3", "2", "1"]),
        ("?%24sort=generated_job_id&%24top=2", ["1", "2"]),
        ("?%24sort=nonsense&%24top=1", ["1"]),
    ],
)
async def test_sort_and_top(world: Sandbox, http: httpx.AsyncClient, query: str, order: list[str]) -> None:
    three_jobs(world)
    assert [row["generated_job_id"] for row in await listed(http, world, "job", query)] == order


async def test_a_cursor_walks_over_every_record_once(world: Sandbox, http: httpx.AsyncClient) -> None:
    for number in range(1, 8):
        world.servicem8.job(number=str(number), lines=[])
    world.servicem8.settings.page_size = 3
    cursor, pages = "-1", []
    while cursor:
        answer = await http.get(f"{world.urls['servicem8']}/api_1.0/job.json?cursor={cursor}", headers=KEY)
        pages.append(numbers(answer.json()))
        cursor = answer.headers.get("x-next-cursor", "")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert set().union(*pages) == set("1234567")


async def test_a_page_holds_5000_records_at_most(world: Sandbox, http: httpx.AsyncClient) -> None:
    account = world.servicem8.account()
    for number in range(5001):
        account.load("category", {"name": f"c{number}"})
    assert len(await listed(http, world, "category")) == 5000


async def test_stamps_are_local_to_the_account_and_empty_ones_are_zeros(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.servicem8.job(number="1", status="Quote", lines=[])
    (vendor,), (job,) = await listed(http, world, "vendor"), await listed(http, world, "job")
    assert (vendor["timezone_name"], vendor["currency"]) == ("Pacific/Auckland", "NZD")
    assert job["completion_date"] == "0000-00-00 00:00:00"
    assert datetime.fromisoformat(job["edit_date"]) <= datetime.fromisoformat(world.servicem8.account().local_now())
    assert job["quote_date"][:10] == world.servicem8.account().local_now()[:10]


@pytest.mark.parametrize(
    ("lines", "total"),
    [
        ([("Labour", "2.5", "95.00")], "273.13"),
        ([Line("Test", "3", "155.25", inclusive=True)], "465.75"),
        ([("Labour", "1", "95.00"), ("Discount", "1", "-15.00")], "92.00"),
        ([("Export pump", "1", None)], "0.00"),
        ([Line("Export pump", "1", "742.00", tax="Zero Rated")], "742.00"),
        ([], "0.00"),
    ],
)
async def test_the_total_holds_tax_and_ignores_unpriced_lines(
    world: Sandbox, http: httpx.AsyncClient, lines: list[Any], total: str
) -> None:
    world.servicem8.job(number="1", lines=lines)
    assert [row["total_invoice_amount"] for row in await listed(http, world, "job")] == [total]


async def test_an_inclusive_line_has_an_ex_tax_price_with_four_decimals(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.servicem8.job(number="1", lines=[Line("Test", "3", "155.25", inclusive=True)])
    (row,) = await listed(http, world, "jobmaterial")
    assert (row["price"], row["displayed_amount"], row["displayed_amount_is_tax_inclusive"]) == ("135.0000", "155.25", "1")


async def test_a_note_written_back_gets_an_id_and_is_kept(world: Sandbox, http: httpx.AsyncClient) -> None:
    job = world.servicem8.job(number="1", lines=[])
    body = {"related_object": "job", "related_object_uuid": job["uuid"], "note": "Xero invoice INV-0042 created"}
    answer = await http.post(f"{world.urls['servicem8']}/api_1.0/note.json", headers=KEY, json=body)
    assert (answer.status_code, answer.json()) == (200, {"errorCode": "0", "message": "OK"})
    (note,) = world.servicem8.notes()
    assert (note["uuid"], note["note"]) == (answer.headers["x-record-uuid"], "Xero invoice INV-0042 created")


async def test_payment_processed_is_set_with_its_stamp_by_a_partial_update(world: Sandbox, http: httpx.AsyncClient) -> None:
    job = world.servicem8.job(number="1", title="Hot water", lines=[("Labour", "1", "95.00")])
    url = f"{world.urls['servicem8']}/api_1.0/job/{job['uuid']}.json"
    assert (await http.post(url, headers=KEY, json={"payment_processed": 1})).json()["message"] == "OK"
    now = (await http.get(url, headers=KEY)).json()
    assert (now["payment_processed"], now["job_description"], now["total_invoice_amount"]) == (1, "Hot water", "109.25")
    assert now["payment_processed_stamp"] > "2026"


async def test_read_only_and_unknown_fields_are_ignored(world: Sandbox, http: httpx.AsyncClient) -> None:
    job = world.servicem8.job(number="1", lines=[])
    url = f"{world.urls['servicem8']}/api_1.0/job/{job['uuid']}.json"
    fields = {"generated_job_id": "999", "total_invoice_amount": "1.00", "nonsense": "x", "customfield_region": "North"}
    await http.post(url, headers=KEY, json=fields)
    now = (await http.get(url, headers=KEY)).json()
    assert (now["generated_job_id"], now["total_invoice_amount"], now["customfield_region"]) == ("1", "0.00", "North")
    assert "nonsense" not in now


async def test_delete_only_makes_a_record_inactive(world: Sandbox, http: httpx.AsyncClient) -> None:
    job = world.servicem8.job(number="1", lines=[])
    url = f"{world.urls['servicem8']}/api_1.0/job/{job['uuid']}.json"
    await http.delete(url, headers=KEY)
    assert (await http.get(url, headers=KEY)).json()["active"] == 0


async def test_a_job_changed_by_its_number_keeps_its_id_and_gets_the_new_lines(world: Sandbox) -> None:
    first = world.servicem8.job(number="1", status="Work Order", lines=[("Labour", "1", "95.00")])
    again = world.servicem8.job(number="1", status="Completed", customer=None, lines=[("Labour", "2", "95.00")])
    assert (again["uuid"], again["company_uuid"]) == (first["uuid"], first["company_uuid"])
    (line,) = world.servicem8.account().children("jobmaterial", first["uuid"])
    assert line["quantity"] == "2"


async def test_lines_bundles_payments_and_contacts_hang_on_the_job(world: Sandbox, http: httpx.AsyncClient) -> None:
    job = world.servicem8.job(
        number="1",
        customer=Customer("Te Awa", "office@example.org", "Hana"),
        lines=[
            Line("Valve", "1", "164.20", "TV20", bundle="Kit", cost="118.00"),
            Line("After hours", "2", "142.50", "AH1", labour=True),
        ],
        payments=[{"amount": "100.00", "is_deposit": True}],
    )
    by_job = f"?%24filter=job_uuid%20eq%20%27{job['uuid']}%27"
    (bundle,) = await listed(http, world, "jobmaterialbundle", by_job)
    lines = await listed(http, world, "jobmaterial", by_job)
    (payment,) = await listed(http, world, "jobpayment", by_job)
    contacts = await listed(http, world, "jobcontact", by_job)
    materials = {row["uuid"]: row["item_number"] for row in await listed(http, world, "material")}
    assert bundle["uuid"] == lines[0]["job_material_bundle_uuid"]
    assert [materials[row["material_uuid"]] for row in lines] == ["TV20", "AH1"]
    assert (payment["amount"], payment["is_deposit"]) == ("100.00", 1)
    assert {row["type"]: row["email"] for row in contacts} == {"JOB": "office@example.org", "BILLING": "office@example.org"}


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}])
async def test_without_a_good_credential_there_is_401(
    world: Sandbox, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await http.get(f"{world.urls['servicem8']}/api_1.0/job.json", headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "401")


async def oauth(http: httpx.AsyncClient, world: Sandbox, scope: str) -> dict[str, Any]:
    base, app = world.urls["servicem8"], {"client_id": "servicem8-app", "client_secret": "servicem8-secret"}
    query = {
        "response_type": "code",
        "client_id": "servicem8-app",
        "scope": scope,
        "state": "s1",
        "redirect_uri": "http://localhost/cb",
    }
    consent = await http.get(f"{base}/oauth/authorize", params=query)
    back = parse_qs(urlsplit(consent.headers["location"]).query)
    assert (consent.status_code, back["state"]) == (302, ["s1"])
    form = {"grant_type": "authorization_code", "code": back["code"][0], **app}
    granted = await http.post(f"{base}/oauth/access_token", data=form)
    again = await http.post(f"{base}/oauth/access_token", data=form)
    assert (granted.status_code, again.status_code, again.json()) == (200, 400, {"error": "invalid_grant"})
    return dict(granted.json())


async def test_oauth_gives_a_token_for_its_scopes_that_can_be_refreshed(world: Sandbox, http: httpx.AsyncClient) -> None:
    base, tokens = world.urls["servicem8"], await oauth(http, world, "vendor read_jobs")
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert tokens["expires_in"] == 3600
    statuses = [
        (await http.get(f"{base}/api_1.0/{kind}.json", headers=bearer)).status_code for kind in ("job", "vendor", "company")
    ]
    assert statuses == [200, 200, 403]
    assert (await http.post(f"{base}/api_1.0/job.json", headers=bearer, json={"status": "Quote"})).status_code == 403
    world.clock.advance(3601)
    assert (await http.get(f"{base}/api_1.0/job.json", headers=bearer)).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    app = {"client_id": "servicem8-app", "client_secret": "servicem8-secret"}
    renewed = (await http.post(f"{base}/oauth/access_token", data={**form, **app})).json()
    bearer = {"authorization": f"Bearer {renewed['access_token']}"}
    assert (await http.get(f"{base}/api_1.0/job.json", headers=bearer)).status_code == 200


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"code": "wrong"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_a_wrong_token_request_is_refused(
    world: Sandbox, http: httpx.AsyncClient, changed: dict[str, str], error: str
) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": "x",
        "client_id": "servicem8-app",
        "client_secret": "servicem8-secret",
    }
    answer = await http.post(f"{world.urls['servicem8']}/oauth/access_token", data={**form, **changed})
    assert answer.json() == {"error": error}


@pytest.mark.parametrize(("limit", "period", "wait"), [("per_minute", "minute", 61), ("per_day", "day", 86_401)])
async def test_over_a_limit_the_answer_is_429_in_plain_text_until_the_window_has_passed(
    world: Sandbox, http: httpx.AsyncClient, limit: str, period: str, wait: float
) -> None:
    world.servicem8.settings.limits = True
    setattr(world.servicem8.settings, limit, 2)
    url = f"{world.urls['servicem8']}/api_1.0/job.json"
    answers = [await http.get(url, headers=KEY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].text == f"Number of allowed API requests per {period} exceeded"
    assert answers[2].headers["content-type"].startswith("text/plain")
    world.clock.advance(wait)
    assert (await http.get(url, headers=KEY)).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("api_1.0/nonsense.json", 404), ("api_1.0/job/no-such.json", 404), ("api_1.0/note/some.json", 404)],
)
async def test_an_unknown_thing_is_404(world: Sandbox, http: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await http.get(f"{world.urls['servicem8']}/{path}", headers=KEY)).status_code == status


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("job", {"job_description": "x"}, "status is a mandatory field and cannot be empty"),
        ("job", {"status": "Done"}, "Done is not a valid value for status"),
        ("company", {}, "name is a mandatory field and cannot be empty"),
    ],
)
async def test_a_bad_record_is_refused_with_the_reason(
    world: Sandbox, http: httpx.AsyncClient, kind: str, body: dict[str, str], message: str
) -> None:
    answer = await http.post(f"{world.urls['servicem8']}/api_1.0/{kind}.json", headers=KEY, json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


async def test_an_attachment_has_metadata_and_bytes(world: Sandbox, http: httpx.AsyncClient) -> None:
    base, job = f"{world.urls['servicem8']}/api_1.0", world.servicem8.job(number="1", lines=[])
    record = {
        "related_object": "job",
        "related_object_uuid": job["uuid"],
        "attachment_name": "INV-1.pdf",
        "file_type": ".pdf",
    }
    uuid = (await http.post(f"{base}/attachment.json", headers=KEY, json=record)).headers["x-record-uuid"]
    await http.post(f"{base}/attachment/{uuid}.file", headers=KEY, content=b"%PDF")
    assert (await http.get(f"{base}/attachment/{uuid}.file", headers=KEY)).content == b"%PDF"


async def test_two_accounts_do_not_see_each_other(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.servicem8.account("other", timezone="Australia/Perth", currency="AUD")
    world.servicem8.job(number="1", account="other", lines=[])
    assert await listed(http, world, "job") == []


async def test_a_fault_drops_the_connection_after_the_write_was_kept(world: Sandbox, http: httpx.AsyncClient) -> None:
    world.servicem8.faults.add(Fault("drop_after", method="POST"))
    url = f"{world.urls['servicem8']}/api_1.0/note.json"
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await http.post(url, headers=KEY, json={"note": "once"})
    assert [note["note"] for note in world.servicem8.notes()] == ["once"]
    assert [entry.status for entry in world.servicem8.log.entries] == [0]


async def test_labour_is_known_by_the_rates_of_staff(world: Sandbox, http: httpx.AsyncClient) -> None:
    lines = [("Labour", "1", "95.00"), Line("Sunday call", "2", "142.50", "AH1", labour=True), ("Tap", "1", "9.00", "TAP")]
    world.servicem8.job(number="1", lines=lines)
    rates = {row["labour_material_uuid"] for row in await listed(http, world, "staff")}
    rows = await listed(http, world, "jobmaterial")
    assert [row["name"] for row in rows if row["material_uuid"] in rates] == ["Labour", "Sunday call"]


async def test_recorded_time_hangs_on_the_job(world: Sandbox, http: httpx.AsyncClient) -> None:
    times = {"start": "2026-11-18 13:00:00", "end": "2026-11-18 16:30:00"}
    job = world.servicem8.job(number="1", lines=[], activities=[times, {**times, "is_recorded": False}])
    rows = await listed(http, world, "jobactivity", f"?%24filter=job_uuid%20eq%20%27{job['uuid']}%27")
    assert [(row["activity_was_recorded"], row["activity_was_scheduled"]) for row in rows] == [("1", "0"), ("0", "1")]
    assert rows[0]["end_date"] == "2026-11-18 16:30:00"
