"""Only programs of this machine may talk to the sandbox, and every answer is dated by its clock."""

import http.client
import socket
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from opslib.sandbox.api import Sandbox
from sandbox.projects import MakeProject


def _answer(
    sandbox: Sandbox, headers: dict[str, str], *, path: str = "/_opslib/identity"
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=60)
    connection.putrequest("POST" if path.startswith("/2015") else "GET", path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:{port}", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:{port}", "Origin": "null"},
        {"Host": "127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
        {"Host": "127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": "127.0.0.1:1"},
    ],
    ids=lambda headers: " ".join(f"{name}={value}" for name, value in headers.items()),
)
def test_a_request_that_a_web_page_could_make_is_refused(
    empty: Sandbox, headers: dict[str, str]
) -> None:
    port = str(urlsplit(empty.endpoint).port)
    spelled = {name: value.format(port=port) for name, value in headers.items()}

    control = _answer(empty, spelled)
    creating_a_function = _answer(empty, spelled, path="/2015-03-31/functions")

    assert (control.status, creating_a_function.status) == (403, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:{port}"},
        {"Host": "localhost:{port}"},
        {"Host": "127.0.0.1:{port}", "Sec-Fetch-Site": "none"},
    ],
    ids=["by address", "by name", "typed into the address bar"],
)
def test_a_request_of_this_machine_passes(empty: Sandbox, headers: dict[str, str]) -> None:
    port = str(urlsplit(empty.endpoint).port)

    answer = _answer(empty, {name: value.format(port=port) for name, value in headers.items()})

    assert answer.status == 200


def test_a_websocket_of_a_web_page_is_refused(empty: Sandbox) -> None:
    netloc = urlsplit(empty.endpoint).netloc
    request = (
        f"GET / HTTP/1.1\r\nHost: {netloc}\r\nOrigin: http://evil.example\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    host, port = netloc.split(":")

    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request.encode())
        first_line = connection.recv(100).split(b"\r\n")[0]

    assert first_line.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("service", ["sts", "logs", "s3", "refused", "control"])
def test_every_answer_carries_the_pinned_instant_once(empty: Sandbox, service: str) -> None:
    port = urlsplit(empty.endpoint).port
    host = {"Host": f"127.0.0.1:{port}"}

    match service:
        case "sts":
            headers = empty.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
            dates = [headers["date"]]
        case "logs":
            headers = empty.client("logs").describe_log_groups()["ResponseMetadata"]["HTTPHeaders"]
            dates = [headers["date"]]
        case "s3":
            dates = _answer(empty, host, path="/").headers.get_all("Date") or []
        case "refused":
            dates = _answer(empty, host | {"Origin": "x"}).headers.get_all("Date") or []
        case _:
            dates = _answer(empty, host).headers.get_all("Date") or []

    assert dates == ["Wed, 14 Oct 2026 03:07:00 GMT"]


def test_a_live_clock_dates_answers_with_the_walls_time(sandbox_project: MakeProject) -> None:
    live = sandbox_project("empty", clock="live").sandbox

    before = live.clock.now().replace(microsecond=0)
    answer = live.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]["date"]

    assert before <= parsedate_to_datetime(answer) <= live.clock.now()
