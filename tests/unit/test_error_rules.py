"""The guide's error table as rules: real lines, their kind, and how they tell of an end."""

import pytest

from opslib.health.error_rules import RULES, ending_of, kind_of, signature_of

ID = "3a753edf-e680-4612-b024-f0df8c7a51ed"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 2000.00 ms\tBilled Duration: 2000 ms\t"
    "Memory Size: 256 MB\tMax Memory Used: {used} MB\t{more}\n"
)
DENIED = (
    "An error occurred (AccessDeniedException) when calling the UpdateItem operation: User: "
    "arn:aws:sts::000000000000:assumed-role/r/f is not authorized to perform: dynamodb:UpdateItem"
)


@pytest.mark.parametrize(
    ("shape", "status", "error_type", "said", "ending", "kind"),
    [
        ("REPORT", "", "", REPORT.format(used=97, more="Status: timeout"), "report", "timeout"),
        (
            "",
            "",
            "",
            f"2026-10-14T02:17:16.645Z {ID} Task timed out after 2.00 seconds\n",
            "last words",
            "timeout",
        ),
        ("platform.report", "timeout", "", '{"time":"t"}', "report", "timeout"),
        (
            "REPORT",
            "",
            "",
            REPORT.format(used=90, more="Status: error\tError Type: Runtime.OutOfMemory"),
            "report",
            "out of memory",
        ),
        (
            "REPORT",
            "",
            "",
            REPORT.format(used=256, more="Status: error\tError Type: Runtime.ExitError"),
            "report",
            "out of memory",
        ),
        (
            "REPORT",
            "",
            "",
            REPORT.format(used=90, more="Status: error\tError Type: Runtime.ExitError"),
            "report",
            "process ended",
        ),
        (
            "platform.report",
            "error",
            "Runtime.ExitError",
            '{"record":{"metrics":{"memorySizeMB":128,"maxMemoryUsedMB":128}}}',
            "report",
            "out of memory",
        ),
        (
            "",
            "",
            "",
            f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
            "last words",
            "out of memory",
        ),
        (
            "",
            "",
            "",
            f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
            "last words",
            "process ended",
        ),
        (
            "",
            "",
            "",
            f"RequestId: {ID} Process exited before completing request",
            "last words",
            "process ended",
        ),
        (
            "",
            "",
            "",
            "INIT_REPORT Init Duration: 412.41 ms\tPhase: init\tStatus: error\t"
            "Error Type: Runtime.ImportModuleError\n",
            "init",
            "init failed",
        ),
        (
            "",
            "",
            "",
            "INIT_REPORT Init Duration: 10000.20 ms\tPhase: init\tStatus: timeout\n",
            "init",
            "slow init",
        ),
        ("platform.initReport", "error", "Runtime.Unknown", "{}", "init", "init failed"),
        ("platform.initReport", "timeout", "", "{}", "init", "slow init"),
        (
            "",
            "",
            "",
            "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'",
            "uncaught",
            "init failed",
        ),
        (
            "",
            "",
            "",
            "[ERROR] AttributeError: 'R' object has no attribute 'n'\nTraceback",
            "uncaught",
            "code error",
        ),
        ("", "", "ValueError", "bad", "uncaught", "code error"),
        (
            "",
            "",
            "",
            f"2026-10-14T02:17:16.645Z\t{ID}\tERROR\tInvoke Error \t"
            '{"errorType":"TypeError","errorMessage":"x is not a function"}',
            "uncaught",
            "code error",
        ),
        ("", "", "", f"[ERROR] ClientError: {DENIED}", "uncaught", "permission denied"),
        ("", "", "", f"Error updating snapshot: {DENIED}", "logged", "permission denied"),
        (
            "",
            "",
            "",
            "An error occurred (ProvisionedThroughputExceededException) when calling the PutItem "
            "operation (reached max retries: 9): The level of configured provisioned throughput",
            "logged",
            "throttled downstream",
        ),
        (
            "",
            "",
            "",
            "[ERROR] ClientError: An error occurred (ThrottlingException) when calling Query",
            "uncaught",
            "throttled downstream",
        ),
        (
            "",
            "",
            "",
            "An error occurred (ValidationException) when calling the UpdateItem operation",
            "logged",
            "invalid request",
        ),
        (
            "",
            "",
            "",
            "An error occurred (ResourceNotFoundException) when calling the GetItem operation",
            "logged",
            "missing resource",
        ),
        (
            "",
            "",
            "",
            "An error occurred (ConditionalCheckFailedException) when calling PutItem",
            "logged",
            "condition failed",
        ),
        ("", "", "", "cache is cold, timeout of 3 s was met", "logged", "only logged"),
        (
            "",
            "",
            "",
            f"[ERROR]\t2026-10-14T02:17:16.645Z\t{ID}\tno such user",
            "logged",
            "only logged",
        ),
    ],
)
def test_a_line_is_told_by_its_shape(
    shape: str, status: str, error_type: str, said: str, ending: str, kind: str
) -> None:
    told = ending_of(shape=shape, error_type=error_type, said=said)

    rule = kind_of(ending=told, status=status, error_type=error_type, said=said)

    assert rule is not None
    assert (told, rule.kind) == (ending, kind)


