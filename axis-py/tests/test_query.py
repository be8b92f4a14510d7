"""Queries and their answers."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import pandas
import polars
import pyarrow
import pytest

import axis

EVERYTHING = """
select true as flag, 9007199254740993::bigint as big, 170141183460469231731687303715884105727::hugeint as huge, 1.5::double as real,
  12.50::decimal(10, 2) as price, 'é' as name, '\\xAB\\x00'::blob as bytes, date '2026-01-02' as day, time '10:11:12.5' as clock,
  timestamp '2026-01-02 03:04:05.678' as local, timestamptz '2026-01-02 03:04:05+02' as instant, 'infinity'::date as never,
  [1, null] as list, {'a': 1} as struct, null as nothing
"""


def test_rows_are_dicts_of_pythons_types(engine: axis.Engine) -> None:
    answer = engine.query(EVERYTHING)
    assert ("price", "DECIMAL(10,2)") in answer.columns and "price DECIMAL(10,2)" in repr(answer)
    (row,) = answer.rows()
    assert row == {
        "flag": True,
        "big": 9007199254740993,
        "huge": 170141183460469231731687303715884105727,
        "real": 1.5,
        "price": decimal.Decimal("12.50"),
        "name": "é",
        "bytes": b"\xab\x00",
        "day": dt.date(2026, 1, 2),
        "clock": dt.time(10, 11, 12, 500_000),
        "local": dt.datetime(2026, 1, 2, 3, 4, 5, 678_000),
        "instant": dt.datetime(2026, 1, 2, 1, 4, 5, tzinfo=dt.timezone.utc),
        "never": "infinity",
        "list": [1, None],
        "struct": {"a": 1},
        "nothing": None,
    }
    assert str(row["price"]) == "12.50"


def test_parameters_are_bound(engine: axis.Engine) -> None:
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    key = uuid.uuid4()
    values = [1, 2.5, "it's", None, True, decimal.Decimal("0.5"), moment, moment.date(), key]
    sql = """select ? as i, ? as f, ? as t, ? as n, ? as b, 0.5::decimal(3, 1) = ? as d,
        timestamptz '2026-01-02 01:04:05+00' = ? as m, date '2026-01-02' = ? as y, ?::uuid::varchar as u"""
    (row,) = engine.query(sql, values).rows()
    expected = {"i": 1, "f": 2.5, "t": "it's", "n": None, "b": True, "d": True, "m": True, "y": True, "u": str(key)}
    assert row == expected
    assert engine.query("select $a + $b as c", {"a": 1, "b": 2}).rows() == [{"c": 3}]
    assert engine.query("select ? as c", [polars.Series([7])[0]]).rows() == [{"c": 7}]


def test_numbers_are_bound_exactly(engine: axis.Engine) -> None:
    whole = [0, -(1 << 63), (1 << 63) - 1, 1 << 63, (1 << 64) - 1, decimal.Decimal((1 << 64) - 1), decimal.Decimal("-12.00")]
    for number in whole:
        assert engine.query("select ? as n", [number]).rows() == [{"n": number}]
    for number in (decimal.Decimal("0.1"), decimal.Decimal("1234567890.12345"), decimal.Decimal("1E+300"), decimal.Decimal("-0.0")):
        assert engine.query("select $n as n", {"n": number}).rows() == [{"n": float(number)}]
    assert engine.query("select ?::hugeint as n", [str(1 << 100)]).rows() == [{"n": 1 << 100}]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1 << 64, "of more than 64 bits.*hugeint"),
        (-(1 << 63) - 1, "of more than 64 bits"),
        pytest.param(10**5000, "of more than 64 bits", id="long"),
        (decimal.Decimal(1 << 64), "of more than 64 bits"),
        (decimal.Decimal("12345678901234567890.12"), "more digits than a double"),
        (decimal.Decimal("1E+400"), "more digits than a double"),
        (decimal.Decimal("sNaN"), "finite"),
        (decimal.Decimal("NaN"), "finite"),
        (decimal.Decimal("-Infinity"), "finite"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
    ],
)
def test_numbers_that_cannot_be_bound_are_named(engine: axis.Engine, value: object, told: str) -> None:
    with pytest.raises(axis.InvalidArgumentError, match=f"^parameter 2 is .*{told}"):
        engine.query("select ?, ?", [1, value])
    with pytest.raises(axis.InvalidArgumentError, match=r"^parameter \$b is "):
        engine.query("select $b", {"b": value})
    with pytest.raises(axis.InvalidArgumentError):
        engine["orders"].page(page_size=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sql", "params", "options", "kind"),
    [
        ("select", None, {}, axis.QueryError),
        ("drop table x", None, {}, axis.QueryError),
        ("select ?", [], {}, axis.QueryError),
        ("select ?", "text", {}, axis.InvalidArgumentError),
        ("select ?", [[1]], {}, axis.InvalidArgumentError),
        ("select ?", [float("nan")], {}, axis.InvalidArgumentError),
        ("select ?", [object()], {}, axis.InvalidArgumentError),
        ("select ?", {1: 2}, {}, axis.InvalidArgumentError),
        ("select 1", None, {"id": "x"}, axis.InvalidArgumentError),
        ("select 1", None, {"max_rows": -1}, axis.InvalidArgumentError),
        (5, None, {}, axis.InvalidArgumentError),
    ],
)
def test_what_is_wrong_is_refused(engine: axis.Engine, sql: Any, params: Any, options: Any, kind: type) -> None:
    with pytest.raises(kind):
        engine.query(sql, params, **options)


def test_answers_are_arrow_streams_without_a_copy_in_between(engine: axis.Engine) -> None:
    sql = "select range as n, 'x' || range as t from range(300000)"
    table = pyarrow.table(engine.query(sql))
    assert table.schema == pyarrow.schema([("n", pyarrow.int64()), ("t", pyarrow.string())])
    assert table.num_rows == 300_000 and table["n"].num_chunks > 1
    assert engine.query(sql).arrow().equals(table)
    assert pyarrow.schema(engine.query(sql)) == table.schema
    assert polars.DataFrame(engine.query(sql)).equals(engine.query(sql).polars())
    frame = engine.query(sql).pandas()
    assert isinstance(frame, pandas.DataFrame) and frame["n"].sum() == 299_999 * 150_000
    # Batches come as they are asked for.
    with pyarrow.RecordBatchReader.from_stream(engine.query("select range as n from range(10000000000)")) as reader:
        assert reader.read_next_batch()["n"][0].as_py() == 0
    assert pyarrow.table(engine.query("select 1 as n where false")).num_rows == 0


def test_answers_stream_are_cut_and_are_read_once(engine: axis.Engine) -> None:
    answer = engine.query("select range as n from range(10000000000)")
    first = [row["n"] for row, _ in zip(answer, range(5000))]
    assert first == list(range(5000))
    assert len(engine.queries()) == 1
    answer.close()
    with pytest.raises(axis.InvalidArgumentError, match="read or closed before"):
        answer.rows()
    with engine.query("select range as n from range(100)", max_rows=10) as answer:
        assert len(list(answer)) == 10 and answer.truncated
        with pytest.raises(axis.InvalidArgumentError, match="read or closed before"):
            list(answer)
    answer = engine.query("select 1 as n")
    assert answer.json_rows() == [{"n": 1}] and not answer.truncated
    for read in (answer.arrow, answer.polars, answer.pandas, answer.json_rows, lambda: next(iter(answer))):
        with pytest.raises(axis.InvalidArgumentError, match="read or closed before"):
            read()


def test_an_error_in_the_middle_reaches_whoever_reads(engine: axis.Engine) -> None:
    def endless() -> tuple[uuid.UUID, axis.Result]:
        key = uuid.uuid4()
        return key, engine.query("select range as n from range(10000000000)", id=key)

    key, answer = endless()
    with pyarrow.RecordBatchReader.from_stream(answer) as reader:
        reader.read_next_batch()
        assert engine.cancel_query(key)
        with pytest.raises((pyarrow.ArrowException, OSError), match="cancelled"):
            reader.read_all()
    key, answer = endless()
    rows = iter(answer)
    assert next(rows) == {"n": 0} and engine.cancel_query(key)
    with pytest.raises(axis.CancelledError):
        list(rows)


def test_queries_are_listed_and_cancelled(engine: axis.Engine) -> None:
    key = uuid.uuid4()
    answer = engine.query("select range as n from range(10000000000)", id=key, client="me")
    (running,) = engine.queries()
    assert (running.id, running.client, running.statement) == (str(key), "me", "select")
    assert engine.usage().queries_running == 1
    assert engine.cancel_query(key)
    with pytest.raises(axis.CancelledError):
        answer.rows()
    with pytest.raises(axis.NotFoundError):
        engine.cancel_query(key)
    with pytest.raises(axis.InvalidArgumentError):
        engine.cancel_query("x")
    with pytest.raises(axis.TimeoutError):
        engine.query("select count(*) from range(1000000) a, range(1000000) b", timeout=0.2).rows()
