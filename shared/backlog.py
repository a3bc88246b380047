"""How much waits in the inbox of this process's service, as far as its partitions know."""


class Backlog:
    """Messages that wait, by queue; None where a queue that should be read has not been measured, or was lost."""

    def __init__(self) -> None:
        self._waiting: dict[str, int | None] = {}

    def unknown(self, queue: str) -> None:
        self._waiting[queue] = None

    def measured(self, queue: str, messages: int) -> None:
        self._waiting[queue] = messages

    def forget(self, queue: str) -> None:
        self._waiting.pop(queue, None)

    def caught_up(self, messages: int) -> bool:
        """Whether every queue is measured and no more than `messages` wait in all; a service without an inbox always is."""
        counts = list(self._waiting.values())
        return None not in counts and sum(count or 0 for count in counts) <= messages


BACKLOG = Backlog()
