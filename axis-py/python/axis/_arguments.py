"""Python arguments as the JSON that the engine takes."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import os
import uuid
from typing import Any, Dict, Mapping, Optional, Sequence, TypedDict, Union

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
    try:
        if not math.isfinite(seconds):
            raise InvalidArgumentError(f"`{name}` is {timeout}; allowed are seconds from 0, or a timedelta")
        return math.ceil(seconds * 1000)
    except OverflowError:
        raise InvalidArgumentError(f"`{name}` is longer than any time; allowed are seconds, or a timedelta") from None


def text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"`{name}` is {_kind(value)}; allowed is a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"`{name}` holds half of a surrogate pair; allowed is a text of whole characters") from None
    return value


def function(value: Any, name: str) -> None:
    if not callable(value):
        raise InvalidArgumentError(f"`{name}` is {_kind(value)}; allowed is a function")


def path(value: Path, name: str, of: str, allowed: str = "a path") -> str:
    try:
        return os.fsdecode(os.fspath(value))
    except TypeError:
        raise InvalidArgumentError(f"`{name}` of the {of} is wrong: it is {_kind(value)}; allowed is {allowed}") from None


def backup_path(value: Path, of: str) -> str:
    return text(path(value, "path", of), "path")


def whole(value: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise InvalidArgumentError(f"`{name}` is no whole number from 0 to {(1 << 32) - 1}")
    return value


def encode(value: Any, name: str = "argument") -> str:
    try:
        encoded = json.dumps(value, default=_default, allow_nan=False)
        encoded.encode()
        return encoded
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"the {name} cannot be written as JSON: {error}") from None


def members(of: str, unknown: Mapping[str, object], words: Sequence[str], **given: Any) -> str:
    """An object of what is not None. Keywords that there are not are refused, with Python's words for those that there are."""
    for name in unknown:
        raise InvalidArgumentError(f"`{name}` is no member of the {of}; there are {', '.join(words)}")
    return encode({name: value for name, value in given.items() if value is not None})


def bindings(given: Optional[Params]) -> str:
    if given is None:
        return "null"
    if isinstance(given, Mapping):
        for name in given:
            if not isinstance(name, str):
                raise InvalidArgumentError(f"a name of `params` is {_kind(name)}; allowed is a text")
        return encode({name: _exact(value, f"${name}") for name, value in given.items()}, "params")
    if isinstance(given, (str, bytes, bytearray)) or not isinstance(given, Sequence):
        raise InvalidArgumentError(f"`params` is {_kind(given)}; allowed is a list, or a dict of named values")
    return encode([_exact(value, str(number)) for number, value in enumerate(given, 1)], "params")


def _exact(value: object, name: str) -> object:
    """A value of a query, unless something else would be bound: there are whole numbers of 64 bits, and doubles."""
    finite = value.is_finite() if isinstance(value, decimal.Decimal) else not isinstance(value, float) or math.isfinite(value)
    if not finite:
        raise InvalidArgumentError(
            f"parameter {name} is no finite number; bind it as a text and cast that, such as `?::double`"
        )
    if isinstance(value, decimal.Decimal):
        number = _number(value)
        if decimal.Decimal(repr(number)) != value:
            raise InvalidArgumentError(
                f"parameter {name} is a decimal of more digits than a double has; bind it as a text and cast that, "
                "such as `?::decimal(38, 10)`"
            )
        value = number
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise InvalidArgumentError(
            f"parameter {name} is a whole number of more than 64 bits; bind it as a text and cast that, such as `?::hugeint`"
        )
    return value


def opening(
    store: Optional[Path],
    config: Optional[Config],
    env: Optional[Mapping[str, str]],
    scheduler: bool,
    take_over: Optional[Timeout],
    **unknown: object,
) -> str:
    of, words = "open options", ("store", "config", "env", "scheduler", "take_over")
    after = milliseconds(take_over, "take_over")
    given = {"scheduler": scheduler, "take_over_seconds": None if after is None else -(-after // 1000)}
    return members(of, unknown, words, **_configured(of, store, config, env), **given)


def restore_options(
    store: Optional[Path], config: Optional[Config], env: Optional[Mapping[str, str]], force: bool, **unknown: object
) -> str:
    of, words = "restore options", ("store", "config", "env", "force", "on_progress")
    return members(of, unknown, words, **_configured(of, store, config, env), force=force)


def compact_options(
    store: Optional[Path], config: Optional[Config], env: Optional[Mapping[str, str]], **unknown: object
) -> str:
    of, words = "compact options", ("store", "config", "env", "on_progress")
    return members(of, unknown, words, **_configured(of, store, config, env))


def _configured(
    of: str, store: Optional[Path], config: Optional[Config], env: Optional[Mapping[str, str]]
) -> Dict[str, object]:
    return {
        "store": None if store is None else path(store, "store", of),
        "config": config if config is None or isinstance(config, Mapping) else path(config, "config", of, CONFIG),
        "env": env,
    }


def backup_options(format: str, **unknown: object) -> str:
    return members("backup options", unknown, ("format", "on_progress"), format=format)


def sync_options(mode: str, timeout: Optional[Timeout], **unknown: object) -> str:
    words = ("mode", "timeout", "on_progress")
    return members("sync options", unknown, words, mode=mode, timeout_ms=milliseconds(timeout))


def verify_options(sync: bool, timeout: Optional[Timeout], **unknown: object) -> str:
    return members("verify options", unknown, ("sync", "timeout"), sync=sync, timeout_ms=milliseconds(timeout))


def query_options(
    timeout: Optional[Timeout], max_rows: Optional[int], id: Optional[object], client: Optional[str], **unknown: object
) -> str:
    words = ("timeout", "max_rows", "id", "client")
    given = {"timeout_ms": milliseconds(timeout), "max_rows": max_rows, "id": id, "client": client}
    return members("query options", unknown, words, **given)


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
    """Moments and UUIDs become text, which DuckDB compares with columns of their types."""
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(os.fspath(value))
    item = getattr(value, "item", None)  # the scalars of NumPy, of which one is a Python number
    if callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    raise TypeError(f"{_kind(value)} has no place in it")


def _number(value: decimal.Decimal) -> Union[int, float]:
    # Writing a whole number out could take its exponent's worth of digits.
    if value.is_finite() and value.adjusted() < 40 and value == value.to_integral_value():
        return int(value)
    return float(value)


def _kind(value: object) -> str:
    return f"a value of the type {type(value).__name__}"
