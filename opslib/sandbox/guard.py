"""Who may talk to the sandbox: programs of this machine, never a web page.

The emulator answers unsigned requests of any origin and runs Lambda code as the user, so a page the
user visits could run code here. In: the headers of a request. Out: why it is refused, or None.
Must not know the emulator.

Source: ``Sec-Fetch-Site`` as W3C Fetch Metadata (sent by browsers also to loopback, which they hold
trustworthy); a foreign ``Host`` is DNS rebinding.
"""

from collections.abc import Iterable

_LOOPBACK = ("127.0.0.1", "localhost")

Headers = Iterable[tuple[bytes, bytes]]
"""Header names in lower case, as ASGI has them, and values."""


def refusal(headers: Headers, *, port: int) -> str | None:
    """Say why a request is refused, or None if it may pass.

    Parameters
    ----------
    headers
        All header lines of the request, repeated ones included.
    port
        The port the sandbox listens on; a ``Host`` must name it.
    """
    allowed = {f"{host}:{port}" for host in _LOOPBACK}
    hosts = []
    for raw_name, raw_value in headers:
        name, value = raw_name.lower(), raw_value.decode("latin-1").strip().lower()
        if name == b"origin":
            return "Refused: a request of a web page (it carries Origin)."
        if name == b"sec-fetch-site" and value != "none":
            return "Refused: a request of a web page (Sec-Fetch-Site is not none)."
        if name == b"host":
            hosts.append(value)
    if len(hosts) != 1 or hosts[0] not in allowed:
        return f"Refused: the Host header must be 127.0.0.1:{port}."
    return None
