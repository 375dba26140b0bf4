"""The platforms there are: name -> how to open one from a connection's settings. To add one, add a line."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from milepost.platforms.csv.platform import CsvPlatform
from milepost.platforms.csv.settings import CsvSettings
from milepost.platforms.declared.platform import DeclaredPlatform
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.protocol import Platform
from milepost.platforms.servicem8.platform import ServiceM8Platform
from milepost.platforms.servicem8.settings import ServiceM8Settings

PlatformSettings = Annotated[ServiceM8Settings | DeclaredSettings | CsvSettings, Field(discriminator="kind")]
"""The `platform` part of a connection file; `kind` says which."""

PLATFORMS: dict[str, Callable[..., Platform]] = {
    "servicem8": ServiceM8Platform,
    "declared": DeclaredPlatform,
    "csv": CsvPlatform,
}


def open_platform(settings: PlatformSettings) -> Platform:
    """The platform of a connection; use it as an async context manager."""
    return PLATFORMS[settings.kind](settings)
