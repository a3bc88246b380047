"""What the dashboards show: a title, a unit and PromQL for each panel. Grafana's JSON of it is made in `dashboards.py`."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.local.settings import SERVICES


@dataclass(frozen=True)
class Panel:
    """Lines over time; `queries` maps a legend to PromQL. Units are Grafana's: short, s, reqps, percentunit, bytes."""

    title: str
    unit: str
    queries: dict[str, str]
    explanation: str = ""


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    panels: tuple[Panel, ...]


def dashboards() -> list[Dashboard]:
    return [_overview(), _business(), *(_service(name) for name in SERVICES)]


def _overview() -> Dashboard:
    return Dashboard("sambandh-overview", "Sambandh: overview", _movement() + _promises())


def _movement() -> tuple[Panel, ...]:
    """What runs, what comes in and how far it has got."""
    return (
        Panel(
            "Processes that answer",
            "short",
            {"{{service}} {{part}}": 'sum by (service, part) (up{job="sambandh"})'},
        ),
        Panel(
            "Through the gateway",
            "reqps",
            {
                "{{envoy_response_code_class}}xx": "sum by (envoy_response_code_class) "
                '(rate(envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix!="admin"}[5m]))'
            },
        ),
        Panel("Events accepted", "short", {"{{door}}": "sum by (door) (rate(crm_doors_accepted_total[5m]))"}, "A second."),
        Panel("Events applied", "short", {"{{service}}": "sum by (service) (crm:events_applied:rate5m)"}, "A second."),
        Panel("Age of events when applied, 99 of 100", "s", {"{{service}}": "crm:event_age:p99_5m"}),
        Panel("Events that wait in inboxes", "short", {"{{service}}": "crm:inbox_messages:sum"}),
        Panel("Oldest event not yet published", "s", {"{{service}}": "max by (service) (crm_outbox_oldest_seconds)"}),
    )


def _promises() -> tuple[Panel, ...]:
    """What users were promised, and what all of it stands on."""
    return (
        Panel("Requests that fail", "percentunit", {"{{service}}": "crm:requests_failed:ratio5m"}),
        Panel("Requests slower than half a second", "percentunit", {"{{service}}": "crm:requests_slow:ratio5m"}),
        Panel("Events later than five seconds", "percentunit", {"{{service}}": "crm:events_late:ratio5m"}),
        Panel(
            "Broker: messages and readers",
            "short",
            {
                "messages": "sum(rabbitmq_detailed_queue_messages)",
                "partitions without a reader": "count(min by (queue) "
                '(rabbitmq_detailed_queue_consumers{queue=~".+\\\\.inbox\\\\.[0-9]+"}) == 0) or vector(0)',
            },
        ),
        Panel(
            "Members of the database",
            "short",
            {"{{state}}": "max by (state) (crm_database_known_members)"},
            "As the processes see them.",
        ),
    )


def _business() -> Dashboard:
    """Counted by analytics, which is given every event once; the figures themselves are read from its API."""

    def an_hour(event: str) -> str:
        return f'sum(increase(crm_events_applied_total{{service="analytics", event="{event}"}}[1h]))'

    def panel(title: str, *events: str) -> Panel:
        return Panel(title, "short", {event.replace("_", " "): an_hour(event) for event in events}, "Within the last hour.")

    return Dashboard(
        "sambandh-business",
        "Sambandh: business",
        (
            panel("Orders", "order_completed", "order_cancelled", "order_refunded"),
            panel("Carts", "product_added", "checkout_started", "cart_abandoned", "cart_recovered"),
            panel("Customers", "profile_created", "profile_merged", "customer_lapsed", "replenishment_due"),
            panel("Audiences", "audience_entered", "audience_left"),
            panel("Messages", "message_sent", "message_opened", "message_clicked", "message_bounced", "message_skipped"),
            panel("Tickets", "ticket_opened", "ticket_resolved", "ticket_reopened", "sla_breached"),
            panel("Mentions", "mention_received", "mention_answered", "feedback_received"),
            panel("Consent", "consent_changed", "unsubscribed", "message_complained", "opt_in_requested", "opt_in_expired"),
        ),
    )


