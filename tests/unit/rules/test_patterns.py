"""Regular expressions of a rule book: what they find, what is refused in which words, and that none can run away."""

import re

import pytest

from milepost.rules.globs import matches
from milepost.rules.patterns import MAX_PATTERN, check_pattern, is_pattern, pattern_test
from tests.unit.rules.books import changed, errors_of


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("/a/", True),
        ("/hot ?water|boiler/", True),
        ("//", False),
        ("/", False),
        ("a/b", False),
        ("/a", False),
        ("a/", False),
    ],
)
def test_what_stands_between_slashes_is_a_regular_expression(text: str, is_one: bool) -> None:
    assert is_pattern(text) is is_one


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("/hot ?water|boiler/", "Service the HOT WATER cylinder", True),
        ("/hot ?water|boiler/", "Hotwater", True),
        ("/hot ?water|boiler/", "cold water", False),
        ("/^tap/", "Tap set", True),
        ("/^tap/", "Laundry tap", False),
        ("/tap$/", "Laundry tap", True),
        ("/\\bvan\\b/", "advance", False),
        ("/boiler.*service/", "Boiler\nyearly service", True),
        ("/^(AH|WE)\\d+$/", "ah12", True),
        ("/caf[eé]/", "CAFÉ", True),
        ("/(?-i)AH/", "ah", False),
        ("/a/", "", False),
        ("/./", "\ud800", True),
    ],
)
def test_an_expression_is_found_anywhere_and_without_regard_to_case(pattern: str, text: str, found: bool) -> None:
    assert pattern_test(pattern)(text) is found
    assert matches(pattern, text) is found


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("/(a/", "a ( is not closed"),
        ("/a)/", "a ) closes nothing"),
        ("/[a/", "a [ is not closed"),
        ("/[z-a]/", "'z-a' is no range or class of characters"),
        ("/*a/", "nothing stands before '*' to be repeated"),
        ("/a**/", "'**' repeats a repetition"),
        ("/a{2000}/", "'{2000}' repeats too often; 1,000 is the most, all nested together"),
        ("/((a{50}){50}){50}/", "repeats too often"),
        ("/(\\pL{90}){11}/", "it is too large; write it shorter, or repeat less"),
        ("/(?=a)b/", "it looks ahead or behind, or back at what it found, which no expression here can"),
        ("/(?<!x)y/", "it looks ahead or behind"),
        ("/(?P<n>a)(?P=n)/", "back at what it found"),
        ("/(a)\\1/", "the backslash before '\\1' means nothing here"),
        ("/(?i/", "a '(?' is not closed"),
        ("/\ud800/", "it holds half a character"),
        (f"/{'a' * MAX_PATTERN}/", "is longer than 500 characters; split it into several texts"),
        (" ", "is empty, and would fit nothing"),
    ],
)
def test_what_cannot_be_used_is_said_in_plain_words(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        check_pattern(pattern)


@pytest.mark.parametrize("glob", ["AH*", "(a", "*", "[", "/", "/(", "100%"])
def test_a_glob_is_taken_as_it_is(glob: str) -> None:
    assert check_pattern(glob) == glob


@pytest.mark.parametrize(
    "pattern", ["/(a+)+$/", "/(a|aa)+$/", "/(.*a){12}b/", "/(a*)*c/", "/((a+b?)+c?)+$/", "/(a|b)*a(a|b){200}c/"]
)
def test_an_expression_made_to_be_slow_ends(pattern: str) -> None:
    """By backtracking each would take longer than anyone lives."""
    assert check_pattern(pattern) == pattern
    assert not pattern_test(pattern)("a" * 100_000 + "!")


def test_a_wrong_expression_is_located_in_the_file() -> None:
    (problem,) = errors_of(changed('code: "AH*"', "not: {description: ['*tap*', '/(tap/']}"))
    assert problem == (
        "17:55: rule 'after-hours' > when > not > description > item 2: is not a regular expression: a ( is not closed"
    )
