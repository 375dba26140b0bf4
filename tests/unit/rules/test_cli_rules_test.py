"""`milepost rules test`: the table, the difference, what no test reaches, exit codes."""

import json
import shutil
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from typer.testing import CliRunner, Result

from cli.app import app

MAPPINGS = Path(__file__).parents[3] / "mappings"


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the plumber's book and its tests, on a terminal of 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(MAPPINGS / "kauri-plumbing", tmp_path / "mappings" / "kauri-plumbing")
    return tmp_path / "mappings"


def run(*words: object) -> Result:
    """The command, run in this process."""
    return CliRunner().invoke(app, ["rules", "test", *map(str, words)])


def change(file: Path, old: str, new: str) -> None:
    """Replace a piece of a file, which must be in it."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_all_tests_pass_and_are_listed(books: Path) -> None:
    result = run("kauri-plumbing")
    assert result.exit_code == 0
    assert result.stdout.count("✓") == 11
    assert "11 passed" in result.stdout
    assert "No test reaches" not in result.stdout


def test_a_broken_rule_is_shown_side_by_side_and_exits_with_1(books: Path, snapshot: SnapshotAssertion) -> None:
    change(books / "kauri-plumbing" / "v0001.yaml", 'account: "203"', 'account: "204"')
    result = run("kauri-plumbing", "-k", "after-hours")
    assert result.exit_code == 1
    assert "\n".join(line.rstrip() for line in result.stdout.splitlines()) == snapshot


def test_rules_that_no_test_reaches_are_named(books: Path) -> None:
    (books / "kauri-plumbing" / "tests" / "coding.yaml").unlink()
    result = run("kauri-plumbing")
    assert result.exit_code == 0
    assert "No test reaches rule 'after-hours', rule 'call-out', rule 'subcontractors'" in result.stdout
    assert "the fallback" in result.stdout


def test_a_document_has_every_test_and_its_differences(books: Path) -> None:
    change(books / "kauri-plumbing" / "tests" / "invoice.yaml", "due: 2026-08-20", "due: 2026-08-21")
    result = run("kauri-plumbing", "--json")
    document = json.loads(result.stdout)
    failed = [test for test in document["tests"] if not test["passed"]]
    assert (result.exit_code, document["ok"], len(document["tests"]), document["untouched"]) == (1, False, 11, [])
    assert [test["differences"] for test in failed] == [[{"what": "due", "expected": "2026-08-21", "got": "2026-08-20"}]]
    assert failed[0]["path"] == "mappings/kauri-plumbing/tests/invoice.yaml"
    assert "lines.labour" in failed[0]["touched"]


def test_the_highest_version_is_tested_unless_another_is_named(books: Path) -> None:
    home = books / "kauri-plumbing"
    text = (home / "v0001.yaml").read_text().replace("version: 1  ", "version: 2  ").replace('"203"', '"204"')
    (home / "v0002.yaml").write_text(text)
    assert run("kauri-plumbing").exit_code == 1
    assert run("kauri-plumbing", "--version", 1).exit_code == 0
    assert run(home / "v0001.yaml").exit_code == 0
    assert run(home / "tests" / "coding.yaml", "--version", 1).exit_code == 0
    assert run("kauri-plumbing", "--version", 3).exit_code == 2


@pytest.mark.parametrize("path", ["", "v0001.yaml", "tests/organisation.yaml"])
def test_a_book_is_named_by_its_folder_or_a_file_too(books: Path, path: str) -> None:
    assert "11 passed" in run(books / "kauri-plumbing" / path).stdout


def test_one_file_of_tests_is_run_alone(books: Path) -> None:
    assert "6 passed" in run(books / "kauri-plumbing" / "tests" / "invoice.yaml").stdout


def test_a_book_without_tests_says_how_to_begin(books: Path) -> None:
    shutil.rmtree(books / "kauri-plumbing" / "tests")
    result = run("kauri-plumbing")
    assert result.exit_code == 0
    assert "There are no tests yet" in result.stdout
    assert "milepost rules capture" in result.stdout


def test_a_test_that_cannot_be_read_is_named_with_its_place(books: Path) -> None:
    change(books / "kauri-plumbing" / "tests" / "invoice.yaml", "contact: unclear", "contact: unclaer")
    result = run("kauri-plumbing")
    assert result.exit_code == 1
    assert "mappings/kauri-plumbing/tests/invoice.yaml:32:14: test 'a customer who fits several contacts" in result.stderr
    assert "did you mean 'unclear'?" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["kauri-plumbin"], "did you mean 'kauri-plumbing'?"),
        (["mappings/kauri-plumbing/v0009.yaml"], "there is no file"),
        (["mappings/kauri-plumbing/v0001.yaml", "--version", "1"], "leave --version out"),
        (["kauri-plumbing", "-k", "nothing of the kind"], "has 'nothing of the kind' in its name"),
    ],
)
def test_what_does_not_exist_is_wrong_usage(books: Path, words: list[str], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
