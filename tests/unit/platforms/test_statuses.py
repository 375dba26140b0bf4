"""Which statuses a connection's jobs can have, by its settings; lint knows a slip by them."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from milepost.platforms.csv.settings import CsvSettings
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.platforms.statuses import known_statuses
from milepost.rules.lint.statuses import lint_statuses
from tests.unit.rules.books import book, changed

FIELDBOOK = Path(__file__).parents[3] / "docs/examples/fieldbook.yaml"


def test_of_servicem8_they_are_those_that_the_connection_lists() -> None:
    settings = ServiceM8Settings(api_key=SecretStr("k"), statuses=("Completed",))
    assert known_statuses(settings) == ("Completed",)


def test_of_a_declared_system_they_are_the_words_of_its_stages() -> None:
    known = known_statuses(DeclaredSettings(file=FIELDBOOK))
    assert known == ("quoted", "accepted", "scheduled", "in_progress", "done", "invoiced", "cancelled")


def test_a_declared_system_that_reads_its_stage_from_elsewhere_may_have_any(tmp_path: Path) -> None:
    file = tmp_path / "system.yaml"
    file.write_text(FIELDBOOK.read_text().replace("  status: state\n", "  status: phase\n"))
    assert known_statuses(DeclaredSettings(file=file)) == ()


def test_of_files_they_are_the_usual_words_and_the_connections_own() -> None:
    known = known_statuses(CsvSettings.model_validate({"jobs": "jobs.csv", "stages": {"To bill": "completed"}}))
    assert known[0] == "To bill"
    assert "completed" in known


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("[Completed]", []),
        ("[completed]", []),
        ("[Complete]", [("milestone 'FIN' > on_status", "Completed")]),
        ("[Completed, Zzz]", [("milestone 'FIN' > on_status > item 2", None)]),
    ],
)
def test_a_status_that_no_job_can_have_is_pointed_out(written: str, found: list[tuple[str, str | None]]) -> None:
    issues = lint_statuses(book(changed("[Completed]", written)), ("Quote Accepted", "In Progress", "Completed"))
    assert [(issue.trail, issue.suggestion) for issue in issues] == found
