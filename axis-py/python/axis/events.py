"""What happens in an engine, one event after the other."""

from __future__ import annotations

from typing import Optional

from . import _axis
from ._calls import awaited
from .values import Event


class Events:
    """An iterator over what happens; made by `Engine.events`. It waits for what is to come and ends when the engine closes."""

    def __init__(self, native: _axis.Events, engine: _axis.Engine) -> None:
        self._native = native
        # An engine that nobody holds closes.
        self._engine = engine

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Event:
        told: Optional[str] = self._native.next().wait()
        if told is None:
            raise StopIteration
        return Event(told)


class AsyncEvents:
    """As `Events`, awaited; made by `AsyncEngine.events`."""

    def __init__(self, native: _axis.Events, engine: _axis.Engine) -> None:
        self._native = native
        # An engine that nobody holds closes.
        self._engine = engine

    def __aiter__(self) -> AsyncEvents:
        return self

    async def __anext__(self) -> Event:
        told: Optional[str] = await awaited(self._native.next())
        if told is None:
            raise StopAsyncIteration
        return Event(told)
