"""What is written for people in the background: exports of segments, and how many members segments have over time."""

from services.profiles.storage.segment_exports import Census, Exports
from shared.extension import Worker
from shared.lease import Lease


class Clerk(Worker):
    """The thread that writes. One replica at a time; another goes on where it stopped."""

    poll_seconds = 1.0
    census_seconds = 300.0

    def run(self) -> None:
        self._lease = Lease(self.database, "clerk")
        self._exports, self._census = Exports(self.database), Census(self.database)
        self.repeat(self._round)
        self._lease.release()

    def _round(self) -> None:
        if not self.every(self._lease.renew_after.total_seconds(), self._lease.hold):
            self.wait(self._lease.renew_after.total_seconds())
            return
        self.every(self.census_seconds, self._take_census)
        if not self._exports.go_on():
            self.wait(self.poll_seconds)

    def _take_census(self) -> bool:
        self._census.take()
        return True
