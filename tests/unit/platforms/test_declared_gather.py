"""What the endpoints of sections answer is kept apart by section, and shared by the jobs that ask for the same."""

from pathlib import Path
from typing import Any

import pytest

from milepost.jobs import Job
from milepost.platforms.declared.platform import DeclaredPlatform
from milepost.platforms.declared.settings import DeclaredSettings
from tests.unit.platforms.described import SMALL
from tests.unit.platforms.loopback import Heard, Says, Server, says_json, serving

JOBS = [{"id": id_, "state": "done", "client": "c1"} for id_ in ("1", "2")]
TIME = {"name": "Fitting", "qty": "2", "rate": "50.00"}
PARTS = {"name": "Tap", "qty": "1", "rate": "80.00"}
VALUES = "description: name, quantity: qty, unit_price: rate"
BY_ROWS = f"""
lines:
  - {{get: {{path: "/jobs/{{id}}/work", rows: time}}, kind: {{value: labour}}, {VALUES}}}
  - {{get: {{path: "/jobs/{{id}}/work", rows: parts}}, kind: {{value: material}}, {VALUES}}}
"""
BY_PARAMS = f"""
lines:
  - {{get: {{path: "/jobs/{{id}}/work", params: {{of: time}}, rows: all}}, kind: {{value: labour}}, {VALUES}}}
  - {{get: {{path: "/jobs/{{id}}/work", params: {{of: parts}}, rows: all}}, kind: {{value: material}}, {VALUES}}}
"""
CLIENT = """
customer: {get: "/clients/{client}", id: id, name: name}
"""


def answer(heard: Heard) -> Says:
    work: dict[str, Any] = {"time": [TIME], "parts": [PARTS]}
    if heard.path == "/jobs":
        return says_json({"jobs": JOBS})
    if heard.path == "/clients/c1":
        return says_json({"id": "c1", "name": "Ngaio Holdings"})
    return says_json({**work, "all": work.get(heard.query.get("of", ""), [])})


async def jobs_of(tmp_path: Path, more: str) -> tuple[list[Job], Server]:
    file = tmp_path / "yard.yaml"
    file.write_text(SMALL + more)
    async with (
        serving(reply=answer) as server,
        DeclaredPlatform(DeclaredSettings(file=file, base_url=server.url)) as platform,
    ):
        fetched = await platform.fetch(["1", "2"])
    assert fetched.problems == ()
    return list(fetched.jobs), server


@pytest.mark.parametrize("more", [BY_ROWS, BY_PARAMS], ids=["by rows", "by parameters"])
async def test_two_sections_that_ask_one_address_each_get_their_own_lines(tmp_path: Path, more: str) -> None:
    for job in (await jobs_of(tmp_path, more))[0]:
        assert [(line.kind, line.description) for line in job.lines] == [("labour", "Fitting"), ("material", "Tap")]


async def test_jobs_of_one_customer_share_its_call(tmp_path: Path) -> None:
    jobs, server = await jobs_of(tmp_path, CLIENT)
    assert [job.customer.name for job in jobs if job.customer] == ["Ngaio Holdings"] * 2
    assert [heard.path for heard in server.heard].count("/clients/c1") == 1
