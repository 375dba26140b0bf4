"""`milepost demo --once --json`, as a newcomer runs it: one JSON document, and every invoice in it is a billing's."""

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.flow_fixtures import PROJECT, SECONDS_OF_A_COMMAND


async def test_the_demo_tells_its_story_as_one_document(tmp_path: Path) -> None:
    """In a folder of its own, on nothing that was there before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from cli.main import run; run()",
        "demo",
        "--once",
        "--json",
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MILEPOST_"))}
        | {"PYTHONPATH": str(PROJECT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 2 * SECONDS_OF_A_COMMAND)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, err.decode()

    story = json.loads(out)
    counts, invoices = story["counts"], story["invoices"]
    assert counts["invoiced"] == counts["invoices_in_xero"] == len(invoices) > 15
    assert counts["held"] > 0
    assert counts["failed"] == 0
    assert counts["new_contacts"] > 0
    assert counts["slack_messages"] == len(story["slack"])

    done = [
        result for act in story["acts"] for run in act["runs"] for result in run["results"] if result["status"] == "done"
    ]
    made = {result["invoice_id"]: (result["invoice_number"], result["total"]) for result in done}
    assert made == {invoice["id"]: (invoice["number"], invoice["total"]) for invoice in invoices}
    assert len({(result["job_id"], result["milestone"]) for result in done}) == len(done)
    assert {invoice["organisation"] for invoice in invoices} == {
        "Kauri Plumbing Demo",
        "Albion Fit-Out Demo",
        "Southern Electrical Demo",
    }
