"""The layers of the package: who may import whom, and where outside libraries may be used."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "opslib"

# A module may import opslib modules that stand before it. Lowest first.
LAYERS = [
    "errors",
    "stop",
    "window",
    "frames",
    "system",
    "masking",
    "parameters",
    "aws",
    "insights",
    "metrics",
    "lambda_logs",
    "health",
    "tree",
    "changes",
    "dead_letters",
    "streams",
    "tables",
    "fleet",
    "remedy",
    "remedies",
    "plots",
    "show",
    "target",
    "run_folder",
    "evidence",
    "result",
    "runbook",
    "kernel",
    "report",
    "headless",
    "triage",
    "cli",
    "__main__",
]
# Rooms of their own: what each may import beside itself.
ROOMS = {
    "cwli": {"errors"},
    "query": {"errors", "window", "cwli"},
    "sandbox": {"errors", "system", "window", "cwli"},
}
# What is run, not imported: entry points that may use the layers above them.
COMMANDS = {"sandbox/demo.py", "sandbox/notebooks.py"}
# Only here may these outside libraries be imported.
KEEPERS = {
    "boto3": {"aws", "sandbox"},
    "matplotlib": {"plots"},
    "papermill": {"headless", "kernel"},
    "nbconvert": {"report"},
    "duckdb": {"cwli", "query"},
    "ministack": {"sandbox"},
    "zae_limiter": {"sandbox"},
}


def _room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@cache
def _imports(path: Path) -> tuple[str, ...]:
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _wrong_imports(path: Path) -> list[str]:
    room, name = _room(path), path.relative_to(PACKAGE).as_posix()
    targets = {i.split(".")[1] for i in _imports(path) if i.startswith("opslib.")}
    targets &= {*LAYERS, *ROOMS}
    if name in COMMANDS or room == "__init__":
        return []
    if room in ROOMS:
        allowed = ROOMS[room] | {room}
    else:
        # A layer may be a folder; its own modules know one another.
        allowed = {*LAYERS[: LAYERS.index(room)], room}
        if room == "cli":
            allowed |= set(ROOMS)
    return sorted(f"{name} imports opslib.{target}" for target in targets - allowed)


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_a_place_in_the_layers() -> None:
    rooms = {_room(path) for path in _modules()} - {"__init__"}

    assert rooms - {*LAYERS, *ROOMS} == set()


def test_modules_import_only_from_layers_below_them() -> None:
    wrong = [line for path in _modules() for line in _wrong_imports(path)]

    assert wrong == []


@pytest.mark.parametrize(("library", "keepers"), KEEPERS.items())
def test_an_outside_library_is_imported_only_by_its_keeper(library: str, keepers: set[str]) -> None:
    users = {
        _room(path)
        for path in _modules()
        for imported in _imports(path)
        if imported.split(".")[0] == library
    }

    assert users - keepers == set()


def test_one_room_alone_reaches_into_the_emulator() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in _modules()
        if any(name.split(".")[0] == "ministack" for name in _imports(path))
    }

    # The server starts it.
    assert users == {
        "sandbox/emulator/alarms.py",
        "sandbox/emulator/functions.py",
        "sandbox/emulator/state.py",
        "sandbox/server.py",
    }


def test_an_import_from_a_layer_above_is_noticed(tmp_path: Path) -> None:
    path = PACKAGE / "window.py"
    source = tmp_path / "window.py"
    source.write_text("from opslib import runbook\n")

    targets = {i.split(".")[1] for i in _imports(source) if i.startswith("opslib.")}

    assert _room(path) == "window"
    assert targets - {*LAYERS[: LAYERS.index("window")]} == {"runbook"}
