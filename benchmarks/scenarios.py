"""What `benchmarks.thousand_jobs` runs: how many jobs of which system, under which limits, and what is promised of each."""

from dataclasses import dataclass
from typing import Literal

APP_ID = "milepost-bench"
APP_SECRET = "secret-of-bench"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run of the real flow. `latency`: seconds added to every call of every vendor; `limits`: the vendors' rate limits.

    Without limits the job system is declared without any, too, so that only our own speed is measured.
    """

    key: str
    heading: str
    name: str
    system: Literal["fieldbook", "servicem8"] = "fieldbook"
    limits: bool = True
    latency: float = 0.0
    jobs: int = 1000
    lines: int = 10
    new_customers: float = 0.3

    @property
    def organisation(self) -> str:
        """The sandbox's key of the Xero organisation that the seed's customers are in."""
        return "nz" if self.system == "servicem8" else "uk"

    @property
    def account(self) -> str:
        """The sandbox's account of the job system."""
        return "kauri" if self.system == "servicem8" else "albion"

    @property
    def rule_book(self) -> str:
        """The example rule book that fits the account."""
        return "kauri-plumbing" if self.system == "servicem8" else "albion-fitout"


SCENARIOS = (
    Scenario("limits", "a limits", "limits on: 60 calls a minute, 5 at once"),
    Scenario("free", "b free", "no limits, no latency", limits=False),
    Scenario("latency", "c 100 ms", "no limits, 100 ms a call", limits=False, latency=0.1),
    Scenario("servicem8", "d ServiceM8", "ServiceM8, its limits and Xero's on", system="servicem8"),
)
