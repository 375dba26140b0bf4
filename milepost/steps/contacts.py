"""Create the customers that Xero does not know, and restore those it has archived. First write on the way of a job.

Safe to repeat without a write-ahead record: Xero itself lets a ContactNumber exist only once, so a contact made by a run
that died is found by its number in the next run's mirror.
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import uuid4

from milepost.billing.decision import Bill, ContactDraft, ExistingContact, NewContact
from milepost.errors import AnswerLost, AuthError, RemoteError
from milepost.ledger import billings, mirror
from milepost.ledger.billings import BillingStatus, Troubled
from milepost.steps.customers import CREATED, refresh_mirror
from milepost.steps.retry import Retries, retries_of, setback_of
from milepost.steps.run import BillingRun, Result, by_status
from milepost.steps.words import why_of
from milepost.steps.workspace import Workspace
from milepost.xero.client import XeroClient
from milepost.xero.contacts import (
    BATCH,
    CONTACTS_PARAMS,
    CONTACTS_PATH,
    ContactOutcome,
    contacts_body,
    read_contact_outcomes,
    restore_contact,
)
from milepost.xero.messages import MEND_AND_BILL, REFUSED, advise

_log = logging.getLogger(__name__)


Troubles = dict[str, tuple[str, str, str] | RemoteError]
"""By customer id: code, why and fix of a contact that cannot be, or the error of a remote that refused or was away."""


async def settle_contacts(run: BillingRun, results: Sequence[Result]) -> None:
    """Give every planned bill of these results a contact that exists; a bill whose contact cannot be is held or failed.

    Raises AuthError when Xero does not accept our credentials any more; what was created is found by its number then.
    """
    planned = by_status(results, "planned")
    contacts = [bill.contact for bill in _bills(planned) if contact_id_of(run, bill) is None]
    news = {contact.customer_id: contact.draft for contact in contacts if isinstance(contact, NewContact)}
    archived = [contact for contact in contacts if isinstance(contact, ExistingContact)]
    troubles: Troubles = {}
    ids = list(news)
    for start in range(0, len(ids), BATCH):
        await _create(run, {i: news[i] for i in ids[start : start + BATCH]}, troubles)
    for contact in {contact.customer_id: contact for contact in archived}.values():
        await _restore(run, contact.customer_id, contact, troubles)
    await _keep_links(run, planned)
    await _keep_troubles(run, [result for result in planned if _trouble_of(result, troubles)], troubles)


def contact_id_of(run: BillingRun, bill: Bill) -> str | None:
    """The id of a bill's contact, once it exists."""
    found = run.resolutions.get(bill.contact.customer_id)
    return found.contact_id if isinstance(found, ExistingContact) and not found.restore else None


def _bills(results: Sequence[Result]) -> list[Bill]:
    return [result.decision for result in results if isinstance(result.decision, Bill)]


async def _create(run: BillingRun, drafts: dict[str, ContactDraft], troubles: Troubles) -> None:
    """Create up to 50. A name that is taken is only made different once Xero has been asked whether it is ours."""
    try:
        outcomes = await _put(await run.workspace.xero(), drafts)
        _take(run, outcomes)
        known = await _numbered(run.workspace, {i: drafts[i] for i, o in outcomes.items() if o.number_taken or o.name_taken})
        run.resolutions |= {i: _made(i, contact_id) for i, contact_id in known.items()}
        renamed = {i: _with_number(drafts[i]) for i, o in outcomes.items() if o.name_taken and i not in known}
        if renamed:
            again = await _put(await run.workspace.xero(), renamed)
            _take(run, again)
            outcomes |= again
    except AuthError:
        raise
    except RemoteError as error:
        troubles |= {i: error for i in drafts if not _is_known(run, i)}
        return
    for customer_id, outcome in outcomes.items():
        if not _is_known(run, customer_id):
            advice = advise(outcome.messages)
            troubles[customer_id] = (advice.code, f"Xero did not take the new contact: {advice.why}", advice.fix)


def _take(run: BillingRun, outcomes: Mapping[str, ContactOutcome]) -> None:
    """Go on with the contacts that were made."""
    made = {i: outcome.contact_id for i, outcome in outcomes.items() if outcome.contact_id}
    run.new_contacts += len(made)
    run.resolutions |= {i: _made(i, contact_id) for i, contact_id in made.items()}


def _made(customer_id: str, contact_id: str) -> ExistingContact:
    return ExistingContact(customer_id=customer_id, contact_id=contact_id, matched_by=CREATED)


