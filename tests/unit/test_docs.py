"""What the pages say holds: links lead somewhere, commands exist, the picture shows the flow's own steps."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from prefect import Task

import flows.steps
from cli.app import app
from flows.billing import bill_milestone
from flows.deployments import DEPLOYMENTS

PROJECT = Path(__file__).parents[2]
_HIDDEN = {".venv", ".git", ".demo", ".milepost", "node_modules"}
PAGES = sorted(p for p in PROJECT.rglob("*.md") if not _HIDDEN & set(p.relative_to(PROJECT).parts))
_LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```\s*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"^(?:\$ )?(milepost .+|make [a-z].*)$")


def named(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def links(page: Path) -> list[str]:
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(_CODE.sub("", prose)) if "://" not in link and not link.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """The anchors that a forge gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{named(page)} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(found), f"{named(page)} links to {link}: no such heading"


def commands(page: Path) -> Iterator[list[str]]:
    """The commands that a page tells its reader to give, in code spans and blocks, without comments."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip() for block in _FENCE.findall(text) for line in block.splitlines()]
    for line in [*lines, *_CODE.findall(_FENCE.sub("", text))]:
        if found := _COMMAND.match(line.split("   #")[0].split("  #")[0].strip()):
            yield shlex.split(found[1].replace("…", ""), comments=True)


TOLD = [
    pytest.param(words, id=f"{named(page)}: {' '.join(words)}")
    for page in PAGES
    for words in commands(page)
    if words[0] == "milepost"
]


@pytest.mark.parametrize("words", TOLD)
def test_every_command_and_option_that_a_page_names_exists(words: list[str]) -> None:
    command = typer.main.get_command(app)
    for word in words[1:]:
        if word.startswith("--"):
            known = [option for param in command.params for option in param.opts]
            assert word.split("=")[0] in [*known, "--help"], f"{' '.join(words)}: there is no {word}, but {known}"
        elif hasattr(command, "commands"):
            assert word in command.commands, f"{' '.join(words)}: there is no '{word}', but {sorted(command.commands)}"
            command = command.commands[word]


def test_the_pages_name_commands() -> None:
    assert len(TOLD) > 20, "the pattern finds no commands any more"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {
        word for words in commands(page) if words[0] == "make" for word in words[1:] if word.isalpha() and word.islower()
    }
    assert asked <= targets


def test_the_picture_of_the_workflow_shows_the_steps_of_the_flow() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    picture = readme.split("```mermaid")[1].split("```")[0]
    steps = {task.name for task in vars(flows.steps).values() if isinstance(task, Task)}
    drawn = set(re.findall(r"[a-z]+-[a-z-]*[a-z]", re.sub(r"\(\[.*?\]\)", "", picture)))
    assert drawn == {*steps, bill_milestone.name}


def test_the_operators_guide_names_every_deployment() -> None:
    guide = (PROJECT / "docs/operations.md").read_text(encoding="utf-8")
    described = (PROJECT / "prefect.yaml").read_text(encoding="utf-8")
    for deployed in DEPLOYMENTS:
        assert f"`{deployed.flow.name}/{deployed.name}`" in guide
        assert f"- name: {deployed.name}\n    description: {deployed.description}\n" in described


def test_notes_for_automated_contributors_stay_short() -> None:
    assert len((PROJECT / "AGENTS.md").read_text(encoding="utf-8").splitlines()) < 60


def test_every_decision_is_in_the_list_and_has_its_three_parts() -> None:
    folder = PROJECT / "docs/decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    decisions = sorted(folder.glob("0*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        title = text.splitlines()[0].split(". ", 1)[1]
        assert f"- [{page.name[:4]}]({page.name}): {title}\n" in listed
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences")), page.name


def test_every_picture_is_small() -> None:
    pictures = sorted((PROJECT / "docs/images").iterdir())
    assert pictures
    assert all(picture.stat().st_size < 300_000 for picture in pictures)


def tracked() -> list[Path]:
    if not (PROJECT / ".git").exists():
        pytest.skip("not a checkout: which files belong to the project is not known")
    command = ["git", "-C", str(PROJECT), "ls-files", "-z"]
    names = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
    return [PROJECT / name for name in names if name and (PROJECT / name).is_file()]


# Written in pieces, so that this file does not hold them.
FOREIGN = [
    "".join(pieces)
    for pieces in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("registry.", "npmjs"),
        ("proxy.", "golang.org"),
        ("index", "-url http"),
        ("../", "shared"),
        ("/work", "/main"),
        ("facts/", "xero"),
        ("facts/", "platforms"),
        ("facts/", "prefect"),
    )
]


def test_no_file_of_the_project_names_a_registry_or_the_place_where_it_was_written() -> None:
    found = [
        f"{named(path)}: {word}"
        for path in tracked()
        if path.suffix != ".png"
        for word in FOREIGN
        if word in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert found == []
