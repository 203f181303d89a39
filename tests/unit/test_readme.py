"""What the README says can be typed, opened and found."""

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from opslib import cli
from opslib.sandbox import scenarios

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()


def _blocks() -> list[str]:
    return re.findall(r"```\n(.*?)```", TEXT, flags=re.DOTALL)


def _rows(heading: str) -> list[list[str]]:
    table = TEXT.split(heading)[1].split("\n\n")[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= 150


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)\b", TEXT))))
def test_every_make_target_exists(target: str) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)

    assert target in targets


@pytest.mark.parametrize(
    "words",
    sorted(set(re.findall(r"\bopslib ((?:sandbox )?[a-z]+)\b", "\n".join(_blocks())))),
)
def test_every_command_exists(words: str) -> None:
    result = CliRunner().invoke(cli.opslib, [*words.split(), "--help"])

    assert result.exit_code == 0, result.output


def test_every_link_leads_somewhere() -> None:
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", TEXT) if not t.startswith("https://")]

    assert targets
    assert [t for t in targets if not (ROOT / t).exists()] == []


def test_the_tree_names_every_notebook_once() -> None:
    named = [re.findall(r"\[(.+?)\]", row[1])[0] for row in _rows("## The tree\n\n")]

    assert named == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_module_table_names_every_module_once() -> None:
    named = [row[0].strip("`") for row in _rows("only from those above it.\n\n")]

    package = ROOT / "opslib"
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    assert sorted(named) == sorted(modules | rooms)


def test_the_scenario_table_names_every_scenario_in_its_order() -> None:
    named = [row[0].strip("`") for row in _rows("does not carry it.\n\n")]

    assert named == list(scenarios.names())


def test_the_exit_codes_are_those_of_the_code() -> None:
    table = re.findall(r"^\| (\d) \| ([a-z ]+)", TEXT, flags=re.MULTILINE)

    told = {meaning.strip(): int(code) for code, meaning in table}
    assert told == {"healthy": 0, "warning": 1, "critical": 2, "could not look": 3}


def test_the_python_it_asks_for_is_the_one_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in TEXT
