"""A disk that is small enough to be filled, and a process that may not write."""

import contextlib
import errno
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.faults.frame import CannotPlay

_CHUNK: Final = bytes(4096)


class Disk:
    """A file system of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Nothing more fits on it."""
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(_Full):
            while True:
                _write(file.fileno())

    def free(self) -> None:
        """There is room again."""
        self._filler.unlink()


class _Full(Exception):
    """The disk is."""


def _write(file: int) -> None:
    try:
        os.write(file, _CHUNK)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _Full from error
        raise


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """A file system in memory of so many megabytes, which everybody may use. CannotPlay where one may not mount any."""
    folder = Path(tempfile.mkdtemp(prefix="leadtrackr-disk-"))
    options = f"size={megabytes}m,mode=0777"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    try:
        if mounted.returncode:
            raise CannotPlay("a disk that can be filled needs the right to mount one")
        yield Disk(folder)
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@contextmanager
def no_writes(pid: int) -> Iterator[None]:
    """Every write of the process to a file fails, wherever in the file it is."""
    old = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, old[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, old)
