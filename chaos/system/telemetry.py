"""What the processes say of themselves while the run goes on, added up over all their lives.

A counter starts at nothing with every life, and what a process counted after the last look before it died is not seen: the sums are
never too high.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from chaos.system.whole import System
from deploy.local.settings import LOOPBACK

_LOOK_SECONDS = 1.0
_COUNTED = {
    "crm_events_duplicate_total": "duplicates",
    "crm_batches_retried_total": "retries",
    "crm_events_applied_total": "applied",
    "crm_timers_fired_total": "timers fired",
    "crm_events_parked_total": "parked",
}
_REDELIVERED = "rabbitmq_global_messages_redelivered_total"


class Telemetry:
    """A thread that reads the metrics of every process about once a second."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lives: dict[tuple[str, int], Counter[str]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def sums(self) -> Counter[str]:
        """What was counted so far, over every process and life."""
        return sum(list(self._lives.values()), Counter[str]())

    def look(self) -> None:
        """Read every process once."""
        for name, member in self._system.fleet.members.items():
            found = member.process.id
            if found is not None:
                self._keep(name, found.pid, _services(_page(member.metrics)))
        broker = self._system.rabbit.process.id
        if broker is not None:
            self._keep("rabbitmq", broker.pid, _broker(_page(self._system.rabbit.ports.prometheus)))

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            self.look()

    def _keep(self, name: str, pid: int, counts: Mapping[str, int]) -> None:
        if counts:
            self._lives[name, pid] = Counter(counts)


def _page(port: int) -> str:
    """The metrics of a process; nothing where it does not answer."""
    try:
        with urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=2) as answer:
            return str(answer.read().decode())
    except (OSError, HTTPException):
        return ""


def _services(page: str) -> Counter[str]:
    counts = Counter[str]()
    for name, value in _samples(page):
        if name in _COUNTED:
            counts[_COUNTED[name]] += int(value)
    return counts


def _broker(page: str) -> Counter[str]:
    return Counter({"redelivered": sum(int(value) for name, value in _samples(page) if name == _REDELIVERED)})


def _samples(page: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            yield sample.name, sample.value
