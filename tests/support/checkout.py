"""A copy of the sources in a folder of its own, in which tests may write destinations and run what people run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest import MonkeyPatch  # noqa: PT013 - a type, no mark

ROOT: Final = Path(__file__).parents[2]
_PARTS: Final = ("src", "tests", "docs", "bench")
_FILES: Final = ("pyproject.toml", "README.md", "CHANGELOG.md", "Makefile")
_TOOLS: Final = Path(sys.executable).parent


@dataclass(frozen=True)
class Checkout:
    """The copy at `root`."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Checkout":
        """Copies what is in the repository now."""
        for part in _PARTS:
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", "results"))
        for file in _FILES:
            shutil.copy(ROOT / file, root / file)
        return cls(root)

    def environment(self) -> dict[str, str]:
        """In which `leadtrackr` and `python` are those of the copy, and nothing is left of the tests' own run."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEADTRACKR_", "PYTEST_"))}
        tools = self.root / ".bin"
        path = os.pathsep.join([str(tools), str(_TOOLS), kept.get("PATH", "")])
        return kept | {"PYTHONPATH": f"{self.root / 'src'}{os.pathsep}{self.root}", "PATH": path}

    def enter(self, monkeypatch: MonkeyPatch) -> None:
        """Makes it the current folder, with `leadtrackr` as a command of its own."""
        tools = self.root / ".bin"
        tools.mkdir()
        command = tools / "leadtrackr"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m leadtrackr "$@"\n')
        command.chmod(0o755)
        monkeypatch.chdir(self.root)

    def run(self, command: str, more: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """A command line, run by a shell that stops at what goes wrong; both outputs in `stdout`."""
        return subprocess.run(
            ["bash", "-euc", command],
            cwd=self.root,
            env=self.environment() | dict(more or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def works(self, command: str, more: Mapping[str, str] | None = None) -> str:
        """What a command that has to work says."""
        done = self.run(command, more)
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
        return done.stdout

    def change(self, path: str, before: str, after: str) -> None:
        """Puts another text in the place of one that is there once."""
        file = self.root / path
        text = file.read_text()
        assert text.count(before) == 1, before
        file.write_text(text.replace(before, after))
