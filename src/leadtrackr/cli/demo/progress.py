"""What the demo is doing, to standard error: a line that counts on a terminal, else one line for each step."""

import shutil
import sys
import time

import click


class Progress:
    """One step after the other; each is told how long it took."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self._step_began = self._began
        self._text = ""
        self._shown = ""
        # A line that wraps cannot be written over.
        self._columns = shutil.get_terminal_size().columns - 1

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def step(self, text: str) -> None:
        """Begins a step; ends the one before."""
        self.done()
        self._text, self._step_began = text, time.monotonic()
        self._write(f"{text[: self._columns - 2]} …")

    def count(self, count: int, total: int) -> None:
        """How far the step has come."""
        done = f" … {count}/{total}"
        self._write(f"{self._text[: self._columns - len(done)]}{done}")

    def done(self) -> None:
        """Ends the step."""
        if not self._text:
            return
        line = f"{self._text} ({time.monotonic() - self._step_began:.1f} s)"
        if self._terminal:
            self._write(line)
        click.echo("" if self._terminal else line, err=True)
        self._text = self._shown = ""

    def _write(self, line: str) -> None:
        if self._terminal and line != self._shown:
            sys.stderr.write(f"\r{line}\033[K")
            sys.stderr.flush()
            self._shown = line
