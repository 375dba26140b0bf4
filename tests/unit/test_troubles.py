"""The error map covers what can be said: Xero's words word for word, every code of ours; and the page is written from it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost.troubles.documents import DOCUMENTS
from milepost.troubles.kinds import Does, Known
from milepost.troubles.page import about, codes, page
from milepost.xero.messages import advise

PROJECT = Path(__file__).parents[2]
SAID = [(known, said) for known in DOCUMENTS for said in known.says]
_MAKERS = {"Trouble", "Hold", "Skip", "Waiting", "hold", "fail", "held", "failed", "Staged", "_skip", "Troubled", "Setback"}
_CODE_ARGUMENT = {"Staged": 2, "_skip": 3, "Troubled": 2}
"""The place of the code where it is not the first argument."""


@pytest.mark.parametrize(("known", "said"), SAID, ids=[f"{known.code}: {said[:40]}" for known, said in SAID])
def test_xeros_words_are_found_under_their_code_and_class(known: Known, said: str) -> None:
    advice = advise([said])
    assert (advice.code, advice.does) == (known.code, known.does)
    assert said.rstrip(".!") in advice.why


def test_an_unknown_refusal_is_held_and_shown_whole() -> None:
    advice = advise(["A new rule of Xero's that nobody has seen before"])
    assert (advice.code, advice.does) == ("xero_refused", Does.HOLD)
    assert advice.why == "A new rule of Xero's that nobody has seen before."


def codes_in(path: Path) -> Iterator[str]:
    """The codes that a module gives to troubles, as literals."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in _MAKERS:
            continue
        place = _CODE_ARGUMENT.get(name, 0)
        given = [*node.args[place : place + 1], *(k.value for k in node.keywords if k.arg == "code")]
        values = [part.value for part in given if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        yield from (value for value in values if value.islower() and value.replace("_", "").isalpha())


SOURCES = sorted(p for folder in ("milepost/billing", "milepost/steps", "flows") for p in (PROJECT / folder).rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_code_that_the_program_gives_is_in_the_map(source: Path) -> None:
    assert set(codes_in(source)) <= set(codes())


def test_the_scan_for_codes_finds_some() -> None:
    found = {code for source in SOURCES for code in codes_in(source)}
    assert {"customer_missing", "not_due", "ambiguous", "price_missing", "before_rule_book"} <= found


def test_every_code_has_a_reason_and_a_fix() -> None:
    for code in codes():
        for known in about(code):
            assert known.why.endswith("."), code
            assert known.fix.endswith((".", "`")), code


def test_the_page_is_what_the_map_says() -> None:
    """Else: milepost troubles --write docs/troubleshooting.md."""
    assert (PROJECT / "docs/troubleshooting.md").read_text(encoding="utf-8") == page()
