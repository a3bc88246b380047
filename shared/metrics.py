"""Every metric of the system, declared once. Labels come from closed sets; nothing personal is ever a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_AGES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 86400)

# Deliveries read from the inbox, by event name ("undecodable" where it cannot be told).
RECEIVED = Counter("crm_events_received_total", "Deliveries read from the inbox", ["event"], registry=REGISTRY)
# Events whose effects were committed.
APPLIED = Counter("crm_events_applied_total", "Events whose effects were committed", ["event"], registry=REGISTRY)
# Deliveries of events that the inbox had seen before: acknowledged without effect.
DUPLICATES = Counter("crm_events_duplicate_total", "Deliveries of events applied before", ["event"], registry=REGISTRY)
# Events about people who were forgotten, that happened before: dropped. People whom this service has forgotten.
FORGOTTEN = Counter("crm_events_forgotten_total", "Late events of people who were erased", ["event"], registry=REGISTRY)
ERASED = Counter("crm_people_erased_total", "Erasures carried out", registry=REGISTRY)
# Events set aside because no retry would help.
PARKED = Counter("crm_events_parked_total", "Events set aside for a person to look at", ["event"], registry=REGISTRY)
# Batches that failed and were tried again, by cause: store (database away), slow (in halves), event (one by one).
RETRIED = Counter("crm_batches_retried_total", "Batches tried again", ["cause"], registry=REGISTRY)
# Events in one transaction.
BATCH_SIZE = Histogram(
    "crm_batch_size_events", "Events in one transaction", buckets=(1, 2, 5, 10, 25, 50, 100, 200, 300, 500), registry=REGISTRY
)
# Time from a batch in hand to its commit.
HANDLING = Histogram("crm_batch_handling_seconds", "Time to apply a batch", buckets=_SECONDS, registry=REGISTRY)
# How long ago the system heard of an event when its effects were committed.
AGE = Histogram(
    "crm_event_age_when_applied_seconds", "From received by the system to applied here", buckets=_AGES, registry=REGISTRY
)
# Events written and not yet published, and the age of the oldest, by the collection that they wait in: outbox, or the archive.
OUTBOX_PENDING = Gauge("crm_outbox_pending_events", "Events written and not yet published", ["collection"], registry=REGISTRY)
OUTBOX_OLDEST = Gauge("crm_outbox_oldest_seconds", "Age of the oldest event not yet published", ["collection"], registry=REGISTRY)
# Events confirmed by the broker, and publishing that has to be repeated: returned (no queue), refused (nack), broken (connection).
PUBLISHED = Counter("crm_events_published_total", "Events confirmed by the broker", registry=REGISTRY)
UNPUBLISHED = Counter("crm_publish_failures_total", "Events to be published again", ["cause"], registry=REGISTRY)
# Messages to customers, by channel and what came of an attempt: sent, refused (for good), put_off, away (the server was).
MESSAGES = Counter("crm_messages_total", "Attempts to hand a message over", ["channel", "outcome"], registry=REGISTRY)
# Timers fired, how many are due now, and how late they fire.
TIMERS_FIRED = Counter("crm_timers_fired_total", "Timers fired", ["kind"], registry=REGISTRY)
TIMERS_DUE = Gauge("crm_timers_due_timers", "Timers due and not yet fired", registry=REGISTRY)
TIMER_LATENESS = Histogram("crm_timer_lateness_seconds", "From due to committed", buckets=_AGES, registry=REGISTRY)
# Messages waiting in a queue that this process reads, as the broker last told.
INBOX_DEPTH = Gauge("crm_inbox_messages", "Messages that wait in a queue", ["queue"], registry=REGISTRY)
# 1 while the broker holds back our publishing (memory or disk alarm).
BLOCKED = Gauge("crm_broker_blocked_state", "1 while the broker blocks publishing", registry=REGISTRY)
# How late the event loop wakes a sleeper: work that hogs the processor shows here.
HUB_LAG = Histogram("crm_hub_lag_seconds", "Delay of the event loop", buckets=_SECONDS, registry=REGISTRY)
# 1 while a task of the process (partitions, relay, timers, ...) fails, by cause: database, broker, starting, other.
TASK_FAILING = Gauge("crm_task_failing_state", "1 while a task of the process fails", ["task", "cause"], registry=REGISTRY)
# Members of the database's replica set as this process sees them: primary, secondary, unreachable.
DATABASE_MEMBERS = Gauge("crm_database_known_members", "Members of the replica set", ["state"], registry=REGISTRY)
# HTTP requests by route template, never by path.
HTTP_SECONDS = Histogram(
    "crm_http_request_seconds", "HTTP requests", ["route", "method", "status"], buckets=_SECONDS, registry=REGISTRY
)
# Callers whose credentials were not good, or not good for this: the reason is told here and nowhere else.
REFUSED_CALLERS = Counter("crm_http_refused_callers_total", "Refused callers", ["reason"], registry=REGISTRY)
# What the doors took and refused.
ACCEPTED = Counter("crm_doors_accepted_total", "Events accepted", ["door"], registry=REGISTRY)
REFUSED = Counter("crm_doors_refused_total", "Events refused and kept in quarantine", ["door", "code"], registry=REGISTRY)
REPEATED = Counter("crm_doors_duplicate_total", "Events accepted before", ["door"], registry=REGISTRY)