def _is_known(run: BillingRun, customer_id: str) -> bool:
    return isinstance(run.resolutions.get(customer_id), ExistingContact)


async def _put(client: XeroClient, drafts: dict[str, ContactDraft]) -> dict[str, ContactOutcome]:
    """Create in one call. After a lost answer once more with the same key, which Xero does not do twice."""
    wanted, key = list(drafts.values()), str(uuid4())
    try:
        outcomes = await _send(client, wanted, key)
    except AnswerLost:
        outcomes = await _send(client, wanted, key)
    return dict(zip(drafts, outcomes, strict=True))


async def _send(client: XeroClient, drafts: list[ContactDraft], key: str) -> list[ContactOutcome]:
    body = contacts_body(drafts)
    answer = await client.send(
        "PUT", CONTACTS_PATH, body, idempotency_key=key, params=CONTACTS_PARAMS, operation="create-contacts"
    )
    return read_contact_outcomes(answer, drafts)


def _with_number(draft: ContactDraft) -> ContactDraft:
    return draft.model_copy(update={"name": f"{draft.name} ({draft.number[:20]})"})


async def _numbered(workspace: Workspace, drafts: dict[str, ContactDraft]) -> dict[str, str]:
    """Contacts that have our numbers already: made by a run whose answer was lost, or by another at this moment."""
    if not drafts:
        return {}
    await refresh_mirror(workspace)
    numbers = {draft.number: customer_id for customer_id, draft in drafts.items()}
    async with workspace.db.read() as c:
        found = await mirror.candidates(
            c, await workspace.tenant_id(), ids=[], numbers=list(numbers), account_numbers=[], email_keys=[], name_keys=[]
        )
    active = (contact for contact in found if contact.status == "ACTIVE" and contact.contact_number)
    return {numbers[contact.contact_number]: contact.contact_id for contact in active if contact.contact_number in numbers}


async def _restore(run: BillingRun, customer_id: str, contact: ExistingContact, troubles: Troubles) -> None:
    """Un-archive. That Xero's API does this is not documented, so a refusal is a hold with the way by hand."""
    try:
        outcome = await restore_contact(await run.workspace.xero(), contact.contact_id, str(uuid4()))
    except AuthError:
        raise
    except RemoteError as error:
        troubles[customer_id] = error
        return
    if outcome.contact_id:
        run.resolutions[customer_id] = contact.model_copy(update={"restore": False})
    else:
        why = f"The customer's contact is archived in Xero and could not be restored: {' '.join(outcome.messages)}"
        troubles[customer_id] = ("contact_archived", why, "Restore the contact in Xero, then run again.")


async def _keep_links(run: BillingRun, planned: Sequence[Result]) -> None:
    wanted = {bill.contact.customer_id for bill in _bills(planned)}
    found = [r for i, r in run.resolutions.items() if i in wanted and isinstance(r, ExistingContact) and not r.restore]
    fresh = [(r.customer_id, r.contact_id, r.matched_by) for r in found if r.matched_by != "link"]
    if not fresh:
        return
    workspace = run.workspace
    tenant_id = await workspace.tenant_id()
    async with workspace.db.write() as c:
        await mirror.save_links(c, workspace.name, tenant_id, fresh, workspace.clock())


def _trouble_of(result: Result, troubles: Troubles) -> tuple[str, str, str] | RemoteError | None:
    assert isinstance(result.decision, Bill)
    return troubles.get(result.decision.contact.customer_id)


async def _keep_troubles(run: BillingRun, troubled: Sequence[Result], troubles: Troubles) -> None:
    """Hold what a person must mend; what may pass climbs the retry ladder."""
    if not troubled:
        return
    async with run.workspace.db.write() as c:
        retries = await retries_of(c, run.workspace, [result.billing_id for result in troubled])
        rows = [_troubled(result, _trouble_of(result, troubles), retries) for result in troubled]
        await billings.set_trouble(c, rows, run.workspace.clock())
    for result, row in zip(troubled, rows, strict=True):
        result.status, result.code, result.why, result.fix = row.status.value, row.code, row.why, row.fix


def _troubled(result: Result, trouble: tuple[str, str, str] | RemoteError | None, retries: Retries) -> Troubled:
    assert trouble is not None
    if isinstance(trouble, RemoteError) and not trouble.permanent:
        return retries.troubled(result.billing_id, setback_of(trouble))
    if isinstance(trouble, RemoteError):
        trouble = (REFUSED, why_of(trouble), trouble.fix or MEND_AND_BILL)
    return Troubled(result.billing_id, BillingStatus.HELD, *trouble)
