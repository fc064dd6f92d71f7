"""Where a workspace has its files: its folder, another one, or storage elsewhere; kept, so that it is found again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from research_kit.errors import StoreError
from research_kit.store.files import FileStore, Folder, write_atomic

FILES = "RESEARCH_KIT_FILES"
SETTINGS = "settings.json"
OWN = "."  # the workspace's own folder


def files_at(folder: Path, where: str = OWN) -> FileStore:
    """Return the files of the workspace in ``folder``: at a URL that fsspec knows, or in a folder ("." is its own).

    Examples
    --------
    >>> files_at(Path("research"), "/shared/research").place.where
    '/shared/research'
    """
    if "://" not in where:
        return FileStore(folder, None if where == OWN else Folder(Path(where).expanduser().absolute()))
    from research_kit.store.remote import RemoteFiles

    return FileStore(folder, RemoteFiles(where))


def open_files(folder: Path, given: str | None = None) -> FileStore:
    """Return the files of a workspace: where it is told to have them, else as it was told last, else by environment.

    What is given is kept in ``settings.json`` of the workspace.
    """
    if not given:
        return files_at(folder, str(_settings(folder).get("files") or os.environ.get(FILES) or OWN))
    files = files_at(folder, given)
    settings = _settings(folder)
    told = settings | {"files": OWN if files.place.where == str(folder) else files.place.where}
    if told != settings:
        write_atomic(folder / SETTINGS, json.dumps(told, indent=1))
    return files


def _settings(folder: Path) -> dict[str, object]:
    path = folder / SETTINGS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}. Mend it, or remove it and say files= again.") from None
    return found if isinstance(found, dict) else {}
