"""How the command speaks."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from cli import show


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def test_a_file_below_the_working_directory_is_named_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert show.text(f"see {tmp_path}/mappings/acme/v0001.yaml:12") == "see mappings/acme/v0001.yaml:12"
    assert show.text(f"{tmp_path}-elsewhere/x") == f"{tmp_path}-elsewhere/x"


def test_what_comes_from_outside_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show.say(show.text("[bold]Smith[/bold] & [red]Sons"))
    assert capsys.readouterr().out == "[bold]Smith[/bold] & [red]Sons\n"


def test_an_amount_is_never_cut_and_a_long_name_gives_way(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("AFO-2103-FIN", "The very long name of a company with many owners", "GBP 1,234,567.89") for _ in range(2)]
    show.table("", ("number", "contact", "total"), rows * 2, right=("total",), whole=("number",), short=("contact",))
    printed = capsys.readouterr().out
    assert printed.count("GBP 1,234,567.89") == printed.count("AFO-2103-FIN") == 4
    assert max(map(len, printed.splitlines())) <= 80


def test_a_column_with_nothing_in_it_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("Title", ("job", "invoice"), [("1482", ""), ("1483", "")])
    printed = capsys.readouterr().out
    assert "invoice" not in printed
    assert "Title" in printed


def test_no_rows_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("Title", ("job",), [])
    assert capsys.readouterr().out == ""


def test_json_is_one_document_with_amounts_as_text_and_letters_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show.as_json({"total": Decimal("10.10"), "customer": "Café " * 60})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"total": "10.10", "customer": "Café " * 60}
    assert "Café" in printed


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [(None, "NZD", ""), (Decimal("1234.5"), "NZD", "NZD 1,234.50"), (Decimal("-0.1"), None, "-0.10")],
)
def test_amounts(value: Decimal | None, currency: str | None, shown: str) -> None:
    assert show.amount(value, currency) == shown
