"""The block of a ServiceM8 account."""

from typing import ClassVar, Literal

from pydantic import SecretStr

from blocks.form import SettingsBlock, as_in, block_of, settings_of
from milepost.platforms.protocol import Platform
from milepost.platforms.registry import open_platform
from milepost.platforms.servicem8.settings import ServiceM8Settings as Settings


class ServiceM8Account(SettingsBlock):
    """One ServiceM8 account, reached with an API key or by OAuth 2.

    Attributes:
        api_key: The account's API key (ServiceM8 > Settings > API Keys); left empty with OAuth 2.
        client_id: With OAuth 2, the add-on's App ID.
        client_secret: With OAuth 2, the add-on's App Secret.
        refresh_token: With OAuth 2, the token that the account's consent gave.
        statuses: Jobs in other statuses are not listed.
        labour: Globs on a line's item code and name that make it labour; `subcontract`, `fee`, `expense` likewise.

    Example:
        Load the account and list the jobs that have changed:

        ```python
        from blocks.servicem8 import ServiceM8Account

        account = await ServiceM8Account.aload("acme-platform")
        async with account.open() as platform:
            changes = await platform.list_changed(None)
        ```
    """

    _block_type_name = "Milepost ServiceM8 Account"
    _block_type_slug = "milepost-servicem8-account"
    _description: ClassVar[str | None] = "One ServiceM8 account whose completed jobs Milepost bills."

    kind: Literal["servicem8"] = "servicem8"
    api_key: SecretStr | None = as_in(Settings, "api_key", "From ServiceM8 > Settings > API Keys.")
    client_id: str | None = as_in(Settings, "client_id", "With OAuth 2: the App ID.")
    client_secret: SecretStr | None = as_in(Settings, "client_secret", "With OAuth 2: the App Secret.")
    refresh_token: SecretStr | None = as_in(Settings, "refresh_token", "With OAuth 2: what the consent gave.")
    api_url: str = as_in(Settings, "api_url")
    statuses: list[str] = as_in(Settings, "statuses")
    watch_lines: bool = as_in(Settings, "watch_lines")
    read_activities: bool = as_in(Settings, "read_activities")
    total_includes_tax: bool | None = as_in(Settings, "total_includes_tax")
    labour: list[str] = as_in(Settings, "labour", "Globs that make a line labour.")
    subcontract: list[str] = as_in(Settings, "subcontract", "Globs that make a line a subcontractor's.")
    fee: list[str] = as_in(Settings, "fee", "Globs that make a line a fee.")
    expense: list[str] = as_in(Settings, "expense", "Globs that make a line an expense.")
    job_url: str | None = as_in(Settings, "job_url")
    webhook_secret: SecretStr | None = as_in(Settings, "webhook_secret")

    @classmethod
    def from_settings(cls, settings: Settings) -> "ServiceM8Account":
        """The block that holds these settings."""
        return block_of(cls, settings)

    def to_settings(self) -> Settings:
        """The settings that this block holds. Raises ConfigError when they do not fit together."""
        return settings_of(self, Settings)

    def open(self) -> Platform:
        """The account, to be used as an async context manager."""
        return open_platform(self.to_settings())
