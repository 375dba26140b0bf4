"""The `platform` part of a connection file whose kind is `servicem8`."""

from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from milepost.jobs import LineKind

Status = Literal["Quote", "Work Order", "Unsuccessful", "Completed"]
STATUSES: tuple[Status, ...] = ("Quote", "Work Order", "Unsuccessful", "Completed")
"""The closed list of job statuses (ServiceM8 OpenAPI, Job.status)."""

Patterns = tuple[str, ...]


class ServiceM8Settings(BaseModel):
    """How to reach one ServiceM8 account, and how to read what its API leaves open.

    Give either `api_key` (Settings > API Keys) or the three OAuth 2 values. Patterns are globs, compared without regard
    to case with a line's item code and its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["servicem8"] = "servicem8"
    api_key: SecretStr | None = Field(None, min_length=1)
    client_id: str | None = Field(None, min_length=1)
    client_secret: SecretStr | None = Field(None, min_length=1)
    refresh_token: SecretStr | None = Field(None, min_length=1)
    api_url: str = Field("https://api.servicem8.com", pattern=r"^https?://")
    statuses: tuple[Status, ...] = Field(
        ("Completed", "Work Order", "Quote"), min_length=1, description="jobs in other statuses are not listed"
    )
    watch_lines: bool = Field(
        default=True, description="list a job again when its lines change: one more call a poll that finds anything new"
    )
    read_activities: bool = Field(
        default=True, description="read the schedule for start dates and for recorded time that no line bills"
    )
    total_includes_tax: bool | None = Field(
        None, description="whether a job's total_invoice_amount holds tax; left out, either reading is accepted"
    )
    labour: Patterns = ("labour*", "labor*", "* labour", "* labor")
    subcontract: Patterns = ("subcontract*", "sub-contract*")
    fee: Patterns = ("callout*", "call-out*", "call out*")
    expense: Patterns = ()
    job_url: str | None = Field(
        None, description="where people open a job, with {uuid} or {number} in it", pattern=r"^https?://"
    )
    webhook_secret: SecretStr | None = Field(
        None, min_length=16, description="unguessable; the callback URL carries it as ?secret=..."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> "ServiceM8Settings":
        oauth = (self.client_id, self.client_secret, self.refresh_token)
        if self.api_key and any(oauth):
            raise ValueError("give either 'api_key' or 'client_id', 'client_secret' and 'refresh_token', not both")
        if not self.api_key and not all(oauth):
            raise ValueError("give 'api_key', or all of 'client_id', 'client_secret' and 'refresh_token'")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that no error may show."""
        given = (self.api_key, self.client_secret, self.refresh_token, self.webhook_secret)
        return tuple(secret.get_secret_value() for secret in given if secret)

    def named_kind(self, *names: str) -> LineKind | None:
        """The kind whose patterns fit one of a line's names; the first of subcontract, fee, expense and labour."""
        lowered = [name.casefold() for name in names if name]
        for kind in (LineKind.SUBCONTRACT, LineKind.FEE, LineKind.EXPENSE, LineKind.LABOUR):
            patterns: Patterns = getattr(self, kind.value)
            if any(fnmatchcase(name, pattern.casefold()) for name in lowered for pattern in patterns):
                return kind
        return None
