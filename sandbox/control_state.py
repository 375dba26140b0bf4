"""What the control application tells of the sandbox: counts, documents in short, and what was written back."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.fieldbook import Account as FieldbookAccount
    from sandbox.server import Sandbox
    from sandbox.servicem8 import Account as ServiceM8Account
    from sandbox.xero.tenant import Organisation


def summary(sandbox: "Sandbox") -> dict[str, Any]:
    """Everything a demo shows or a test in another process compares; money is text."""
    return {
        "xero": {key: _organisation(org) for key, org in sandbox.xero.state.organisations.items()},
        "servicem8": {name: _servicem8(account) for name, account in sandbox.servicem8.accounts.items()},
        "fieldbook": {name: _fieldbook(account) for name, account in sandbox.fieldbook.accounts.items()},
        "slack": [message.to_json() for message in sandbox.slack.messages],
        "mail": [{"to": list(mail.recipients), "subject": mail.message["subject"]} for mail in sandbox.mail.mails],
    }


def _organisation(org: "Organisation") -> dict[str, Any]:
    invoices = [
        {
            "id": invoice.id,
            "number": invoice.number,
            "contact": contact.name if (contact := org.contacts.get(invoice.contact_id)) else "",
            "reference": invoice.reference,
            "status": invoice.status,
            "sub_total": str(invoice.sub_total),
            "total_tax": str(invoice.total_tax),
            "total": str(invoice.total),
            "currency": invoice.currency,
            "url": invoice.url,
        }
        for invoice in org.invoices
    ]
    contacts = [
        {"id": c.id, "name": c.name, "number": c.fields.get("ContactNumber", ""), "status": c.status} for c in org.contacts
    ]
    counts = {
        "invoices": len(org.invoices),
        "contacts": len(org.contacts),
        "payments": len(org.payments),
        "credits": len(org.credits),
    }
    return {"name": org.name, "counts": counts, "invoices": invoices, "contacts": contacts}


def _servicem8(account: "ServiceM8Account") -> dict[str, Any]:
    jobs = [
        {
            "id": row["uuid"],
            "number": row["generated_job_id"],
            "status": row["status"],
            "payment_processed": row["payment_processed"],
        }
        for row in account.tables["job"]
    ]
    notes = [{"job": r["related_object_uuid"], "text": r["note"]} for r in account.tables["note"]]
    return {"counts": {"jobs": len(jobs), "notes": len(notes)}, "jobs": jobs, "notes": notes}


def _fieldbook(account: "FieldbookAccount") -> dict[str, Any]:
    jobs = [
        {
            "id": job.id,
            "number": job.ref,
            "status": job.state,
            "billed": job.billed,
            "invoice_no": job.invoice_no,
        }
        for job in account.jobs.values()
    ]
    notes = [{"job": n.job, "text": n.text} for kept in account.notes.values() for n in kept]
    return {"counts": {"jobs": len(jobs), "notes": len(notes)}, "jobs": jobs, "notes": notes}
