"""The block of a connection, which nests the blocks of its platform, its Xero app and its alert channels."""

from datetime import date
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from blocks.csv_files import CsvFiles
from blocks.declared import DeclaredPlatform
from blocks.email import EmailAlerts
from blocks.form import SettingsBlock, checked
from blocks.servicem8 import ServiceM8Account
from blocks.slack import SlackAlerts
from blocks.xero import XeroApp
from milepost.connection import AlertSettings
from milepost.connection import Connection as Settings
from milepost.errors import ConfigError

PlatformBlock = ServiceM8Account | DeclaredPlatform | CsvFiles

PLATFORM_BLOCKS: dict[str, type[PlatformBlock]] = {
    "servicem8": ServiceM8Account,
    "declared": DeclaredPlatform,
    "csv": CsvFiles,
}
"""The platform blocks there are, by the kind that a connection file names. To add one, add a line here and above."""


class Connection(SettingsBlock):
    """One platform account, one Xero organisation, one rule book and its alert channels. Its block name is its name.

    Attributes:
        platform: The job system's block.
        xero: The Xero app's block.
        rule_book: The rule book's name, a folder of `mappings/`.
        rule_books_dir: Where the rule books are, if not in `mappings/`.
        slack: The Slack channel's block, if alerts go to Slack.
        retries: Minutes after which work that failed is tried again; then it is given up.
        live_from: The day from which on completed jobs are billed; jobs completed before it never are.
        email: The mailboxes' block, if alerts go by e-mail.
        settle_minutes: How long a billed job must be left alone before a change of it goes into its draft in Xero.

    Example:
        Load a connection with all that it nests:

        ```python
        from blocks.store import load_connection

        connection = await load_connection("acme")
        ```
    """

    _block_type_name = "Milepost Connection"
    _block_type_slug = "milepost-connection"
    _description: ClassVar[str | None] = "What Milepost bills from, to which Xero organisation, and by which rule book."

    platform: PlatformBlock = Field(title="Job system", description="The job system.")
    xero: XeroApp = Field(title="Xero app", description="The Xero app and organisation.")
    rule_book: str = Field(description="The rule book's name, a folder of mappings/.")
    rule_books_dir: str | None = Field(
        default=None, title="Rule books' folder", description="Where the rule books are, if not in mappings/."
    )
    slack: SlackAlerts | None = Field(default=None, title="Slack", description="The Slack channel, if alerts go to Slack.")
    retries: tuple[int, ...] = Field(
        default=(5, 15, 45, 135, 405),
        title="Retries",
        description="Minutes after which work that failed is tried again; then it is given up.",
    )
    live_from: date | None = Field(
        default=None, title="Live from", description="Jobs completed before this day are never billed."
    )
    email: EmailAlerts | None = Field(default=None, title="E-mail", description="The mailboxes, if alerts go by e-mail.")
    settle_minutes: int = Field(
        default=10,
        ge=0,
        title="Minutes to settle",
        description="How long a billed job must be left alone before a change of it is brought into its draft in Xero.",
    )

    @classmethod
    def from_settings(cls, settings: Settings) -> "Connection":
        """The block, with new blocks nested in it, that holds these settings."""
        slack, email = settings.alerts.slack, settings.alerts.email
        return cls(
            platform=PLATFORM_BLOCKS[settings.platform.kind].from_settings(settings.platform),  # type: ignore[arg-type]
            xero=XeroApp.from_settings(settings.xero),
            rule_book=settings.rule_book,
            rule_books_dir=str(settings.rule_books_dir) if settings.rule_books_dir else None,
            slack=SlackAlerts.from_settings(slack) if slack else None,
            email=EmailAlerts.from_settings(email) if email else None,
            retries=settings.retries,
            live_from=settings.live_from,
            settle_minutes=settings.settle_minutes,
        )

    def to_settings(self, name: str | None = None) -> Settings:
        """The settings that this block and its nested ones hold, under the block's own name unless one is given.

        Raises ConfigError when they do not fit together.
        """
        name = name or self._block_document_name
        if not name:
            raise ConfigError("This connection block has no name yet. Save it, or give a name.")
        parts = {
            "name": name,
            "platform": self.platform.to_settings(),
            "xero": self.xero.to_settings(),
            "rule_book": self.rule_book,
            "rule_books_dir": Path(self.rule_books_dir) if self.rule_books_dir else None,
            "alerts": AlertSettings(
                slack=self.slack.to_settings() if self.slack else None,
                email=self.email.to_settings() if self.email else None,
            ),
            "retries": self.retries,
            "live_from": self.live_from,
            "settle_minutes": self.settle_minutes,
        }
        return checked(self, Settings, parts)
