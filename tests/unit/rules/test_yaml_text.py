"""YAML of which every scalar stays text, and the places of keys and values."""

import pytest

from milepost.rules.yaml_text import MAX_CHARACTERS, Mark, read_yaml


@pytest.mark.parametrize(
    "written",
    ["0200", "010", "NO", "yes", "on", "true", "12:30", "1e3", "0x1F", "1_000", "2026-07-01", "3.10", ".5", "=", "<<"],
)
def test_a_scalar_stays_the_text_that_was_written(written: str) -> None:
    assert read_yaml(f"key: {written}\n").value == {"key": written}
    assert read_yaml(f"{written}: 1\n").value == {written: "1"}


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_none_only_when_it_is_not_quoted(nothing: str) -> None:
    assert read_yaml(f"key: {nothing}\n").value == {"key": None}
    assert read_yaml(f'key: "{nothing}"\n').value == {"key": nothing}


def test_every_key_and_value_knows_its_place() -> None:
    tree = read_yaml("a: 1\nb:\n  - c: 2\n  - [x, yy]\n")
    assert tree.value == {"a": "1", "b": [{"c": "2"}, ["x", "yy"]]}
    assert tree.keys[("b", 0, "c")] == Mark(3, 5)
    assert tree.values[("b", 0, "c")] == Mark(3, 8)
    assert tree.values[("b", 1, 1)] == Mark(4, 9)


def test_a_place_that_is_not_there_is_the_section_around_it() -> None:
    tree = read_yaml("a:\n  b: 1\n")
    assert tree.mark(("a", "missing", "deeper")) == Mark(2, 3)
    assert tree.key_mark(("a", "b")) == Mark(2, 3)


def test_a_byte_order_mark_is_not_part_of_the_first_key() -> None:
    assert read_yaml("\ufeffversion: 3\n").value == {"version": "3"}


def test_block_texts_keep_their_lines() -> None:
    assert read_yaml("a: |\n  one\n  two\n").value == {"a": "one\ntwo\n"}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", (1, 1), "the file is empty"),
        ("# only words\n", (1, 1), "the file is empty"),
        ("a: 1\n\tb: 2\n", (2, 1), "a tab cannot indent YAML; use spaces"),
        ("a: 1\na: 2\n", (2, 1), "this key is given twice; first in line 1"),
        ("a: &x 1\n", (1, 4), "anchors (&x) are not used in rule books; write the entry out"),
        ("a: *AH\n", (1, 4), 'aliases are not used in rule books; a text that begins with * is quoted: "*AH"'),
        ("a: *\n", (1, 5), "a text that begins with * is put in quotes"),
        ("a: !!python/object:os.system x\n", (1, 4), "tags (a word that begins with !) are not used in rule books"),
        ("a: !!str 5\n", (1, 4), "tags (a word that begins with !) are not used in rule books"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a rule book is one YAML document; remove what follows '---'"),
        ("r: {{ job.number }}\n", (1, 5), 'a key is a plain word; a template is in quotes: "{{ job.number }}"'),
        ("r: {{ job.number }} x\n", (1, 5), 'a key is a plain word; a template is in quotes: "{{ job.number }}"'),
        ("? [a]\n: b\n", (1, 3), 'a key is a plain word; a template is in quotes: "{{ job.number }}"'),
        ("a: b: c\n", (1, 5), "a ':' is not expected here; a text with ': ' in it is put in quotes, and keys line up"),
        ("a: %x\n", (1, 4), "found character '%' that cannot start any token; a text that begins with it is put in quotes"),
        (
            "a: [1, 2\n",
            (2, 1),
            (
                "not YAML: while parsing a flow sequence: expected ',' or ']', but got '<stream end>'; "
                "what is not closed begins in line 1"
            ),
        ),
        ("a: 1\nb: \x07\n", (2, 4), "a character that YAML does not allow (code U+0007)"),
        ('a: "\\ud800"\n', (1, 4), "a character that no text may hold (code U+D800)"),
        ('a: "\\0"\n', (1, 4), "a character that no text may hold (code U+0000)"),
        ('a: "\\UFFFFFFFF"\n', (1, 7), "an escape or number here cannot be read"),
        (f"%YAML {'9' * 5000}.1\n---\na: 1\n", (1, 7), "an escape or number here cannot be read"),
    ],
)
def test_what_yaml_may_not_hold_is_named_with_its_place(text: str, place: tuple[int, int], message: str) -> None:
    faults = read_yaml(text).faults
    assert [(fault.mark, fault.message) for fault in faults] == [(Mark(*place), message)]


def test_all_faults_of_a_readable_file_are_found() -> None:
    tree = read_yaml("a: &x 1\nb: *x\nc: !t 2\nc: 3\n")
    assert [fault.mark.line for fault in tree.faults] == [1, 2, 3, 4]
    assert tree.complete


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_before_it_costs_anything(opening: str) -> None:
    tree = read_yaml(opening * 20_000)
    assert not tree.complete
    assert tree.faults[-1].message.startswith(("nested more than 20 deep", "a key is a plain word"))


def test_a_billion_laughs_is_never_expanded() -> None:
    layers = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    tree = read_yaml("a0: &a0 [lol]\n" + layers)
    assert tree.value == {"a0": ["lol"]} | {f"a{n}": [None] * 10 for n in range(1, 10)}
    assert len(tree.faults) == 100


def test_a_huge_file_is_refused_unread() -> None:
    assert "more than 500,000 characters" in read_yaml("a" * (MAX_CHARACTERS + 1)).faults[0].message
