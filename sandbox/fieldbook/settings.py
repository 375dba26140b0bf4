"""How the simulated Fieldbook behaves."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class FieldbookSettings:
    """`per_minute` is the limit while `limits` is on; `money` says how prices are written."""

    limits: bool = False
    per_minute: int = 120
    most_per_page: int = 500
    access_seconds: int = 3600
    money: Literal["string", "number"] = "string"