NODE = f"2026-10-14T02:17:16.645Z\t{ID}\tERROR\t"
POOL = "HTTPSConnectionPool(host='entry.example', port=443)"


@pytest.mark.parametrize(
    ("error_type", "said", "kind"),
    [
        (
            "",
            NODE + 'Invoke Error \t{"errorType":"Error","errorMessage":"connect ECONNREFUSED '
            '10.0.0.12:443","code":"ECONNREFUSED","errno":-111,"syscall":"connect"}',
            "service failing",
        ),
        (
            "",
            NODE + 'Uncaught Exception \t{\n    "errorType": "Error",\n    "errorMessage": '
            '"getaddrinfo ENOTFOUND entry.example",\n    "code": "ENOTFOUND"\n}',
            "service failing",
        ),
        (
            "",
            NODE + 'Unhandled Promise Rejection \t{"errorType":"Runtime.UnhandledPromiseRejection",'
            '"errorMessage":"Error: connect ETIMEDOUT 10.0.0.12:443"}',
            "service failing",
        ),
        ("AxiosError", "Request failed with status code 503", "service failing"),
        ("AxiosError", "Request failed with status code 429", "service failing"),
        ("AxiosError", "Request failed with status code 401", "token refused"),
        ("AxiosError", "Request failed with status code 400", "code error"),
        ("AxiosError", "timeout of 5000ms exceeded", "service failing"),
        ("HTTPError", "Response code 502 (Bad Gateway)", "service failing"),
        ("TypeError", "fetch failed", "service failing"),
        ("Error", "socket hang up", "service failing"),
        ("Error", "An API error occurred: invalid_auth", "token refused"),
        (
            "",
            "[ERROR] SlackApiError: The request to the Slack API failed. (url: "
            "https://slack.com/api/chat.postMessage)\nThe server responded with: {'ok': False, "
            "'error': 'invalid_auth'}\nTraceback (most recent call last):",
            "token refused",
        ),
        (
            "",
            "[ERROR] ClientError: An error occurred (ExpiredTokenException) when calling the "
            "PutItem operation: The security token included in the request is expired",
            "token refused",
        ),
        (
            "",
            f"[ERROR] ConnectionError: {POOL}: Max retries exceeded with url: /v1 (Caused by "
            "NewConnectionError('Failed to establish a new connection: [Errno 111] Connection "
            "refused'))\nTraceback (most recent call last):",
            "service failing",
        ),
        ("", f"[ERROR] ReadTimeout: {POOL}: Read timed out. (read timeout=5)", "service failing"),
        (
            "",
            "[ERROR] HTTPError: 503 Server Error: Service Unavailable for url: https://e.example/",
            "service failing",
        ),
        ("", "[ERROR] HTTPError: HTTP Error 500: Internal Server Error", "service failing"),
        ("", "[ERROR] HTTPError: HTTP Error 404: Not Found", "code error"),
        ("", "[ERROR] TimeoutError: The read operation timed out\nTraceback", "service failing"),
        ("TimeoutError", "timed out", "service failing"),
        ("TimeoutError", "[Errno 110] Connection timed out", "service failing"),
        ("", "[ERROR] URLError: <urlopen error timed out>", "service failing"),
        ("", "[ERROR] JobError: the job timed out", "code error"),
        (
            "",
            "[ERROR] URLError: <urlopen error [Errno -2] Name or service not known>",
            "service failing",
        ),
        (
            "",
            "[ERROR] EndpointConnectionError: Could not connect to the endpoint URL: "
            '"https://sqs.eu-west-1.amazonaws.com/"',
            "service failing",
        ),
        (
            "",
            "[ERROR] ClientError: An error occurred (InternalServerError) when calling the "
            "UpdateItem operation (reached max retries: 9): Internal server error",
            "service failing",
        ),
        ("", "[ERROR] ValueError: campaign 503 has 429 fans", "code error"),
        ("", "[ERROR] KeyError: 'timeout'", "code error"),
    ],
)
def test_a_service_that_fails_is_not_the_code(error_type: str, said: str, kind: str) -> None:
    told = ending_of(shape="", error_type=error_type, said=said)

    rule = kind_of(ending=told, status="", error_type=error_type, said=said)

    assert told == "uncaught"
    assert rule is not None
    assert rule.kind == kind
    if kind != "code error":
        assert (rule.finding, rule.notebook) == ("errors.dependency", "10-error-rate")


