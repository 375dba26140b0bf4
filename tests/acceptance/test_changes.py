"""A job that changes after its invoice was made, through the real flows: nothing doubled, nobody's work overwritten."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Fault
from sandbox.xero.documents import Invoice
from tests.acceptance.test_kill_anywhere import drive
from tests.flow_fixtures import PROJECT, Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

LABOUR = ("Labour", "10", "95.00")
VALVE = ("Isolating valve", "2", "50.00")
BEFORE, AFTER = Decimal("1092.50"), Decimal("1207.50")
AT_ONCE = {"settle_minutes": 0}
NUMBERED = 'number: "{{ job.number }}-{{ milestone.code }}"'
ODD = [("FIN", 1, "done")]


def book(status: str = "DRAFT", when_more: str = "hold", number: str = "number: xero") -> str:
    text = (PROJECT / "mappings/kauri-plumbing/v0001.yaml").read_text()
    head = text[: text.index("milestones:")].replace("  status: DRAFT", f"  {number}\n  status: {status}", 1)
    return head + (f"milestones:\n  - {{code: FIN, name: completion, on_status: [Completed], when_more: {when_more}}}\n")


async def billed(business: Businesses, *, lines: Sequence[Any] = (LABOUR,), more: Any = AT_ONCE, **of_book: str) -> Business:
    """A plumber whose job 1482 was billed."""
    plumber = await business("kauri", book=book(**of_book), more=more)
    plumber.job(number="1482", lines=list(lines))
    await plumber.poll()
    assert len(plumber.invoices) == 1
    return plumber


async def statuses(plumber: Business) -> list[tuple[str, int, str]]:
    return [(row.milestone, row.sequence, row.status.value) for row in await plumber.rows()]


def edit(plumber: Business, **changes: Any) -> Invoice:
    """Somebody changes the only invoice in Xero by hand."""
    (invoice,) = plumber.invoices
    return plumber.org.invoices.save(replace(invoice, **changes))


async def reissue(plumber: Business) -> bool:
    """A person confirms; whether nobody is needed then."""
    rows = await plumber.rows()
    return not (await plumber.bill([rows[0].job_id], reissue=True)).needs_a_person


@pytest.mark.parametrize("when_more", ["hold", "bill"])
async def test_a_draft_is_brought_up_to_date_in_place(business: Businesses, when_more: str) -> None:
    """A line is added: the same invoice, number and Url; the line that stays keeps its id; nobody is asked."""
    plumber = await billed(business, when_more=when_more)
    (before,) = plumber.invoices
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    run = await plumber.poll()
    (after,) = plumber.invoices
    assert (after.id, after.number, after.url, after.status) == (before.id, before.number, before.url, "DRAFT")
    assert (before.total, after.total) == (BEFORE, AFTER)
    assert [line.line_amount for line in after.lines] == [Decimal(950), Decimal(100)]
    assert after.lines[0].id == before.lines[0].id
    assert (run.counts["done"], run.needs_a_person, plumber.slack) == (1, False, [])
    assert await statuses(plumber) == ODD
    assert (await plumber.poll()).results == []
    assert (await plumber.verify()).findings == ()


async def test_a_draft_follows_a_job_that_shrinks_and_lines_that_are_no_more_go(business: Businesses) -> None:
    plumber = await billed(business, lines=[LABOUR, VALVE])
    plumber.job(number="1482", lines=[VALVE])
    run = await plumber.poll()
    (after,) = plumber.invoices
    assert (after.total, [line.description for line in after.lines]) == (Decimal("115.00"), ["Isolating valve"])
    assert not run.needs_a_person
    row = await plumber.row("1482")
    assert (row.total, row.invoice_total) == (Decimal("115.00"), Decimal("115.00"))
    assert (await plumber.verify()).findings == ()


async def test_a_draft_is_updated_as_often_as_its_job_changes(business: Businesses) -> None:
    plumber = await billed(business)
    for hours in ("11", "12", "9"):
        plumber.job(number="1482", lines=[("Labour", hours, "95.00")])
        await plumber.poll()
        assert plumber.invoices[0].sub_total == Decimal(hours) * 95
    assert len(plumber.invoices) == 1
    assert await statuses(plumber) == ODD
    assert (await plumber.verify()).findings == ()


@pytest.mark.parametrize("changes", [{"reference": "PO 77"}, {"due_date": None}, {"lines": ()}], ids=str)
async def test_what_a_bookkeeper_changed_in_a_draft_is_never_overwritten(
    business: Businesses, changes: dict[str, Any]
) -> None:
    plumber = await billed(business)
    edited = edit(plumber, **changes)
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    run = await plumber.poll()
    assert plumber.invoices == [edited]
    (result,) = run.results
    assert (result.status, result.code) == ("held", "draft_edited")
    assert (edited.number in result.why, "1482" in plumber.slack[-1].text) == (True, True)
    assert await statuses(plumber) == [*ODD, ("FIN", 2, "held")]

    plumber.job(number="1482", lines=[LABOUR])
    assert not (await plumber.poll()).needs_a_person
    assert "Resolved" in plumber.slack[-1].text
    assert plumber.invoices == [edited]


async def test_a_draft_that_is_put_back_as_it_was_is_updated_after_all(business: Businesses) -> None:
    plumber = await billed(business)
    (sent,) = plumber.invoices
    edit(plumber, reference="PO 77")
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    assert (await plumber.poll()).needs_a_person
    edit(plumber, reference=sent.reference)
    assert not (await plumber.poll()).needs_a_person
    assert [invoice.total for invoice in plumber.invoices] == [AFTER]
    assert await statuses(plumber) == [*ODD, ("FIN", 2, "skipped")]
    assert "Resolved" in plumber.slack[-1].text


async def test_a_job_being_edited_is_not_chased_and_a_change_that_goes_back_leaves_nothing(business: Businesses) -> None:
    plumber = await billed(business, more={"settle_minutes": 10})
    for lines in ([LABOUR, VALVE], [VALVE], [LABOUR, VALVE]):
        plumber.job(number="1482", lines=lines)
        run = await plumber.poll()
        assert [(result.status, result.code) for result in run.results] == [("skipped", "settling")]
        assert not run.needs_a_person
    run = await plumber.poll()  # looked at again, since it is not settled yet
    assert [result.code for result in run.results] == ["settling"]
    plumber.job(number="1482", lines=[LABOUR])
    assert (await plumber.poll()).results == []
    assert [invoice.total for invoice in plumber.invoices] == [BEFORE]
    assert (plumber.xero_calls.get(("POST", "Invoices"), 0), plumber.slack) == (0, [])
    assert await statuses(plumber) == ODD


async def test_a_person_who_names_the_job_need_not_wait(business: Businesses) -> None:
    plumber = await billed(business, more={"settle_minutes": 10})
    job = plumber.job(number="1482", lines=[LABOUR, VALVE])
    assert [result.code for result in (await plumber.poll()).results] == ["settling"]
    planned = await plumber.plan([job])
    assert [(r.status, r.total) for r in planned.results] == [("planned", AFTER)]
    assert plumber.invoices[0].total == BEFORE
    await plumber.bill([job])
    assert [invoice.total for invoice in plumber.invoices] == [AFTER]
    assert (await plumber.poll()).results == []


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_an_update_whose_answer_was_lost_is_made_once(business: Businesses, kind: Any) -> None:
    plumber = await billed(business)
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    plumber.sandbox.xero.faults.add(Fault(kind, method="POST", path="*/Invoices"))
    run = await plumber.poll()
    assert run.counts["done"] == 1
    assert [invoice.total for invoice in plumber.invoices] == [AFTER]
    assert await statuses(plumber) == ODD
    assert (await plumber.poll()).results == []
    assert (await plumber.verify()).findings == ()


async def test_an_update_that_xero_could_not_take_is_taken_up_by_the_next_run(business: Businesses) -> None:
    plumber = await billed(business)
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    plumber.sandbox.xero.faults.add(Fault("status", method="POST", path="*/Invoices", status=403, times=1))
    run = await plumber.poll()
    assert [invoice.total for invoice in plumber.invoices] == [BEFORE]
    assert run.counts["done"] == 0
    await plumber.poll()
    assert [invoice.total for invoice in plumber.invoices] == [AFTER]


@pytest.mark.parametrize("number", ["number: xero", NUMBERED])
async def test_an_approved_invoice_is_voided_and_made_anew_once_a_person_confirms(business: Businesses, number: str) -> None:
    plumber = await billed(business, status="AUTHORISED", number=number)
    (before,) = plumber.invoices
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    run = await plumber.poll()
    (result,) = run.results
    assert (result.status, result.code) == ("held", "more_due")
    assert f"voids it ({BEFORE})" in result.why
    assert f"new invoice of {AFTER}" in result.why
    assert f"milepost bill {plumber.name} --job 1482 --reissue" in result.fix
    assert plumber.invoices == [before]

    assert await reissue(plumber)
    (after,) = plumber.invoices
    assert (after.total, after.status) == (AFTER, "AUTHORISED")
    assert (after.number != before.number, after.url != before.url) == (True, True)
    assert plumber.org.invoices.get(before.id).status == "VOIDED"  # type: ignore[union-attr]
    assert await statuses(plumber) == [("FIN", 1, "done"), ("FIN", 2, "done")]
    assert (await plumber.poll()).results == []
    assert (await plumber.verify()).findings == ()
    assert "Resolved" in plumber.slack[-1].text


async def test_only_what_was_shown_is_confirmed(business: Businesses) -> None:
    """The job changes again after the step was shown: it is shown anew, and carried out when that is confirmed."""
    plumber = await billed(business, status="AUTHORISED")
    assert await reissue(plumber)
    assert [invoice.total for invoice in plumber.invoices] == [BEFORE]
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    await plumber.poll()
    plumber.job(number="1482", lines=[LABOUR, VALVE, VALVE])
    assert not await reissue(plumber)
    assert [invoice.total for invoice in plumber.invoices] == [BEFORE]
    assert await reissue(plumber)
    assert [invoice.total for invoice in plumber.invoices] == [Decimal("1322.50")]


async def test_an_approved_invoice_of_a_job_that_shrank_is_made_anew_too_and_may_change_again(business: Businesses) -> None:
    plumber = await billed(business, status="AUTHORISED", lines=[LABOUR, VALVE])
    for lines, total in (([LABOUR], BEFORE), ([LABOUR, VALVE], AFTER)):
        plumber.job(number="1482", lines=lines)
        assert (await plumber.poll()).needs_a_person
        assert await reissue(plumber)
        assert [invoice.total for invoice in plumber.invoices] == [total]
    assert [sequence for _, sequence, _ in await statuses(plumber)] == [1, 2, 3]
    assert (await plumber.verify()).findings == ()


async def test_a_hold_on_an_approved_invoice_clears_when_the_job_returns_to_what_was_billed(business: Businesses) -> None:
    plumber = await billed(business, status="AUTHORISED")
    plumber.job(number="1482", lines=[LABOUR, VALVE])
    assert (await plumber.poll()).needs_a_person
    plumber.job(number="1482", lines=[LABOUR])
    assert not (await plumber.poll()).needs_a_person
    assert await statuses(plumber) == [*ODD, ("FIN", 2, "skipped")]


@pytest.mark.parametrize(("paid", "words"), [("200.00", "paid in part (200.00)"), ("1092.50", "is paid and stays")])
@pytest.mark.parametrize(("hours", "owed"), [("11", "a supplement of 109.25"), ("9", "a credit of 109.25")])
async def test_a_paid_invoice_is_held_with_the_difference(
    business: Businesses, paid: str, words: str, hours: str, owed: str
) -> None:
    plumber = await billed(business, status="AUTHORISED")
    status = "PAID" if paid == str(BEFORE) else "AUTHORISED"
    before = edit(plumber, status=status, amount_paid=Decimal(paid))
    plumber.job(number="1482", lines=[("Labour", hours, "95.00")])
    (result,) = (await plumber.poll()).results
    assert result.status == "held"
    assert words in result.why
    assert owed in result.why
    assert "--reissue" not in result.fix
    assert not await reissue(plumber)
    assert plumber.invoices == [before]


def around(points: Sequence[str]) -> list[int]:
    """Both sides of every request that changes an invoice, and of the commit after it."""
    told = [n for n, name in enumerate(points) if name in ("before POST Invoices", "before PUT Invoices")]
    return [m for n in told for m in (n, n + 1, n + 3) if m < len(points)]


async def changed_world(
    business: Businesses, name: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Business, dict[str, Any]]:
    """A business with a ledger of its own whose billed job has changed; the task that acts on the change."""
    home = tmp_path / f"home-{name}"
    home.mkdir()
    console = f"http://{name}.example"
    monkeypatch.setenv("MILEPOST_HOME", str(home))
    monkeypatch.setenv("MILEPOST_CONSOLE_URL", console)
    plumber = await business("kauri", book=book(status), more=AT_ONCE, alerts=False)
    job = plumber.job(number=f"JOB-{name}", lines=[LABOUR])
    await plumber.poll()
    plumber.job(number=f"JOB-{name}", lines=[LABOUR, VALVE])
    task: dict[str, Any] = {"id": name, "connection": plumber.name, "kill_at": None, "console": console}
    task["installation"] = {"MILEPOST_HOME": str(home)}
    if status == "AUTHORISED":
        await plumber.poll()
        task["reissue"] = [job]
    return plumber, task


@pytest.mark.parametrize(("status", "sequence"), [("DRAFT", 1), ("AUTHORISED", 2)], ids=["update", "re-issue"])
async def test_killed_between_the_writes_of_a_change_it_is_finished_once(
    business: Businesses, status: str, sequence: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL around each write, then polls alone: one live invoice of the job as it is now, and no more."""
    _, whole = await changed_world(business, "whole", status, tmp_path, monkeypatch)
    points = (await drive([whole]))["whole"]["points"]
    places = around(points)
    assert len(places) >= 3 * sequence
    worlds = {f"at{n}": (n, *await changed_world(business, f"at{n}", status, tmp_path, monkeypatch)) for n in places}
    killed = await drive([{**task, "kill_at": n} for n, _, task in worlds.values()])
    assert all(row["killed"] for row in killed.values()), killed
    again = [{**task, "id": f"{task['id']}-again", "reissue": None} for _, _, task in worlds.values()]
    await drive(again)
    for name, (place, plumber, task) in worlds.items():
        monkeypatch.setenv("MILEPOST_HOME", task["installation"]["MILEPOST_HOME"])
        monkeypatch.setenv("MILEPOST_CONSOLE_URL", task["console"])
        live = [invoice for invoice in plumber.invoices if invoice.reference == f"JOB-{name}"]
        told = f"killed at {place}, {points[place]}"
        assert [invoice.total for invoice in live] == [AFTER], told
        assert live[0].url is not None
        rows = {row.id: row for row in await plumber.rows()}
        of_it = rows[live[0].url.rpartition("/")[2]]
        assert (of_it.sequence, of_it.status.value, of_it.invoice_id) == (sequence, "done", live[0].id), told
        assert (await plumber.verify()).findings == (), told
