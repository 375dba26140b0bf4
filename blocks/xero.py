"""The block of a Xero app and the organisation it is used with."""

from typing import ClassVar, Literal

from pydantic import SecretStr

from blocks.form import SettingsBlock, as_in, block_of, settings_of
from milepost.connection import XeroSettings as Settings


class XeroApp(SettingsBlock):
    """A Xero app's client id and secret, and which organisation it works for.

    Tokens are not kept here: blocks lose updates when two processes write at once, so they live in the ledger.

    Attributes:
        grant: `authorization_code` for an app that people connect, `client_credentials` for a custom connection.
        client_id: From the app's Configuration page in the Xero developer portal.
        client_secret: From the same page.
        tenant: The organisation's name or tenant id, where the login has several.
        webhook_key: From the app's Webhooks page, to check that notifications come from Xero.
        history_notes: Whether each new invoice gets a note of its origin, from calls to spare.
        day_limit: The organisation's calls a day: 5,000, or 1,000 on Xero's Starter tier.

    Example:
        Load the app's settings:

        ```python
        from blocks.xero import XeroApp

        app = await XeroApp.aload("acme-xero")
        settings = app.to_settings()
        ```
    """

    _block_type_name = "Milepost Xero App"
    _block_type_slug = "milepost-xero-app"
    _description: ClassVar[str | None] = "A Xero app and the organisation in which Milepost creates invoices."

    grant: Literal["authorization_code", "client_credentials"] = as_in(
        Settings, "grant", "client_credentials is a custom connection: one organisation, no consent."
    )
    client_id: str = as_in(Settings, "client_id", "From the app's Configuration page.")
    client_secret: SecretStr = as_in(Settings, "client_secret", "From the app's Configuration page.")
    tenant: str | None = as_in(Settings, "tenant", "The organisation's name or tenant id, where the login has several.")
    api_url: str = as_in(Settings, "api_url")
    identity_url: str = as_in(Settings, "identity_url")
    login_url: str = as_in(Settings, "login_url")
    app_url: str = as_in(Settings, "app_url", "Where people open an invoice.")
    webhook_key: SecretStr | None = as_in(Settings, "webhook_key", "From the app's Webhooks page.")
    history_notes: bool = as_in(Settings, "history_notes")
    day_limit: int = as_in(Settings, "day_limit")

    @classmethod
    def from_settings(cls, settings: Settings) -> "XeroApp":
        """The block that holds these settings."""
        return block_of(cls, settings)

    def to_settings(self) -> Settings:
        """The settings that this block holds. Raises ConfigError when they do not fit together."""
        return settings_of(self, Settings)
