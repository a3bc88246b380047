"""Rules of the house for whatever runs in the cluster; what an admission controller would refuse is refused here first."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.settings import REPOSITORY, SERVICES
from shared.config import load
from tests.contract.kubernetes.manifests import Manifests, Object

OURS = [(service, part) for service in SERVICES for part in ("api", "worker")]


def seconds_to_stop(container: Object, environment: dict[str, str]) -> int:
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    return int(pause) + load("any", environment).drain_seconds


def environment(manifests: Manifests) -> dict[str, str]:
    return dict(manifests.one("ConfigMap", "settings")["data"])


def override(manifests: Manifests) -> Object:
    """The pod of the broker, as far as we say what it is."""
    broker = manifests.one("RabbitmqCluster", "broker")
    return dict(broker["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"])


def test_each_service_has_an_api_and_a_worker_and_what_belongs_to_them(manifests: Manifests) -> None:
    names = {f"{service}-{part}" for service, part in OURS}
    assert set(manifests.of("Deployment")) == names
    assert names <= set(manifests.of("PodDisruptionBudget"))
    assert {f"{service}-service" for service in SERVICES} == set(manifests.of("ServiceAccount"))
    assert {f"{service}-api" for service in SERVICES} == set(manifests.of("HorizontalPodAutoscaler"))
    assert {f"{service}-api" for service in SERVICES} <= set(manifests.of("Service"))
    assert {f"{service}-worker" for service in SERVICES if service != "collector"} == set(manifests.of("ScaledObject"))


@pytest.mark.parametrize(("service", "part"), OURS)
def test_a_deployment_starts_its_service_with_its_own_secrets(manifests: Manifests, service: str, part: str) -> None:
    pod = manifests.one("Deployment", f"{service}-{part}")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == [service, "--part", part]
    assert pod["serviceAccountName"] == f"{service}-service"
    sources = {(kind, found["name"]) for entry in container["env"] for kind, found in entry["valueFrom"].items()}
    other = ("configMapKeyRef", "issuer") if part == "api" else ("secretKeyRef", f"{service}-broker")
    assert sources == {("secretKeyRef", f"{service}-database"), other}


def test_every_pod_is_restricted(manifests: Manifests) -> None:
    """Pod Security Standards, level restricted, and the namespace that enforces it."""
    labels = manifests.one("Namespace", "sambandh")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in manifests.pods():
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"] > 0) == (True, True), name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        assert all(volume.keys() & {"emptyDir", "secret", "configMap"} for volume in pod.get("volumes", [])), name
    for name, container in manifests.containers():
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True), name
        assert not any("hostPort" in port for port in container.get("ports", [])), name


def test_the_broker_is_restricted_as_well(manifests: Manifests) -> None:
    pod = override(manifests)
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert {container["name"] for container in (*pod["containers"], *pod["initContainers"])} == {"rabbitmq", "setup-container"}
    for container in (*pod["containers"], *pod["initContainers"]):
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_no_pod_gets_a_token_of_the_cluster(manifests: Manifests) -> None:
    for name, pod in manifests.pods():
        assert pod["automountServiceAccountToken"] is False, name
    assert all(account["automountServiceAccountToken"] is False for account in manifests.of("ServiceAccount").values())


def test_every_container_states_what_it_needs_and_what_it_may_take(manifests: Manifests) -> None:
    for name, container in manifests.containers():
        for bound in ("requests", "limits"):
            assert container["resources"][bound].keys() == {"cpu", "memory"}, name


def test_images_have_a_version(manifests: Manifests) -> None:
    for name, container in manifests.containers():
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", container["image"]), name
        assert not container["image"].endswith(":latest"), name


def test_what_runs_for_long_is_probed(manifests: Manifests) -> None:
    for name, container in manifests.containers():
        if not name.startswith("Job/"):
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), name
    for service, part in OURS:
        (container,) = manifests.one("Deployment", f"{service}-{part}")["spec"]["template"]["spec"]["containers"]
        paths = {kind: container[kind]["httpGet"]["path"] for kind in ("livenessProbe", "readinessProbe")}
        assert paths == {"livenessProbe": "/health/live", "readinessProbe": "/health/ready"}
        assert container["ports"][-1] == {"name": container["readinessProbe"]["httpGet"]["port"], "containerPort": 9000}


def test_a_pod_is_given_the_time_that_its_drain_takes(manifests: Manifests) -> None:
    for name, deployment in manifests.of("Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        needed = max(seconds_to_stop(container, environment(manifests)) for container in pod["containers"])
        assert pod["terminationGracePeriodSeconds"] >= needed + 10, name


def test_an_upgrade_takes_nothing_away_before_its_replacement_is_ready(manifests: Manifests) -> None:
    for name, deployment in manifests.of("Deployment").items():
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}, name
        assert deployment["spec"]["minReadySeconds"] > 0, name


def test_replicas_are_spread_over_zones_and_nodes(manifests: Manifests) -> None:
    for name, deployment in manifests.of("Deployment").items():
        template = deployment["spec"]["template"]
        spread = template["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}, name
        for one in spread:
            assert one["labelSelector"] == deployment["spec"]["selector"], name


def test_selectors_find_one_deployment_each(manifests: Manifests) -> None:
    """A budget or a Service that finds the pods of another is worse than none."""
    templates = {
        name: found["spec"]["template"]["metadata"]["labels"]
        for kind in ("Deployment", "StatefulSet")
        for name, found in manifests.of(kind).items()
    }
    for kind in ("PodDisruptionBudget", "Service"):
        for name, found in manifests.of(kind).items():
            if name != "broker":  # its pods are the operator's
                selector = found["spec"]["selector"]
                wanted = selector.get("matchLabels", selector)
                matched = [pod for pod, labels in templates.items() if wanted.items() <= labels.items()]
                assert matched == [name], (kind, name)


def test_autoscalers_scale_what_exists_within_sense(manifests: Manifests) -> None:
    deployments = manifests.of("Deployment")
    for name, scaler in manifests.of("HorizontalPodAutoscaler").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert name in deployments
    partitions = load("any", environment(manifests)).inbox_partitions
    for name, scaler in manifests.of("ScaledObject").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert name in deployments
        assert scaler["spec"]["maxReplicaCount"] <= partitions, "more workers than partitions stand idle"
        assert scaler["spec"]["fallback"]["replicas"] >= scaler["spec"]["minReplicaCount"]
        (trigger,) = scaler["spec"]["triggers"]
        service = name.removesuffix("-worker")
        queues = [f"{service}.inbox.{number}" for number in range(partitions)]
        assert all(re.search(trigger["metadata"]["queueName"], queue) for queue in queues)
        assert not re.search(trigger["metadata"]["queueName"], f"{service}.dead")
    scaled = {*manifests.of("HorizontalPodAutoscaler"), *manifests.of("ScaledObject")}
    for name, deployment in deployments.items():
        assert ("replicas" in deployment["spec"]) == (name not in scaled), "an autoscaler and a number fight over replicas"


def secret_references(manifests: Manifests) -> Iterator[tuple[str, str | None]]:
    """(Secret, key) of all that is read from one; no key where it is mounted whole."""
    for _, container in manifests.containers():
        for entry in container.get("env", []):
            reference = entry.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                yield reference["name"], reference["key"]
    for pod in (*(pod for _, pod in manifests.pods()), override(manifests)):
        for volume in pod.get("volumes", []):
            if "secret" in volume:
                yield volume["secret"]["secretName"], None
    for authentication in manifests.of("TriggerAuthentication").values():
        for reference in authentication["spec"]["secretTargetRef"]:
            yield reference["name"], reference["key"]


def test_secrets_are_referred_to_and_stand_nowhere_else(manifests: Manifests) -> None:
    for name, container in manifests.containers():
        for entry in container.get("env", []):
            secret = re.search(r"PASSWORD|TOKEN|KEY|URI", entry["name"])
            assert not (secret and "value" in entry), (name, entry["name"])
    texts = repr([found for found in manifests.objects if found["kind"] != "Secret"])
    assert not re.search(r"(amqp|mongodb)://[^'\"]+:[^'\"]+@", texts)


def test_development_makes_every_secret_that_is_referred_to(rendered: dict[str, Manifests]) -> None:
    made = rendered["dev"].of("Secret")
    for name, key in secret_references(rendered["dev"]):
        assert name in made
        assert key is None or key in made[name]["data"], (name, key)


def test_production_holds_no_secret_and_needs_no_other_than_development(rendered: dict[str, Manifests]) -> None:
    assert rendered["production"].of("Secret") == {}
    assert set(secret_references(rendered["production"])) < set(secret_references(rendered["dev"]))


def test_the_page_on_kubernetes_lists_the_secrets_that_production_needs(rendered: dict[str, Manifests]) -> None:
    page = (REPOSITORY / "docs" / "kubernetes.md").read_text()
    listed = set()
    for name, keys in re.findall(r"^\| `([a-z<>-]+)` \| ([^|]+) \|", page, re.MULTILINE):
        for service in SERVICES if "<service>" in name else [""]:
            listed |= {(name.replace("<service>", service), key) for key in re.findall(r"`([^`]+)`", keys)}
    needed = {(name, key or "users.json") for name, key in secret_references(rendered["production"])}
    certificate = rendered["production"].one("Gateway", "doors")["spec"]["listeners"][0]["tls"]["certificateRefs"][0]["name"]
    assert listed == needed | {(certificate, "tls.crt"), (certificate, "tls.key")}


def allowed(policy: Object, direction: str) -> Iterator[Any]:
    for rule in policy["spec"].get(direction.lower(), []):
        assert rule.get("ports"), f"{policy['metadata']['name']} opens every port"
        peers = rule.get("from" if direction == "Ingress" else "to")
        assert peers, f"{policy['metadata']['name']} opens to everybody"
        yield from peers


def test_nothing_may_pass_that_is_not_named(manifests: Manifests) -> None:
    policies = manifests.of("NetworkPolicy")
    closed = policies["nothing-unless-allowed"]["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        assert policy["spec"].keys() & {"ingress", "egress"} or name == "nothing-unless-allowed"
        for direction in policy["spec"]["policyTypes"]:
            for peer in allowed(policy, direction):
                assert peer.keys() <= {"podSelector", "namespaceSelector", "ipBlock"}
                assert all(selector for selector in peer.values()), f"{name}: an empty selector is everybody"
                assert peer.get("ipBlock", {}).get("cidr") != "0.0.0.0/0"


def reached(manifests: Manifests, component: str) -> set[int]:
    """Ports that pods of a component of ours may open connections to."""
    ports = set()
    for policy in manifests.of("NetworkPolicy").values():
        selector = policy["spec"]["podSelector"]
        named = selector.get("matchLabels", {}).get("app.kubernetes.io/component") == component
        listed = any(component in one["values"] for one in selector.get("matchExpressions", []))
        if (named or listed or not selector) and "egress" in policy["spec"]:
            ports |= {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    return ports


def test_an_api_never_reaches_the_broker(manifests: Manifests) -> None:
    the_issuer = {443} if manifests.overlay == "production" else set()
    assert reached(manifests, "api") == {53, 27017} | the_issuer
    assert reached(manifests, "worker") == reached(manifests, "prepare") == {53, 27017, 5672}


def test_preparing_declares_the_topology_and_the_indexes_of_every_service(manifests: Manifests) -> None:
    commands = [container["command"] for name, container in manifests.containers() if name.startswith("Job/prepare/")]
    assert ["python", "-m", "shared.topology"] in commands
    assert {tuple(command[3:]) for command in commands if command[2] == "shared.indexes"} == {(name,) for name in SERVICES}
