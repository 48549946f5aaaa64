"""Work spread over threads, and over processes that end with this one, however it ends."""

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from refine.interrupts import end_children, held_back

Item = TypeVar("Item")
Content = TypeVar("Content")
Result = TypeVar("Result")

_content: Any = None
"""In a worker: what it was given once, for all of its items."""


def in_order(
    pool: Executor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int = 64,
    cost: Callable[[Item], int] = lambda item: 1,
) -> Iterator[Result]:
    """Map through a pool, with bounded memory.

    Args:
        pool: Threads.
        function: Called in them.
        items: Drawn in the caller's thread as calls end.
        ahead: Sum of the costs of calls under way, or done and not yet yielded, from which on no further one begins.
        cost: Of one item.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    under_way = 0
    for item in items:
        waiting.append((pool.submit(function, item), cost(item)))
        under_way += waiting[-1][1]
        while under_way >= ahead:
            future, its_cost = waiting.popleft()
            under_way -= its_cost
            yield future.result()
    for future, _ in waiting:
        yield future.result()


def in_processes(
    function: Callable[[Content, Item], Result], items: Sequence[Item], contents: Sequence[Content]
) -> Generator[tuple[Item, Result], None, None]:
    """Call a function for each item, in as many processes as there are contents; close the iterator to end them.

    Args:
        function: A module's own; it takes the process's content and an item.
        items: Any number.
        contents: Given to one process each.

    Yields:
        Each item with its result, in the order in which they come.

    Raises:
        BrokenProcessPool: If a process dies.
    """
    # Not forked: a copy of a process whose torch has started its threads may hang.
    spawn = multiprocessing.get_context("spawn")
    given = spawn.Queue()  # a process reads its content itself: this one is not held up while it imports torch
    given.cancel_join_thread()
    for content in contents:
        given.put(content)
    resource_tracker.ensure_running()  # now: it would let through the signals that are held back
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(len(contents), spawn, initializer=_start, initargs=(given,))
    try:
        with held_back():  # a worker never sees Ctrl-C or SIGTERM: this process ends it
            waiting = {pool.submit(_call, function, item): item for item in items}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
    except BaseException:
        end_children(but=others)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(given: Any) -> None:
    global _content
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _content = given.get()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _call(function: Callable[[Any, Any], Any], item: object) -> Any:
    return function(_content, item)
