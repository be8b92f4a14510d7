"""Callbacks, and waiting for calls in asyncio: whoever is cancelled waits until the work was rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Type, TypeVar

from . import _axis
from ._arguments import function
from ._value import Value

if TYPE_CHECKING:
    import asyncio

Listener = Callable[[str], object]
ROLLBACK = 2.0
"""Seconds."""
Begin = Callable[[Optional[Listener]], _axis.Call]
V = TypeVar("V", bound=Value)


def relay(kind: Type[V], on_progress: Optional[Callable[[V], object]]) -> Optional[Listener]:
    """Lets a callback that takes values hear what is told as JSON."""
    if on_progress is None:
        return None
    function(on_progress, "on_progress")
    return lambda told: on_progress(kind(told))


async def awaited(call: _axis.Call) -> Any:
    """Runs a call without blocking the event loop."""
    return await listened(lambda listener: call, None)


async def listened(begin: Begin, listener: Optional[Listener]) -> Any:
    """Runs a call whose events go to a listener on the event loop; one that raises cancels the call."""
    # It takes longer to import than everything else together, and only those who use it need it.
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    raised: Optional[BaseException] = None

    def settle(answer: Any, error: Optional[BaseException]) -> None:
        if future.done():
            return
        if raised is not None or error is not None:
            future.set_exception(raised or error)  # type: ignore[arg-type]
        else:
            future.set_result(answer)

    def hear(event: str) -> None:
        nonlocal raised
        if listener is not None and raised is None:
            try:
                listener(event)
            except Exception as error:
                raised = error
                call.cancel()

    def post(callback: Callable[..., object], *arguments: Any) -> None:
        # A loop that was closed meanwhile has nobody left who waits.
        if not loop.is_closed():
            loop.call_soon_threadsafe(callback, *arguments)

    call = begin(None if listener is None else lambda event: post(hear, event))
    call.start(lambda answer, error: post(settle, answer, error))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        call.cancel()
        await _patiently(future)
        # What it has ended with tells nothing new. An engine that nobody gets shall not keep the store.
        future.add_done_callback(_forget)
        if future.done() and not future.cancelled() and not future.exception() and isinstance(future.result(), _axis.Engine):
            await _patiently(asyncio.ensure_future(awaited(future.result().close())))
        raise
    finally:
        _axis.hand_over_log()


async def _patiently(future: asyncio.Future[Any]) -> None:
    """Waits for the end of a future, whatever that is. Whoever is cancelled meanwhile waits for two seconds more at most."""
    import asyncio

    loop = asyncio.get_running_loop()
    until: Optional[float] = None
    while not future.done() and (until is None or loop.time() < until):
        try:
            await asyncio.wait([future], timeout=None if until is None else until - loop.time())
        except asyncio.CancelledError:
            until = until or loop.time() + ROLLBACK


def _forget(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
