"""Propose a first rule book, from the organisation's chart and what the last jobs hold, with what to decide as comments.

Pure and deterministic: the YAML text is written by hand, section by section, so that it reads well. No code is invented:
accounts and tax types are those of the chart.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from milepost.chart import Chart, TaxRate
from milepost.errors import ConfigError
from milepost.jobs import Job, TaxMode
from milepost.rules.likely import LikelyTax, income_accounts, likely_tax
from milepost.rules.proposed_lines import rule_lines
from milepost.rules.tally import Seen, Tally, often, tally_of
from milepost.rules.written import can_be_written, one_line, quoted

_MOST = 12


def propose(name: str, chart: Chart, jobs: Sequence[Job], today: date) -> str:
    """The text of version 1 of a book. Raises ConfigError when the chart has no account that a sale could go to."""
    accounts = income_accounts(chart)
    if not accounts:
        raise ConfigError(
            f"{chart.organisation.name} has no active income account with a code, and a rule book needs one. "
            "Add one in Xero (Accounting > Chart of accounts), then run this again."
        )
    tally = tally_of(jobs)
    taxes = {tax: likely_tax(chart, accounts, tax, seen) for tax, seen in tally.taxes.items() if can_be_written(tax)}
    parts = (
        _head(name, chart, tally, today),
        _invoice(chart, tally),
        _taxes(tally, taxes),
        rule_lines(accounts, tally),
        _rates(tally),
        _fallback(tally, accounts[0].code or ""),
        _milestones(tally, chart),
        _payments(tally),
    )
    return "\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _head(name: str, chart: Chart, tally: Tally, today: date) -> Iterator[str]:
    begin = tally.first_day or today
    yield "# yaml-language-server: $schema=../rule-book.schema.json"
    yield "#"
    organisation = one_line(chart.organisation.name)
    yield f"# {one_line(name)}: proposed from the chart of {organisation} and the last {tally.jobs} jobs."
    yield "# Look for DECIDE, change what is not right, and take the comment away. docs/rule-book.md explains every key."
    yield ""
    yield "version: 1"
    yield f"effective_from: {begin}  # jobs completed from this day on; the first of those looked at"
    yield f"organisation: {quoted(organisation)}"
    yield ""


def _invoice(chart: Chart, tally: Tally) -> Iterator[str]:
    days = tally.terms.most_common(1)
    yield "invoice:"
    yield "  status: DRAFT  # DECIDE: DRAFT and SUBMITTED wait for a person in Xero; AUTHORISED is approved"
    yield '  reference: "{{ job.number }}"'
    if days:
        usual = min(max(days[0][0], 0), 365)
        yield f"  terms: {{days: {usual}}}  # what most customers have in the job system"
    else:
        yield "  terms: {days: 14}  # DECIDE: or {day_of_following_month: 20}; counted from the completion"
    yield f"  line_amounts: {_line_amounts(chart, tally)}"
    yield "  currency: job  # the job's own, else the organisation's"
    if len(tally.currencies) > 1 or set(tally.currencies) - {chart.organisation.base_currency}:
        seen = ", ".join(f"{currency} {count} times" for currency, count in often(tally.currencies.items()))
        own = one_line(chart.organisation.base_currency)
        yield f"  # seen: {one_line(seen)}. The organisation's own is {own}; others must be subscribed in Xero"
    for category in chart.tracking:
        options = [option.name for option in category.options if option.status == "ACTIVE"]
        if category.status == "ACTIVE" and options and can_be_written(category.name):
            shown = ", ".join(map(one_line, options[:_MOST]))
            yield f"  # DECIDE: track {one_line(category.name)} ({shown})? Then, with a template or one of these:"
            yield f"  # tracking: {{{quoted(category.name)}: {quoted(options[0])}}}"
    yield ""


def _line_amounts(chart: Chart, tally: Tally) -> str:
    if not chart.organisation.pays_tax:
        return "no_tax  # the organisation is not registered for sales tax"
    if tally.tax_modes and tally.tax_modes.most_common(1)[0][0] is TaxMode.INCLUSIVE:
        return "inclusive  # prices in the job system hold the tax"
    return "exclusive  # prices are before tax"


def _taxes(tally: Tally, taxes: dict[str, LikelyTax]) -> Iterator[str]:
    if not taxes:
        yield "# The jobs looked at name no tax; each line is taxed as its account is in Xero. Where they will:"
        yield "# taxes: {GST on Income: OUTPUT2}"
        yield ""
        return
    yield "# What the job system calls a tax, and the tax type that Xero knows it by. A tax that is not here holds the job."
    certain = [name for name in taxes if taxes[name].chosen]
    yield "taxes:" if certain else "# taxes:"
    kept: set[str] = set()
    for name, _ in often((name, tally.taxes[name].lines) for name in taxes):
        yield from _tax(name, taxes[name], tally.taxes[name], is_again=name.casefold() in kept)
        kept.add(name.casefold())
    yield ""


def _tax(name: str, likely: LikelyTax, seen: Seen, *, is_again: bool) -> Iterator[str]:
    """One entry; one that only a person can decide is a comment with what it may be."""
    if is_again:  # upper and lower case are the same tax to the loader's reader
        return
    among = ", ".join(
        f"{one_line(one.tax_type)} ({one_line(one.name)}, {one.effective_rate.normalize():f}%)"
        for one in likely.candidates[:_MOST]
    )
    if likely.chosen is None:
        yield f"  # DECIDE: {quoted(name)} ({seen}) may be {among or 'nothing that Xero has'}. Then:"
        yield f"  # {quoted(name)}: {likely.candidates[0].tax_type if likely.candidates else '...'}"
        return
    yield f"  {quoted(name)}: {quoted(likely.chosen.tax_type)}  # {one_line(likely.chosen.name)}; {seen}"
    if len(likely.candidates) > 1:
        yield f"  # DECIDE: of the same rate are {among}"


def _of_xero(rate: TaxRate) -> str:
    return f"{one_line(rate.tax_type)} ({one_line(rate.name)}, {rate.effective_rate.normalize():f}%)"


def _rates(tally: Tally) -> Iterator[str]:
    if tally.unpriced.lines:
        yield f"# DECIDE: hours without a price were {tally.unpriced}; without a rate they hold their jobs. Such as:"
        yield "# rates:"
        yield '#   - {id: hours, when: {kind: labour}, price: "95.00"}'
        yield ""


def _fallback(tally: Tally, account: str) -> Iterator[str]:
    if tally.without_lines:
        yield f"# {tally.without_lines} of the jobs have a price and no lines: they become one line. DECIDE: its account."
        yield f'fallback: {{description: "{{{{ job.title }}}}", account: {quoted(account)}}}'
        yield ""


def _milestones(tally: Tally, chart: Chart) -> Iterator[str]:
    done, still = _statuses(tally.done), _statuses(tally.open)
    yield "# The stages of a job, in their order; a stage is due when the job has one of its statuses."
    if still:
        counted = ", ".join(f"{one_line(status)} ({tally.open[status]} of the jobs)" for status in still)
        yield f"# Other statuses seen: {counted}."
    deposit = next((a for a in chart.accounts if a.code and a.klass == "LIABILITY" and "deposit" in a.name.casefold()), None)
    account = f", account: {quoted(deposit.code or '')}" if deposit else ""
    asked = quoted((*still, "Quote Accepted")[0])
    yield "# DECIDE: a deposit first? It stands above FIN, as:"
    yield f"#   - {{code: DEP, name: deposit, on_status: [{asked}], amount: {{percent: 30}}{account}}}"
    yield "milestones:"
    if not done:
        yield "  # DECIDE: none of the jobs looked at was completed; what does the job system call that?"
    statuses = ", ".join(map(quoted, done or ["Completed"]))
    yield f"  - {{code: FIN, name: completion, on_status: [{statuses}], amount: remaining}}"


def _statuses(seen: Counter[str]) -> list[str]:
    """The statuses, the most frequent first; those that differ in case alone are one."""
    found = {status.casefold(): status for status, _ in reversed(often(seen.items())) if can_be_written(status)}
    return list(reversed(found.values()))


def _payments(tally: Tally) -> Iterator[str]:
    if not (tally.methods or tally.deposits):
        return
    yield ""
    if tally.methods:
        methods = ", ".join(
            f"{one_line(method)} {'once' if count == 1 else f'{count} times'}"
            for method, count in often(tally.methods.items())
        )
        yield f"# DECIDE: payments were taken on the platform ({methods}). The accounts that keep them, such as:"
        first = often(tally.methods.items())[0][0]
        yield f'# payments: {{accounts: {{{quoted(first)}: "090"}}}}'
    if tally.deposits:
        jobs = "1 job" if tally.deposits == 1 else f"{tally.deposits} jobs"
        yield f"# DECIDE: {jobs} had a deposit taken before any invoice. payments > deposits says what"
        yield "# becomes of it: note (billed in full), deduct (off the last invoice; needs deposit_account), or record."
