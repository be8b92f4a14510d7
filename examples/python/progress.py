"""Watches a sync, in asyncio.

Usage: progress.py STORE CONFIG
"""

import asyncio
import sys

import axis


def show(event: axis.SyncEvent) -> None:
    if event.event == "progress":
        print(f"{event.table}: {event.rows} rows, {event.bytes} bytes{', done' if event.done else ''}")
    else:
        print(event.event)


async def main(store: str, config: str) -> None:
    async with await axis.open_async(store, config=config) as engine:
        report = await engine["monitoring"].sync(mode="full", on_progress=show)
        print(f"generation {report.generation}")


asyncio.run(main(*sys.argv[1:]))
