"""A Connection: one platform account, one Xero organisation, one rule book and its alert channels.

This is the connection file's form; `blocks.connection` keeps the same values in Prefect, secrets as SecretStr.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from milepost.platforms.registry import PlatformSettings


class Settings(BaseModel):
    """Settings are frozen and strict about their keys. What was given is not repeated in pydantic's errors: secrets."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class XeroSettings(Settings):
    """The Xero app and organisation. `tenant`: the organisation's name or tenant id, needed where the login has several.

    `client_credentials` is a custom connection: one organisation, no consent. Base URLs may be overridden.
    """

    grant: Literal["authorization_code", "client_credentials"] = "authorization_code"
    client_id: str
    client_secret: SecretStr
    tenant: str | None = None
    api_url: str = "https://api.xero.com"
    identity_url: str = "https://identity.xero.com"
    login_url: str = "https://login.xero.com"
    app_url: str = "https://go.xero.com"
    webhook_key: SecretStr | None = None
    history_notes: bool = Field(
        default=False, description="note each new invoice's origin in its history, from calls to spare: one call an invoice"
    )
    day_limit: int = Field(5000, description="the organisation's calls a day: 5,000, or 1,000 on Xero's Starter tier", ge=1)


class SlackSettings(Settings):
    """Where Slack alerts go: a bot token and a channel, or an incoming webhook (which cannot thread)."""

    token: SecretStr | None = None
    channel: str | None = None
    webhook_url: SecretStr | None = None
    api_url: str = "https://slack.com/api/"

    @model_validator(mode="after")
    def _one_way_in(self) -> "SlackSettings":
        if bool(self.token) == bool(self.webhook_url):
            raise ValueError("give either 'token' with 'channel', or 'webhook_url'")
        if self.token and not self.channel:
            raise ValueError("'token' needs a 'channel' to post to")
        return self


class EmailSettings(Settings):
    """Alerts by e-mail through SMTP."""

    host: str
    port: int = 587
    sender: str
    to: tuple[str, ...] = Field(min_length=1)
    username: str | None = None
    password: SecretStr | None = None
    starttls: bool = True


class AlertSettings(Settings):
    """The alert channels; both may be given."""

    slack: SlackSettings | None = None
    email: EmailSettings | None = None


class Connection(Settings):
    """One platform account + one Xero organisation + one rule book + alert channels."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    platform: PlatformSettings
    xero: XeroSettings
    rule_book: str
    rule_books_dir: Path | None = Field(None, description="where the rule books are; by default the project's mappings/")
    alerts: AlertSettings = AlertSettings()
    retries: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (5, 15, 45, 135, 405),
        description="minutes after which work is tried again, after its first, second, … failure; then it is given up",
    )
    live_from: date | None = Field(
        None, description="jobs completed before this day are never billed; by default the day the connection is added"
    )
    settle_minutes: int = Field(
        10,
        ge=0,
        description="how long a billed job must be left alone before a change of it is brought into its draft in Xero",
    )
