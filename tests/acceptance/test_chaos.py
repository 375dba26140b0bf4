"""Chaos by a seed: whatever fails and whoever is killed, in the end each job is billed once, or held for a true reason."""

import os
from pathlib import Path

import pytest

from tests.acceptance.chaos_play import Plan, play

SEED = os.environ.get("MILEPOST_CHAOS_SEED")


@pytest.mark.skipif(SEED is None, reason="takes a minute: `make chaos`, or MILEPOST_CHAOS_SEED=4280")
async def test_after_faults_and_kills_every_job_is_billed_once_or_held_with_a_true_reason(tmp_path: Path) -> None:
    """Of 300 jobs in two workers at once; `make chaos` plays longer ones."""
    played = await play(Plan(int(SEED or 0), jobs=300, rounds=8), tmp_path)
    assert played.wrong == [], "\n".join(played.wrong[:40])
    assert played.recounted is not None
    assert played.recounted.invoices > 200
    assert played.ended["killed"] > 1, played.ended
    assert played.ended["went through"] > 5, played.ended
