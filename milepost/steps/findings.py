"""What verify finds: one receipt for each thing that does not agree, and the sum of what was proved."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not agree: what, of which job, what the ledger says and what Xero says, and what to do.

    subject: what it is about, by a stable id: a billing's, an invoice's or a job's.
    """

    code: str
    subject: str
    job: str
    milestone: str
    invoice: str
    why: str
    fix: str
    ours: str = ""
    theirs: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was held against what, what did not agree, and what it cost.

    billings, invoices: the ledger's billings that were sent, and the invoices in Xero that are theirs. looked_at: all sales
    invoices read. jobs: completed jobs accounted for; `source` says who told them, `remark` why not the job system.
    """

    billings: int
    invoices: int
    findings: tuple[Finding, ...]
    looked_at: int = 0
    jobs: int = 0
    source: str = ""
    remark: str = ""
    xero_calls: int = 0
    platform_calls: int = 0
    bytes_read: int = 0
    updated: int = 0
