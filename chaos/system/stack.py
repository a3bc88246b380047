"""The stack of `make run` with what chaos puts between and beneath its parts."""

from chaos.system.links import Proxy
from chaos.system.replica_set import ReplicaSet
from deploy.local.mongod import MongoServer
from deploy.local.processes import Process
from deploy.local.settings import Settings
from deploy.local.stack import Stack


class ChaosStack(Stack):
    """A stack whose services reach their servers through `proxy`, if there is one, with `members` members of MongoDB: 1 or 3."""

    def __init__(self, settings: Settings, proxy: Proxy | None, members: int) -> None:
        self._proxy, self._members = proxy, members
        super().__init__(settings)

    def service_environment(self, name: str) -> dict[str, str]:
        environment = super().service_environment(name)
        return self._proxy.environment(name, environment) if self._proxy else environment

    def _mongo_server(self) -> MongoServer:
        if self._members == 1:
            return super()._mongo_server()
        secrets = self.credentials
        return ReplicaSet(self.settings.run_dir, self.settings.ports["MONGO_PORT"], secrets.mongo, secrets.mongo_key)

    def _servers(self) -> list[Process]:
        others = self.mongo.processes[1:] if isinstance(self.mongo, ReplicaSet) else []
        return [*others, *super()._servers()]
