"""Fills the sandbox: the demo's three businesses, and many jobs for a benchmark."""

from collections.abc import Callable
from typing import Literal

from sandbox.server import Sandbox
from sandbox.worlds import albion, kauri, many, southern
from sandbox.worlds.csv_export import write_csv_export

__all__ = ["SEEDS", "move_on", "seed_demo", "seed_many", "write_csv_export"]


def seed_demo(sandbox: Sandbox) -> None:
    """Three businesses: "kauri" on ServiceM8 (nz), "albion" (uk) and "southern" (au) on Fieldbook."""
    organisations = sandbox.xero.state.organisations
    kauri.seed(sandbox.servicem8, organisations["nz"])
    albion.seed(sandbox.fieldbook, organisations["uk"])
    southern.seed(sandbox.fieldbook, organisations["au"])


def move_on(sandbox: Sandbox) -> None:
    """What the builders report later: stages reached, and lines that grew after the deposit."""
    albion.move_on(sandbox.fieldbook)


def seed_many(
    sandbox: Sandbox,
    system: Literal["servicem8", "fieldbook"],
    *,
    jobs: int = 1000,
    new_customers: float = 0.3,
    lines: int = 10,
    seed: int = 7,
) -> None:
    """Completed jobs of one customer each; all but `new_customers` of them are in Xero (nz, or uk for Fieldbook)."""
    rows = many.entries(jobs, new_customers, lines, seed)
    organisations = sandbox.xero.state.organisations
    if system == "servicem8":
        many.seed_servicem8(sandbox.servicem8, organisations["nz"], rows)
    else:
        many.seed_fieldbook(sandbox.fieldbook, organisations["uk"], rows)


SEEDS: dict[str, Callable[[Sandbox], None]] = {
    "demo": seed_demo,
    "many-servicem8": lambda sandbox: seed_many(sandbox, "servicem8"),
    "many-fieldbook": lambda sandbox: seed_many(sandbox, "fieldbook"),
}
