"""What is scraped of a local system, with the labels that the PodMonitors of the cluster give."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from deploy.local.settings import LOOPBACK
from deploy.local.stack import Stack

_QUEUES = urlencode({"vhost": "sambandh", "family": ["queue_coarse_metrics", "queue_consumer_count"]}, doseq=True)


@dataclass(frozen=True)
class Target:
    """One page of metrics. `labels` has `job`, and for our processes `service` and `part`."""

    url: str
    labels: dict[str, str] = field(default_factory=dict)

    def job(self) -> dict[str, object]:
        """The entry of `scrape_configs` that scrapes it."""
        parts = urlsplit(self.url)
        name = "-".join(self.labels.values())
        parameters = [pair.split("=") for pair in parts.query.split("&") if pair]
        return {
            "job_name": name,
            "metrics_path": parts.path,
            "params": {key: [value for other, value in parameters if other == key] for key, _ in parameters},
            "static_configs": [{"targets": [parts.netloc], "labels": self.labels}],
        }


def targets(stack: Stack) -> list[Target]:
    """Services, broker and gateway of a local system; a broker of the user's is not scraped."""
    port, services = stack.settings.ports, stack.settings.services
    found = [
        Target(f"http://{LOOPBACK}:{pair.metrics}/metrics", {"job": "sambandh", "service": name, "part": "all"})
        for name, pair in services.items()
    ]
    if stack.rabbit is not None:
        broker = f"http://{LOOPBACK}:{port['RABBITMQ_PROMETHEUS_PORT']}/metrics"
        found += [Target(broker, {"job": "rabbitmq"}), Target(f"{broker}/detailed?{_QUEUES}", {"job": "rabbitmq-queues"})]
    return [*found, Target(f"http://{LOOPBACK}:{port['ENVOY_ADMIN_PORT']}/stats/prometheus", {"job": "gateway"})]
