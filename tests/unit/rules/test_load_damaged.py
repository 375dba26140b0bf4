"""Whatever happens to a rule book's text, loading gives a book or located errors, and nothing else."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.rules.load import Located, RuleBookErrors, parse_book
from milepost.rules.model import RuleBook
from tests.unit.rules.books import BOOK

_SIGNS = "{}[]:,-#&*!|>'\"%@`?~ \t\n\\\x00\x07\u2028\ufeff\ud800é漢"
_WORDS = [
    "{{",
    "}}",
    "{% for",
    "---\n",
    "...\n",
    "&a ",
    "*a",
    "!!python/name:os.system ",
    "<<: ",
    "\r\n",
    "\\ud800",
    "\\x00",
]
_TERMS = ["null", "0200", "9" * 50, "[" * 30, "{a: " * 30, "{{ job.title }}", "lines:", "then:", "amount: ", "id: labour"]
_BITS = st.sampled_from([*_SIGNS, *_WORDS, *_TERMS])
_PLACE = st.integers(0, len(BOOK))
_Edit = Callable[[str], str]


def _insert(place: int, what: str) -> _Edit:
    return lambda text: text[:place] + what + text[place:]


def _remove(place: int, length: int) -> _Edit:
    return lambda text: text[:place] + text[place + length :]


def _repeat(place: int, length: int) -> _Edit:
    return lambda text: text[: place + length] + text[place : place + length] + text[place + length :]


def _cut(place: int) -> _Edit:
    return lambda text: text[:place]


_EDITS = st.lists(
    st.one_of(
        st.builds(_insert, _PLACE, _BITS),
        st.builds(_insert, _PLACE, st.text(max_size=8)),
        st.builds(_remove, _PLACE, st.integers(1, 60)),
        st.builds(_repeat, _PLACE, st.integers(1, 120)),
        st.builds(_cut, _PLACE),
    ),
    min_size=1,
    max_size=6,
)


def _loads_or_says_where(text: str) -> None:
    try:
        assert isinstance(parse_book(text, "b", "acme"), RuleBook)
    except RuleBookErrors as problem:
        _lead_to_the_text(problem.errors, text)


def _lead_to_the_text(errors: tuple[Located, ...], text: str) -> None:
    """Each is one line, and its place is in the text, whose lines end in any of YAML's ways."""
    lines = sum(text.count(end) for end in ("\n", "\r", "\x85", "\u2028", "\u2029")) + 1
    assert errors
    for error in errors:
        assert 1 <= error.line <= lines
        assert error.column >= 1
        assert error.message
        assert len(str(error).splitlines()) == 1


@given(_EDITS)
@settings(max_examples=300, deadline=None)
def test_a_damaged_book_loads_or_says_where_it_is_wrong(edits: list[_Edit]) -> None:
    text = BOOK
    for edit in edits:
        text = edit(text)
    _loads_or_says_where(text)


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_at_all_loads_or_says_where_it_is_wrong(text: str) -> None:
    _loads_or_says_where(text)


_KEYS = [
    "version",
    "lines",
    "id",
    "when",
    "then",
    "kind",
    "code",
    "account",
    "milestones",
    "amount",
    "percent",
    "invoice",
    "terms",
]
_YAMLISH = st.recursive(
    st.sampled_from(["", "x", "200", "null", "{{ job.number }}", "remaining", "labour", "2026-07-01", "yes"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=30,
)


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return f'"{value}"'


@given(_YAMLISH)
@settings(max_examples=300, deadline=None)
def test_right_words_in_wrong_places_are_located(value: object) -> None:
    _loads_or_says_where(_flow(value))