def test_a_report_that_says_only_that_it_failed_is_of_no_kind() -> None:
    text = REPORT.format(used=90, more="Status: error\tError Type: Runtime.Unknown")

    assert kind_of(ending="report", status="", error_type="", said=text) is None
    assert kind_of(ending="report", status="error", error_type="", said="{}") is None


def test_every_row_of_the_guides_table_is_a_rule_with_its_cause_and_solution() -> None:
    guide = {
        "AccessDeniedException": "errors.permission-denied",
        "ValidationException": "errors.validation",
        "ResourceNotFoundException": "errors.missing-resource",
        "ProvisionedThroughputExceededException": "errors.dynamodb",
    }

    found = {
        word: next(rule.finding for rule in RULES if rule.shows.search(word)) for word in guide
    }

    assert found == guide
    assert all(rule.cause and rule.solution and rule.notebook for rule in RULES)


@pytest.mark.parametrize(
    ("said", "error_type", "signature"),
    [
        (
            f"2026-10-14T02:17:16.645Z {ID} Task timed out after 2.00 seconds\n",
            "",
            "Task timed out after <n> seconds",
        ),
        (REPORT.format(used=97, more="Status: timeout"), "", "REPORT Status: timeout"),
        (
            "[ERROR] KeyError: 'user-17'\nTraceback (most recent call last):",
            "",
            "KeyError: 'user-<n>'",
        ),
        (
            f"[ERROR]\t2026-10-14T02:17:16.645Z\t{ID}\tno user {ID} at 2026-10-14 02:17:16",
            "",
            "no user <id> at <time>",
        ),
        ("object 5f1e2d3c4b5a6978 is gone", "", "object <id> is gone"),
        ("no user17 in S3 in 2.5 s", "", "no user<n> in S3 in <n> s"),
        (
            "Request 17 failed with status code 503",
            "AxiosError",
            "AxiosError: Request <n> failed with status code 503",
        ),
        (
            "[ERROR] HTTPError: 429 Client Error: Too Many Requests for url: https://e/v1/users/17",
            "",
            "HTTPError: 429 Client Error: Too Many Requests for url: https://e/v1/users/<n>",
        ),
        ("bad", "ValueError", "ValueError: bad"),
        ("", "", ""),
    ],
)
def test_a_signature_leaves_out_what_differs(said: str, error_type: str, signature: str) -> None:
    assert signature_of(said, error_type=error_type) == signature


def test_a_signature_is_bounded() -> None:
    assert len(signature_of("x " * 400)) == 240
