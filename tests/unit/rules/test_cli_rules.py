"""The command `milepost rules`: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.rules import app
from milepost.rules.schema import schema_text
from tests.unit.rules.books import BOOK


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one good book, acme, in one version, which nobody published."""
    monkeypatch.setenv("MILEPOST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MILEPOST_DATABASE_URL", raising=False)
    path = tmp_path / "acme" / "v0003.yaml"
    path.parent.mkdir()
    path.write_text(BOOK)
    return tmp_path


def _break(root: Path) -> Path:
    path = root / "acme" / "v0004.yaml"
    path.write_text(BOOK.replace("version: 3", "version: 4").replace("DRAFT", "DRAF").replace("spread", '"[b]sprad"'))
    return path


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_of_a_good_book_says_that_it_loads(root: Path) -> None:
    result = _run("check", "acme", "--folder", root)
    assert result.exit_code == 0
    assert "loads" in result.output


@pytest.mark.parametrize("what", ["acme", "acme/", "acme/v0003.yaml"])
def test_check_takes_a_folder_and_a_file_as_well(root: Path, what: str) -> None:
    result = _run("check", f"{root}/{what}", "--json")
    assert result.exit_code == 0
    assert [book["book"] for book in json.loads(result.stdout)["books"]] == ["acme"]


def test_check_prints_every_error_on_one_line_and_fails(root: Path) -> None:
    path = _break(root)
    result = _run("check", path)
    assert result.exit_code == 1
    errors = [row for row in result.output.splitlines() if row.startswith(str(path))]
    assert len(errors) == 2
    assert errors[0].endswith("invoice > status: 'DRAF' is not one of DRAFT, SUBMITTED, AUTHORISED; did you mean 'DRAFT'?")
    assert "'[b]sprad' is not one of bill" in errors[1]
    assert "2 errors" in result.output


def test_check_of_a_book_checks_every_version_and_gives_json(root: Path) -> None:
    path = _break(root)
    result = _run("check", "acme", "--folder", root, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"]) == (1, False)
    assert [book["version"] for book in told["books"]] == [3]
    assert [(e["path"], e["keys"]) for e in told["errors"]] == [
        (str(path), ["invoice", "status"]),
        (str(path), ["then", "treat"]),
    ]


def test_check_of_a_folder_of_books_checks_every_book(root: Path) -> None:
    (root / "bolt").mkdir()
    (root / "bolt" / "v0003.yaml").write_text(BOOK)
    told = json.loads(_run("check", root, "--json").stdout)
    assert [book["book"] for book in told["books"]] == ["acme", "bolt"]


@pytest.mark.parametrize("name", ["v3-final.yaml", "rules.yml", "old", "v0004.yaml.bak"])
def test_check_points_out_what_lies_beside_the_versions_and_is_read_by_nobody(root: Path, name: str) -> None:
    for known in ("README.md", "tests", "notes.txt", ".DS_Store", name):
        (root / "acme" / known).mkdir()
    result = _run("check", "acme", "--folder", root)
    assert (result.exit_code, result.output.count("nobody reads it")) == (0, 1)
    assert json.loads(_run("check", "acme", "--folder", root, "--json").stdout)["unread"] == [str(root / "acme" / name)]


def test_reading_commands_make_no_ledger(root: Path) -> None:
    for command in (("check", "acme"), ("show", "acme"), ("list",)):
        assert _run(*command, "--folder", root).exit_code == 0
    assert not (root / "home").exists()


@pytest.mark.parametrize(
    ("command", "why"), [(("check", "acne"), "did you mean 'acme'?"), (("show", "acne"), "did you mean 'acme'?")]
)
def test_a_book_that_is_not_there_is_wrong_usage(root: Path, command: tuple[str, str], why: str) -> None:
    result = _run(*command, "--folder", root)
    assert result.exit_code == 2
    assert why in result.output


def test_a_file_that_is_not_there_is_wrong_usage(root: Path) -> None:
    result = _run("check", root / "acme" / "v0009.yaml")
    assert result.exit_code == 2
    assert "there is no file" in result.output


def test_show_lists_rules_and_milestones_with_their_lines(root: Path) -> None:
    result = _run("show", "acme", "--folder", root)
    assert result.exit_code == 0
    for word in ("after-hours", "AH*", "0200", "on_bill", "DEP", "percent 30", "500.00", "remaining", "Quote Accepted"):
        assert word in result.output


def test_show_gives_the_whole_book_as_json(root: Path) -> None:
    told = json.loads(_run("show", "acme", "--folder", root, "--json").stdout)
    assert told["rule_book"]["lines"][0]["then"]["account"] == "0200"
    assert told["milestones"] == ["DEP", "PRG", "FIN"]


def test_show_of_a_day_before_the_first_version_says_from_when_it_applies(root: Path) -> None:
    result = _run("show", "acme", "--folder", root, "--on", "2020-01-01")
    assert result.exit_code == 2
    assert "2026-07-01" in result.output


def test_show_of_a_broken_version_needs_a_person(root: Path) -> None:
    _break(root)
    result = _run("show", "acme", "--folder", root, "--version", "4")
    assert result.exit_code == 1
    assert "did you mean 'DRAFT'?" in result.output


def test_list_names_versions_and_which_is_in_force(root: Path) -> None:
    (root / "acme" / "v0004.yaml").write_text(BOOK.replace("version: 3", "version: 4").replace("2026-07-01", "2999-01-01"))
    (root / "acme" / "v0003.yaml").write_text(BOOK.replace("2026-07-01", "2020-01-01"))
    rows = json.loads(_run("list", "--folder", root, "--json").stdout)
    assert [(row["version"], row["in_force"]) for row in rows] == [(3, True), (4, False)]
    assert "v0004" in _run("list", "--folder", root).output.replace("\n", "")


def test_schema_is_printed_or_written(tmp_path: Path) -> None:
    assert _run("schema").stdout == schema_text()
    target = tmp_path / "schema.json"
    assert json.loads(_run("schema", "--write", target, "--json").stdout) == {"wrote": str(target)}
    assert target.read_text() == schema_text()


def test_list_calls_nothing_in_force_that_is_not_published(root: Path) -> None:
    said = _run("list", "--folder", root).output
    assert "not published" in said
    assert "in force" not in said


def test_show_says_conditions_as_a_person_would(root: Path) -> None:
    rule = """  - id: dear
    when: {kind: labour, amount: {over: 100}, any: [{customer_tag: insurer}, {job_total: {at_least: 5}}], not: {code: X}}
    then: {account: "200"}
"""
    (root / "acme" / "v0003.yaml").write_text(BOOK.replace("lines:\n", f"lines:\n{rule}", 1))
    said = " ".join(_run("show", "acme", "--folder", root, "--version", "3").output.split())
    for words in ("amount: over 100", "customer_tag insurer or job_total", "not: code X"):
        assert words in said.replace(" │ │ │ ", " ").replace("│ ", "")
    assert "None" not in said


@pytest.mark.parametrize("typed", ["02/07/2026", "2026-7-2", "July"])
def test_a_day_that_is_none_is_told_how_to_be_written(root: Path, typed: str) -> None:
    result = _run("show", "acme", "--folder", root, "--on", typed)
    assert result.exit_code == 2
    assert "write it like 2026-07-01" in " ".join(result.output.replace("│", "").split())


def test_the_name_of_a_connection_leads_to_the_book_that_begins_with_it(root: Path) -> None:
    assert "did you mean 'acme'?" in _run("check", "acm", "--folder", root).output
