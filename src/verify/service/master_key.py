"""Where the master key of the evidence vault comes from: the environment, or a file."""

from __future__ import annotations

from pathlib import Path

from verify.domain.errors import Conflict
from verify.service.audit_keys import write_new
from verify.service.clock import now_ms
from verify.settings import Settings
from verify.store import Store
from verify.store.vault import MasterKeys


def key_file(settings: Settings) -> Path:
    """The file with the master key, the one that wraps on its first line, older ones below."""
    return settings.master_key_file or settings.home / "master.key"


def load(settings: Settings) -> MasterKeys | None:
    """The master key; `None` where there is none yet.

    Raises:
        Conflict: others may read the file, or it holds no key.
    """
    if settings.master_key is not None:
        return MasterKeys.parse(settings.master_key.get_secret_value())
    path = key_file(settings)
    if not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        raise Conflict(
            "others than its owner may read this key file",
            where=str(path),
            remedy=f"chmod 600 {path}",
        )
    return MasterKeys.parse(path.read_text(encoding="utf-8"))


def open_store(settings: Settings, *, read_only: bool = False) -> Store:
    """The installation's store, with whatever keys it has."""
    return Store.open(
        settings.resolved_database_url,
        read_only=read_only,
        log_hash=settings.log_hash,
        masters=load(settings),
        again=lambda: load(settings),
    )


def open_protected(settings: Settings, *, read_only: bool) -> Store:
    """The store of a service: whatever it writes is sealed; raises as `protect`.

    Read only it must be the right key, too: without it everything that is sealed looks altered.
    """
    store = open_store(settings, read_only=read_only)
    try:
        if not read_only:
            protect(store, settings)
        elif store.keyring is None:
            store.require_no_sealed_evidence(str(key_file(settings)))
        else:
            store.keyring.require_some_master()
    except BaseException:
        store.close()
        raise
    return store


def protect(store: Store, settings: Settings) -> None:
    """Make sure that everything from now on is sealed; on the very first start, make the key.

    Of several processes that start first over one home folder, one makes it and all use it: a key
    that is there is never replaced, since what was sealed under it meanwhile would be lost.

    Raises:
        Conflict: the database holds evidence sealed under a master key that is not here.
    """
    masters = load(settings)
    if masters is None:
        store.require_no_sealed_evidence(str(key_file(settings)))
        write_new(key_file(settings), MasterKeys.new_text().encode() + b"\n")
        masters = load(settings)
    if masters is not None:
        store.protect(masters)
        store.seal_plain(now_ms())
