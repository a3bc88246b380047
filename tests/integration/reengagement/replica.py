"""Replicas of the part of re-engagement that fires timers, in the test's process, and waiting for what they do."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from nameko.containers import ServiceContainer

from shared.timers import Timers


class Firing:
    """The timers of re-engagement without its inbox and relay, so that no broker is needed and the outbox keeps everything."""

    name = "reengagement"
    timers = Timers()


@contextmanager
def firing(settings: Mapping[str, Any], replicas: int = 1) -> Iterator[None]:
    """So many threads that fire. In one process they share the lease, so all of them go for the same timers."""
    with ExitStack() as stack:
        for _ in range(replicas):
            container = ServiceContainer(Firing, dict(settings))
            container.start()
            stack.callback(container.stop)
        yield


def wait_until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true answer of `condition`; an assertion error at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"it did not come true in {seconds} s")
