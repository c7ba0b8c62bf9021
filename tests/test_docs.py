"""The pages say what the code does."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_type_hints

import pytest

from fwi import config
from runner import cli
from runner.outcomes import Outcome, exit_status

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = [cli.command_class(name) for name in cli.COMMANDS]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and not target.startswith("javascript:"):
            assert (page.parent / target).exists(), target


def test_every_outcome_is_on_its_page_with_its_status() -> None:
    rows = dict(
        re.findall(
            r"^\| `([a-z.]+)` \|.*\| (\d+) \|$", (ROOT / "docs/outcomes.md").read_text(), re.M
        )
    )
    assert rows == {outcome.value: str(exit_status(outcome)) for outcome in Outcome}


def test_readme_opens_with_its_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    first = re.search(r"```\w*\n(.*?)```", text, re.S)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].splitlines()] == [
        "make demo",
        "make test",
    ]


def test_readme_has_an_example_of_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    commands = set(cli.COMMANDS)
    assert {"train", "exec", "fit"} <= commands
    for command in commands:
        assert f"python -m runner {command}" in text


def options_of(kind: type) -> set[str]:
    """Of a command or a job, and of what its command line is made of."""
    found = set()
    for name, hint in get_type_hints(kind, include_extras=True).items():
        found |= {"--" + name.replace("_", "-")}
        for made_of in getattr(hint, "__metadata__", ()):
            found |= set(getattr(made_of, "aliases", None) or ())
        found |= options_of(hint) if dataclasses.is_dataclass(hint) else set()
    return found


def test_options_that_pages_name_exist() -> None:
    known = (
        {option for kind in (*COMMANDS, *config.JOBS.values()) for option in options_of(kind)}
        | {"--help", "--gpu", "--shm-size", "--period"}
        | {"--rounds", "--at-once", "--seed", "--list"}
        | {"--nproc-per-node"}  # torchrun's
        | {"--minutes", "--maps", "--threads", "--page"}  # of tests.bench
    )
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
        for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", page.read_text()):
            assert option.replace("--no-", "--") in known, f"{page.name}: {option}"


def test_dependencies_are_all_justified() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs/dependencies.md").read_text()
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in wanted:
        name = re.split(r"[<>=\[ ]", requirement)[0]
        assert name in page, name