def _service(service: str) -> Dashboard:
    own = f'service="{service}"'
    panels = (_doors(own) if service == "collector" else _inbox(own)) + _process(own)
    return Dashboard(f"sambandh-{service}", f"Sambandh: {service}", panels)


def _doors(own: str) -> tuple[Panel, ...]:
    return (
        Panel("Accepted", "short", {"{{door}}": f"sum by (door) (rate(crm_doors_accepted_total{{{own}}}[5m]))"}, "A second."),
        Panel("Refused", "short", {"{{door}} {{code}}": f"sum by (door, code) (rate(crm_doors_refused_total{{{own}}}[5m]))"}),
        Panel("Sent again by clients", "short", {"{{door}}": f"sum by (door) (rate(crm_doors_duplicate_total{{{own}}}[5m]))"}),
    )


def _inbox(own: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "Applied",
            "short",
            {"{{event}}": f"topk(10, sum by (event) (rate(crm_events_applied_total{{{own}}}[5m])))"},
            "A second.",
        ),
        Panel("Waiting, by partition", "short", {"{{queue}}": f"max by (queue) (crm_inbox_messages{{{own}}})"}),
        Panel("Age when applied, 99 of 100", "s", {"age": f"crm:event_age:p99_5m{{{own}}}"}),
        Panel(
            "Time for a batch",
            "s",
            {
                "99 of 100": _quantile("0.99", "crm_batch_handling_seconds", own),
                "half": _quantile("0.5", "crm_batch_handling_seconds", own),
            },
        ),
        Panel("Events in a batch, half of them", "short", {"events": _quantile("0.5", "crm_batch_size_events", own)}),
        Panel(
            "Not applied",
            "short",
            {
                "parked {{event}}": f"sum by (event) (increase(crm_events_parked_total{{{own}}}[1h]))",
                "delivered before": f"sum(increase(crm_events_duplicate_total{{{own}}}[1h]))",
                "batches tried again, {{cause}}": f"sum by (cause) (increase(crm_batches_retried_total{{{own}}}[1h]))",
            },
            "Within the last hour.",
        ),
        Panel(
            "Timers",
            "short",
            {
                "fired {{kind}}": f"sum by (kind) (increase(crm_timers_fired_total{{{own}}}[1h]))",
                "due": f"max(crm_timers_due_timers{{{own}}})",
            },
            "Fired within the last hour.",
        ),
        Panel("Lateness of timers, 95 of 100", "s", {"lateness": _quantile("0.95", "crm_timer_lateness_seconds", own)}),
    )


def _process(own: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "Published",
            "short",
            {
                "published": f"sum(rate(crm_events_published_total{{{own}}}[5m]))",
                "again, {{cause}}": f"sum by (cause) (rate(crm_publish_failures_total{{{own}}}[5m]))",
            },
            "A second.",
        ),
        Panel("Waiting to be published", "short", {"events": f"max(crm_outbox_pending_events{{{own}}})"}),
        Panel(
            "Requests",
            "reqps",
            {"{{route}} {{status}}": f"sum by (route, status) (rate(crm_http_request_seconds_count{{{own}}}[5m]))"},
        ),
        Panel(
            "Time to answer, 99 of 100",
            "s",
            {"{{route}}": f"histogram_quantile(0.99, sum by (route, le) (rate(crm_http_request_seconds_bucket{{{own}}}[5m])))"},
        ),
        Panel(
            "Callers that were refused",
            "reqps",
            {"{{reason}}": f"sum by (reason) (rate(crm_http_refused_callers_total{{{own}}}[5m]))"},
            "By what was wrong with their token or key, or the scope that it lacked. Clients are not told.",
        ),
        Panel(
            "Tasks that fail", "short", {"{{task}}: {{cause}}": f"max by (task, cause) (crm_task_failing_state{{{own}}}) == 1"}
        ),
        Panel("Delay of the event loop, 99 of 100", "s", {"delay": _quantile("0.99", "crm_hub_lag_seconds", own)}),
        Panel("Held back by the broker", "short", {"1 while held back": f"max(crm_broker_blocked_state{{{own}}})"}),
    )


def _quantile(share: str, histogram: str, own: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{{{own}}}[5m])))"
