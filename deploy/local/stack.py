"""The whole system: servers, topology, services and gateway, started in order and stopped in the reverse one."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from deploy.local.checks import check_directory, check_disk, check_ports
from deploy.local.credentials import ADMIN, TOPOLOGY, Credentials, write_private
from deploy.local.errors import StackError
from deploy.local.gateway import Gateway, answers
from deploy.local.mongod import MongoServer, database_of
from deploy.local.processes import POLL_SECONDS, Process, ProcessId, last_line, rotate
from deploy.local.rabbitmq import RabbitPorts, RabbitServer
from deploy.local.settings import LOOPBACK, REPOSITORY, SERVICES, Settings
from shared.access.signing import LOCAL_ISSUER

_SERVICES_READY_SECONDS = 90.0
_ONCE_SECONDS = 60.0

# Called with the name of a part and what is happening to it: "starting", "ready (1.2 s)", "stopping", "stopped".
Report = Callable[[str, str], None]


def unheard(name: str, state: str) -> None:
    """A report for callers that have nobody to tell."""


class Stack:
    """One installation below `settings.run_dir`. Tests start theirs with `Settings.on_free_ports(directory)`.

    `mongo` and `rabbit` are None where the settings name a server of the user's. `services` maps each service's name to
    its process, to be stopped, killed and started again at will.
    """

    def __init__(self, settings: Settings, report: Report = unheard) -> None:
        check_directory(settings.run_dir)
        self.settings = settings
        self.credentials = Credentials.load_or_create(settings.run_dir / "secrets.json")
        self.mongo = None if settings.mongo_uri else self._mongo_server()
        self.rabbit = None if settings.amqp_uri else self._rabbit_server()
        self.services = {name: self._service(name) for name in SERVICES}
        self.gateway = Gateway(settings, self.credentials.issuer.key_set)
        self._report = report
        self._supervisor_file = settings.run_dir / "pid" / "supervisor"

    # -- life

    def start(self) -> None:
        """Start everything and return once all of it is ready; on any failure stop what was started and raise."""
        self._claim()
        try:
            self._stop_parts()  # what a supervisor that was killed left behind
            check_disk(self.settings.run_dir)
            check_ports(self.settings)
            self._start_all()
            self._await_services()
            with self._reported("gateway"):
                self.gateway.start()
            self._write_environment()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop whatever runs: gateway, services (all at once, each finishing what it holds), broker, database."""
        self._stop_parts()
        self._supervisor_file.unlink(missing_ok=True)

    def processes(self) -> list[Process]:
        """Every long-running process, in the order in which they are started."""
        return [*self._servers(), *self.services.values(), self.gateway.process]

    def supervisor(self) -> ProcessId | None:
        """The process that keeps this installation running, if one does."""
        found = ProcessId.read(self._supervisor_file)
        return found if found is not None and found.alive() else None

    # -- what others need to know

    def environment(self) -> dict[str, str]:
        """What scripts need to use the system, under the names of `.run/env`."""
        return {
            "SAMBANDH_URL": self.settings.url,
            "SAMBANDH_WRITE_KEY": self.credentials.write_key,
            **self.credentials.tokens(),
            "SAMBANDH_SIGNING_KEY": str(self.settings.signing_key_file),
            **self._issuer(),
            "AMQP_URI": self.amqp_uri(ADMIN),
            "MONGO_URI": self.mongo_uri(ADMIN),
            **({"RABBITMQ_MANAGEMENT_URL": self.rabbit.management_url} if self.rabbit else {}),
        }

    def amqp_uri(self, user: str) -> str:
        """The broker as this user; a broker of the user's is given to all as it is."""
        return self.rabbit.uri(user) if self.rabbit else str(self.settings.amqp_uri)

    def mongo_uri(self, user: str) -> str:
        """The database server as this user; a server of the user's is given to all as it is."""
        return self.mongo.uri(user) if self.mongo else str(self.settings.mongo_uri)

    def service_environment(self, name: str) -> dict[str, str]:
        """The environment that makes a process this service."""
        ports = self.settings.services[name]
        return {
            "SERVICE": name,
            "AMQP_URI": self.amqp_uri(name),
            "MONGO_URI": self.mongo_uri(name),
            "MONGO_DATABASE": database_of(name),
            "HTTP_PORT": str(ports.api),
            "METRICS_PORT": str(ports.metrics),
            **self._issuer(),
            "LOG_LEVEL": self.settings.log_level,
            **(self.settings.mail_environment if name == "campaigns" else {}),
        }

    def _issuer(self) -> dict[str, str]:
        """Whose tokens are good here."""
        return {"JWKS": self.credentials.issuer.key_set, "JWT_ISSUER": LOCAL_ISSUER}

    def ready(self, name: str) -> bool:
        """Whether a service says of itself that it is ready."""
        return answers(f"http://{LOOPBACK}:{self.settings.services[name].metrics}/health/ready")

    # -- parts

    def _mongo_server(self) -> MongoServer:
        secrets = self.credentials
        return MongoServer(self.settings.run_dir, self.settings.ports["MONGO_PORT"], secrets.mongo, secrets.mongo_key)

    def _rabbit_server(self) -> RabbitServer:
        names = ("AMQP_PORT", "EPMD_PORT", "RABBITMQ_DIST_PORT", "RABBITMQ_MANAGEMENT_PORT", "RABBITMQ_PROMETHEUS_PORT")
        ports = RabbitPorts(*(self.settings.ports[name] for name in names))
        return RabbitServer(self.settings.run_dir, ports, self.credentials.rabbit, self.credentials.erlang_cookie)

    def _service(self, name: str) -> Process:
        command = [sys.executable, "-m", "shared.run", name]
        return Process(name, command, self.settings.run_dir, self.service_environment(name))

    def _servers(self) -> list[Process]:
        database = [self.mongo.process] if self.mongo else []
        return database + ([self.rabbit.port_mapper, self.rabbit.process] if self.rabbit else [])

    # -- steps of a start

    def _claim(self) -> None:
        """One supervisor per run directory."""
        other = self.supervisor()
        if other is not None and other.pid != os.getpid():
            raise StackError(f"already running (process {other.pid}): `make status` shows it, `make stop` stops it")
        own = ProcessId.of(os.getpid())
        assert own is not None, "this process exists"
        own.write(self._supervisor_file)

    def _start_all(self) -> None:
        """Database and broker side by side. Services start with the database and find the broker when it comes: it is the slowest."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            for task in [pool.submit(self._database_and_services), pool.submit(self._broker)]:
                task.result()

    def _database_and_services(self) -> None:
        """MongoDB, in it the source that the printed write key opens, and all services."""
        if self.mongo:
            with self._reported("mongod"):
                self.mongo.start()
        with self._reported("write key"):
            key = {"SAMBANDH_WRITE_KEY": self.credentials.write_key}  # not an argument: those show in `ps`
            command = ["services.collector", "sources", "ensure", "Web shop", "--kind", "web"]
            self._once("sources", command, self.service_environment("collector") | key)
        for name, process in self.services.items():
            self._report(name, "starting")
            process.start()

    def _broker(self) -> None:
        """RabbitMQ, and in it every exchange and queue."""
        if self.rabbit:
            with self._reported("rabbitmq"):
                self.rabbit.start()
        with self._reported("topology"):
            self._once("topology", ["shared.topology"], {"AMQP_URI": self.amqp_uri(TOPOLOGY)})

    def _once(self, name: str, module: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run one of our modules to its end; its last words are the reason when it fails."""
        log = self.settings.run_dir / "log" / f"{name}.log"
        rotate(log)
        command, merged = [sys.executable, "-m", *module], {**os.environ, **environment}
        with log.open("ab") as file:
            try:
                done = subprocess.run(
                    command, env=merged, cwd=REPOSITORY, stdout=file, stderr=subprocess.STDOUT, timeout=_ONCE_SECONDS, check=False
                )
            except subprocess.TimeoutExpired as late:
                raise StackError(f"{name} did not finish within {_ONCE_SECONDS:.0f} s: see {log}") from late
        if done.returncode:
            raise StackError(f"{name} failed: {last_line(log)} (see {log})")

    def _await_services(self) -> None:
        """Until each says that it is ready."""
        began = time.monotonic()
        waiting = dict(self.services)
        while waiting:
            for name in [name for name in waiting if self.ready(name)]:
                self._report(name, f"ready ({time.monotonic() - began:.1f} s)")
                del waiting[name]
            for process in waiting.values():
                self._still_starting(process, began)
            time.sleep(POLL_SECONDS)

    def _still_starting(self, process: Process, began: float) -> None:
        if process.id is None:
            raise process.failure()
        if time.monotonic() - began > _SERVICES_READY_SECONDS:
            late = f"{process.name} was not ready within {_SERVICES_READY_SECONDS:.0f} s"
            raise StackError(f"{late}: {last_line(process.log)} (see {process.log})")

    def _write_environment(self) -> None:
        """Plain KEY='value' lines: `set -a; . .run/env` in a shell. Passwords hold no quotes, addresses of the user's may.

        The key that signs tokens has a file of its own, for `./crm token`.
        """
        write_private(self.settings.signing_key_file, self.credentials.issuer.text)
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in self.environment().items())
        write_private(self.settings.run_dir / "env", "".join(lines))

    # -- steps of a stop

    def _stop_parts(self) -> None:
        (self.settings.run_dir / "env").unlink(missing_ok=True)
        self._stop_processes([self.gateway.process])
        self._stop_processes(list(self.services.values()))
        for process in reversed(self._servers()):
            self._stop_processes([process])

    def _stop_processes(self, processes: Sequence[Process]) -> None:
        """Ask all of them first, so that they stop side by side."""
        running = [process for process in processes if process.id is not None]
        for process in running:
            self._report(process.name, "stopping")
            process.terminate()
        for process in running:
            process.wait()
            self._report(process.name, "stopped")

    @contextmanager
    def _reported(self, name: str) -> Iterator[None]:
        """Report a step and how long it took."""
        began = time.monotonic()
        self._report(name, "starting")
        yield
        self._report(name, f"ready ({time.monotonic() - began:.1f} s)")
