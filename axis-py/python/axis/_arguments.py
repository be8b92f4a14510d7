"""Python arguments as the JSON that the engine takes."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import os
import uuid
from typing import Any, Mapping, Optional, Sequence, TypedDict, Union

from .exceptions import InvalidArgumentError

Timeout = Union[float, dt.timedelta]
"""Seconds, or a timedelta."""
Path = Union[str, "os.PathLike[str]"]
Config = Union[Path, Mapping[str, object]]
"""A directory, or files by name."""
CONFIG = "a directory, or an object of files"
Params = Union[Sequence[object], Mapping[str, object]]
"""Values for `?` and `$1`, or for `$name`."""
Moment = Union[str, dt.date]
"""A date, a datetime, or the text of one."""


class PageFilter(TypedDict, total=False):
    """Columns of a page and the values that they equal."""

    environment: str
    source_name: str
    source_component: str
    source_type: str
    metric_name: str
    metric_category: str


def milliseconds(timeout: Optional[Timeout], name: str = "timeout") -> Optional[int]:
    if timeout is None:
        return None
    seconds = timeout.total_seconds() if isinstance(timeout, dt.timedelta) else timeout
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise InvalidArgumentError(f"`{name}` is {_kind(timeout)}; allowed are seconds, or a timedelta")
    if not math.isfinite(seconds):
        raise InvalidArgumentError(f"`{name}` is {timeout}; allowed are seconds from 0, or a timedelta")
    try:
        return math.ceil(seconds * 1000)
    except OverflowError:
        raise InvalidArgumentError(f"`{name}` is longer than any time; allowed are seconds, or a timedelta") from None


def text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"`{name}` is {_kind(value)}; allowed is a text")
    return value


def path(value: Path, name: str, allowed: str = "a path") -> str:
    try:
        return os.fsdecode(os.fspath(value))
    except TypeError:
        raise InvalidArgumentError(f"`{name}` of the open options is wrong: it is {_kind(value)}; allowed is {allowed}") from None


def whole(value: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise InvalidArgumentError(f"`{name}` is {value!r}; allowed are whole numbers from 0")
    return value


def encode(value: Any, name: str = "argument") -> str:
    try:
        encoded = json.dumps(value, default=_default, allow_nan=False)
        encoded.encode()
        return encoded
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"the {name} cannot be written as JSON: {error}") from None


def members(**given: Any) -> str:
    """An object of what is not None. Keywords that there are not go along: the engine refuses them with those that there are."""
    return encode({name: value for name, value in given.items() if value is not None})


def bindings(given: Optional[Params]) -> str:
    if given is not None and (isinstance(given, (str, bytes)) or not isinstance(given, (Sequence, Mapping))):
        raise InvalidArgumentError(f"`params` is {_kind(given)}; allowed is a list, or a dict of named values")
    return encode(given, "params")


def opening(
    store: Optional[Path],
    config: Optional[Config],
    env: Optional[Mapping[str, str]],
    scheduler: bool,
    take_over: Optional[Timeout],
    **unknown: object,
) -> str:
    after = milliseconds(take_over, "take_over")
    return members(
        store=None if store is None else path(store, "store"),
        config=config if config is None or isinstance(config, Mapping) else path(config, "config", CONFIG),
        env=env,
        scheduler=scheduler,
        take_over_seconds=None if after is None else -(-after // 1000),
        **unknown,
    )


def sync_options(mode: str, timeout: Optional[Timeout], **unknown: object) -> str:
    return members(mode=mode, timeout_ms=milliseconds(timeout), **unknown)


def verify_options(sync: bool, timeout: Optional[Timeout], **unknown: object) -> str:
    return members(sync=sync, timeout_ms=milliseconds(timeout), **unknown)


def query_options(
    timeout: Optional[Timeout], max_rows: Optional[int], id: Optional[object], client: Optional[str], **unknown: object
) -> str:
    return members(timeout_ms=milliseconds(timeout), max_rows=max_rows, id=id, client=client, **unknown)


def page_request(
    page: int,
    page_size: int,
    sort_by: Optional[str],
    direction: Optional[str],
    columns: Optional[Sequence[str]],
    more: Mapping[str, object],
) -> str:
    asked = {"page": page, "page_size": page_size, "sort_by": sort_by, "direction": direction, "columns": columns}
    return encode({**asked, **more}, "page request")


def _default(value: object) -> object:
    """Moments and UUIDs become text, which DuckDB compares with columns of their types; decimals become doubles."""
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 1 << 63 else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(os.fspath(value))
    item = getattr(value, "item", None)  # the scalars of NumPy, of which one is a Python number
    if callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    raise TypeError(f"{_kind(value)} has no place in it")


def _kind(value: object) -> str:
    return f"a value of the type {type(value).__name__}"
