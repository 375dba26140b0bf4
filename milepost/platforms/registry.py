"""The platforms there are: name -> how to open one from a connection's settings. To add one, add a line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from milepost.platforms.csv.platform import CsvPlatform
from milepost.platforms.csv.settings import CsvSettings
from milepost.platforms.declared.platform import DeclaredPlatform
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.http import OnCall
from milepost.platforms.protocol import Platform
from milepost.platforms.servicem8.oauth import OnTokens, Tokens
from milepost.platforms.servicem8.platform import ServiceM8Platform
from milepost.platforms.servicem8.settings import ServiceM8Settings

PlatformSettings = Annotated[ServiceM8Settings | DeclaredSettings | CsvSettings, Field(discriminator="kind")]
"""The `platform` part of a connection file; `kind` says which."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a run gives a platform beside its settings: who hears of calls, and where rotating tokens are kept."""

    on_call: OnCall | None = None
    tokens: Tokens | None = None
    on_tokens: OnTokens | None = None


def _servicem8(settings: ServiceM8Settings, wiring: Wiring) -> Platform:
    return ServiceM8Platform(settings, tokens=wiring.tokens, on_tokens=wiring.on_tokens, on_call=wiring.on_call)


def _declared(settings: DeclaredSettings, wiring: Wiring) -> Platform:
    return DeclaredPlatform(settings, wiring.on_call)


def _csv(settings: CsvSettings, wiring: Wiring) -> Platform:
    del wiring  # it reads files, and calls nobody
    return CsvPlatform(settings)


PLATFORMS: dict[str, Callable[[Any, Wiring], Platform]] = {
    "servicem8": _servicem8,
    "declared": _declared,
    "csv": _csv,
}


def open_platform(settings: PlatformSettings, wiring: Wiring | None = None) -> Platform:
    """The platform of a connection; use it as an async context manager."""
    return PLATFORMS[settings.kind](settings, wiring or Wiring())
