"""`milepost rules diff` over past jobs of a connection, and `milepost rules new` from its chart and jobs."""

from pathlib import Path

from cli.rules.publish import publish_from
from milepost.rules.issues import Severity
from milepost.rules.lint import lint_book
from milepost.rules.load import load_book
from tests.cli_fixtures import Command
from tests.flow_fixtures import Business, Businesses
from tests.integration.test_cli_explain import BOOK, LABOUR

pytest_plugins = ["tests.cli_fixtures"]


async def _with_second(business: Businesses, milepost: Command, *changes: tuple[str, str]) -> tuple[Business, Path]:
    """A plumber with two jobs billed by version 1, and a version 2 that nobody has published."""
    plumber = await business("kauri", book=BOOK)
    plumber.job(number="1482", customer="Ngaio Cafe", lines=[LABOUR, ("Tap", "1", "148.35")])
    plumber.job(number="1483", customer="Old Mill Cafe", lines=[LABOUR])
    assert (await milepost("poll", plumber.name)).code == 0
    folder = plumber.settings.rule_books_dir
    assert folder
    text = BOOK.replace("version: 1", "version: 2")
    for before, after in changes or (('"200"', '"203"'),):
        text = text.replace(before, after)
    (folder / plumber.settings.rule_book / "v0002.yaml").write_text(text)
    return plumber, folder


async def test_a_written_version_is_compared_with_the_published_one_over_billed_jobs(
    business: Businesses, milepost: Command
) -> None:
    plumber, folder = await _with_second(business, milepost)
    book = plumber.settings.rule_book
    said = await milepost("rules", "diff", book, "--connection", plumber.name, "--folder", folder, "--json")
    assert said.code == 0, said.err
    document = said.json
    assert (document["old_version"], document["new_version"]) == (1, 2)
    assert (document["jobs"], document["stages"], len(document["changes"])) == (2, 2, 2)
    (move,) = document["accounts"]
    assert (move["source"], move["target"], move["net"], move["times"]) == ("200", "203", "475.00", 2)
    assert document["totals"][0]["net_before"] == document["totals"][0]["net_after"] == "623.35"
    assert "Ngaio" not in said.out


async def test_jobs_that_would_newly_be_held_are_named_with_the_reason(business: Businesses, milepost: Command) -> None:
    plumber, folder = await _with_second(
        business, milepost, ('- {id: rest, then: {account: "210"}}', '- {id: rest, then: {account: "9999"}}')
    )
    arguments = ("rules", "diff", plumber.settings.rule_book, 1, 2, "--connection", plumber.name, "--folder", folder)
    (held,) = (await milepost(*arguments, "--json")).json["newly_held"]
    assert (held["job_number"], held["after"]["code"]) == ("1482", "account_unknown")
    shown = await milepost(*arguments)
    assert "job 1482, FIN: billed → held (account_unknown)" in shown.out
    assert "9999" in shown.out


async def test_as_markdown_it_has_no_customer_and_no_words_of_a_line(business: Businesses, milepost: Command) -> None:
    plumber, folder = await _with_second(business, milepost)
    book = plumber.settings.rule_book
    said = await milepost("rules", "diff", book, "--connection", plumber.name, "--folder", folder, "--markdown")
    assert f"## Rule book {book}: version 1 → 2" in said.out
    assert "| 200 | 203 | NZD 475.00 | 2 |" in said.out
    assert "Ngaio" not in said.out
    assert "Tap" not in said.out


async def test_on_the_terminal_each_line_that_changes_shows_both_codings(business: Businesses, milepost: Command) -> None:
    plumber, folder = await _with_second(business, milepost)
    said = await milepost("rules", "diff", plumber.settings.rule_book, "--connection", plumber.name, "--folder", folder)
    assert "2 decided otherwise" in said.out
    assert "Labour (2.5 h): 200 (labour) → 203 (labour)" in said.out


async def test_jobs_from_before_the_day_asked_for_are_left_out(business: Businesses, milepost: Command) -> None:
    plumber, folder = await _with_second(business, milepost)
    arguments = ("rules", "diff", plumber.settings.rule_book, "--connection", plumber.name, "--folder", folder, "--json")
    assert (await milepost(*arguments, "--since", "2036-01-01")).json["jobs"] == 0
    assert (await milepost(*arguments, "--since", "30d")).json["jobs"] == 2


