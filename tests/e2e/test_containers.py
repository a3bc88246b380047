"""Every container command of the manifests, started for real: as that user, on a root that cannot be written, behind an Envoy.

Image and kubelet are missing here. What stands for them: the same interpreter and code, the environment of the manifest with its secrets
filled in, and where the machine allows it a mount namespace of its own, read-only, in which the process runs as user 10001.
"""

import contextlib
import dataclasses
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.local.credentials import TOPOLOGY
from deploy.local.gateway import Gateway, answers
from deploy.local.settings import LOOPBACK, REPOSITORY, SERVICES, ServicePorts, Settings, free_ports
from tests.contract.kubernetes.manifests import Manifests, Object, render
from tests.e2e.conftest import System
from tests.servers import HttpClient

ENTRYPOINT = ["python", "-m", "shared.run"]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    return render("dev", tmp_path_factory.mktemp("manifests"))


def confinement(pod: Object, container: Object) -> list[str]:
    """The words before a command that give it the manifest's user and root; fewer of them, or none, where this machine cannot."""
    user, group = pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]
    as_user = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    sealed = ["unshare", "--mount", "sh", "-c", 'mount -o remount,bind,ro / && exec "$@"', "sh"]
    choices = [[*sealed, *as_user], as_user, sealed] if shutil.which("unshare") and shutil.which("setpriv") else []
    return next((words for words in choices if _works(tuple(words))), [])


@cache
def _works(words: tuple[str, ...]) -> bool:
    command = [*words, sys.executable, "-c", "import shared"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False).returncode == 0


def environment_of(manifests: Manifests, container: Object, filled_in: Mapping[str, str]) -> dict[str, str]:
    """What the manifest gives the container; addresses, passwords and the issuer are those of the system under test."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= manifests.one("ConfigMap", source["configMapRef"]["name"])["data"]
    for entry in container.get("env", []):
        if "value" in entry:
            found[entry["name"]] = entry["value"]
        elif entry["name"] in filled_in:
            found[entry["name"]] = filled_in[entry["name"]]
        elif "configMapKeyRef" in entry["valueFrom"]:
            reference = entry["valueFrom"]["configMapKeyRef"]
            found[entry["name"]] = manifests.one("ConfigMap", reference["name"])["data"][reference["key"]]
        else:
            found[entry["name"]] = filled_in[entry["valueFrom"]["secretKeyRef"]["key"]]
    return found


def command_of(container: Object) -> list[str]:
    """The image's entry point with the manifest's arguments, or the manifest's command, with this machine's interpreter."""
    words = container.get("command") or [*ENTRYPOINT, *container["args"]]
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


def test_the_image_starts_as_the_manifests_think_it_does() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert f"ENTRYPOINT {json.dumps(ENTRYPOINT)}" in dockerfile
    assert "USER 10001" in dockerfile
    assert re.findall(r"^\s*(?:ENV )?(\w+_HOST)=(\S+?) ?\\?$", dockerfile, re.MULTILINE) == [
        ("HTTP_HOST", "0.0.0.0"),
        ("METRICS_HOST", "0.0.0.0"),
    ]


def test_the_job_that_prepares_a_cluster_runs_to_its_end_and_may_be_repeated(stack: System, manifests: Manifests) -> None:
    pod = manifests.one("Job", "prepare")["spec"]["template"]["spec"]
    began = []
    for container in pod["containers"]:
        service = "collector" if container["name"] == "write-key" else container["name"]
        filled_in = {
            "AMQP_URI": stack.stack.amqp_uri(TOPOLOGY),
            "MONGO_URI": stack.stack.mongo_uri(service) if service in SERVICES else "",
            "SAMBANDH_WRITE_KEY": stack.write_key,
        }
        environment = {**os.environ, **environment_of(manifests, container, filled_in), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [*confinement(pod, container), *command_of(container)]
        began.append(
            subprocess.Popen(
                command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    for container, process in zip(pod["containers"], began, strict=True):
        said, _ = process.communicate(timeout=90)
        assert process.returncode == 0, (container["name"], said)


@contextlib.contextmanager
def pods(system: System, manifests: Manifests, ports: Mapping[str, ServicePorts], logs: Path) -> Iterator[dict[str, int]]:
    """One process for each Deployment; yields the port of health and metrics by name. Ends them as a kubelet does."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    health: dict[str, int] = {}
    grace = 0.0
    try:
        for name, deployment in manifests.of("Deployment").items():
            pod = deployment["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            service, part = name.rsplit("-", 1)
            own = ports[service] if part == "api" else ServicePorts(*free_ports(2))
            health[name], grace = own.metrics, max(grace, pod["terminationGracePeriodSeconds"])
            filled_in = {**system.stack.service_environment(service)}
            environment = {**os.environ, **environment_of(manifests, container, filled_in), "PYTHONDONTWRITEBYTECODE": "1"}
            environment |= {"HTTP_PORT": str(own.api), "METRICS_PORT": str(own.metrics)}
            with (logs / name).open("wb") as log:
                command = [*confinement(pod, container), *command_of(container)]
                running[name] = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log)
        yield health
        if len(confinement(pod, container)) > 8:  # this machine can do both: seal a root and change the user
            assert {name: rights_of(process) for name, process in running.items()} == dict.fromkeys(running, (10001, True, 0))
    finally:
        for process in running.values():
            process.terminate()
        deadline = time.monotonic() + grace
        late = [name for name, process in running.items() if not _ended(process, deadline)]
        assert late == [], "did not stop within its grace"


