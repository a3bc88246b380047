"""A RabbitMQ node of our own: own name, cookie, port mapper, plugins and data, so that no other node is touched."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from amqp import AMQPError, Connection

from deploy.local.credentials import ADMIN, write_private
from deploy.local.errors import StackError
from deploy.local.permissions import definitions
from deploy.local.processes import Process, wait_until
from deploy.local.settings import LOOPBACK
from shared.definitions import VHOST

# The package's own script: the wrapper in /usr/sbin insists on being root or the user `rabbitmq`.
SERVER_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_PLUGINS = ("rabbitmq_consistent_hash_exchange", "rabbitmq_management", "rabbitmq_prometheus")
_START_SECONDS = 90.0


@dataclass(frozen=True)
class RabbitPorts:
    """Listeners of one node, all on the loopback."""

    amqp: int
    epmd: int
    distribution: int
    management: int
    prometheus: int


class RabbitServer:
    """A broker with its state below `directory`; restartable, queues, users and messages stay.

    `passwords` maps user names to passwords; `permissions.py` says what each may do. The port mapper (epmd) is started
    here as well: left to Erlang it would become a daemon that nobody stops.
    """

    def __init__(self, directory: Path, ports: RabbitPorts, passwords: Mapping[str, str], cookie: str) -> None:
        self.ports = ports
        self._passwords = passwords
        self._cookie = cookie
        self._home = directory / "rabbitmq"
        self.port_mapper = Process("epmd", ["epmd", "-address", LOOPBACK, "-port", str(ports.epmd)], directory)
        self.process = Process("rabbitmq", [str(SERVER_SCRIPT)], directory, self._environment(), grace_seconds=60.0)

    def start(self) -> None:
        """Start, and return once the administrator can log in to the vhost, which comes last in the broker's boot."""
        if not SERVER_SCRIPT.exists():
            raise StackError("RabbitMQ is not installed: `make run` installs it, or set AMQP_URI to use a broker of yours")
        self._write_files()
        if self.port_mapper.id is None:
            self.port_mapper.start()
        self.process.start()
        wait_until(self._accepting, self.process, _START_SECONDS)

    def stop(self) -> None:
        """Clean shutdown: queues flushed, connections told."""
        self.process.stop()
        self.port_mapper.stop()

    def kill(self) -> None:
        """A crash of the node; quorum queues recover from their log at the next start."""
        self.process.kill()

    def uri(self, user: str = ADMIN) -> str:
        """Connection string of a user in the vhost."""
        return f"amqp://{quote(user)}:{quote(self._passwords[user])}@{LOOPBACK}:{self.ports.amqp}/{VHOST}"

    @property
    def management_url(self) -> str:
        """Management API and console; log in as `admin`."""
        return f"http://{LOOPBACK}:{self.ports.management}"

    def _environment(self) -> dict[str, str]:
        home = self._home
        return {
            "HOME": str(home),  # where Erlang looks for its cookie
            "RABBITMQ_LOG": "-color",
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": "sambandh@localhost",
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            # Erlang's schedulers wait for work without spinning: on a small machine the others need the processor.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "RABBITMQ_CONF_ENV_FILE": str(home / "no-environment-file"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "no-advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            # Makes the script become the Erlang machine instead of waiting for it: our signals reach the broker itself.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _write_files(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        cookie = self._home / ".erlang.cookie"
        write_private(cookie, self._cookie)
        cookie.chmod(0o400)
        write_private(self._home / "definitions.json", definitions(self._passwords))
        (self._home / "rabbitmq.conf").write_text(self._configuration())
        (self._home / "enabled_plugins").write_text(f"[{','.join(_PLUGINS)}].\n")

    def _configuration(self) -> str:
        options = {
            "listeners.tcp.local": f"{LOOPBACK}:{self.ports.amqp}",
            "management.tcp.ip": LOOPBACK,
            "management.tcp.port": self.ports.management,
            "prometheus.tcp.ip": LOOPBACK,
            "prometheus.tcp.port": self.ports.prometheus,
            "load_definitions": self._home / "definitions.json",
            "log.file": "false",
            "log.console": "true",
            "log.console.level": "info",
            # Quorum queues write ahead into one log; the default of 512 MiB would be kept in memory too.
            "raft.wal_max_size_bytes": 64 * 1024 * 1024,
        }
        return "".join(f"{name} = {value}\n" for name, value in options.items())

    def _accepting(self) -> bool:
        try:
            with Connection(
                host=f"{LOOPBACK}:{self.ports.amqp}",
                userid=ADMIN,
                password=self._passwords[ADMIN],
                virtual_host=VHOST,
                connect_timeout=2,
            ):
                return True
        except (OSError, AMQPError):
            return False


def installed() -> bool:
    """Whether this machine can run a broker."""
    return SERVER_SCRIPT.exists() and shutil.which("epmd") is not None
