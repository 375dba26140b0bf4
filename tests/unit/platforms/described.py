"""A small description for tests, to be changed line by line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from milepost.jobs import Job, TaxMode
from milepost.platforms.declared.load import Loaded, parse_description
from milepost.platforms.declared.normalise import Defaults, Document, normalise
from milepost.platforms.protocol import JobProblem

EXAMPLE = Path(__file__).parents[3] / "docs/examples/fieldbook.yaml"

SMALL = """\
name: Yard
base_url: https://yard.example
auth: {kind: none}
jobs:
  list: {path: /jobs, rows: jobs, complete: true}
job:
  status: state
  stage: {path: state, map: {done: completed, open: in_progress}}
"""


def described(more: str = "", *, path: str = "jobs.yaml") -> Loaded:
    """The small description with more sections."""
    return parse_description(SMALL + more, path)


def read(more: str, job: Mapping[str, Any], *, zone: str = "UTC", currency: str | None = None) -> Job | JobProblem:
    """A job read by the small description with more sections."""
    defaults = Defaults(zone, currency, TaxMode.EXCLUSIVE)
    return normalise(described(more), "7", Document({"state": "done"} | dict(job)), defaults)


def read_job(more: str, job: Mapping[str, Any], **how: Any) -> Job:
    found = read(more, job, **how)
    assert isinstance(found, Job), found
    return found


def read_problem(more: str, job: Mapping[str, Any], **how: Any) -> JobProblem:
    found = read(more, job, **how)
    assert isinstance(found, JobProblem), found
    return found
