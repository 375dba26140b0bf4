"""The connection's part of a declared platform: which file describes it, and the secrets that the file names."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from milepost.platforms.declared.parts import Zone


class DeclaredSettings(BaseModel):
    """A job system that a YAML file describes. `base_url`, `time_zone` and `currency` override the file's."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["declared"] = "declared"
    file: Path = Field(description="the description; a relative path starts where the program runs")
    secrets: dict[str, SecretStr] = Field(default_factory=dict, description="the values of ${name} in the file")
    base_url: str | None = None
    time_zone: Zone | None = None
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
