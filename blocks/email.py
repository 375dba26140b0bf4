"""The block of the mail server and the people that alerts go to."""

from typing import ClassVar

from pydantic import SecretStr

from blocks.form import SettingsBlock, as_in, block_of, settings_of
from milepost.connection import EmailSettings as Settings


class EmailAlerts(SettingsBlock):
    """Alerts by e-mail: one mail a run that needs a person, and one when it is resolved.

    Attributes:
        host: The SMTP server.
        port: 587 with STARTTLS, 465 with TLS from the start.
        sender: The address that mails come from.
        to: The addresses that they go to.
        username: Left empty where the server asks for no login.
        password: The login's password.
        starttls: Whether to go on in TLS; without it, mails and password travel in the clear.

    Example:
        Save a mail server's settings:

        ```python
        from blocks.email import EmailAlerts

        alerts = EmailAlerts(host="mail.example.com", sender="milepost@example.com", to=["billing@example.com"])
        await alerts.asave("acme-email")
        ```
    """

    _block_type_name = "Milepost Email Alerts"
    _block_type_slug = "milepost-email-alerts"
    _description: ClassVar[str | None] = "The mailboxes that Milepost tells when a person is needed."

    host: str = as_in(Settings, "host", "The SMTP server.")
    port: int = as_in(Settings, "port", "587 with STARTTLS, 465 with TLS from the start.")
    sender: str = as_in(Settings, "sender", "The address that mails come from.")
    to: list[str] = as_in(Settings, "to", "The addresses that mails go to.")
    username: str | None = as_in(Settings, "username")
    password: SecretStr | None = as_in(Settings, "password")
    starttls: bool = as_in(Settings, "starttls", "Without it, mails and password travel in the clear.")

    @classmethod
    def from_settings(cls, settings: Settings) -> "EmailAlerts":
        """The block that holds these settings."""
        return block_of(cls, settings)

    def to_settings(self) -> Settings:
        """The settings that this block holds. Raises ConfigError when they do not fit together."""
        return settings_of(self, Settings)
