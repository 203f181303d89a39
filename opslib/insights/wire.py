"""A page of ten thousand rows, read without botocore's walk over each of its cells.

In: a boto3 ``logs`` client. Out: the same client, which gives the same answers. botocore hands
every member of an answer through its model, which for the cells of a page takes several times as
long as reading the JSON; the cells are strings and need none of it.

Facts leaned on
---------------
botocore emits ``before-parse.SERVICE.OPERATION`` with the undecoded answer and a mapping that is
laid over the parsed one. Where an answer is not JSON with a list of results, nothing is done, and
botocore reads all of it.
"""

import json
from typing import Any

_EVENT = "before-parse.cloudwatch-logs.GetQueryResults"


def read_fast(client: Any) -> None:
    """Let a client read the results of queries fast; harmless when repeated.

    Parameters
    ----------
    client
        A boto3 client; anything without botocore's events is left alone.
    """
    meta = getattr(client, "meta", None)
    if meta is not None:
        meta.events.register(_EVENT, _aside, unique_id="opslib-results-aside")


def _aside(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Take the results out of an answer before botocore reads it, and lay them beside."""
    if response_dict["status_code"] != 200:
        return
    try:
        told = json.loads(response_dict["body"])
    except ValueError:
        return
    if isinstance(told, dict) and isinstance(told.get("results"), list):
        customized_response_dict["results"] = told.pop("results")
        response_dict["body"] = json.dumps(told).encode()
