"""`milepost rules publish` and `history`, and what the other rule commands say of published versions."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.rules import app
from cli.rules.publish import publish_from
from cli.status import status
from milepost.ledger.connections import save_connection
from milepost.ledger.database import open_database
from milepost.settings import installation
from tests.databases import installation_in
from tests.ledger_values import NOW

BOOK = """\
version: 1
effective_from: 2026-07-01
organisation: Acme Plumbing
invoice: {reference: "{{ job.number }}"}
lines:
  - {id: labour, when: {kind: labour}, then: {account: "200"}}
  - {id: others, then: {account: "400"}}
taxes: {GST on Income: OUTPUT2}
milestones:
  - {code: FIN, name: completion, on_status: [Completed], amount: remaining}
"""
TEST = """\
tests:
  - name: labour goes to 200
    job: {lines: [{kind: labour, description: Joinery, quantity: 2, price: 95.00, tax: GST on Income}]}
    expect: {lines: [{rule: labour, account: "200", amount: 190.00}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project of its own with the book acme, and an installation that knows nothing."""
    monkeypatch.delenv("MILEPOST_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "mappings")
    with installation_in(tmp_path / "home") as environment:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        yield tmp_path / "mappings"


def put(folder: Path, version: int = 1, *changes: tuple[str, str]) -> Path:
    """A version of the book acme with these changes."""
    text = BOOK.replace("version: 1", f"version: {version}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "acme" / f"v{version:04}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_was_published_is_told_by_whom_and_nothing_is_told_twice(folder: Path) -> None:
    first = run("publish", "acme", "--by", "Ann", "--json")
    (version,) = json.loads(first.stdout)["published"]
    assert first.exit_code == 0
    assert (version["version"], version["published_by"], version["path"]) == (1, "Ann", "mappings/acme/v0001.yaml")
    again = run("publish", "acme")
    assert (again.exit_code, again.stdout) == (0, "Every version of acme is published already.\n")
    put(folder, 2)
    assert " 2 " in run("publish", "acme").stdout


def test_lint_errors_keep_a_book_from_being_published(folder: Path) -> None:
    put(folder, 1, ('reference: "{{ job.number }}"', 'number: "INV-{{ milestone.code }}"'))
    linted = run("publish", "acme")
    assert linted.exit_code == 1
    assert "version 1: mappings/acme/v0001.yaml:" in linted.stderr
    assert "Nothing was published.\nTo see all of it: milepost rules lint acme" in linted.stderr
    assert [row["state"] for row in history()] == ["unpublished"]


def test_a_failed_test_keeps_a_book_from_being_published_and_a_mended_one_lets_it(folder: Path) -> None:
    tests = folder / "acme" / "tests"
    tests.mkdir()
    (tests / "organisation.yaml").write_text("organisation: {name: Acme, currency: NZD, taxes: {OUTPUT2: 15}}\n")
    (tests / "labour.yaml").write_text(TEST.replace('account: "200"', 'account: "201"'))
    failed = run("publish", "acme")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "labour goes to 200" in failed.stderr
    (tests / "labour.yaml").write_text(TEST)
    assert run("publish", "acme").exit_code == 0


@pytest.mark.parametrize("named", ["acme", "mappings/acme", "mappings/acme/"])
def test_a_book_is_named_by_its_name_or_its_folder(folder: Path, named: str) -> None:
    (version,) = json.loads(run("publish", named, "--json").stdout)["published"]
    assert version["path"] == "mappings/acme/v0001.yaml"
    assert [row["version"] for row in json.loads(run("history", named, "--json").stdout)] == [1]


def test_an_unknown_book_is_wrong_usage(folder: Path) -> None:
    for command in ("publish", "history"):
        said = run(command, "acne")
        assert (said.exit_code, "did you mean 'acme'?" in said.stderr) == (2, True)


def history() -> list[dict[str, object]]:
    return [{**row, "state": row["file"]} for row in json.loads(run("history", "acme", "--json").stdout)]


def test_history_shows_every_version_and_how_its_file_stands(folder: Path) -> None:
    put(folder, 2)
    put(folder, 3, ("2026-07-01", "2999-01-01"))
    run("publish", "acme", "--by", "Ann")
    put(folder, 1, ("Acme Plumbing", "Acme Ltd"))
    (folder / "acme" / "v0002.yaml").unlink()
    put(folder, 4)
    rows = history()
    assert [(row["version"], row["state"], row["in_force"], row["published_by"]) for row in rows] == [
        (1, "changed", False, "Ann"),
        (2, "missing", True, "Ann"),
        (3, "same", False, "Ann"),
        (4, "unpublished", False, None),
    ]
    assert [row["effective_from"] for row in rows] == ["2026-07-01", "2026-07-01", "2999-01-01", "2026-07-01"]
    assert [row["billings"] for row in rows] == [0, 0, 0, 0]
    shown = run("history", "acme")
    assert "Version 2 is in force." in shown.stdout
    assert "version 4 of rule book 'acme' is not published" in shown.stdout


def test_the_published_text_puts_a_changed_file_back(folder: Path) -> None:
    path = folder / "acme" / "v0001.yaml"
    run("publish", "acme")
    put(folder, 1, ("Acme Plumbing", "Acme Ltd"))
    for command in ("publish", "check"):
        said = run(command, "acme")
        assert said.exit_code == 1
        assert "milepost rules history acme --text 1" in said.output
    path.write_text(run("history", "acme", "--text", "1").stdout)
    assert path.read_text() == BOOK
    assert [run(command, "acme").exit_code for command in ("publish", "check")] == [0, 0]
    assert run("history", "acme", "--text", "9").exit_code == 2


def test_in_force_is_what_is_published_once_anything_is(folder: Path) -> None:
    assert json.loads(run("show", "acme", "--json").stdout)["version"] == 1
    run("publish", "acme")
    put(folder, 2)
    assert json.loads(run("show", "acme", "--json").stdout)["version"] == 1
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["version"], row["published"], row["in_force"]) for row in rows] == [(1, True, True), (2, False, False)]


async def test_status_points_out_what_is_not_published(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_database(installation()) as db, db.write() as c:
        await save_connection(c, "plumber", "csv", "acme", NOW)
    await asyncio.to_thread(status)
    assert "no published version, so nothing is billed by it: milepost rules publish acme" in said(capsys)
    await publish_from(folder, "acme", "Ann")
    await asyncio.to_thread(status)
    assert "publish" not in said(capsys)
    put(folder, 2)
    await asyncio.to_thread(status)
    assert "version 2 of rule book 'acme' is not published" in said(capsys)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without the breaks of its lines."""
    return " ".join(capsys.readouterr().out.split())
