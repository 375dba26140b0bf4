"""Random invoices sent to a local Xero: it answers with the very totals that were decided."""

import pytest

from milepost.xero.invoices import (
    BATCH,
    INVOICES_PARAMS,
    INVOICES_PATH,
    invoice_payload,
    invoices_body,
    read_invoice_outcomes,
)
from sandbox.xero.tenant import stable_id
from tests.integration.xero_world import xero_world
from tests.unit.billing.random_invoices import TERMS, drafts

CONTACT = stable_id("uk", "contact", "Thornbury Dental Practice")


@pytest.mark.parametrize("terms", sorted(TERMS))
async def test_a_batch_of_random_invoices_comes_back_with_our_totals(terms: str) -> None:
    decided = list(drafts(BATCH, terms, seed=3))
    body = invoices_body([invoice_payload(draft, CONTACT) for draft in decided])
    async with xero_world("uk") as world, world.client() as client:
        answer = await client.send("PUT", INVOICES_PATH, body, idempotency_key="batch", params=INVOICES_PARAMS)
    outcomes = read_invoice_outcomes(answer, len(decided), body)
    assert [(o.sub_total, o.total_tax, o.total) for o in outcomes] == [
        (draft.sub_total, draft.total_tax, draft.total) for draft in decided
    ]
