"""`milepost explain`: what was billed, why, and what another day's version would have made of it."""

from pathlib import Path

from cli.rules.publish import publish_from
from tests.cli_fixtures import Command
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.cli_fixtures"]

BOOK = """\
version: 1
effective_from: 2020-01-01
organisation: Kauri Plumbing Demo
taxes: {15% GST on Income: OUTPUT2}
lines:
  - {id: labour, when: {kind: labour}, then: {account: "200", description: "{{ line.description }} ({{ line.quantity }} h)"}}
  - {id: rest, then: {account: "210"}}
milestones:
  - {code: DEP, name: deposit, on_status: [Work Order], amount: {percent: 30}}
  - {code: FIN, name: completion, on_status: [Completed], amount: remaining}
"""
LABOUR = ("Labour", "2.5", "95.00")


async def _billed(business: Businesses, milepost: Command) -> Business:
    plumber = await business("kauri", book=BOOK)
    plumber.job(number="1482", customer="Ngaio Cafe", lines=[LABOUR, ("Tap", "1", "148.35")])
    assert (await milepost("bill", plumber.name, "--job", "1482")).code == 0
    return plumber


async def _publish_second(plumber: Business, effective_from: str) -> None:
    folder = plumber.settings.rule_books_dir
    assert folder
    text = BOOK.replace("version: 1", "version: 2").replace("2020-01-01", effective_from)
    text = text.replace('then: {account: "200"', 'then: {account: "203"')
    (Path(folder) / plumber.settings.rule_book / "v0002.yaml").write_text(text)
    done = await publish_from(Path(folder), plumber.settings.rule_book, "ada")
    assert not done.refused


async def test_each_line_shows_what_its_rule_asked_what_it_saw_and_the_templates_before_and_after(
    business: Businesses, milepost: Command
) -> None:
    plumber = await _billed(business, milepost)
    said = await milepost("explain", plumber.name, "1482")
    assert said.code == 0
    assert "✓ kind is labour (asks for labour)" in said.out
    assert "✗ labour: kind is material (asks for labour)" in said.out
    (document, *_) = (await milepost("explain", plumber.name, "1482", "--json")).json
    first, rest = document["explanation"]["lines"]
    assert (first["rule"], first["version"], first["account"]) == ("labour", 1, "200")
    assert first["sources"][0]["description"] == "Labour"
    assert rest["rejected"][0]["rule"] == "labour"
    assert document["explanation"]["total"] == "443.73"


async def test_a_stage_that_is_not_due_says_why(business: Businesses, milepost: Command) -> None:
    plumber = await _billed(business, milepost)
    said = await milepost("explain", plumber.name, "1482")
    assert "job 1482, DEP – not due: The job is 'Completed'; DEP is due at 'Work Order'." in said.out
    documents = (await milepost("explain", plumber.name, "1482", "--json")).json
    assert [(d["milestone"], d["status"]) for d in documents] == [("FIN", "done"), ("DEP", "not_due")]


async def test_as_of_a_day_the_version_of_that_day_decides_and_what_was_billed_stands_beside_it(
    business: Businesses, milepost: Command
) -> None:
    plumber = await _billed(business, milepost)
    await _publish_second(plumber, "2036-01-01")
    said = await milepost("explain", plumber.name, "1482", "--as-of", "2036-02-01")
    assert said.code == 0, said.err
    assert "as of 2036-02-01 by version 2" in said.out
    assert "would be billed" in said.out
    assert "NZD 443.73, by version 1" in said.out
    (document, *_) = (await milepost("explain", plumber.name, "1482", "--as-of", "2036-02-01", "--json")).json
    assert [line["account"] for line in document["explanation"]["lines"]] == ["203", "210"]
    assert document["billed"][0]["book_version"] == 1
    (then, *_) = (await milepost("explain", plumber.name, "1482", "--as-of", "2026-01-01", "--json")).json
    assert [line["account"] for line in then["explanation"]["lines"]] == ["200", "210"]
    assert len(plumber.invoices) == 1


async def test_as_of_a_day_before_all_versions_is_wrong_usage(business: Businesses, milepost: Command) -> None:
    plumber = await _billed(business, milepost)
    said = await milepost("explain", plumber.name, "1482", "--as-of", "2019-12-31")
    assert (said.code, said.out) == (2, "")
    assert "2019-12-31" in said.err


async def test_a_job_that_was_never_read_is_to_be_planned_before_it_is_explained_as_of_a_day(
    business: Businesses, milepost: Command
) -> None:
    plumber = await business("kauri", book=BOOK)
    said = await milepost("explain", plumber.name, "999", "--as-of", "2026-01-01")
    assert said.code == 2
    assert "was never read" in said.err
    assert f"milepost plan {plumber.name} --job 999" in said.err


async def test_the_history_note_in_xero_names_job_stage_version_and_each_lines_rule(
    business: Businesses, milepost: Command
) -> None:
    from milepost.steps.tell import origin_note  # noqa: PLC0415

    plumber = await _billed(business, milepost)
    note = origin_note(await plumber.row("1482", "FIN"))
    book = plumber.settings.rule_book
    assert note.startswith(f"Milepost: job 1482 FIN, rule book {book} v1; lines: 1 labour→200, 2 rest→210; run ")
    assert "Ngaio" not in note


async def test_a_job_that_no_stage_is_due_for_names_each_stage_and_what_it_waits_for(
    business: Businesses, milepost: Command
) -> None:
    plumber = await business("kauri", book=BOOK)
    plumber.job(number="1490", customer="Ngaio Cafe", lines=[LABOUR], status="Quote")
    said = await milepost("explain", plumber.name, "1490")
    assert said.code == 0
    assert "no stage of rule book" in said.out
    assert "job 1490, FIN – not due: The job is 'Quote'; FIN is due at 'Completed'." in said.out
