"""The answer of a query: an Arrow stream, rows, or a data frame of whoever is installed."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Dict, Iterator, List, Optional, Tuple

from . import _axis
from ._calls import awaited

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Row = Dict[str, Any]


class _Answer:
    __slots__ = ("_stream", "_converters", "_engine")

    def __init__(self, stream: _axis.Stream, engine: Optional[_axis.Engine] = None) -> None:
        self._stream = stream
        # An engine that nobody holds closes, and takes its answers with it.
        self._engine = engine
        self._converters: Optional[List[Tuple[str, Callable[[Any], Any]]]] = None

    @property
    def columns(self) -> Tuple[Tuple[str, str], ...]:
        """Name and DuckDB type of each column."""
        return tuple(self._stream.columns())

    @property
    def truncated(self) -> bool:
        """Whether there were more rows than `max_rows`; known once everything was read."""
        return self._stream.truncated

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name} {kind}' for name, kind in self.columns)})"

    def _rows(self, text: str) -> List[Row]:
        if self._converters is None:
            kinds = ((name, _converter(kind)) for name, kind in self._stream.columns())
            self._converters = [(name, convert) for name, convert in kinds if convert is not None]
        rows: List[Row] = json.loads(text)
        for name, convert in self._converters:
            for row in rows:
                if row[name] is not None:
                    row[name] = convert(row[name])
        return rows


class Result(_Answer):
    """What `Engine.query` returns. It is read once, by one of its methods or by anything that takes an Arrow stream."""

    __slots__ = ()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hands the batches out as they come, without a copy; the schema is the one that there is."""
        return self._stream.__arrow_c_stream__()

    def __arrow_c_schema__(self) -> object:
        """Hands the schema out."""
        return self._stream.__arrow_c_schema__()

    def arrow(self) -> pyarrow.Table:
        """Reads everything into an Arrow table; needs pyarrow."""
        return _need("pyarrow", "arrow").table(self._collected())

    def pandas(self) -> pandas.DataFrame:
        """Reads everything into a pandas data frame; needs pandas and pyarrow."""
        _need("pandas", "pandas")
        return self.arrow().to_pandas()

    def polars(self) -> polars.DataFrame:
        """Reads everything into a polars data frame; needs polars."""
        frame: polars.DataFrame = _need("polars", "polars").DataFrame(self._collected())
        return frame

    def rows(self) -> List[Row]:
        """Reads everything into dicts. Dates, times, decimals and blobs become Python's; inside of lists and structs they
        stay as JSON has them."""
        return self._rows(self._stream.rows().wait())

    def json_rows(self) -> List[Row]:
        """Reads everything into dicts with values as in JSON, as every other language has them."""
        rows: List[Row] = json.loads(self._stream.rows().wait())
        return rows

    def __iter__(self) -> Iterator[Row]:
        while (text := self._next()) is not None:
            yield from self._rows(text)

    def _next(self) -> Optional[str]:
        try:
            text: Optional[str] = self._stream.next().wait()
        except BaseException:
            # Rows may be lost with the call that was interrupted: nobody shall read on behind them.
            self.close()
            raise
        return text

    def close(self) -> None:
        """Stops the query, if it still runs, and forgets its answer."""
        self._stream.close().wait()

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _collected(self) -> Result:
        return Result(self._stream.collect().wait())


class AsyncResult(_Answer):
    """What `AsyncEngine.query` returns; it is read once."""

    __slots__ = ()

    async def collect(self) -> Result:
        """Reads everything into memory; what is done with the result then does not wait."""
        return Result(await awaited(self._stream.collect()))

    async def arrow(self) -> pyarrow.Table:
        """As `Result.arrow`."""
        return _need("pyarrow", "arrow").table(await self.collect())

    async def pandas(self) -> pandas.DataFrame:
        """As `Result.pandas`."""
        _need("pandas", "pandas")
        return (await self.arrow()).to_pandas()

    async def polars(self) -> polars.DataFrame:
        """As `Result.polars`."""
        frame: polars.DataFrame = _need("polars", "polars").DataFrame(await self.collect())
        return frame

    async def rows(self) -> List[Row]:
        """As `Result.rows`."""
        return self._rows(await awaited(self._stream.rows()))

    async def json_rows(self) -> List[Row]:
        """As `Result.json_rows`."""
        rows: List[Row] = json.loads(await awaited(self._stream.rows()))
        return rows

    async def __aiter__(self) -> AsyncIterator[Row]:
        while (text := await self._next()) is not None:
            for row in self._rows(text):
                yield row

    async def _next(self) -> Optional[str]:
        try:
            text: Optional[str] = await awaited(self._stream.next())
        except BaseException:
            # Rows may be lost with the call that was interrupted: nobody shall read on behind them.
            self._stream.close().start(lambda answer, error: None)
            raise
        return text

    async def close(self) -> None:
        """As `Result.close`."""
        await awaited(self._stream.close())

    async def __aenter__(self) -> AsyncResult:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


def _need(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"`{extra}()` needs {module}; install it with: pip install 'axis-engine[{extra}]'") from error


def _converter(kind: str) -> Optional[Callable[[Any], Any]]:
    if kind in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        return _or_text(_moment)
    if kind == "DATE":
        return _or_text(dt.date.fromisoformat)
    if kind == "TIME":
        return _or_text(dt.time.fromisoformat)
    if kind == "BLOB":
        return _blob
    if kind.startswith("DECIMAL") and not kind.endswith("]"):
        return _whole if kind.endswith(",0)") else _decimal(int(kind[:-1].rpartition(",")[2]))
    return None


def _or_text(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """DuckDB knows moments that Python does not, such as infinity; they stay text."""

    def converted(text: str) -> Any:
        try:
            return convert(text)
        except ValueError:
            return text

    return converted


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _blob(text: str) -> bytes:
    return bytes.fromhex(text[2:])  # after `\\x`


def _whole(value: Any) -> int:
    return int(value)


def _decimal(scale: int) -> Callable[[Any], decimal.Decimal]:
    """JSON has a number where a double is exact, else a text; the scale is that of the column."""
    exponent = decimal.Decimal(1).scaleb(-scale)
    context = decimal.Context(prec=40)
    return lambda value: decimal.Decimal(str(value)).quantize(exponent, context=context)
