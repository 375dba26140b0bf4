from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.notifications.builders import summary, trouble


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"invoiced": 38, "held": 3, "failed": 1}, "42 jobs: 38 invoiced, 3 held, 1 failed"),
        ({"invoiced": 1}, "1 job: 1 invoiced"),
        ({"held": 2, "skipped": 4}, "6 jobs: 0 invoiced, 2 held, 4 skipped"),
        ({}, "0 jobs: 0 invoiced"),
    ],
)
def test_the_headline_counts_what_there_is(counts: dict[str, int], expected: str) -> None:
    assert summary(counts=counts).headline == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [({"invoiced": 9, "skipped": 1}, False), ({"held": 1}, True), ({"failed": 1}, True)],
)
def test_held_and_failed_work_needs_a_person(counts: dict[str, int], expected: bool) -> None:
    assert summary(counts=counts).needs_a_person is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Held: job 1482 (completion)"),
        ({"milestone_name": None, "status": "failed"}, "Failed: job 1482"),
        ({"subject": "connection", "job_number": None, "status": "failed"}, "Failed: connection kauri"),
        ({"subject": "job:77", "job_number": None, "status": "skipped"}, "Skipped: job:77"),
    ],
)
def test_a_trouble_says_what_happened_to_what(changes: dict[str, Any], expected: str) -> None:
    assert trouble(**changes).headline("kauri") == expected


def test_the_key_depends_on_code_and_reason_alone() -> None:
    assert trouble().key == trouble(job="9", amount="1", fix="else", links={}).key
    assert len({trouble().key, trouble(code="other").key, trouble(why="Else.").key}) == 3


@given(st.text(alphabet=st.characters()), st.text())
def test_any_reason_has_a_key_of_its_length(why: str, code: str) -> None:
    assert len(trouble(why=why, code=code).key) == 32
