"""Ctrl-C, SIGTERM and SIGHUP: one exception, one line on what is kept, exit code 130, 143 or 129, no process left."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NAMES: dict[int, str] = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}

IMPORTING = "<frozen importlib"
"""Code of Python's import system; an exception in one of its callbacks is printed and dropped."""
RETRY_IMPORT, RETRY = 0.05, 2.0
"""Seconds until a signal that came during an import is delivered, and until an exception that was dropped is raised
again."""
LONGEST_IMPORT = 30.0
"""Seconds after which an import is no import of ours, but a module that runs a command."""

FINISHED_KEPT = "what is finished is kept; the same command goes on"
NOTHING_KEPT = "nothing is kept; the same command begins anew"


class Interrupted(BaseException):
    """One of `SIGNALS`. Not a `KeyboardInterrupt`, which Lightning answers with an exit code of its own."""


class Listener:
    """State of the signals while a command runs.

    Attributes:
        number: The first signal that came; None so far.
        kept: What a stop leaves, and how to go on.
        begun: Whether a stop has something to clean up; before that, the process ends where it stands.
    """

    def __init__(self, begun: bool) -> None:
        self.number: int | None = None
        self.kept = "nothing was done"
        self.begun = begun
        self.may_exit = not begun
        self.process = os.getpid()
        self.since = 0.0
        self.gracefully: Callable[[], None] | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if os.getpid() != self.process:  # a forked worker: its parent decides, and has its own way to end it
            if number == signal.SIGTERM:
                os._exit(128 + number)
            return
        again = self.number is not None
        if not again:
            self.number, self.since = number, time.monotonic()
        if self.may_exit and (again or not self.begun):
            self._exit_now(again)
        self._deliver(frame, again)

    def retry(self, number: int, frame: FrameType | None) -> None:
        """Handle the timer: raise again what was dropped in a place where Python ignores exceptions."""
        error = sys.exception()
        while error is not None:
            if isinstance(error, Interrupted):
                return  # on its way, through somebody's clean-up
            error = error.__context__
        self._deliver(frame)

    def _deliver(self, frame: FrameType | None, again: bool = False) -> None:
        if self.gracefully is not None and not again:
            self.gracefully()
        elif _importing(frame) and time.monotonic() - self.since < LONGEST_IMPORT:
            signal.setitimer(signal.ITIMER_REAL, RETRY_IMPORT)
        else:
            signal.setitimer(signal.ITIMER_REAL, RETRY)
            raise Interrupted

    def _exit_now(self, again: bool) -> None:
        end_children(set())
        shown = "\x1b[?25h" if sys.stderr.isatty() else ""  # the cursor that a progress bar hides
        line = f"{shown}refine: {stopped_by()}{', at once' if again else ''}; {self.kept}\n"
        with suppress(OSError):  # SIGHUP: the terminal may be gone
            os.write(2, line.encode())
        os._exit(exit_code())


_listener: Listener | None = None


def listen(begun: bool) -> Listener:
    """Take over the signals, in the main thread; elsewhere Python delivers none.

    Args:
        begun: False where the process is the command's own and has done nothing yet: a signal then ends it where it
            stands, be it in the middle of importing torch.
    """
    global _listener
    found = Listener(begun)
    if threading.current_thread() is threading.main_thread():
        _listener = found
        take_over()
        # From the start: Lightning puts every signal back to what it was before a fit.
        signal.signal(signal.SIGALRM, found.retry)
        sys.unraisablehook = _dropped
    return found


def take_over() -> None:
    """Point the signals at the listener, also where a library has put itself before it; SIGHUP stays ignored where it
    is, as under nohup."""
    if _listener is not None:
        for name in SIGNALS:
            if signal.getsignal(name) is not signal.SIG_IGN or name != signal.SIGHUP:
                signal.signal(name, _listener.receive)


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen until the block ends, then leave the signals as they were; within `listen`, its listener."""
    global _listener
    if _listener is not None:
        yield _listener
        signal.setitimer(signal.ITIMER_REAL, 0)
        return
    before: dict[int, Any] = {name: signal.getsignal(name) for name in (*SIGNALS, signal.SIGALRM)}
    hook = sys.unraisablehook
    found = listen(begun=True)
    try:
        yield found
    finally:
        if _listener is found:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for name, handler in before.items():
                signal.signal(name, handler)
            sys.unraisablehook = hook
        _listener = None


def begin() -> None:
    """The imports are done: from here on a stop unwinds, so that nothing half-done stays."""
    if _listener is not None:
        _listener.begun = True


def finish() -> None:
    """The result stands: a signal no longer stops the little that is left, such as printing it; a second one does."""
    gracefully(lambda: None)
    if _listener is not None and _listener.number is None:
        _listener.kept = "the result is written"


def end_with(code: int) -> None:
    """The command is done: a signal has nothing left to stop but Python's own end."""

    def leave(number: int, frame: FrameType | None) -> None:
        os._exit(code)

    for name in SIGNALS:
        if signal.getsignal(name) is not signal.SIG_IGN:
            signal.signal(name, leave)


def gracefully(stop: Callable[[], None] | None, kept: str | None = None) -> None:
    """Let the first signal call ``stop`` instead of raising; None raises again.

    Args:
        stop: Returns quickly, and makes the work end by itself.
        kept: What a stop leaves from now on.
    """
    if _listener is not None:
        _listener.gracefully = stop
        _listener.kept = kept or _listener.kept
        take_over()


def exit_code() -> int:
    """Return the exit code of a stop as shells have it: 128 and the signal's number; 130 where there was none."""
    return 128 + (_number() or signal.SIGINT)


def stopped_by() -> str:
    """Return the beginning of the line after a stop."""
    return f"stopped by {NAMES[_number() or signal.SIGINT]}"


def _number() -> int | None:
    return None if _listener is None else _listener.number


@contextmanager
def held_back() -> Iterator[None]:
    """Hold the signals back: processes that are started in the block inherit that, and are ended by us alone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_children(but: set[Any]) -> None:
    """Kill this process's worker processes.

    Args:
        but: Those that were there before, and are somebody else's.
    """
    multiprocessing = sys.modules.get("multiprocessing")
    for child in multiprocessing.active_children() if multiprocessing else ():
        if child not in but:
            child.kill()


def _dropped(unraisable: "sys.UnraisableHookArgs") -> None:
    """Say nothing of an `Interrupted` that Python drops: it is raised again."""
    if not isinstance(unraisable.exc_value, Interrupted):
        sys.__unraisablehook__(unraisable)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False
