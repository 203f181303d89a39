"""A run folder: its name, how files get into it, and how anyone can tell that it is whole.

In: the instant, notebook and system of a run; files. Out: ``<UTC time>-<NN-name>-<system>/``,
which carries the ending ``.partial`` until its last file, ``manifest.json``, is written. So a crash
at any moment leaves no folder, or one whose name says that it is unfinished. Every file appears
whole or not at all, except ``audit.jsonl``, which only grows, one line at a time.

Must not know notebooks, AWS or what a result means.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from opslib.errors import BadInput

MANIFEST = "manifest.json"
REPORT = "report.html"
PDF = "report.pdf"
#: Of a triage, which has no report of its own.
INDEX = "index.json"
PAGE = "index.html"
PAGE_PDF = "index.pdf"
RESULT = "result.json"
NOTEBOOK = "notebook.ipynb"
AUDIT = "audit.jsonl"
PARTIAL = ".partial"
#: Of result.json and of the manifest.
SCHEMA = 1
#: The environment variable that tells a kernel its run folder.
VARIABLE = "OPSLIB_RUN_DIR"
#: The one that tells it the folder of what the notebooks of its triage share, if it has one.
SHARED = "OPSLIB_SHARED_DIR"
_MOST_SAME_SECOND = 1000
# Terminal codes above 126, and what turns the direction of reading.
_ACTING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def file_name(name: str, *, longest: int = 80) -> str:
    """Return a name as a file may be called; two names never become the same.

    What a file name should not hold becomes a dash, and what is too long is cut; such a name gets
    the first eight hexadecimal digits of its SHA-256 behind it.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:longest]
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def create(out: Path, *, started_at: datetime, notebook: str, system: str) -> Path:
    """Make the folder of a run that starts now.

    Parameters
    ----------
    out
        The folder of all runs; made if it is not there.
    started_at
        The instant of the start, tz-aware UTC.
    notebook, system
        ``20-duration`` and the system's name; an empty name is left out. See `file_name` for what
        a file name should not hold.

    Returns
    -------
    The folder, its name ending in ``.partial``. Two runs of one second get different folders.

    Raises
    ------
    BadInput
        The folder cannot be made.
    """
    parts = [file_name(part) for part in (notebook, system) if part]
    name = "-".join([f"{started_at:%Y%m%dT%H%M%SZ}", *parts])
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_SAME_SECOND):
            final = out / (name if number == 1 else f"{name}-{number}")
            folder = final.with_name(final.name + PARTIAL)
            # Made before it is looked for: of two runs at once, one has it and one goes on.
            with suppress(FileExistsError):
                folder.mkdir()
                if not final.exists():
                    return folder
                folder.rmdir()
    except OSError as error:
        raise BadInput(
            f"Nothing ran: no run folder can be made in {out}: {error.strerror}. "
            "Name another one with --out.",
            folder=str(out),
        ) from error
    raise BadInput(f"Nothing ran: {out} holds {_MOST_SAME_SECOND} runs of this second.")


def run_id(folder: Path) -> str:
    """Return the name of a run, finished or not."""
    return folder.name.removesuffix(PARTIAL)


def write(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or as it was before, whatever happens meanwhile."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=PARTIAL)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that nobody else may read; a report is meant to be read.
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write a mapping as JSON that people can read too, also on a terminal; see `write`."""
    write(path, _inert(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)) + "\n")


def audit(folder: Path, *, at: str, event: str, **facts: object) -> None:
    """Add one line to the folder's ``audit.jsonl`` and see it onto the disk.

    Parameters
    ----------
    folder
        The run folder.
    at
        The instant, ISO 8601.
    event
        What happened, dotted: ``run.started``.
    facts
        JSON types.
    """
    line = _inert(json.dumps({"at": at, "event": event, **facts}, ensure_ascii=False)) + "\n"
    with (folder / AUDIT).open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _inert(text: str) -> str:
    """Escape what JSON lets be and a terminal obeys; it reads back as the same values."""
    return _ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def seal(folder: Path) -> Path:
    """Write the manifest and take the ending ``.partial`` off the name; return the folder."""
    # Of a kernel that was killed as it wrote one.
    for left in [*folder.rglob(f".*{PARTIAL}")]:
        left.unlink()
    files = {name: _sha256(folder / name) for name in _names(folder)}
    write_json(folder / MANIFEST, {"schema": SCHEMA, "run_id": run_id(folder), "sha256": files})
    final = folder.with_name(run_id(folder))
    folder.rename(final)
    handle = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return final


def replace_sealed(folder: Path, name: str, content: str | bytes) -> None:
    """Write one file of a sealed folder anew and enter it in the manifest, leaving all others be.

    Raises
    ------
    BadInput
        The folder has no manifest.
    """
    manifest = _manifest(folder)
    write(folder / name, content)
    manifest["sha256"] = dict(sorted({**manifest["sha256"], name: _sha256(folder / name)}.items()))
    write_json(folder / MANIFEST, manifest)


def differences(folder: Path, *, names: Collection[str] = ()) -> list[str]:
    """Hold a folder against its manifest.

    Parameters
    ----------
    folder
        The run folder.
    names
        The only files to compare, as POSIX paths in the folder; every file when none is named.

    Returns
    -------
    A sentence for each file that is missing, changed or was added since; empty when it is whole.

    Raises
    ------
    BadInput
        There is no such folder, or it has no manifest that can be read.
    """
    told = _manifest(folder)["sha256"]
    there = _names(folder)
    if names:
        told = {name: sha256 for name, sha256 in told.items() if name in names}
        there = [name for name in there if name in names]
    found = [f"{name} is missing." for name in sorted({*told} - {*there})]
    found += [f"{name} was added after the run." for name in sorted({*there} - {*told})]
    found += [
        f"{name} was changed after the run."
        for name in there
        if name in told and _sha256(folder / name) != told[name]
    ]
    return found


def find(run: str, *, runs: Path) -> Path:
    """Return the run folder that a path or a name under ``runs`` means.

    Raises
    ------
    BadInput
        There is none.
    """
    for folder in (Path(run), runs / run):
        if folder.is_dir():
            return folder
    raise BadInput(
        f"Nothing was read: there is no run folder {run}. Name a run folder by its path, or by its "
        f"name under {runs.name}/.",
        run=run,
    )


def _names(folder: Path) -> list[str]:
    """Return every file but the manifest, as POSIX paths in the folder, sorted."""
    names = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    return sorted(name for name in names if name != MANIFEST)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest["sha256"], dict):
            raise TypeError
    except OSError as error:
        if not folder.is_dir():
            raise BadInput(
                f"Nothing was compared: {folder} is not there; it was moved or removed.",
                folder=str(folder),
            ) from error
        ran = any((folder / name).exists() for name in (AUDIT, RESULT))
        if not ran and not folder.name.endswith(PARTIAL):
            raise BadInput(
                f"Nothing was compared: {folder} has no {MANIFEST} and no {AUDIT}, so it is not "
                "the folder of a run. Name a folder under runs/.",
                folder=str(folder),
            ) from error
        raise BadInput(
            f"Nothing was compared: {folder} has no {MANIFEST}, so that run never finished. "
            "Nothing in it counts as a verdict; run the notebook again.",
            folder=str(folder),
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"Nothing was compared: {path} is not a manifest of opslib; it was changed.",
            folder=str(folder),
        ) from error
    found: dict[str, dict[str, str]] = manifest
    return found
