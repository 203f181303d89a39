"""Several questions side by side: few at once, in order, and none left running."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.awsrequest import AWSResponse
from fakes.clients import Clock, refusal
from fakes.insights import Service

from opslib.errors import BadInput, CouldNotLook
from opslib.insights import Answer, Insights, Question
from opslib.insights.frames import page
from opslib.insights.wire import read_fast
from opslib.window import Window

WINDOW = Window(datetime(2026, 10, 14, 3, 6, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC))
AT_MS = 1_791_947_160_000
COLUMNS = {"@timestamp": "time", "number": "int"}


def _questions(count: int) -> list[Question]:
    return [
        Question(f"n{place}", f"stats {place}", ("/g",), WINDOW, COLUMNS) for place in range(count)
    ]


def _insights(service: Any, clock: Clock | None = None, **of: Any) -> Insights:
    clock = clock or Clock()
    return Insights(service, sleep=clock.sleep, monotonic=clock.monotonic, **of)


def _errors(answers: list[Answer | CouldNotLook]) -> dict[int, str]:
    return {
        place: answer.reason
        for place, answer in enumerate(answers)
        if isinstance(answer, CouldNotLook)
    }


def test_answers_come_in_the_order_of_the_questions_and_few_are_under_way() -> None:
    service = Service([AT_MS], polls=2)

    answers = _insights(service, places=3).query_all(_questions(10))

    assert [answer.receipt.text for answer in answers if isinstance(answer, Answer)] == [
        f"stats {place}" for place in range(10)
    ]
    assert service.most_under_way == 3
    assert len(service.started) == 10
    assert service.stopped == []


def test_no_question_at_all_has_no_answers() -> None:
    assert _insights(service := Service()).query_all([]) == []
    assert service.started == []


def test_an_account_without_a_place_is_waited_for_and_fails_nothing() -> None:
    clock = Clock()
    service = Service([AT_MS], polls=3, places=1)

    answers = _insights(service, clock).query_all(_questions(4))

    assert _errors(answers) == {}
    assert service.most_under_way == 1
    assert sum(clock.slept) < 5


def test_an_account_that_stays_full_is_not_waited_for_beyond_the_deadline() -> None:
    clock = Clock()
    service = Service([AT_MS], polls=10_000, places=1)

    answers = _insights(service, clock, deadline_s=5).query_all(_questions(3))

    assert _errors(answers) == {0: "timeout", 1: "throttled", 2: "throttled"}
    assert service.stopped == ["q1"]
    assert sum(clock.slept) <= 5


def test_one_question_that_fails_costs_the_others_nothing() -> None:
    service = Service(
        [AT_MS],
        polls=1,
        ends={"stats 1": "Failed"},
        refused={"stats 3": refusal("AccessDeniedException", "no")},
    )

    answers = _insights(service).query_all(_questions(5))

    assert _errors(answers) == {1: "failed", 3: "forbidden"}
    assert service.stopped == []
    assert service.under_way == 0


def test_queries_that_were_never_started_by_the_deadline_say_so() -> None:
    service = Service([AT_MS], polls=10_000)

    answers = _insights(service, places=2).query_all(_questions(3), deadline_s=4)

    assert _errors(answers) == {0: "timeout", 1: "timeout", 2: "timeout"}
    assert "It was not started: those before it took all of the 4 s" in str(answers[2])
    assert sorted(service.stopped) == ["q1", "q2"]


def test_a_person_who_interrupts_stops_all_that_are_under_way() -> None:
    service = Service([AT_MS], polls=10, interrupt_at_poll=5)

    with pytest.raises(KeyboardInterrupt):
        _insights(service, places=3).query_all(_questions(6))

    assert sorted(service.stopped) == ["q1", "q2", "q3"]
    assert service.under_way == 0


def test_an_answer_of_the_wrong_kind_stops_the_others() -> None:
    service = Service([AT_MS], polls=1)
    questions = _questions(3)
    wrong = Question("n", "stats 9", ("/g",), WINDOW, {"@timestamp": "time"})

    with pytest.raises(BadInput):
        _insights(service).query_all([wrong, *questions])

    assert sorted(service.stopped) == ["q2", "q3", "q4"]


def test_a_wrong_question_among_others_sends_none() -> None:
    questions = [*_questions(2), Question("none", "stats 1", (), WINDOW, COLUMNS)]

    with pytest.raises(BadInput):
        _insights(service := Service()).query_all(questions)

    assert service.started == []


def test_several_together_ask_no_more_than_ten_times_a_second() -> None:
    clock = Clock()
    service = Service([AT_MS], polls=20)

    _insights(service, clock, places=8).query_all(_questions(8))

    assert service._polled == 8 * 21
    assert service._polled / sum(clock.slept) <= 10


def test_a_page_that_is_throttled_is_asked_for_again() -> None:
    class Throttling(Service):
        refusals = 2

        def get_query_results(self, **arguments: Any) -> dict[str, Any]:
            if "nextToken" in arguments and self.refusals:
                self.refusals -= 1
                raise refusal("ThrottlingException")
            return super().get_query_results(**arguments)

    clock = Clock()
    service = Throttling([AT_MS, AT_MS + 1, AT_MS + 2], page_rows=2)

    (answer,) = _insights(service, clock).query_all(_questions(1))

    assert isinstance(answer, Answer)
    assert answer.rows["number"].tolist() == [2, 1, 0]
    assert clock.slept == [0.05, 0.1]


BODY = {
    "queryLanguage": "CWLI",
    "status": "Complete",
    "statistics": {"recordsMatched": 3.0, "bytesScanned": 12.0},
    "results": [
        [
            {"field": "@timestamp", "value": "2026-10-14 03:06:00.123"},
            {"field": "ms", "value": "732.4219"},
            {"field": "memory", "value": "1.28E8"},
            {"field": "note", "value": 'ü "quoted" \\ \n'},
            {"field": "@ptr", "value": "p1"},
        ],
        [{"field": "memory", "value": "15"}, {"field": "@ptr", "value": "p2"}],
        [{"field": "note", "value": ""}, {"field": "ms"}],
    ],
    "nextToken": "more",
}
KINDS = {"@timestamp": "time", "ms": "float", "memory": "int", "note": "text", "absent": "text"}


def _client(body: bytes, *, status: int = 200) -> Any:
    client = boto3.client(
        "logs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )

    class Raw:
        def stream(self) -> Any:
            yield body

    def answer(request: Any, **_: Any) -> AWSResponse:
        headers = {"content-type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, status, headers, Raw())

    client.meta.events.register("before-send.cloudwatch-logs.GetQueryResults", answer)
    return client


def test_a_page_read_fast_is_the_page_that_botocore_reads() -> None:
    client = _client(json.dumps(BODY).encode())
    slow = client.get_query_results(queryId="q")

    read_fast(client)
    read_fast(client)
    fast = client.get_query_results(queryId="q")

    results = fast.pop("results")
    assert type(results).__module__ == "pyarrow.lib"
    expected = page(slow.pop("results"), KINDS, name="q")
    pd.testing.assert_frame_equal(page(results, KINDS, name="q"), expected)
    assert expected["memory"].tolist()[:2] == [128_000_000, 15]
    assert fast == slow


@pytest.mark.parametrize("note", ["half a \ud83d pair", "2026-10-14 03:06:00", "x" * 200_000])
def test_whatever_a_line_holds_is_read(note: str) -> None:
    body = {"status": "Complete", "results": [[{"field": "note", "value": note}]]}
    client = _client(json.dumps(body).encode())

    read_fast(client)
    answer = client.get_query_results(queryId="q")

    rows = page(answer["results"], {"note": "text"}, name="q")
    assert rows["note"].tolist() == [note.encode("utf-8", "replace").decode()]


@pytest.mark.parametrize("results", [[], None])
def test_an_answer_without_rows_is_an_empty_page(results: object) -> None:
    client = _client(json.dumps({"status": "Running", "results": results}).encode())

    read_fast(client)
    answer = client.get_query_results(queryId="q")

    assert answer["status"] == "Running"
    assert len(page(answer.get("results", []), KINDS, name="q")) == 0


def test_a_refusal_is_still_a_refusal() -> None:
    body = {"__type": "ThrottlingException", "message": 'slow down, "results"'}
    client = _client(json.dumps(body).encode(), status=400)

    read_fast(client)

    with pytest.raises(client.exceptions.ClientError) as refused:
        client.get_query_results(queryId="q")
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"


def test_columns_that_nobody_named_are_an_error_by_column_too() -> None:
    client = _client(json.dumps(BODY).encode())
    read_fast(client)
    results = client.get_query_results(queryId="q")["results"]

    with pytest.raises(BadInput) as refused:
        page(results, {"@timestamp": "time", "note": "text"}, name="q")

    assert "Query q returns memory, ms, which its columns do not name" in refused.value.message
    assert "they name @timestamp, note." in refused.value.message
