"""What was done to the system and when: append-only, so that a run can be read, and said again, after the fact."""

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done. `seconds` since the start of the run; `act` is inject, heal, died or note."""

    seconds: float
    act: str
    fault: str
    target: str
    detail: str = ""


class History:
    """The file and what is in it; any thread may add to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self.began, self.began_at = monotonic(), datetime.now(UTC)
        self._lock = threading.Lock()

    def add(self, act: str, fault: str, target: str, detail: str = "") -> None:
        entry = Entry(round(self.seconds(), 3), act, fault, target, detail)
        with self._lock:
            self.entries.append(entry)
            with self.path.open("a") as file:
                file.write(json.dumps(as_json(entry)) + "\n")

    def seconds(self) -> float:
        """Since the start of the run."""
        return monotonic() - self.began

    def count(self, act: str, fault: str) -> dict[str, int]:
        """How often a fault was injected (or a death seen), by target."""
        found: dict[str, int] = {}
        for entry in self.entries:
            if (entry.act, entry.fault) == (act, fault):
                found[entry.target] = found.get(entry.target, 0) + 1
        return found


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as a line of the file, without what is empty."""
    values = {"s": entry.seconds, "act": entry.act, "fault": entry.fault, "target": entry.target, "detail": entry.detail}
    return {name: value for name, value in values.items() if value != ""}
