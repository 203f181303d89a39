"""environment.yml and requirements.lock say what pyproject.toml says. No channel is asked."""

import re
import tomllib
from pathlib import Path

import rattler
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# Distribution name to conda-forge name, where they differ.
CONDA_NAMES = {
    "bleach": "bleach-with-css",
    "jupyter-client": "jupyter_client",
    "duckdb": "python-duckdb",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
# aws-cli pins botocore exactly and so does the emulator: pip puts them in, after conda's own.
LEFT_TO_PIP = {"awscli", "hypercorn", "ministack", "zae-limiter"}


def _declared() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    texts = [*project["dependencies"], *(text for extra in extras for text in extra)]
    return {canonicalize_name(Requirement(text).name): Requirement(text) for text in texts}


def _environment() -> tuple[list[str], list[str]]:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    return [e for e in listed if isinstance(e, str)], next(
        e["pip"] for e in listed if isinstance(e, dict)
    )


def _specifiers(text: str) -> set[str]:
    return set(filter(None, text.replace(" ", "").split(",")))


def test_conda_lists_the_same_names_and_ranges_as_pyproject() -> None:
    wanted = {"python": {">=3.11"}, "pip": set()} | {
        CONDA_NAMES.get(name, name): {str(s) for s in requirement.specifier}
        for name, requirement in _declared().items()
        if name not in LEFT_TO_PIP
    }

    conda, _ = _environment()

    parsed = [re.fullmatch(r"([\w.-]+)\s*(.*)", line) for line in conda]
    assert {m[1]: _specifiers(m[2]) for m in parsed if m} == wanted


def test_what_conda_lacks_is_installed_by_pip_in_the_same_ranges() -> None:
    wanted = {str(requirement) for name, requirement in _declared().items() if name in LEFT_TO_PIP}

    _, pip = _environment()

    assert set(pip) == wanted


def test_every_conda_line_is_a_valid_match_spec() -> None:
    conda, _ = _environment()

    specs = [rattler.MatchSpec(line, strict=True) for line in conda]

    assert len(specs) == len(conda)


def test_the_lock_pins_every_declared_distribution_within_its_range_and_with_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==([\w.!+]+)", text, flags=re.MULTILINE))

    out_of_range = {
        name: pins.get(name)
        for name, requirement in _declared().items()
        if not requirement.specifier.contains(pins.get(name, "0"), prereleases=True)
    }

    assert out_of_range == {}
    assert text.count("--hash=sha256:") >= len(pins)


def test_the_lock_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text()

    assert re.findall(r"\w+://\S+", text) == []


def test_a_production_install_does_not_carry_the_emulator() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    names = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}

    assert names.isdisjoint({"ministack", "moto", "hypercorn", "zae-limiter"})
