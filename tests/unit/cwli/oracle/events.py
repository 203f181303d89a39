"""Events such as real log groups hold, in the ways that are awkward.

An event is made from one number, so that hypothesis spends its choices on the query, and still
leaves out events and simplifies them when it looks for the smallest example.
"""

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC
OFFSETS_MS = [
    0, 1, 1, 2, 999, 1000, 1000, 59_999, 60_000, 61_500, 299_999, 300_000, 3_599_999, 3_600_000,
    86_400_000, 5 * 86_400_000, 10 * 86_400_000, -1, -86_400_000, -60 * 86_400_000,
]  # fmt: skip
IDS = ["40c9ba54-b78f-4c01-b215-995e91848786", "00000000-0000-4000-8000-00000000000b"]
LONG_IDS = [
    "49590338271490256608559692538361571095921575989136588898",
    "49590338271490256608559692538361571095921575989136588899",
    "9590338271490256608559692538361571095921575989136588899",
    "1000000000000000",
    "1000000000000001",
]
WORDS = [
    "a", "b", "A", "B", "", "ab", "a b", " a ", "ü", "é́", "日本", "100%", "it's", 'say "hi"', "a.b",
    "x_1", "x9", "x10", "x010", "1a", "10a", "9a", "-", "ERROR", "error", "Erro", "back\\slash",
    "tab\there", "line\nbreak", "🙂", "true", "null", "٣",
]  # fmt: skip
NUMERIC_TEXTS = ["12", "-3", "4.5", "0", "1.28E8", "0.50", "00", "3", "2", "-0.25"]
EMBEDDED = [
    '{"k":1}', "[1,2]", "{broken", '{"k":{"q":"x"},"l":[3,"a",null,true],"b":false,"nul":null}',
    '{"l":[{"q":1},2.5],"s":"ü"}', '{"l":["b"]}',
]  # fmt: skip


def number(random: Random) -> Any:
    kind = random.randrange(4)
    if kind == 0:
        return random.choice([0, 1, 200, 404, 1_000_000, 10**12])
    return random.randint(-20, 20) if kind < 3 else random.randint(-500, 500) / 100


def mixed(random: Random) -> Any:
    word, text = random.choice(WORDS), random.choice(NUMERIC_TEXTS)
    return random.choice([number(random), number(random), word, word, text, True, False, None])


def logged_object(random: Random) -> dict[str, Any]:
    """Make an object with most of these keys, in any order."""
    inner = {
        "id": random.choice(WORDS),
        "n": number(random),
        "list": [{"k": random.randint(-20, 20)} for _ in range(random.randrange(3))],
        "two words": random.randint(-20, 20),
    }
    whole = {
        "n": number(random),
        "m": random.randint(0, 3),
        "p": random.randint(-(10**8), 10**8) / 1_000_000,
        "t": random.choice(NUMERIC_TEXTS),
        "x": mixed(random),
        "s": random.choice(WORDS),
        "w": random.choice("abc"),
        "ok": random.choice([True, False]),
        "id": random.choice(LONG_IDS),
        "foo-bar": random.randint(0, 9),
        "e": random.choice(EMBEDDED),
        "u": _some(random, inner),
        "a.b": random.choice(["flat", 1]),
        "a": _some(random, {"b": random.choice(["nested", 2]), "c": random.randint(-20, 20)}),
        "@timestamp": "logged",
        "nul": None,
    }
    return _some(random, whole)


def _some(random: Random, whole: dict[str, Any]) -> dict[str, Any]:
    keys = [key for key in whole if random.randrange(8)]
    random.shuffle(keys)
    return {key: whole[key] for key in keys}


def json_line(random: Random) -> str:
    text = json.dumps(
        logged_object(random),
        ensure_ascii=random.choice([True, False]),
        separators=random.choice([(",", ":"), (", ", ": ")]),
    )
    before = random.choice(["", "", "", "", "note: ", "  ", "{not json} ", "] "])
    after = random.choice(["", "", "", "", " and more", ' {"late":1}', "\n"])
    return before + text + after


def lambda_line(random: Random) -> str:
    request = random.choice(IDS)
    kind = random.choice(["START", "END", "REPORT", "REPORT", "REPORT", "application", "timeout"])
    if kind == "START":
        return f"START RequestId: {request} Version: $LATEST\n"
    if kind == "END":
        return f"END RequestId: {request}\n"
    if kind == "timeout":
        return f"2026-11-22T01:00:03.002Z {request} Task timed out after 3.00 seconds\n\n"
    if kind == "application":
        return f"2026-11-22T01:00:00.001Z\t{request}\tINFO\t{json_line(random)}"
    duration = random.randrange(300_000) / 100
    parts = [
        f"REPORT RequestId: {request}",
        f"Duration: {duration:.2f} ms",
        f"Billed Duration: {int(duration) + 1} ms",
        f"Memory Size: {random.choice([128, 512, 1024])} MB",
        f"Max Memory Used: {random.randint(30, 128)} MB",
    ]
    if random.randrange(2):
        parts.append(f"Init Duration: {random.randrange(1, 50_000) / 100:.2f} ms")
    text = "\t".join(parts) + "\t\n"
    if random.randrange(4) == 0:
        text += "XRAY TraceId: 1-5e1b-2c\tSegmentId: 3b1b\tSampled: true\t\n"
    return text


def plain_line(random: Random) -> str:
    user = random.choice(["ann", "bob", "", "ü"])
    ms = random.randrange(41)
    return random.choice(
        [
            f"user={user}, method:GET, latency := {ms} ms",
            f"user={user}, method:POST, latency := {ms} ms, retry: 2",
            f"[ERROR] {user}: code=4{ms:02d} user={user}, again",
            "",
            "plain text",
            "INIT_START Runtime Version: python:3.12\tRuntime Version ARN: arn:x",
            f'["not","an object",{{"n":{ms}}}]',
            f"quoting REPORT RequestId: {IDS[0]}\tDuration: 14.97 ms",
        ]
    )


def event_of(seed: int) -> dict[str, Any]:
    """Make the event of a number."""
    random = Random(seed)  # noqa: S311 - a test's choices, not a secret
    make = random.choice([*[json_line] * 7, lambda_line, lambda_line, plain_line])
    event: dict[str, Any] = {
        "timestamp": BASE_MS + random.choice(OFFSETS_MS),
        "message": make(random),
    }
    if random.randrange(2):
        event["logStream"] = random.choice(["s/1", "s/2"])
        event["ingestionTime"] = event["timestamp"] + 1500
    if random.randrange(4):
        event["log"] = random.choice(["123456789012:/aws/lambda/a", "123456789012:b"])
    return event


singles = st.integers(0, 2**20).map(event_of)
several = st.lists(singles, min_size=4, max_size=12)
few = st.lists(singles, max_size=3)
events = st.sampled_from([several] * 9 + [few]).flatmap(lambda chosen: chosen)
