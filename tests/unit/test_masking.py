"""Secrets, tokens and payloads go; what a runbook needs stays."""

import re
import time

import nbformat
import pandas as pd
import pytest

from opslib import masking
from opslib.masking import Masks
from opslib.system import load

MASKS = Masks()
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"key {KEY}.", "key [masked: aws access key]."),
        (f"{KEY},{SECRET}", "[masked: aws key pair]"),
        (f"aws_secret_access_key = {SECRET}", "aws_secret_access_key = [masked: aws secret key]"),
        (f'"SecretAccessKey": "{SECRET}"', '"SecretAccessKey": "[masked: aws secret key]"'),
        ("IQoJb3JpZ2luX2VjEJr3YWNjZXNzLXRva2Vu end", "[masked: aws session token] end"),
        ("/?X-Amz-Signature=0a1b&b=2", "/?X-Amz-Signature=[masked: url signature]&b=2"),
        (f"got {JWT} from", "got [masked: json web token] from"),
        ("Authorization: Basic YWxpY2U6aHVudGVyMg==", "Authorization: [masked: authorization]"),
        ("sent bearer 0123456789abcdef0", "sent bearer [masked: bearer token]"),
        ("'Cookie': 'sid=1; theme=2', 'n': 3", "'Cookie': '[masked: cookie]', 'n': 3"),
        ("push with ghp_0123456789abcdefghijABCDEFGHIJ", "push with [masked: provider token]"),
        ("https://hooks.slack.com/services/T0/B0/x", "https://hooks.slack.com/[masked: webhook]"),
        ("postgres://orders:5432@db/x", "postgres://orders:[masked: password in url]db/x"),
        ("postgres://orders:hunter2@db/x", "postgres://orders:[masked: password in url]@db/x"),
        ("DB_PASSWORD=hunter2 retries=3", "DB_PASSWORD=[masked: password] retries=3"),
        ('{"password": "hun\\"ter 2", "n": 1}', '{"password": "[masked: password]", "n": 1}'),
        ('"{\\"password\\": \\"hunter2\\"}"', '"{\\"password\\": \\"[masked: password]\\"}"'),
        ("&quot;pwd&quot;: &quot;a b&quot;", "&quot;pwd&quot;: &quot;[masked: password]&quot;"),
        ('password: "cut of', 'password: "[masked: password] of'),
        ("client_secret=abc", "client_secret=[masked: secret]"),
        ("x-api-key: abc", "x-api-key: [masked: secret]"),
        ("refresh_token='abc'", "refresh_token='[masked: token]'"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end",
            "[masked: private key] end",
        ),
    ],
)  # fmt: skip
def test_a_secret_goes_and_what_names_it_stays(text: str, masked: str) -> None:
    assert MASKS.text(text) == masked
    assert MASKS.text(masked) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"body": "a \\"b\\" c", "n": 1}', '{"body": "[masked: payload]", "n": 1}'),
        ('{"payload": {"a": {"b": "}"}}, "n": 1}', '{"payload": "[masked: payload]", "n": 1}'),
        ('{"requestPayload": [1, [2]], "n": 1}', '{"requestPayload": "[masked: payload]", "n": 1}'),
        ("{'body': '{\"a\": 1}', 'n': 1}", "{'body': '[masked: payload]', 'n': 1}"),
        ('"{\\"body\\": \\"x \\\\\\"y\\\\\\" z\\"}"', '"{\\"body\\": \\"[masked: payload]\\"}"'),
        ('{"NewImage": {"pk": {"S": "cut of', '{"NewImage": "[masked: payload]"'),
        ('{"body": null, "n": 1}', '{"body": null, "n": 1}'),
    ],
)
def test_a_payload_goes_whole_however_deep_it_is(text: str, masked: str) -> None:
    assert MASKS.text(text) == masked
    assert MASKS.text(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Duration: 41.20 ms Memory Size: 256 MB",
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:orders-Ab12Cd",
        "arn:aws:sts::000000000000:assumed-role/oncall-readonly/alice",
        "User: arn:aws:iam::000000000000:user/x is not authorized to perform: dynamodb:UpdateItem",
        "AROAJ2UCCR6DPCEXAMPLE:session AIDAJQABLZS4A3QDU576Q",
        '{"token": "plan-ac75c7cb", "action": "Raise the memory"}',
        '{"SequenceNumber": "49590338271490256608559692538361571095921575989136588898"}',
        "Secret: arn:aws:secretsmanager:us-east-1:000000000000:secret:orders-Ab12Cd",
        "rate_limit tokens=41 tokens_delta: -3 partition key: orders#1 hot_key=orders",
        "CmEKJgoiMDAwMDAwMDAwMDAwOi9hd3MvbGFtYmRhL1pBRUwQARI3GhgCBk",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        'filter @message like /ERROR/ | parse @message "key *" as key',
        "everybody: fine; the body of the query; a keyword=3; no secrets: 0 of 5",
        'Could not connect to the endpoint URL: "http://127.0.0.1:45163/" (http://orders.in:8080)',
        "GET http://orders.internal:8080/health, then https://orders.internal:443?depth=5",
    ],
)
def test_what_a_runbook_needs_stays(text: str) -> None:
    kept = text.replace("no secrets: 0", "no secrets, 0")

    assert MASKS.text(kept) == kept


def test_a_name_alone_takes_a_value_out_whole_at_any_depth() -> None:
    given = {
        "before": {"DB_PASSWORD": "correct horse battery", "memory_mb": 256},
        "body": {"order": 7},
        "token": "plan-ac75c7cb",
        "cli": ["aws lambda update --environment Variables={DB_PASSWORD=hunter2}"],
        "secret": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x",
        "password": None,
    }

    assert MASKS.value(given) == {
        "before": {"DB_PASSWORD": "[masked: password]", "memory_mb": 256},
        "body": "[masked: payload]",
        "token": "plan-ac75c7cb",
        "cli": ["aws lambda update --environment Variables={DB_PASSWORD=[masked: password]}"],
        "secret": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x",
        "password": None,
    }


