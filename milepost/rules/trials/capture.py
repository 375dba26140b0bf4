"""A test made of a real job: the job without its people, the organisation as far as it matters, what the book does now."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from textwrap import indent
from typing import Any

import yaml

from milepost.billing.decision import Bill, Credit, Decision
from milepost.billing.facts import History
from milepost.billing.milestones import not_due
from milepost.billing.replay import as_unbilled
from milepost.chart import Chart
from milepost.jobs import Job
from milepost.rules.anonymise import anonymised
from milepost.rules.model import RuleBook
from milepost.rules.trials.run import TrialResult, run_trial
from milepost.rules.trials.trial import TrialFile
from milepost.rules.trials.written import (
    Written,
    decision_as_written,
    job_as_written,
    organisation_as_written,
)

_WIDTH = 120
_SCHEMA = "# yaml-language-server: $schema=../../rule-book-test.schema.json\n"
_CHECK = "    # Check these before you rely on them: they are what the book does now.\n"


@dataclass(frozen=True, slots=True)
class Captured:
    """The text of a test file, and what a person should look at in it."""

    text: str
    notes: tuple[str, ...]


def capture_job(job: Job, book: RuleBook, chart: Chart, billed: Sequence[str], today: date) -> Captured:
    """The test of a job. billed: the codes of the stages that were billed of it, in their order."""
    neutral = anonymised(as_unbilled(job) if billed else job, book)
    stage, before = _stage(neutral.job, book, billed)
    test: Written = {"name": f"job {job.number}", "today": today, "job": job_as_written(neutral.job)}
    if before:
        test["billed"] = before
    if stage:
        test["milestone"] = stage
    notes = list(neutral.notes)
    result = _run(book, chart, neutral.job, test, ())
    if before and not result.decisions:
        notes.append("the stages billed before cannot be billed again from the job as it is now, so they were left out")
        del test["billed"]
        result = _run(book, chart, neutral.job, test, ())
    decision = result.decisions[0]
    organisation = organisation_as_written(chart, book, neutral.job, _lines_of(decision))
    return Captured(_text(organisation, test, decision, notes), tuple(notes))


def _stage(job: Job, book: RuleBook, billed: Sequence[str]) -> tuple[str | None, list[str]]:
    """The stage that the test is of, and those billed before it: the last that is due, were it not billed yet."""
    waits = {milestone.code: not_due(job, milestone, History()) for milestone in book.milestones}
    asked = [code for code, why in waits.items() if why is None or why.code == "nothing_billed"]
    unbilled = [code for code in asked if code not in billed]
    stage = next(reversed(unbilled or asked), None)
    known = [code for code in dict.fromkeys(billed) if book.milestone(code)]
    return stage, known[: known.index(stage)] if stage in known else known


def _run(book: RuleBook, chart: Chart, job: Job, test: Written, lines: tuple[Any, ...]) -> TrialResult:
    """The test as it will be run from the file, so that it expects what it will get."""
    organisation = organisation_as_written(chart, book, job, lines)
    file = TrialFile.model_validate({"organisation": organisation, "tests": [{**test, "expect": {"not_due": True}}]})
    assert file.organisation is not None
    return run_trial(book, file.tests[0], file.organisation)


def _lines_of(decision: Decision | None) -> tuple[Any, ...]:
    if isinstance(decision, Bill):
        return decision.draft.lines
    return decision.lines if isinstance(decision, Credit) else ()


def _text(organisation: Written, test: Written, decision: Decision | None, notes: Sequence[str]) -> str:
    expected = indent(_dumped({"expect": decision_as_written(decision)}), "    ")
    given = indent(_dumped(test), "    ")
    remarks = "".join(f"# - {note}\n" for note in notes)
    look = f"#\n# Look at these:\n{remarks}" if notes else ""
    return (
        f"{_SCHEMA}#\n# Captured from a real job. Names, addresses and free texts were replaced.\n{look}\n"
        f"{_dumped({'organisation': organisation})}\ntests:\n  - {given.lstrip()}{_CHECK}{expected}"
    )


class _Plain(yaml.SafeDumper):
    """YAML as a person would write it: figures without quotes, nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:
        """Whatever comes twice is written twice."""
        del data
        return True


def _figure(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = re.sub(r"(\.\d\d)(\d*?)0+$", r"\1\2", format(value, "f"))
    return dumper.represent_scalar("tag:yaml.org,2002:float" if "." in text else "tag:yaml.org,2002:int", text)


_Plain.add_representer(Decimal, _figure)
_Plain.add_multi_representer(str, lambda dumper, value: dumper.represent_str(str(value)))


def _dumped(value: Written) -> str:
    dumped = yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None)
    return str(dumped)


def file_name(job_number: str) -> str:
    """A file's name for a job's number: `1482.yaml`."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', job_number).strip('-').lower() or 'job'}.yaml"
