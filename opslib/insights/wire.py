"""A page of ten thousand rows, read without a Python object for each of its cells.

In: a boto3 ``logs`` client. Out: the same client, whose results of queries are an Arrow array.
botocore hands every member of an answer through its model, which for the cells of a page takes
several times as long as all else; they are plain strings and need none of it.

Facts leaned on
---------------
botocore emits ``before-parse.SERVICE.OPERATION`` with the undecoded answer and a mapping that is
laid over the parsed one. What Arrow does not take for an answer of GetQueryResults (half of a
surrogate pair, say) is left as it is, and botocore reads all of it.
"""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.json as pa_json

_EVENT = "before-parse.cloudwatch-logs.GetQueryResults"
_CELL = pa.struct([("field", pa.string()), ("value", pa.string())])
_ANSWER = pa.schema([("results", pa.list_(pa.list_(_CELL)))])


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
    body = response_dict["body"]
    if response_dict["status_code"] != 200 or b'"results"' not in body:
        return
    try:
        answer = pa_json.read_json(
            io.BytesIO(body),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(body) + 1),
            parse_options=pa_json.ParseOptions(explicit_schema=_ANSWER, newlines_in_values=True),
        )
        (rest,) = answer.drop_columns(["results"]).to_pylist()
        results = answer["results"][0].values
        told = json.dumps(rest)
    except (pa.ArrowException, ValueError, TypeError):
        return
    if results is not None:
        customized_response_dict["results"] = results
        response_dict["body"] = told.encode()
