"""When functions were last modified, as a story tells it.

The emulator stamps the wall's time on every change; a story, and a pinned clock, need their own.
In: orders through ``/_opslib/lambda-history``, and each answer of the emulator's Lambda. Out: the
answer, with ``LastModified`` as told. Under a pinned clock a change's ``RevisionId`` is the same at
each start, as whatever is recorded with it has to be. Must not know HTTP.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from opslib.errors import BadInput
from opslib.sandbox.clock import Clock

_CHANGES = frozenset({"UpdateFunctionCode", "UpdateFunctionConfiguration"})
_BEGINNINGS = frozenset({"CreateFunction", "PublishVersion"})
_NAMES = uuid.UUID(int=0)


class LambdaHistory:
    """What was told about each function and version.

    Parameters
    ----------
    clock
        Dates a change made through the API, when it is pinned; a live one agrees with the emulator.
    revise
        Gives a function's version another revision, in the emulator: takes the function's ARN,
        ``$LATEST`` or a version number, and the revision.
    """

    def __init__(self, *, clock: Clock, revise: Callable[[str, str, str], None]) -> None:
        self._clock = clock
        self._revise = revise
        self._changes: Counter[tuple[str, str]] = Counter()
        self._told: dict[tuple[str, str], datetime] = {}

    def order(self, body: object) -> None:
        """Take an order as the control endpoint receives it.

        Raises
        ------
        BadInput
            It is not an order.
        """
        try:
            match body:
                case {
                    "function": str(function),
                    "qualifier": str(qualifier),
                    "last_modified": str(instant),
                } if datetime.fromisoformat(instant).tzinfo:
                    self._told[function, qualifier] = datetime.fromisoformat(instant)
                    return
        except ValueError as error:
            raise BadInput(f"No history was told: {error}.") from error
        raise BadInput(
            "No history was told: an order has function, qualifier and last_modified "
            "(ISO 8601 with a time zone)."
        )

    def retold(self, operation: str, payload: Any) -> Any:
        """Tell an answer of Lambda with the told dates in it.

        Parameters
        ----------
        operation
            The API's name. A change made through it ends what was told of that function.
        payload
            The decoded answer; it is changed in place and returned.
        """
        if not isinstance(payload, dict):
            return payload
        key = (str(payload.get("FunctionName")), str(payload.get("Version")))
        if operation in _CHANGES:
            self._told.pop(key, None)
        if self._clock.pinned and operation in _CHANGES | _BEGINNINGS:
            self._told.setdefault(key, self._clock.now())
            self._revised(operation, payload, key)
        listed = [*payload.get("Functions", ()), *payload.get("Versions", ())]
        for configuration in (payload, payload.get("Configuration"), *listed):
            if isinstance(configuration, dict) and "LastModified" in configuration:
                told = self._told.get(
                    (str(configuration.get("FunctionName")), str(configuration.get("Version")))
                )
                if told:
                    configuration["LastModified"] = _spelled(told)
        return payload

    def _revised(self, operation: str, payload: dict[str, Any], key: tuple[str, str]) -> None:
        """Name a change for the function and for how many it had."""
        if "RevisionId" not in payload:
            return
        if operation == "CreateFunction":
            self._changes[key] = 0
        self._changes[key] += 1
        name = str(uuid.uuid5(_NAMES, f"{payload['FunctionArn']} {key[1]} {self._changes[key]}"))
        self._revise(str(payload["FunctionArn"]), key[1], name)
        payload["RevisionId"] = name


def _spelled(at: datetime) -> str:
    """Spell an instant as Lambda does: ``2026-10-14T01:52:00.000+0000``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"
