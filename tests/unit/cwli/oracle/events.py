"""Events such as real log groups hold, in the ways that are awkward."""

import json
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

integers = st.integers(-20, 20)
decimals = st.integers(-500, 500).map(lambda hundredths: hundredths / 100)
numbers = st.one_of(integers, decimals, st.sampled_from([0, 1, 200, 404, 1_000_000, 10**12]))
words = st.sampled_from(WORDS)
mixed = st.one_of(numbers, words, st.sampled_from(NUMERIC_TEXTS), st.booleans(), st.none())

JSON_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "n": numbers,
    "m": st.integers(0, 3),
    "p": st.integers(-(10**8), 10**8).map(lambda millionths: millionths / 1_000_000),
    "t": st.sampled_from(NUMERIC_TEXTS),
    "x": mixed,
    "s": words,
    "w": st.sampled_from(["a", "b", "c"]),
    "ok": st.booleans(),
    "id": st.sampled_from(LONG_IDS),
    "foo-bar": st.integers(0, 9),
    "e": st.sampled_from(['{"k":1}', "[1,2]", "{broken"]),
    "u": st.fixed_dictionaries(
        {},
        optional={
            "id": words,
            "n": numbers,
            "list": st.lists(st.fixed_dictionaries({"k": integers}), max_size=2),
            "two words": integers,
        },
    ),
    "a.b": st.sampled_from(["flat", 1]),
    "a": st.fixed_dictionaries({}, optional={"b": st.sampled_from(["nested", 2]), "c": integers}),
    "@timestamp": st.just("logged"),
    "nul": st.none(),
}
objects = st.fixed_dictionaries({}, optional=JSON_FIELDS)


@st.composite
def json_lines(draw: st.DrawFn) -> str:
    compact = draw(st.booleans())
    text = json.dumps(
        draw(objects),
        ensure_ascii=draw(st.booleans()),
        separators=(",", ":") if compact else (", ", ": "),
    )
    before = draw(st.sampled_from(["", "", "", "note: ", "  ", "{not json} ", "] "]))
    after = draw(st.sampled_from(["", "", "", " and more", ' {"late":1}', "\n"]))
    return before + text + after


@st.composite
def lambda_lines(draw: st.DrawFn) -> str:
    request = draw(st.sampled_from(IDS))
    kind = draw(st.sampled_from(["START", "END", "REPORT", "REPORT", "application", "timeout"]))
    if kind == "START":
        return f"START RequestId: {request} Version: $LATEST\n"
    if kind == "END":
        return f"END RequestId: {request}\n"
    if kind == "timeout":
        return f"2026-11-22T01:00:03.002Z {request} Task timed out after 3.00 seconds\n\n"
    if kind == "application":
        body = draw(json_lines())
        return f"2026-11-22T01:00:00.001Z\t{request}\tINFO\t{body}"
    duration = draw(st.integers(0, 300_000)) / 100
    parts = [
        f"REPORT RequestId: {request}",
        f"Duration: {duration:.2f} ms",
        f"Billed Duration: {int(duration) + 1} ms",
        f"Memory Size: {draw(st.sampled_from([128, 512, 1024]))} MB",
        f"Max Memory Used: {draw(st.integers(30, 128))} MB",
    ]
    if draw(st.booleans()):
        parts.append(f"Init Duration: {draw(st.integers(1, 50_000)) / 100:.2f} ms")
    text = "\t".join(parts) + "\t\n"
    if draw(st.integers(0, 3)) == 0:
        text += "XRAY TraceId: 1-5e1b-2c\tSegmentId: 3b1b\tSampled: true\t\n"
    return text


@st.composite
def plain_lines(draw: st.DrawFn) -> str:
    user = draw(st.sampled_from(["ann", "bob", "", "ü"]))
    ms = draw(st.integers(0, 40))
    return draw(
        st.sampled_from(
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
    )


@st.composite
def single(draw: st.DrawFn) -> dict[str, Any]:
    message = draw(st.one_of(json_lines(), json_lines(), lambda_lines(), plain_lines()))
    event: dict[str, Any] = {
        "timestamp": BASE_MS + draw(st.sampled_from(OFFSETS_MS)),
        "message": message,
    }
    if draw(st.booleans()):
        event["logStream"] = draw(st.sampled_from(["s/1", "s/2"]))
        event["ingestionTime"] = event["timestamp"] + 1500
    return event


events = st.lists(single(), max_size=10)