def _ended(process: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return process.returncode == 0


def test_every_container_starts_gets_ready_serves_through_the_gateway_and_stops(
    stack: System, manifests: Manifests, tmp_path: Path
) -> None:
    """Beside the processes that run already, as in a rolling upgrade."""
    settings: Settings = dataclasses.replace(Settings.on_free_ports(tmp_path))
    with pods(stack, manifests, settings.services, tmp_path) as health:
        assert len(health) == 2 * len(SERVICES)
        for name, port in health.items():
            probe = probe_of(manifests, name)
            stack.wait_until(lambda at=f"http://{LOOPBACK}:{port}{probe}": answers(at), f"{name} is ready", 90)
        gateway = Gateway(settings, stack.stack.credentials.issuer.key_set)
        gateway.start()
        try:
            purchase_through(HttpClient(settings.ports["GATEWAY_PORT"], {"Authorization": f"Bearer {stack.admin_token}"}), stack)
        finally:
            gateway.process.stop()


def probe_of(manifests: Manifests, name: str) -> str:
    (container,) = manifests.one("Deployment", name)["spec"]["template"]["spec"]["containers"]
    return str(container["readinessProbe"]["httpGet"]["path"])


def rights_of(process: subprocess.Popen[bytes]) -> tuple[int, bool, int]:
    """What the kernel says of a process: its user, whether its root is read-only, its capabilities."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mounts = [line.split() for line in Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines()]
    root = next(fields for fields in mounts if fields[4] == "/")
    user, capabilities = re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE), re.search(r"^CapEff:\s+(\w+)", status, re.MULTILINE)
    assert user
    assert capabilities
    return int(user[1]), "ro" in root[5].split(","), int(capabilities[1], 16)


def purchase_through(door: HttpClient, system: System) -> None:
    """One purchase into the new collector, read from the new profiles."""
    user = f"container-{secrets.token_hex(4)}"
    order = {"order_id": f"{user}-1", "total": 12.5, "currency": "EUR", "products": []}
    message: dict[str, Any] = {"userId": user, "event": "Order Completed", "properties": order, "writeKey": system.write_key}
    accepted = door.request("POST", "/v1/track", json.dumps(message).encode(), {"Content-Type": "application/json"})
    assert accepted.status == 200, accepted.body
    path = f"/api/profiles/customers/user:{user}"
    system.wait_until(lambda: door.request("GET", path).status == 200, "the purchase is read from the new processes", 60)
    for service in SERVICES:
        assert door.request("GET", f"/api/{service}/openapi.json").status == 200
