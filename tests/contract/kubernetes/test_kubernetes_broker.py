"""What the broker in the cluster loads at its start is what the code declares and the rights that services have here."""

import base64
import json
from typing import Any

import pytest

from deploy.k8s import generated
from deploy.local.credentials import MONITOR, TOPOLOGY
from deploy.local.permissions import rights_of
from deploy.local.settings import SERVICES
from shared.definitions import VHOST
from shared.topology import UNROUTED, Topology, whole
from tests.contract.kubernetes.manifests import Manifests


@pytest.mark.parametrize("path", generated.files(), ids=lambda path: path.name)
def test_generated_manifests_are_up_to_date(path: Any) -> None:
    assert path.read_text() == generated.files()[path], "run `make manifests`"


def loaded(manifests: Manifests) -> dict[str, Any]:
    """The topology as a broker reads it."""
    return dict(json.loads(manifests.one("ConfigMap", "broker-topology")["data"]["topology.json"]))


def test_the_broker_loads_what_the_code_declares(manifests: Manifests) -> None:
    partitions = int(manifests.one("ConfigMap", "settings")["data"]["INBOX_PARTITIONS"])
    topology, declared = loaded(manifests), whole(partitions)
    assert all(entry["vhost"] == VHOST for kind in ("exchanges", "queues", "bindings", "policies") for entry in topology[kind])
    assert all(entry["durable"] and not entry["auto_delete"] for kind in ("exchanges", "queues") for entry in topology[kind])
    assert as_topology(topology) == comparable(declared)


def as_topology(found: dict[str, Any]) -> list[set[tuple[Any, ...]]]:
    return [
        {(one["name"], one["type"], json.dumps(one["arguments"])) for one in found["exchanges"]},
        {(one["name"], json.dumps(one["arguments"])) for one in found["queues"]},
        {
            (one["destination"], one["source"], one["routing_key"], one["destination_type"] == "exchange")
            for one in found["bindings"]
        },
    ]


def comparable(topology: Topology) -> list[set[tuple[Any, ...]]]:
    return [
        {(one.name, one.type, json.dumps(one.arguments)) for one in topology.exchanges},
        {(one.name, json.dumps(one.arguments)) for one in topology.queues},
        {(one.destination, one.source, one.routing_key, one.exchange_to_exchange) for one in topology.bindings},
    ]


def test_the_last_net_is_a_policy(manifests: Manifests) -> None:
    (policy,) = loaded(manifests)["policies"]
    assert (policy["apply-to"], policy["definition"]) == ("exchanges", {"alternate-exchange": UNROUTED})
    assert UNROUTED in {queue["name"] for queue in loaded(manifests)["queues"]}


def test_the_broker_has_the_plugin_and_reads_both_files(manifests: Manifests) -> None:
    spec = manifests.one("RabbitmqCluster", "broker")["spec"]
    assert "rabbitmq_consistent_hash_exchange" in spec["rabbitmq"]["additionalPlugins"]
    assert "load_definitions = /etc/rabbitmq/definitions\n" in spec["rabbitmq"]["additionalConfig"]
    (container,) = spec["override"]["statefulSet"]["spec"]["template"]["spec"]["containers"]
    paths = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert paths == ["/etc/rabbitmq/definitions/01-users.json", "/etc/rabbitmq/definitions/02-topology.json"]


def test_every_user_has_the_rights_that_it_has_here_and_only_the_job_may_declare(rendered: dict[str, Manifests]) -> None:
    secret = rendered["dev"].one("Secret", "broker-users")["data"]["users.json"]
    users = json.loads(base64.b64decode(secret))
    rights = {entry["user"]: (entry["configure"], entry["write"], entry["read"]) for entry in users["permissions"]}
    assert rights == {user: tuple(vars(rights_of(user)).values()) for user in (*SERVICES, TOPOLOGY, MONITOR)}
    assert {user for user, (configure, _, _) in rights.items() if configure != "^$"} == {TOPOLOGY}
    assert {user["name"]: user["tags"] for user in users["users"] if user["tags"]} == {MONITOR: ["monitoring"]}


def test_addresses_in_secrets_are_those_of_the_cluster(rendered: dict[str, Manifests]) -> None:
    secrets = rendered["dev"].of("Secret")
    for service in SERVICES:
        broker = base64.b64decode(secrets[f"{service}-broker"]["data"]["AMQP_URI"]).decode()
        database = base64.b64decode(secrets[f"{service}-database"]["data"]["MONGO_URI"]).decode()
        assert broker.startswith(f"amqp://{service}:")
        assert broker.endswith(f"@broker:5672/{VHOST}")
        assert database.startswith(f"mongodb://{service}:")
        assert "@database-0.database:27017/?replicaSet=sambandh" in database
    assert rendered["dev"].one("RabbitmqCluster", "broker")
    assert rendered["dev"].one("Service", "database")["spec"]["clusterIP"] == "None"
    assert rendered["dev"].one("StatefulSet", "database")["spec"]["serviceName"] == "database"
