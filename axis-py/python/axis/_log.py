"""What the engine logs, as records of the logger `axis`."""

from __future__ import annotations

import logging
from typing import Dict

_LOGGER = logging.getLogger("axis")
# A program that has configured nothing hears nothing.
_LOGGER.addHandler(logging.NullHandler())


def level() -> int:
    """The least level that is heard."""
    return max(_LOGGER.getEffectiveLevel(), _LOGGER.manager.disable + 1)


def hear(level: int, target: str, message: str, fields: Dict[str, str], at: float) -> None:
    """Logs what has happened at a time before; the fields go along as `fields` of the record."""
    if not _LOGGER.isEnabledFor(level):
        return
    record = _LOGGER.makeRecord(_LOGGER.name, level, target, 0, message, (), None, extra={"fields": fields})
    record.created, record.msecs = at, at % 1 * 1000
    _LOGGER.handle(record)
