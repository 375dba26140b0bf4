"""Whether a text can fit some globs and not others: the automata's answer against every short text."""

from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.rules.overlap.words import some_text_fits

TEXTS = ["".join(letters) for length in range(1, 5) for letters in product("abz", repeat=length)]
"""Every text of up to four letters; z stands for whatever no glob names."""
GLOBS = st.text("ab*?", min_size=1, max_size=4).map(lambda glob: glob[:3]) | st.sampled_from(
    ["[ab]", "[!a]*", "[a-b]?", "*[!b]", "[", "a[", "[]a]*", "*a*b*", "[b-a]", "*"]
)


@settings(max_examples=300)
@given(st.frozensets(GLOBS, max_size=2), st.frozensets(GLOBS, max_size=3))
def test_it_is_possible_where_some_short_text_shows_it(wanted: frozenset[str], unwanted: frozenset[str]) -> None:
    shown = any(
        all(fnmatchcase(text, glob) for glob in wanted) and not any(fnmatchcase(text, glob) for glob in unwanted)
        for text in TEXTS
    )
    if shown:
        assert some_text_fits(wanted, unwanted)


@settings(max_examples=300)
@given(st.frozensets(GLOBS, max_size=2), st.frozensets(GLOBS, max_size=2))
def test_it_is_impossible_only_where_no_short_text_shows_it(wanted: frozenset[str], unwanted: frozenset[str]) -> None:
    if not some_text_fits(wanted, unwanted):
        assert not any(
            all(fnmatchcase(text, glob) for glob in wanted) and not any(fnmatchcase(text, glob) for glob in unwanted)
            for text in TEXTS
        )


@pytest.mark.parametrize(
    ("wanted", "unwanted", "possible"),
    [
        (["AH1"], ["AH*"], False),
        (["AH*"], ["AH1"], True),
        (["A?1"], ["AH1"], True),
        (["*pump*"], ["*um*"], False),
        (["*um*"], ["*pump*"], True),
        (["a*", "*b"], ["a*b"], False),
        (["[ab]x"], ["ax", "bx"], False),
        (["[ab]x"], ["ax"], True),
        (["[a-c]"], ["a", "b", "c"], False),
        (["[!a]"], ["b"], True),
        (["?"], ["[!a]", "a"], False),
        (["*"], ["?*"], False),
        (["**"], ["?"], True),
        (["ÄH*"], ["äh*"], False),
        (["ß"], ["ss"], False),
        ([""], [], False),
        ([], ["*"], False),
        ([], ["a*", "b*"], True),
        (["*tap*"], ["[!t]*", "t[!a]*", "ta[!p]*", "tap*"], False),
    ],
)
def test_the_answer_for_globs_as_people_write_them(wanted: list[str], unwanted: list[str], possible: bool) -> None:
    assert some_text_fits(frozenset(wanted), frozenset(unwanted)) is possible


def test_fifty_words_that_may_not_occur_are_no_trouble() -> None:
    unwanted = frozenset(f"*word{number:02}*" for number in range(50))
    assert some_text_fits(frozenset(["*pump*"]), unwanted)
    assert not some_text_fits(frozenset(["*word07*"]), unwanted)
