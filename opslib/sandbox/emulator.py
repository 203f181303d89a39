"""What is done inside the emulator: the events of a log group read, old metrics kept.

In: a group's name, account and region. Out: its events as `opslib.cwli` takes them.
The only module that reaches into the emulator; everything else goes through its HTTP app.
Its own API pages one stream at a time and makes one stream an invocation, which is too slow.

Source: ministack 1.5.33, ``services/cloudwatch_logs.py`` (``_log_groups``) and
``services/cloudwatch.py`` (``_evict_old_metrics``). A test holds the pin.
"""

from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs


def keep_old_metrics() -> None:
    """Stop the emulator from dropping points two weeks before the wall's time, at each request.

    Under a pinned clock the whole history may be older than that.
    """
    cloudwatch._evict_old_metrics = _keep


def _keep() -> None:
    pass


def log_events(group: str, *, account: str, region: str) -> list[dict[str, Any]] | None:
    """Copy the events of a log group; None when there is no such group.

    Returns
    -------
    Mappings of ``timestamp`` and ``ingestionTime`` (epoch ms), ``message``, ``logStream`` and
    ``log`` (``account:group``), stream by stream.
    """
    for (of_account, of_region, name), found in cloudwatch_logs._log_groups.all_items():
        if (of_account, of_region, name) == (account, region, group):
            return [
                {
                    "timestamp": event["timestamp"],
                    "ingestionTime": event["ingestionTime"],
                    "message": event["message"],
                    "logStream": stream,
                    "log": f"{account}:{group}",
                }
                for stream, held in found["streams"].items()
                for event in held["events"]
            ]
    return None
