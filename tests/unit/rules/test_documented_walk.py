"""The walk-through of docs/rule-book-changes.md, done word by word: its edits are made, its commands print what it shows.

Left out is what needs a connection: lint is run without one, and past jobs are neither captured nor compared.
"""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.rules import app

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "rule-book-changes.md").read_text(encoding="utf-8")
WALK = PAGE.split("## Change a rule safely")[1].split("\n## ")[0]
HEAD, RULE, MENDED = re.findall(r"```text\n(.*?)```", WALK, re.DOTALL)
SHOWN = dict(re.findall(r"```console\n\$ milepost rules (\w+) [^\n]*\n(.*?)```", WALK, re.DOTALL))
BOOK = "kauri-plumbing"
MATERIALS = '  - id: materials\n    when: {kind: material}\n    then: {account: "210"}\n'


class Reader:
    """Someone who follows the page in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "mappings" / BOOK
        shutil.copytree(PROJECT / "mappings" / BOOK, self.home)
        self.version = self.home / "v0002.yaml"

    def copies_the_version(self) -> None:
        shutil.copy(self.home / "v0001.yaml", self.version)
        for line in HEAD.splitlines():
            self.edits(rf"^{line.split(':')[0]}: \S+", line)

    def writes_the_rule_below_materials(self) -> None:
        self.replaces(MATERIALS, f"{MATERIALS}\n{RULE}")

    def moves_it_above_materials(self) -> None:
        rule = RULE.replace("acount", "account")
        self.replaces(f"{MATERIALS}\n{rule}", f"{rule}\n{MATERIALS}")

    def mends_the_test(self) -> None:
        path = self.home / "tests" / "coding.yaml"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        number = int(re.search(r"`mappings/kauri-plumbing/tests/coding.yaml`, line (\d+)", WALK)[1])  # type: ignore[index]
        lines[number - 1] = MENDED
        path.write_text("".join(lines), encoding="utf-8")

    def replaces(self, old: str, new: str) -> None:
        text = self.version.read_text(encoding="utf-8")
        assert text.count(old) == 1
        self.version.write_text(text.replace(old, new), encoding="utf-8")

    def edits(self, pattern: str, line: str) -> None:
        text, changed = re.subn(pattern, line, self.version.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert changed == 1
        self.version.write_text(text, encoding="utf-8")

    def runs(self, command: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, [command, BOOK])
        return result.exit_code, result.output


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """The reader at the end of step 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILEPOST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MILEPOST_DATABASE_URL", raising=False)
    one = Reader(tmp_path)
    one.copies_the_version()
    one.writes_the_rule_below_materials()
    return one


def _words(text: str) -> str:
    """What is said, however wide the terminal is."""
    return " ".join(re.sub(r"[│┃━╇]", " ", text).split())


def _shows(output: str, command: str) -> bool:
    parts = [_words(part) for part in SHOWN[command].split("…") if part.strip()]
    return bool(parts) and all(part in _words(output) for part in parts)


def test_check_names_the_misspelt_key(reader: Reader) -> None:
    code, output = reader.runs("check")
    assert code == 1
    assert _shows(output, "check")


def test_lint_says_that_no_line_reaches_the_rule(reader: Reader) -> None:
    reader.replaces("acount", "account")
    code, output = reader.runs("lint")
    assert code == 0
    assert _shows(output, "lint")


def test_the_rest_comes_out_as_the_page_says(reader: Reader) -> None:
    reader.replaces("acount", "account")
    reader.moves_it_above_materials()
    assert "in order" in reader.runs("lint")[1]
    code, output = reader.runs("test")
    assert code == 1
    assert _shows(output, "test")
    code, output = reader.runs("publish")
    assert code == 1
    assert "Nothing was published" in output
    reader.mends_the_test()
    code, output = reader.runs("test")
    assert code == 0
    assert "11 passed" in output
    code, output = reader.runs("publish")
    assert code == 0
    assert "published" in output
    code, output = reader.runs("history")
    assert code == 0
    assert "same" in output


def test_a_published_file_that_is_changed_is_put_back_by_the_command_that_is_shown(reader: Reader) -> None:
    reader.replaces("acount", "account")
    reader.moves_it_above_materials()
    reader.mends_the_test()
    assert reader.runs("publish")[0] == 0
    published = reader.version.read_text(encoding="utf-8")
    reader.version.write_text(f"{published}# one more remark\n", encoding="utf-8")
    code, output = reader.runs("check")
    assert code == 1
    assert "never changes" in output
    put_back = CliRunner().invoke(app, ["history", BOOK, "--text", "2"])
    reader.version.write_text(put_back.output, encoding="utf-8")
    assert reader.version.read_text(encoding="utf-8") == published
    assert reader.runs("check")[0] == 0
