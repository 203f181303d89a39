"""Tokens that say where the next page begins.

In: what a list is of, and a place in it. Out: an opaque token, and the place again. Must not know
lists.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from opslib.sandbox.logs.refusals import invalid, whole
from opslib.sandbox.operations import Refused


def token(subject: str, place: str | int) -> str:
    """Make a token for a place in a list; ``subject`` says which list."""
    return base64.urlsafe_b64encode(json.dumps([subject, place]).encode()).decode()


def opened(given: object) -> tuple[str, str | int]:
    """Read a token: of which list it is, and the place in it.

    Raises
    ------
    Refused
        It is no token.
    """
    try:
        match json.loads(base64.urlsafe_b64decode(str(given).encode())):
            case [str(subject), str() | int() as place]:
                return subject, place
    except (binascii.Error, ValueError):
        pass
    raise no_such_token()


def no_such_token() -> Refused:
    """Make the refusal of a token."""
    return invalid("The specified nextToken is invalid.")


def page(
    items: Sequence[Any], body: dict[str, Any], *, subject: str, size: str, most: int
) -> tuple[list[Any], dict[str, str]]:
    """Cut the page that a request asks for out of a list.

    Parameters
    ----------
    items
        The list, whole and in order.
    size
        The member of the request that bounds a page; ``most`` is its bound and default.

    Returns
    -------
    The items of the page, and the member ``nextToken`` of the answer where more follow.

    Raises
    ------
    Refused
        The size is out of bounds, or the token is none of this list.
    """
    rows = whole(body, size, least=1, most=most, default=most)
    given = body.get("nextToken")
    of, first = (subject, 0) if given is None else opened(given)
    if of != subject or isinstance(first, str) or not 0 <= first <= len(items):
        raise no_such_token()
    after = first + rows
    following = {"nextToken": token(subject, after)} if after < len(items) else {}
    return list(items[first:after]), following
