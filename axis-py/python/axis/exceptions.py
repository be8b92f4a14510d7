"""What goes wrong: one class for each kind of error, all below `Error`.

A kind says what to do next; `retryable` whether the same call, unchanged, may succeed later.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar, Dict, Mapping, Optional, Tuple, Type


class Error(Exception):
    """Any error of AXIS; also the class of kinds that this version does not know."""

    code: str = "AXIS_INTERNAL"
    """The kind, the same in every language and over HTTP, such as `AXIS_BUSY`."""
    number: ClassVar[int] = 900
    """The number of the kind."""
    retryable: bool = False
    """Whether the same call, unchanged, may succeed later."""

    def __init__(
        self, message: str = "", *, operation: str = "", context: Optional[Mapping[str, str]] = None
    ) -> None:
        super().__init__(message)
        self.message = message
        """What happened, without the context."""
        self.operation = operation
        """The operation that failed, such as `sync.read`; may be empty."""
        self.context: Dict[str, str] = dict(context or {})
        """To what it happened: the dataset, the table, and the like."""

    def __str__(self) -> str:
        if not self.context:
            return self.message
        return f"{self.message} ({', '.join(f'{key}={value}' for key, value in self.context.items())})"

    def __reduce__(self) -> Tuple[Any, ...]:
        # Pickling leaves the cause out by itself.
        return (type(self), (self.message,), {**self.__dict__, "_cause": self.__cause__})

    def __setstate__(self, state: Optional[Dict[str, Any]]) -> None:
        kept = dict(state or {})
        self.__cause__ = kept.pop("_cause", None)
        self.__dict__.update(kept)


class ConfigError(Error, ValueError):
    """A configuration file, or an environment variable that stands in for one, is wrong."""

    code, number = "AXIS_CONFIG", 100


class InvalidArgumentError(Error, ValueError):
    """An argument of the call is wrong."""

    code, number = "AXIS_INVALID_ARGUMENT", 101


class NotFoundError(Error, LookupError):
    """The thing that the call names does not exist."""

    code, number = "AXIS_NOT_FOUND", 102


class NotSyncedError(Error):
    """The dataset exists but was never synced."""

    code, number = "AXIS_NOT_SYNCED", 200


class BusyError(Error):
    """The dataset is being synced already."""

    code, number, retryable = "AXIS_BUSY", 201, True


class LockedError(Error):
    """Another process, or another engine of this process, holds the store."""

    code, number, retryable = "AXIS_LOCKED", 202, True


class ClosedError(Error):
    """The engine was closed, or belongs to the process that this one was forked off."""

    code, number = "AXIS_CLOSED", 203


class CancelledError(Error):
    """The work was cancelled by somebody else; a cancelled asyncio task raises `asyncio.CancelledError` as usual."""

    code, number = "AXIS_CANCELLED", 204


class TimeoutError(Error, builtins.TimeoutError):
    """The work took longer than it was allowed to."""

    code, number, retryable = "AXIS_TIMEOUT", 205, True


class SourceUnavailableError(Error, ConnectionError):
    """The source cannot be reached, or the connection to it was lost."""

    code, number, retryable = "AXIS_SOURCE_UNAVAILABLE", 300, True


class SourceRejectedError(Error):
    """The source was reached and refused: credentials, permissions, or the query itself."""

    code, number = "AXIS_SOURCE_REJECTED", 301


class SchemaMismatchError(Error):
    """The source answers with columns or values that the store cannot take as configured."""

    code, number = "AXIS_SCHEMA_MISMATCH", 302


class QueryError(Error, ValueError):
    """The SQL that was sent to the store is wrong."""

    code, number = "AXIS_QUERY", 400


class StoreError(Error, OSError):
    """The store cannot be opened, read or written."""

    code, number = "AXIS_STORE", 401


class InternalError(Error, RuntimeError):
    """A defect of AXIS."""

    code, number = "AXIS_INTERNAL", 900


_KINDS: Dict[str, Type[Error]] = {kind.code: kind for kind in Error.__subclasses__()}


def _restore(
    code: str, message: str, operation: str = "", context: Optional[Mapping[str, str]] = None
) -> Error:
    """Makes the error that the engine, or its JSON, tells of."""
    kind = _KINDS.get(code, Error)
    error = kind(message, operation=operation, context=context)
    if kind is Error:
        error.code = code
    return error
