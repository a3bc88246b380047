"""The stack of `make run` with what chaos puts between and beneath its parts."""

from collections.abc import Mapping, Sequence

from chaos.system.links import Proxy
from chaos.system.nursery import ForkedProcess, Nursery
from chaos.system.replica_set import ReplicaSet
from deploy.local.mongod import MongoServer
from deploy.local.processes import Process
from deploy.local.settings import Settings
from deploy.local.stack import Stack


class ChaosStack(Stack):
    """A stack whose services reach their servers through `proxy`, if there is one, with `members` members of MongoDB: 1 or 3."""

    def __init__(self, settings: Settings, nursery: Nursery, proxy: Proxy | None, members: int) -> None:
        self._nursery, self._proxy, self._members = nursery, proxy, members
        super().__init__(settings)

    def service_process(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Process:
        """A process that the nursery will fork."""
        process = ForkedProcess(name, command, self.settings.run_dir, environment)
        process.nursery = self._nursery
        return process

    def service_environment(self, name: str) -> dict[str, str]:
        environment = super().service_environment(name)
        return self._proxy.environment(name, environment) if self._proxy else environment

    def _service(self, name: str) -> Process:
        plain = super()._service(name)
        return self.service_process(name, plain.command, plain.environment)

    def _mongo_server(self) -> MongoServer:
        if self._members == 1:
            return super()._mongo_server()
        secrets = self.credentials
        return ReplicaSet(self.settings.run_dir, self.settings.ports["MONGO_PORT"], secrets.mongo, secrets.mongo_key)

    def _servers(self) -> list[Process]:
        others = self.mongo.processes[1:] if isinstance(self.mongo, ReplicaSet) else []
        return [*others, *super()._servers()]
