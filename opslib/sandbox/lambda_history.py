"""When functions were last modified, as a story tells it.

The emulator stamps the wall's time on every change; a story, and a pinned clock, need their own.
In: orders through ``/_opslib/lambda-history``, and each answer of the emulator's Lambda. Out: the
answer, with ``LastModified`` as told. Must not know HTTP.
"""

from datetime import UTC, datetime
from typing import Any

from opslib.errors import BadInput
from opslib.sandbox.clock import Clock

_CHANGES = frozenset({"UpdateFunctionCode", "UpdateFunctionConfiguration"})
_BEGINNINGS = frozenset({"CreateFunction", "PublishVersion"})


class LambdaHistory:
    """What was told about each function and version.

    Parameters
    ----------
    clock
        Dates a change made through the API, when it is pinned; a live one agrees with the emulator.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
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
        listed = [*payload.get("Functions", ()), *payload.get("Versions", ())]
        for configuration in (payload, payload.get("Configuration"), *listed):
            if isinstance(configuration, dict) and "LastModified" in configuration:
                told = self._told.get(
                    (str(configuration.get("FunctionName")), str(configuration.get("Version")))
                )
                if told:
                    configuration["LastModified"] = _spelled(told)
        return payload


def _spelled(at: datetime) -> str:
    """Spell an instant as Lambda does: ``2026-10-14T01:52:00.000+0000``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"
