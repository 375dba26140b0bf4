"""Records that are copied with a change: what was worked out before the change is worked out anew."""

from decimal import Decimal

from tests.unit.billing.builders import chart, job, labour, material


def test_a_changed_copy_of_a_job_has_a_fingerprint_of_its_own() -> None:
    one = job(labour(1, 95))
    before = one.fingerprint
    more = one.model_copy(update={"lines": (*one.lines, material(1, 20))})
    assert more.fingerprint == job(*more.lines).fingerprint != before
    assert one.fingerprint == before


def test_a_changed_copy_of_a_chart_finds_what_it_now_holds() -> None:
    one = chart()
    assert one.account("999") is None
    assert one.tax_rate("OUTPUT") is not None
    other = one.model_copy(update={"accounts": (one.accounts[0].model_copy(update={"code": "999"}),), "tax_rates": ()})
    assert other.account("999") is not None
    assert other.tax_rate("OUTPUT") is None


def test_a_copy_without_a_change_is_the_same() -> None:
    one = job(labour(1, Decimal(95)))
    assert one.fingerprint == one.model_copy().fingerprint
