"""A MongoDB replica set of three members on this machine, so that a primary may die and another take its place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.credentials import ADMIN
from deploy.local.mongod import MongoServer
from deploy.local.processes import Process, wait_until
from deploy.local.settings import LOOPBACK, free_ports

_ELECTION_SECONDS = 60.0
_PRIMARY, _SECONDARY = 1, 2


class ReplicaSet(MongoServer):
    """The usual server as first member, and two more that follow it. `uri` names all three."""

    def __init__(self, directory: Path, port: int, passwords: Mapping[str, str], key: str) -> None:
        super().__init__(directory, port, passwords, key)
        self.others = [
            MongoServer(directory / f"member-{number}", other, passwords, key) for number, other in enumerate(free_ports(2), 1)
        ]
        for number, other in enumerate(self.others, 1):
            other.process.name = f"mongod-{number}"

    @property
    def processes(self) -> list[Process]:
        return [self.process, *(other.process for other in self.others)]

    def start(self) -> None:
        """Start the first member, then the others, and return when all three hold data."""
        super().start()
        for other in self.others:
            other.launch()
        self._join()

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()

    def uri(self, user: str = ADMIN) -> str:
        """Connection string that names every member, so that it works whoever is away."""
        first = f"{LOOPBACK}:{self.port}"
        return super().uri(user).replace(first, ",".join([first, *(f"{LOOPBACK}:{other.port}" for other in self.others)]))

    def kill_primary(self) -> Process:
        """SIGKILL whoever is primary now; returns its process, to be started again."""
        primary = next(member for member in self._members() if member["state"] == _PRIMARY)
        ports = {self.port: self.process} | {other.port: other.process for other in self.others}
        killed = ports[int(primary["name"].rpartition(":")[2])]
        killed.kill()
        return killed

    def await_whole(self) -> None:
        """Until one member is primary and two follow it."""
        wait_until(self._is_whole, self.process, _ELECTION_SECONDS)

    def _join(self) -> None:
        with MongoClient[dict[str, Any]](super().uri(), serverSelectionTimeoutMS=20_000) as client:
            for number, other in enumerate(self.others, 1):
                config = client.admin.command("replSetGetConfig")["config"]
                if number not in {member["_id"] for member in config["members"]}:
                    config["members"].append({"_id": number, "host": f"{LOOPBACK}:{other.port}"})
                    config["version"] += 1
                    config.setdefault("settings", {})["electionTimeoutMillis"] = 3_000
                    client.admin.command("replSetReconfig", config)
                self.await_state(number)

    def await_state(self, number: int) -> None:
        """Until a member has become a secondary (or primary)."""
        wait_until(lambda: self._state(number) in (_PRIMARY, _SECONDARY), self.process, _ELECTION_SECONDS)

    def _state(self, number: int) -> int:
        return next((int(member["state"]) for member in self._members() if member["_id"] == number), 0)

    def _is_whole(self) -> bool:
        return sorted(int(member["state"]) for member in self._members()) == [_PRIMARY, _SECONDARY, _SECONDARY]

    def _members(self) -> list[dict[str, Any]]:
        try:
            with MongoClient[dict[str, Any]](self.uri(), serverSelectionTimeoutMS=5_000) as client:
                return list(client.admin.command("replSetGetStatus")["members"])
        except PyMongoError:
            return []
