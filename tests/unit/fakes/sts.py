"""STS on loopback: one operation, over real HTTP, so that the client before it is the real one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ANSWER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:{partition}:iam::{account}:user/ada</Arn><UserId>AIDA</UserId>
<Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
_DENIAL = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token is expired</Message>
</Error></ErrorResponse>"""


class Server(ThreadingHTTPServer):
    """Answers for one account, at one time of day, and remembers the headers it was sent."""

    daemon_threads = True
    account = "123456789012"
    partition = "aws"
    date = "Wed, 14 Oct 2026 03:07:00 GMT"
    expired = False

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers.append(dict(self.headers))
        caller = _ANSWER.format(account=self.server.account, partition=self.server.partition)
        body = (_DENIAL if self.server.expired else caller).encode()
        self.send_response_only(403 if self.server.expired else 200)
        self.send_header("Date", self.server.date)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[Server]:
    """Run the server for as long as the block."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
