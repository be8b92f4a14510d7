"""Work on a store that nobody has open, for code that waits and for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping, Optional

from . import _axis
from ._arguments import Config, Path, backup_path, compact_options, restore_options
from ._calls import listened, relay
from .values import BackupProgress, CompactReport, RestoreReport

if TYPE_CHECKING:
    from typing_extensions import Never

OnBackupProgress = Callable[[BackupProgress], object]


def restore(
    path: Path,
    store: Optional[Path] = None,
    *,
    config: Optional[Config] = None,
    env: Optional[Mapping[str, str]] = None,
    force: bool = False,
    on_progress: Optional[OnBackupProgress] = None,
    **unknown: Never,
) -> RestoreReport:
    """Makes a store from a backup, a file or a folder. Nobody may have the store open.

    The store is what `axis.open` would open with `store`, `config` and `env`. All checksums are compared before anything is written
    to where it is, and it takes its place at once. One that is there already is only replaced with `force`. `on_progress` is
    called with every step; when it raises, the restore is cancelled and what it raised comes out here. Ctrl-C cancels. Whatever
    the error, what was there is left as it was.

    Raises InvalidArgumentError, ConfigError, NotFoundError, StoreError when the backup is damaged or of a newer version,
    LockedError, CancelledError.
    """
    options = restore_options(store, config, env, force, **unknown)
    call = _axis.restore(backup_path(path, "restore options"), options, relay(BackupProgress, on_progress))
    return RestoreReport(call.wait())


def compact(
    store: Optional[Path] = None,
    *,
    config: Optional[Config] = None,
    env: Optional[Mapping[str, str]] = None,
    on_progress: Optional[OnBackupProgress] = None,
    **unknown: Never,
) -> CompactReport:
    """Writes a store anew, without the room that is free in its file. Nobody may have it open.

    For the arguments see `axis.restore`. Whatever the error, the store is left as it was.

    Raises InvalidArgumentError, ConfigError, NotFoundError, LockedError, StoreError, CancelledError.
    """
    call = _axis.compact(compact_options(store, config, env, **unknown), relay(BackupProgress, on_progress))
    return CompactReport(call.wait())


async def restore_async(
    path: Path,
    store: Optional[Path] = None,
    *,
    config: Optional[Config] = None,
    env: Optional[Mapping[str, str]] = None,
    force: bool = False,
    on_progress: Optional[OnBackupProgress] = None,
    **unknown: Never,
) -> RestoreReport:
    """As `axis.restore`; the callback is called on the event loop. Cancelling the task cancels the restore."""
    file, options = backup_path(path, "restore options"), restore_options(store, config, env, force, **unknown)
    told = await listened(lambda listener: _axis.restore(file, options, listener), relay(BackupProgress, on_progress))
    return RestoreReport(told)


async def compact_async(
    store: Optional[Path] = None,
    *,
    config: Optional[Config] = None,
    env: Optional[Mapping[str, str]] = None,
    on_progress: Optional[OnBackupProgress] = None,
    **unknown: Never,
) -> CompactReport:
    """As `axis.compact`; the callback is called on the event loop. Cancelling the task cancels it."""
    options = compact_options(store, config, env, **unknown)
    told = await listened(lambda listener: _axis.compact(options, listener), relay(BackupProgress, on_progress))
    return CompactReport(told)
