"""What CloudTrail told one notebook of a triage, kept for its others.

In: a folder that the triage makes, for its user's eyes only, and takes away at its end; events as
CloudTrail gave them, whole. Out: the same events. A file that is not there or not whole is as good
as none, and one that cannot be written costs only calls: two notebooks at once may both ask. Must
not ask AWS.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any


class Shared:
    """Answers that the notebooks of one triage share.

    Parameters
    ----------
    folder
        Where they are kept.
    about
        Account, region and window: answers for others are not its own.
    """

    def __init__(self, folder: Path, *, about: str) -> None:
        self._folder = folder
        self._about = about

    def get(self, event_name: str) -> list[Mapping[str, Any]] | None:
        """Return what was told of an event, if somebody asked and was told all of it."""
        with suppress(OSError, ValueError):
            events: list[Mapping[str, Any]]
            events = json.loads(self._path(event_name).read_text(encoding="utf-8"))
            return events
        return None

    def put(self, event_name: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Keep all that was told of an event, the first time; the file appears whole or never."""
        if self._path(event_name).exists():
            return
        text = json.dumps(events, default=datetime.isoformat)
        with suppress(OSError):
            handle, partial = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(partial).replace(self._path(event_name))

    def _path(self, event_name: str) -> Path:
        digest = hashlib.sha256(f"{self._about} {event_name}".encode()).hexdigest()
        return self._folder / f"{digest}.json"