async def test_without_a_connection_only_the_books_are_compared(business: Businesses, milepost: Command) -> None:
    plumber, folder = await _with_second(business, milepost)
    said = await milepost("rules", "diff", plumber.settings.rule_book, "--folder", folder)
    assert said.code == 0
    assert "then > account: 200 → 203" in said.out
    assert "--connection NAME" in said.out


async def test_two_published_versions_need_no_files(business: Businesses, milepost: Command, tmp_path: Path) -> None:
    plumber, folder = await _with_second(business, milepost)
    book = plumber.settings.rule_book
    assert not (await publish_from(folder, book, None)).refused
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    said = await milepost("rules", "diff", book, 1, 2, "--connection", plumber.name, "--folder", empty, "--json")
    assert (said.code, said.json["stages"]) == (0, 2)


async def test_what_cannot_be_compared_is_wrong_usage(business: Businesses, milepost: Command) -> None:
    plumber, folder = await _with_second(business, milepost)
    book = plumber.settings.rule_book
    for words, why in (
        ((book, 1, 3), "no version 3"),
        ((book, "--since", "soon", "--connection", plumber.name), "--since soon"),
        ((f"{book}x",), "no rule book"),
        ((book, "--connection", f"{plumber.name}x"), "Did you mean"),
    ):
        said = await milepost("rules", "diff", *words, "--folder", folder)
        assert (said.code, said.out) == (2, ""), words
        assert why in said.err.replace("\n", " "), said.err


async def test_a_first_book_is_proposed_from_the_live_chart_and_the_jobs_of_the_job_system(
    business: Businesses, milepost: Command, tmp_path: Path
) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", customer="Ngaio Cafe", lines=[LABOUR, ("Tap", "1", "148.35")])
    said = await milepost("rules", "new", "acme", "--connection", plumber.name, "--folder", tmp_path / "books")
    assert said.code == 0, said.err
    book = load_book(tmp_path / "books" / "acme" / "v0001.yaml")
    assert [issue for issue in lint_book(book) if issue.severity is Severity.ERROR] == []
    assert {"labour", "materials", "everything-else"} <= {rule.id for rule in book.lines}
    codes = {account.code for account in plumber.org.accounts}
    assert {rule.then.account for rule in book.lines} - {None} <= codes
    assert book.taxes == {"15% GST on Income": "OUTPUT2"}
    assert book.milestones[0].on_status == ("Completed",)
    assert (tmp_path / "books" / "rule-book.schema.json").is_file()
    for step in ("DECIDE", "milepost rules check acme", "milepost rules publish acme"):
        assert step in said.out
    assert await plumber.rows() == []


async def test_a_proposed_book_bills_once_it_is_published(business: Businesses, milepost: Command, tmp_path: Path) -> None:
    folder = tmp_path / "books"
    plumber = await business("kauri")
    plumber.job(number="1482", customer="Ngaio Cafe", lines=[LABOUR])
    assert (await milepost("rules", "new", "acme", "--connection", plumber.name, "--folder", folder, "--json")).code == 0
    other = await business("kauri", more={"rule_book": "acme", "rule_books_dir": folder})
    other.job(number="1600", customer="Old Mill Cafe", lines=[LABOUR])
    run = await other.poll()
    assert run.counts["done"] == 1


async def test_a_book_that_is_there_is_never_overwritten(business: Businesses, milepost: Command, tmp_path: Path) -> None:
    plumber = await business("kauri")
    arguments = ("rules", "new", "acme", "--connection", plumber.name, "--folder", tmp_path / "books")
    assert (await milepost(*arguments)).code == 0
    file = tmp_path / "books" / "acme" / "v0001.yaml"
    file.write_text(file.read_text() + "# mine\n")
    again = await milepost(*arguments)
    assert again.code == 2
    assert "is there already" in again.err
    assert file.read_text().endswith("# mine\n")
    published = await milepost(
        "rules", "new", "kauri-plumbing", "--connection", plumber.name, "--folder", tmp_path / "other"
    )
    assert published.code == 2
    assert (await milepost("rules", "new", "../x", "--connection", plumber.name)).code == 2
