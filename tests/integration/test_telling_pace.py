"""Telling a job system of its invoices keeps to its minute, whatever is waiting to be told."""

from tests.flow_fixtures import PROJECT, Businesses

pytest_plugins = ["tests.flow_fixtures"]

FITS = 30
"""Of Fieldbook's declared 120 calls a minute three quarters, at three calls a job."""


async def test_a_run_tells_what_fits_into_the_job_systems_minute_and_the_next_one_goes_on(
    business: Businesses,
) -> None:
    """A run with more invoices than it can tell of at once ends without waiting; no note is lost or doubled."""
    builder = await business("albion", platform={"file": PROJECT / "docs/examples/fieldbook.yaml"})
    for number in range(FITS + 5):
        builder.job(ref=f"N-{number:03}", customer=f"Client {number:03}", items=[("Labour", "1", "95.00")])
    await builder.poll()
    assert (len(builder.invoices), len(builder.notes)) == (FITS + 5, FITS)
    await builder.poll()
    assert len(builder.notes) == len(set(builder.notes)) == FITS + 5
