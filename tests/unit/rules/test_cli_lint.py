"""The command `milepost rules lint` without a connection: which files it looks at, what it prints, its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.rules import app
from tests.unit.rules.books import BOOK

SHADOWED = BOOK.replace('code: "AH*"', 'code: "*"').replace("subcontract}", "labour, code: X}")
CLASHING = BOOK.replace("number: xero", 'number: "{{ job.number }}"')


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for books; nothing was published."""
    monkeypatch.setenv("MILEPOST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MILEPOST_DATABASE_URL", raising=False)
    return tmp_path


def _put(root: Path, text: str, version: int = 3) -> Path:
    path = root / "acme" / f"v{version:04}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("version: 3", f"version: {version}"))
    return path


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["lint", *(str(argument) for argument in arguments)])


def test_warnings_are_told_with_place_reason_and_fix_and_are_no_failure(root: Path) -> None:
    _put(root, SHADOWED)
    result = _run("acme", "--folder", root)
    assert result.exit_code == 0
    assert "acme/v0003.yaml, version 3 from 2026-07-01: 2 warnings" in result.output
    assert "v0003.yaml:20:5  rule 'subcontractors'" in result.output
    assert "The rule 'after-hours' (line 16) takes every line that this one would" in result.output
    assert "→ Move it above 'after-hours'" in result.output


def test_an_error_makes_the_exit_code_1(root: Path) -> None:
    _put(root, CLASHING)
    result = _run("acme", "--folder", root, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"], told["chart"]) == (1, False, None)
    found = next(issue for issue in told["issues"] if issue["severity"] == "error")
    assert (found["code"], found["keys"], found["line"]) == ("number_repeated", ["invoice", "number"], 7)
    assert found["suggestion"] == "{{ job.number }}-{{ milestone.code }}"


def test_of_a_book_all_unpublished_versions_are_looked_at_or_the_one_that_is_asked_for(root: Path) -> None:
    for version in (3, 4):
        _put(root, BOOK, version)
    assert [b["version"] for b in json.loads(_run("acme", "--folder", root, "--json").stdout)["books"]] == [3, 4]
    only = _run("acme", "--folder", root, "--version", 3, "--json")
    assert [b["version"] for b in json.loads(only.stdout)["books"]] == [3]


def test_a_file_is_looked_at_by_its_name(root: Path) -> None:
    _put(root, BOOK, 4)
    path = _put(root, BOOK)
    assert [b["version"] for b in json.loads(_run(path, "--json").stdout)["books"]] == [3]


def test_a_version_that_is_not_there_is_wrong_usage(root: Path) -> None:
    _put(root, BOOK)
    result = _run("acme", "--folder", root, "--version", 9)
    assert result.exit_code == 2
    assert "has no version 9" in result.output


def test_a_file_that_cannot_be_loaded_is_told_beside_the_others(root: Path) -> None:
    _put(root, BOOK)
    path = _put(root, BOOK.replace("DRAFT", "DRAF"), 4)
    result = _run("acme", "--folder", root, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [book["version"] for book in told["books"]] == [3]
    assert [error["path"] for error in told["errors"]] == [str(path)]
