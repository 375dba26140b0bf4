"""The block of a job system that a YAML file describes."""

from typing import ClassVar, Literal

from prefect.types import SecretDict
from pydantic import Field

from blocks.form import SettingsBlock, as_in, block_of, settings_of
from milepost.platforms.declared.settings import DeclaredSettings as Settings
from milepost.platforms.protocol import Platform
from milepost.platforms.registry import open_platform


class DeclaredPlatform(SettingsBlock):
    """Any job system with a REST/JSON API, described by a YAML file.

    Attributes:
        file: The description; every worker must find it at this path.
        secrets: The values of `${name}` in the description, such as a token.
        base_url: Overrides the description's base URL.
        time_zone: Overrides the description's time zone.
        currency: Overrides the description's currency.

    Example:
        Load the platform and fetch one job:

        ```python
        from blocks.declared import DeclaredPlatform

        declared = await DeclaredPlatform.aload("albion-platform")
        async with declared.open() as platform:
            fetched = await platform.fetch(["1482"])
        ```
    """

    _block_type_name = "Milepost Declared Platform"
    _block_type_slug = "milepost-declared-platform"
    _description: ClassVar[str | None] = "A job system that a YAML file describes, whose completed jobs Milepost bills."

    kind: Literal["declared"] = "declared"
    file: str = as_in(Settings, "file", "The description; every worker must find it at this path.")
    secrets: SecretDict = Field(
        default_factory=lambda: SecretDict({}), description="The values of ${name} in the description, as JSON."
    )
    base_url: str | None = as_in(Settings, "base_url", "Overrides the description's base URL.")
    time_zone: str | None = as_in(Settings, "time_zone", "Overrides the description's time zone.")
    currency: str | None = as_in(Settings, "currency", "Overrides the description's currency.")

    @classmethod
    def from_settings(cls, settings: Settings) -> "DeclaredPlatform":
        """The block that holds these settings."""
        return block_of(cls, settings)

    def to_settings(self) -> Settings:
        """The settings that this block holds. Raises ConfigError when they do not fit together."""
        return settings_of(self, Settings)

    def open(self) -> Platform:
        """The job system, to be used as an async context manager."""
        return open_platform(self.to_settings())
