"""What nobody outside AWS could verify about the language, each as one named switch.

AWS's documentation leaves these open and no published capture settles them. The default is what
this engine does; the reason stands beside it. When a run on a real account settles one, change the
default here and nowhere else. Every switch has a test that turns it.

Must not know any other module.

Source
------
CloudWatch Logs User Guide, the CWL_QuerySyntax pages, where they speak; their silence elsewhere.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The unverified points of the language. Every field has a default and a reason."""

    missing_in_comparison: Literal["unknown", "false"] = "unknown"
    """``!=``, ``not like``, ``not in``, ``<`` on a missing field. ``unknown`` is SQL's third value:
    the row is dropped, also under ``not``. AWS's own join example adds ``or !ispresent(x)`` to a
    ``!=``, so its author assumed as much. ``false`` makes the bare comparison false and its
    negation true."""

    numbers_in_text: Literal["compare as numbers", "compare as text"] = "compare as numbers"
    """``status = "200"`` and ``status >= 400`` are both written about the same field, so two values
    that both read as numbers are compared as numbers, and any other pair as text. Two texts (also a
    text and a string literal) that are more than 15 digits each, as the sequence numbers of Kinesis
    and DynamoDB, are compared digit by digit, the longer being the larger: as numbers they would
    lose their last digits and so be equal. So is such an integer written bare beside a text."""

    percentile: Literal["interpolated", "nearest rank"] = "interpolated"
    """``pct``: published outputs cannot tell the methods apart; interpolation between closest ranks
    is what CloudWatch metrics' neighbours (numpy, SQL percentile_cont) do."""

    standard_deviation: Literal["population", "sample"] = "population"
    """``stddev``: the documented ``variance`` is of the population, and one is the root of the
    other."""

    missing_group_key: Literal["its own group", "dropped"] = "its own group"
    """A row whose group key is missing: SQL keeps it as a group, whose row then lacks that
    field."""

    stats_of_nothing: Literal["no row", "one row"] = "no row"
    """``stats`` without ``by`` over no events. The console shows "No results"."""

    stats_order: Literal["newest bin first", "oldest bin first"] = "newest bin first"
    """Rows of ``stats ... by bin()`` without ``sort``. A capture of 2021 came newest first. Rows
    without a bin come by their keys, ascending, so that an answer is the same each time."""

    sort_by_timestamp_after_bin: Literal["the bin", "refused"] = "the bin"
    """``sort @timestamp`` after ``stats ... by bin()`` stands in AWS's own documentation, though
    ``@timestamp`` is gone by then: taken as the bin."""

    sort_direction: Literal["asc", "desc"] = "asc"
    """``sort t`` without a direction."""

    missing_sorts: Literal["last", "first"] = "last"
    """Where rows without the sort field stand, in either direction."""

    star_in_glob: Literal["lazy", "greedy"] = "lazy"
    """How much a ``*`` of ``parse`` takes when the text after it occurs more than once."""

    empty_capture: Literal["empty", "missing"] = "empty"
    """A capture group that took no character, or no part in the match."""

    string_escapes: Literal["quotes and backslashes", "none"] = "quotes and backslashes"
    r"""In strings ``\"``, ``\'`` and ``\\`` lose their backslash; any other backslash stays."""

    unary_minus: Literal["accepted", "refused"] = "accepted"
    """``-5`` and ``-x``: not documented, but no other reading is possible."""

    remainder_sign: Literal["the dividend's", "the divisor's"] = "the dividend's"
    """``-7 % 3``: -1, as in Java, JavaScript and SQL, or 2, as in Python."""

    not_binds: Literal["looser than comparison", "tighter than comparison"] = (
        "looser than comparison"
    )
    """``not a = b``: as every relative of the language, ``not (a = b)``."""

    mixed_and_or: Literal["and binds tighter", "refused"] = "and binds tighter"
    """``a or b and c``: no published query mixes them on one level of parentheses."""

    bin_of_a_field: Literal["accepted", "refused"] = "accepted"
    """``bin(@timestamp, 1h)``, as in one guide published by AWS; the same as ``datefloor``."""

    week_starts: Literal["monday", "thursday"] = "monday"
    """Bins of weeks: ISO weeks, or multiples of seven days since 1970-01-01, a Thursday. Bins of
    days, months and years begin at midnight UTC."""

    timestamp_aggregates: Literal["epoch milliseconds", "formatted"] = "epoch milliseconds"
    """``max(@timestamp)``: a capture shows ``earliest(@timestamp)`` as epoch milliseconds; the
    others follow."""

    decimals: int = 4
    """Computed numbers are rounded to so many decimals, in ``fields`` as in ``stats``; captures
    show ``stats``."""

    numbers_made_text: Literal["as shown", "every digit"] = "as shown"
    """A computed number in ``like`` or a function of text (``concat(a / 7, " s")``): the text that
    a result has of it, so that one number has one text and what was seen can be matched; or all
    the digits a DOUBLE has, and an exponent where there are many."""

    request_id_in_application_lines: Literal["found", "only in START, END and REPORT"] = "found"
    """``@requestId`` on the runtime's own lines (``<time> TAB <id> TAB ...``, ``<time> <id> Task
    timed out``): published queries print it beside timeouts."""

    report_fields_in_json_logs: Literal["not derived", "derived"] = "not derived"
    """``@duration`` and its kin from ``platform.report`` objects: every published query on such
    logs reads ``record.metrics.durationMs`` instead."""

    stages_after_limit: Literal["in order", "refused"] = "in order"
    """``limit 5 | filter ...``: the filter sees the five rows."""

    running_order: Literal["as shown", "by time"] = "as shown"
    """The order in which ``accum``, ``autoregress`` and ``filldown`` see events that no ``sort``
    has ordered: as the answer shows them, newest first, or oldest first."""

    accum_without_name: Literal["replaces", "_accum"] = "replaces"
    """``accum bytes`` without ``AS``: the sum takes the place of the field, as in the language the
    command seems to come from, or has a name of its own, as in another."""

    accum_without_number: Literal["missing", "carried"] = "missing"
    """``accum`` on a row whose field is no number: no sum there, or the sum so far."""

    empty_list: Literal["no row", "one row"] = "no row"
    """``unnest`` and ``expand`` of an empty list: a row for each member is no row; or the event
    stays, without the field."""

    extracted_fields: Literal["shown", "when named"] = "shown"
    """Whether fields of ``parse``, ``unnest`` and ``expand`` are columns of the answer without
    ``fields`` or ``display``. A published report (aws-sdk-js-v3 #6928) of ``filter | parse`` and
    nothing else has the parsed fields as its columns, and neither @timestamp nor @message."""

    bin_offset: Literal["moves the printed time", "moves the boundaries"] = "moves the printed time"
    """``by bin(5m) offset 1h`` is documented to lay an earlier hour over the present one: the bins
    stay as they are and are printed an hour later. To move boundaries by a multiple of their
    width, as both documented examples would, changes nothing."""

    fields_after_stats: Literal["added", "replace"] = "added"
    """``stats ... | fields x``: whether the columns of ``stats`` stay."""

    api_limit: Literal["the smaller", "the text's", "the call's"] = "the smaller"
    """A limit in the call and another in the text: 2020's API let the call's win, later reports
    differ."""

    header_spaces: Literal["as written", "collapsed"] = "as written"
    """The column header of an unaliased expression is its source text; what becomes of line breaks
    inside it is not known."""

    missing_in_concat: Literal["skipped", "missing"] = "skipped"
    """``concat`` with a missing part."""

    missing_in_greatest: Literal["skipped", "missing"] = "skipped"
    """``greatest`` and ``least`` with a part that is missing or no number: SQL engines differ."""

    integers_out_of_range: Literal["missing", "clamped"] = "missing"
    """``toInt`` beyond 32 bits and ``toLong`` beyond 64: no value rather than a wrong one; Java
    would take the nearest that fits."""

    groups_in_replacement: Literal["\\1", "$1"] = "\\1"
    r"""How the replacement of ``regexReplace`` names a group: ``\1``, as RE2, which its page names,
    or ``$1``, as Java."""

    plus_in_urls: Literal["a plus", "a space"] = "a plus"
    """``urlencode`` of a space and ``urldecode`` of ``+``: RFC 3986 knows ``%20`` only; HTML forms
    write a space as ``+``."""

    size_of_no_list: Literal["missing", "zero"] = "missing"
    """``jsonArraySize`` of what is no list: its neighbour ``jsonArrayContains`` is documented to be
    0 there, but an empty list has size 0 too."""

    private_addresses: Literal["not reserved", "also reserved"] = "not reserved"
    """``isReservedIP`` of 10.0.0.1: private ranges have a function of their own. They are never
    public."""

    repeated_json_key: Literal["first", "last"] = "first"
    """A key that stands twice in one JSON object: the first counts, or the last, as in JavaScript.
    Fields are documented to be discovered in order, up to 200, and a name is discovered once."""

    json_lists_in_lines: Literal["passed over", "searched"] = "passed over"
    """``[{"a":1}]``, alone or within other text: no field is named after a place in a list without
    a name, so what is in it is passed over; or the object in it is found as any other."""

    values_of_a_group: Literal["each once", "all"] = "each once"
    """``values``: under the same name in other languages each value is listed once."""

    topk_gives: Literal["values", "values and counts"] = "values"
    """``topk``: a list of the values that occur most, or a map from them to how often."""

    rate_counts: Literal["the change", "the sum"] = "the change"
    """``rate(f, 1m)``: documented as the rate of change, so last minus first, by the time between
    them; or the sum of the values by that time."""

    histogram_after_by: Literal["width", "refused"] = "width"
    """``by histogram(f, 10)``: documented as an aggregate with a number of ranges; reported from a
    live account as a group key with the width of one."""


DEFAULT = Switches()
