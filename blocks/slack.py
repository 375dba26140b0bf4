"""The block of the Slack channel that alerts go to."""

from typing import ClassVar

from pydantic import SecretStr

from blocks.form import SettingsBlock, as_in, block_of, settings_of
from milepost.connection import SlackSettings as Settings


class SlackAlerts(SettingsBlock):
    """Where Slack alerts go: a bot token with a channel, or an incoming webhook, which can neither thread nor edit.

    Attributes:
        token: The bot's token (`xoxb-...`) with the scope `chat:write`; left empty with a webhook.
        channel: The channel's name or id; the bot must be in it.
        webhook_url: The webhook's address; left empty with a token.

    Example:
        Save a channel's settings:

        ```python
        from blocks.slack import SlackAlerts

        alerts = SlackAlerts(token="xoxb-...", channel="#billing")
        await alerts.asave("acme-slack")
        ```
    """

    _block_type_name = "Milepost Slack Alerts"
    _block_type_slug = "milepost-slack-alerts"
    _description: ClassVar[str | None] = "The Slack channel that Milepost tells when a person is needed."

    token: SecretStr | None = as_in(Settings, "token", "The bot's token, with the scope chat:write.")
    channel: str | None = as_in(Settings, "channel", "The channel's name or id; the bot must be in it.")
    webhook_url: SecretStr | None = as_in(Settings, "webhook_url", "Instead of a token: an incoming webhook's address.")
    api_url: str = as_in(Settings, "api_url")

    @classmethod
    def from_settings(cls, settings: Settings) -> "SlackAlerts":
        """The block that holds these settings."""
        return block_of(cls, settings)

    def to_settings(self) -> Settings:
        """The settings that this block holds. Raises ConfigError when they do not fit together."""
        return settings_of(self, Settings)
