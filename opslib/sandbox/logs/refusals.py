"""The errors of CloudWatch Logs, and checks of a request's members that end in one.

In: a decoded request. Out: a member that is in range, or a `Refused`. Must not know operations.

Source: botocore's ``logs`` model (ranges, patterns, enumerations, errors).
"""

import re
from typing import Any

from opslib.sandbox.operations import Refused, ServiceError

GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
LANGUAGES = ("CWLI", "SQL", "PPL")


def invalid(message: str) -> Refused:
    """Make an InvalidParameterException."""
    return Refused(ServiceError(code="InvalidParameterException", message=message))


def not_found(message: str) -> Refused:
    """Make a ResourceNotFoundException."""
    return Refused(ServiceError(code="ResourceNotFoundException", message=message))


def limit_exceeded(message: str) -> Refused:
    """Make a LimitExceededException."""
    return Refused(ServiceError(code="LimitExceededException", message=message))


def whole(body: dict[str, Any], name: str, *, least: int, most: int, default: int) -> int:
    """Read a whole number within bounds.

    Raises
    ------
    Refused
        It is no whole number, or out of bounds.
    """
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise invalid(f"{name} must be between {least} and {most}.")
    return value


def epoch(body: dict[str, Any], name: str) -> int | None:
    """Read an instant as it stands, in whatever unit; None when it is not given.

    Raises
    ------
    Refused
        It is no whole number, or negative.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid(f"{name} must be a whole number, 0 or more.")
    return value


def text(body: dict[str, Any], name: str, *, least: int, most: int) -> str | None:
    """Read a text of a length within bounds; None when it is not given.

    Raises
    ------
    Refused
        It is no text, or too short or long.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) < least:
        raise invalid(f"{name} must have length greater than or equal to {least}.")
    if len(value) > most:
        raise invalid(f"{name} must have length less than or equal to {most}.")
    return value


def texts(body: dict[str, Any], name: str) -> list[str]:
    """Read a list of texts; empty when it is not given.

    Raises
    ------
    Refused
        It is no list of texts.
    """
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(f"{name} must be a list of strings.")
    return value


def one_of(body: dict[str, Any], name: str, values: tuple[str, ...]) -> str | None:
    """Read a member of an enumeration; None when it is not given.

    Raises
    ------
    Refused
        It is none of the values.
    """
    value = body.get(name)
    if value is not None and value not in values:
        raise invalid(f"{name} must be one of {', '.join(values)}.")
    return None if value is None else str(value)
