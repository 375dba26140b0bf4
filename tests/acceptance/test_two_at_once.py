"""Two processes that poll one connection at the same moment: each job is billed once, whoever comes first."""

import os
from collections import Counter

from sandbox.worlds.known import know
from tests.acceptance.test_kill_anywhere import drive
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.flow_fixtures"]

JOBS = 60
PROCESSES = 3
CUSTOMERS = 40


def fill(builder: Business) -> None:
    """Many jobs of few customers, half of whom Xero does not know."""
    items = [("Labour: joinery", "10", "48.50"), ("Partition", "4", "58.75")]
    for number in range(JOBS):
        customer = number % CUSTOMERS
        who = {"name": f"Twin {customer}", "email": f"twin{customer}@example.com"}
        if customer % 2 and number < CUSTOMERS:
            know(builder.org, who["name"], email=who["email"])
        state = "accepted" if number % 5 == 0 else "done"
        done = {"done_at": builder.sandbox.clock().isoformat()} if state == "done" else {}
        builder.job(ref=f"TWIN-{number}", state=state, customer=who, items=items, title="Work", **done)


async def test_processes_that_poll_one_connection_at_once_bill_every_job_once(business: Businesses) -> None:
    builder = await business("albion")
    fill(builder)
    own = {name: value for name, value in os.environ.items() if name in ("MILEPOST_HOME", "MILEPOST_DATABASE_URL")}
    place = {"installation": own, "console": os.environ["MILEPOST_CONSOLE_URL"], "connection": builder.name}
    ended = await drive([{"id": f"run{number}", "kill_at": None, **place} for number in range(PROCESSES)])
    assert [row["status"] for row in ended.values()] == [0] * PROCESSES, ended

    await builder.poll()  # takes up what the runs left to each other
    rows = await builder.rows()
    assert Counter(row.status.value for row in rows) == {"done": JOBS}
    assert Counter((i.url or "").rpartition("/")[2] for i in builder.invoices) == {row.id: 1 for row in rows}
    twins = Counter(str(contact.fields["Name"]).split(" (")[0] for contact in builder.org.contacts)
    assert [twins[f"Twin {customer}"] for customer in range(CUSTOMERS)] == [1] * CUSTOMERS
    assert Counter(builder.notes) == dict.fromkeys(builder.notes, 1)
    assert len(builder.notes) == JOBS
    assert (await builder.verify()).findings == ()
    assert builder.slack == []
