"""The demo's three businesses: what each is there to show."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Business:
    """One business of the demo: its connection's name, job system, Xero organisation, rule book, and what it shows."""

    name: str
    system: str
    organisation: str
    rule_book: str
    shows: str


BUSINESSES = (
    Business("kauri", "ServiceM8", "nz", "kauri-plumbing", "a plumber in New Zealand: one invoice a job"),
    Business("albion", "Fieldbook", "uk", "albion-fitout", "a fit-out builder in the UK: deposit, progress, completion"),
    Business("southern", "Fieldbook", "au", "southern-electrical", "electricians in Australia: tracking by region"),
)
