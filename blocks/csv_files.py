"""The block of jobs and lines in two files."""

from typing import Any, ClassVar, Literal

from blocks.form import SettingsBlock, as_in, block_of, settings_of
from milepost.platforms.csv.settings import CsvSettings as Settings
from milepost.platforms.protocol import Platform
from milepost.platforms.registry import open_platform


class CsvFiles(SettingsBlock):
    """Jobs and their lines as a job system without an API exports them.

    Attributes:
        jobs: The file of the jobs; every worker must find it at this path.
        lines: The file of their lines.
        columns: Headers that are not known by themselves: `{"job": {"number": "Ref"}, "line": {}}`.
        time_zone: In which the files' dates are.
        tax_mode: What columns such as 'Unit Price' hold.

    Example:
        Load the files and list the jobs that have changed:

        ```python
        from blocks.csv_files import CsvFiles

        files = await CsvFiles.aload("harbour-platform")
        async with files.open() as platform:
            changes = await platform.list_changed(None)
        ```
    """

    _block_type_name = "Milepost CSV Files"
    _block_type_slug = "milepost-csv-files"
    _description: ClassVar[str | None] = "Jobs and lines in two exported files, which Milepost bills."

    kind: Literal["csv"] = "csv"
    jobs: str = as_in(Settings, "jobs", "The file of the jobs; every worker must find it at this path.")
    lines: str | None = as_in(Settings, "lines")
    columns: dict[str, Any] = as_in(Settings, "columns", "Headers that are not known by themselves, as JSON.")
    time_zone: str = as_in(Settings, "time_zone")
    currency: str | None = as_in(Settings, "currency", "Of jobs that name none.")
    tax_mode: str = as_in(Settings, "tax_mode")
    delimiter: str = as_in(Settings, "delimiter", "What stands between two columns.")
    encoding: str = as_in(Settings, "encoding", "utf-8-sig, cp1252 or utf-16.")
    decimal_comma: bool = as_in(Settings, "decimal_comma")
    dates: Literal["day_first", "month_first"] = as_in(Settings, "dates")
    stages: dict[str, str] = as_in(Settings, "stages")
    kinds: dict[str, str] = as_in(Settings, "kinds")

    @classmethod
    def from_settings(cls, settings: Settings) -> "CsvFiles":
        """The block that holds these settings."""
        return block_of(cls, settings)

    def to_settings(self) -> Settings:
        """The settings that this block holds. Raises ConfigError when they do not fit together."""
        return settings_of(self, Settings)

    def open(self) -> Platform:
        """The files, to be used as an async context manager."""
        return open_platform(self.to_settings())
