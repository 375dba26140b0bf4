"""ServiceM8's job materials as lines: their kind, prices, tax and section, and which of a bundle's readings is billed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from milepost.jobs import Line, LineKind, LineTax, TaxMode
from milepost.platforms.servicem8.query import Row
from milepost.platforms.servicem8.records import (
    JobMaterialBundleRecord,
    JobMaterialRecord,
    MaterialRecord,
    TaxRateRecord,
    parse,
)
from milepost.platforms.servicem8.settings import ServiceM8Settings
from milepost.platforms.servicem8.totals import matches

_LAST = Decimal(10**9)


@dataclass(frozen=True)
class PriceList:
    """What lines refer to, by uuid: price list entries, tax rates, and which entries are labour rates."""

    materials: Mapping[str, Row] = field(default_factory=dict)
    tax_rates: Mapping[str, Row] = field(default_factory=dict)
    labour: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reading:
    """The lines of a job, and what a person should know about how they were read."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = ()


def read_lines(
    materials: Sequence[JobMaterialRecord],
    bundles: Sequence[JobMaterialBundleRecord],
    stated_total: Decimal | None,
    prices: PriceList,
    settings: ServiceM8Settings,
) -> Reading:
    """The lines to bill, in the order people see them.

    A bundle's parts are billed under its name as section: their quantities are already for the whole bundle. Where a
    bundle carries a price of its own, which no description promises, either it or its parts are billed.
    """
    by_uuid = {bundle.uuid: bundle for bundle in bundles}
    ordered = sorted(materials, key=lambda m: _place(m, by_uuid))
    parts = tuple(_line(m, by_uuid.get(m.job_material_bundle_uuid), prices, settings) for m in ordered)
    priced = {bundle.uuid for bundle in bundles if bundle.price is not None}
    in_priced = [m.job_material_bundle_uuid in priced for m in ordered]
    unknown = tuple(_unknown_tax(m, line) for m, line in zip(ordered, parts, strict=True) if _lacks_tax(m, line))
    if not any(in_priced):
        return Reading(parts, unknown)
    others = tuple(line for line, inside in zip(parts, in_priced, strict=True) if not inside)
    whole = (*others, *(_bundle_line(by_uuid[uuid], prices) for uuid in sorted(priced)))
    chosen = _choose(parts, whole, stated_total, settings.total_includes_tax)
    return Reading(chosen.lines, (*unknown, *chosen.warnings))


def tax_mode(lines: Sequence[Line]) -> TaxMode:
    """How people see the prices of these lines."""
    shown = {line.unit_price_inc is not None for line in lines if line.unit_price_ex is not None}
    if len(shown) > 1:
        return TaxMode.MIXED
    return TaxMode.INCLUSIVE if True in shown else TaxMode.EXCLUSIVE


def _place(material: JobMaterialRecord, bundles: Mapping[str, JobMaterialBundleRecord]) -> tuple[Decimal, Decimal, str]:
    bundle = bundles.get(material.job_material_bundle_uuid)
    own = _LAST if material.sort_order is None else material.sort_order
    first = bundle.sort_order if bundle and bundle.sort_order is not None else own
    return (first, own, material.uuid)


def _line(
    material: JobMaterialRecord,
    bundle: JobMaterialBundleRecord | None,
    prices: PriceList,
    settings: ServiceM8Settings,
) -> Line:
    code = _code(material, prices)
    shown, holds_tax = material.displayed_amount, material.displayed_amount_is_tax_inclusive
    before_tax = shown if material.price is None and not holds_tax else material.price
    is_labour = bool(material.material_uuid) and material.material_uuid in prices.labour
    return Line(
        id=material.uuid,
        kind=_kind(material, before_tax, settings.named_kind(code, material.name), is_labour=is_labour),
        description=material.name.strip(),
        code=code or None,
        quantity=material.quantity,
        unit_price_ex=before_tax,
        unit_price_inc=shown if holds_tax else None,
        unit_cost=material.cost,
        tax=_tax(material.tax_rate_uuid, prices),
        section=bundle.name if bundle else None,
    )


def _code(material: JobMaterialRecord, prices: PriceList) -> str:
    entry = prices.materials.get(material.material_uuid)
    return parse(MaterialRecord, entry).item_number.strip() if entry else ""


def _kind(material: JobMaterialRecord, price: Decimal | None, named: LineKind | None, *, is_labour: bool) -> LineKind:
    """A discount is a line below zero: ServiceM8 has no other. A pattern of the settings wins over the labour rate."""
    shown = price if price is not None else material.displayed_amount
    if shown is not None and shown * (1 if material.quantity is None else material.quantity) < 0:
        return LineKind.DISCOUNT
    if shown is None and material.quantity == 0:
        return LineKind.TEXT
    return named or (LineKind.LABOUR if is_labour else LineKind.MATERIAL)


def _tax(uuid: str, prices: PriceList) -> LineTax | None:
    row = prices.tax_rates.get(uuid)
    if row is None:
        return None
    rate = parse(TaxRateRecord, row)
    return LineTax(name=rate.name or None, rate=rate.amount)


def _lacks_tax(material: JobMaterialRecord, line: Line) -> bool:
    return bool(material.tax_rate_uuid) and line.tax is None


def _unknown_tax(material: JobMaterialRecord, line: Line) -> str:
    name = line.description or material.uuid
    return f"the tax rate of line '{name}' could not be read from ServiceM8, so its tax is unknown"


def _bundle_line(bundle: JobMaterialBundleRecord, prices: PriceList) -> Line:
    return Line(
        id=bundle.uuid,
        kind=LineKind.MATERIAL,
        description=bundle.name,
        code=bundle.item_number or None,
        quantity=bundle.quantity,
        unit_price_ex=bundle.price,
        tax=_tax(bundle.tax_rate_uuid, prices),
        section=bundle.name,
    )


def _choose(parts: tuple[Line, ...], whole: tuple[Line, ...], stated: Decimal | None, includes_tax: bool | None) -> Reading:
    says = "a bundle of this job carries a price of its own beside its parts: "
    if matches(parts, stated, includes_tax=includes_tax):
        return Reading(parts, (says + "its parts are billed, since they make up the job's total",))
    if matches(whole, stated, includes_tax=includes_tax):
        return Reading(whole, (says + "the bundle is billed, since that makes up the job's total",))
    all_priced = all(line.unit_price_ex is not None for line in parts)
    chosen, which = (parts, "its parts are") if all_priced else (whole, "the bundle is")
    return Reading(chosen, (says + f"{which} billed, but neither makes up the job's total: check it",))