# Few values are masked one by one, many by what RE2 suspects among them.
@pytest.mark.parametrize("times", [1, 40])
@pytest.mark.parametrize("dtype", ["string", "object"])
def test_a_frame_is_masked_by_cell_and_by_column_name(dtype: str, times: int) -> None:
    messages = pd.Series(["fine", "password=hunter2", None] * times, dtype=dtype)
    bodies = pd.Series(["a", "b", None] * times, dtype=dtype)
    rows = pd.DataFrame({"n": [1, 2, 3] * times, "@message": messages, "body": bodies})

    masked = MASKS.frame(rows)

    assert masked["n"].tolist() == [1, 2, 3] * times
    assert masked["@message"].dropna().tolist() == ["fine", "password=[masked: password]"] * times
    assert masked["body"].dropna().tolist() == ["[masked: payload]", "[masked: payload]"] * times
    assert masked.isna().sum().tolist() == [0, times, times]
    assert rows["@message"].tolist()[1] == "password=hunter2"
    assert [str(d) for d in masked.dtypes] == [str(d) for d in rows.dtypes]


def test_a_frame_with_mappings_in_its_cells_is_masked_inside_of_them() -> None:
    rows = pd.DataFrame({"dimensions": [{"password": "x", "FunctionName": "f"}]})

    masked = MASKS.frame(rows)

    assert masked["dimensions"].tolist() == [
        {"password": "[masked: password]", "FunctionName": "f"}
    ]


@pytest.mark.parametrize("times", [1, 120])
def test_a_frame_without_secrets_is_given_back_as_it_is(times: int) -> None:
    rows = pd.DataFrame({"@message": ["fine"] * times, "n": [1] * times})

    assert MASKS.frame(rows) is rows


def test_a_frame_of_groups_that_has_no_row_is_given_back_as_it_is() -> None:
    none = pd.DataFrame({"state": pd.Series([], dtype="string"), "letters": []})
    grouped = none.groupby(["state"], as_index=False).agg(letters=("letters", "size"))
    rows = grouped.sort_values("state", key=lambda column: column.map(len), ignore_index=True)

    assert MASKS.frame(rows) is rows


def test_a_systems_own_patterns_are_taken_out_under_their_names() -> None:
    system = load(
        {
            "name": "ZAEL-demo",
            "environment": "sandbox",
            "account": "000000000000",
            "region": "us-east-1",
            "masks": [
                {"name": "iban", "pattern": r"\bDE\d{20}\b"},
                {"name": "order", "pattern": r"(?P<kept>order )(?=9)\d+"},
            ],
            "payload_fields": ["fan_profile"],
            "mask_email": True,
        }
    )
    masks = masking.of(system)

    text = masks.text('DE02120300000000202051 order 95 15 pwd=x a@b.example {"fanProfile": "y"}')
    frame = masks.frame(pd.DataFrame({"m": ["order 95", "order 15"] * 60}))

    assert text == (
        "[masked: iban] order [masked: order] 15 pwd=[masked: password] [masked: e-mail address] "
        '{"fanProfile": "[masked: payload]"}'
    )
    assert frame["m"].tolist() == ["order [masked: order]", "order 15"] * 60


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(re.error):
        Masks([("broken", "(")])


def test_fifty_thousand_lines_do_not_take_seconds() -> None:
    line = '{"level": "INFO", "requestId": "8f507cfc", "message": "Batch done", "tokens": %d}'
    rows = pd.DataFrame({"@message": [line % number for number in range(50_000)]})
    began = time.process_time()

    masked = MASKS.frame(rows)

    assert masked is rows
    assert time.process_time() - began < 1.0


def test_what_cells_showed_and_were_given_is_masked_and_code_and_pictures_stay() -> None:
    new = nbformat.v4
    coloured = "\x1b[32mpassword\x1b[0m=\x1b[31mhunter2\x1b[0m"
    picture = "iVBORw0KGgoAKIA0123456789ABCDEF"
    code = new.new_code_cell(
        "password = given",
        outputs=[
            new.new_output("stream", name="stdout", text=coloured),
            new.new_output("error", ename="E", evalue="pwd=a", traceback=["E", coloured]),
            new.new_output(
                "display_data",
                data={"text/html": "<td>pwd=a</td>", "image/png": picture},
                metadata={"image/png": {"alt": "pwd=a"}},
            ),
            new.new_output("stream", name="stdout", text="\x1b[31mfine\x1b[0m"),
        ],
    )
    given = new.new_code_cell('api_key = "a"', metadata={"tags": ["injected-parameters"]})
    node = new.new_notebook(
        cells=[given, code], metadata={"papermill": {"parameters": {"api_key": "a", "n": 1}}}
    )

    masked = masking.notebook(node, MASKS)

    assert masked.cells[0].source == 'api_key = "[masked: secret]"'
    assert masked.metadata.papermill.parameters == {"api_key": "[masked: secret]", "n": 1}
    assert masked.cells[1].source == "password = given"
    stream, error, shown, fine = masked.cells[1].outputs
    assert stream.text == "password=[masked: password]"
    assert (error.evalue, error.traceback) == (
        "pwd=[masked: password]",
        ["E", "password=[masked: password]"],
    )
    assert shown.data == {"text/html": "<td>pwd=[masked: password]</td>", "image/png": picture}
    assert shown.metadata == {"image/png": {"alt": "pwd=[masked: password]"}}
    assert fine.text == "\x1b[31mfine\x1b[0m"
