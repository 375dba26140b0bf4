"""The form of a test file: the organisation, and tests of one job at one stage, or of a job's whole life in steps."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from milepost.rules.fields import IsoDate, Section
from milepost.rules.trials.expected import Expected, Sums
from milepost.rules.trials.given import JobGiven
from milepost.rules.trials.organisation import OrganisationGiven


def _codes(value: object) -> object:
    """`DEP` and `[DEP, PRG]` say that the stages were billed of the job as it is."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, list) and all(isinstance(code, str) for code in value):
        return {code: {} for code in value}
    return {code: change or {} for code, change in value.items()} if isinstance(value, dict) else value


_CODES = str | tuple[str, ...] | dict[str, JobGiven | None]


class Step(Section):
    """What happens next to the job, and what is expected then."""

    name: str = Field("", description="what happens, in a few words")
    today: IsoDate | None = Field(None, description="the day; left out, that of the step before")
    job: JobGiven | None = Field(None, description="what changes of the job")
    milestone: str | None = Field(None, description="the stage's code; needed only where several are due")
    contact: Literal["known", "new", "unclear"] | None = Field(
        None, description="whether the customer is in Xero: known, new, or unclear, when several fit"
    )
    expect: Expected = Field(description="what is expected")


class Trial(Section):
    """One test: given a job, expect an invoice or why there is none. Or, with `steps`, the whole life of a job."""

    name: str = Field(min_length=1, description="what is tested, as a sentence")
    today: IsoDate | None = Field(None, description="the day it is billed; left out, that of the completion, or 2026-07-01")
    job: JobGiven = Field(JobGiven(), description="the job")
    billed: Annotated[dict[str, JobGiven], BeforeValidator(_codes, json_schema_input_type=_CODES)] = Field(
        default_factory=dict,
        description="stages billed before: DEP or [DEP, PRG]; or a section: stage, and what the job was like then",
    )
    milestone: str | None = Field(None, description="the stage's code; needed only where several are due")
    contact: Literal["known", "new", "unclear"] = Field("known", description="whether the customer is in Xero")
    expect: Expected | None = Field(None, description="what is expected")
    steps: tuple[Step, ...] = Field((), description="instead of `expect`: what happens to the job, step by step")
    together: Sums | None = Field(None, description="what all invoices of the test come to, less credit notes")

    @model_validator(mode="after")
    def _something_expected(self) -> "Trial":
        if (self.expect is None) == (not self.steps):
            raise ValueError("give 'expect', or 'steps' that have one each")
        if self.steps and self.milestone:
            raise ValueError("'milestone' goes into the steps")
        return self

    def all_steps(self) -> tuple[Step, ...]:
        """The steps; of a test without, the one that it is."""
        if self.expect is None:
            return self.steps
        return (Step(milestone=self.milestone, expect=self.expect),)


class TrialFile(Section):
    """A file of tests. `organisation.yaml` beside it may hold the organisation for all."""

    organisation: OrganisationGiven | None = Field(None, description="the Xero organisation that the tests are about")
    tests: tuple[Trial, ...] = Field((), description="the tests, in any order")
