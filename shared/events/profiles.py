"""`profiles.events`: who is who, which segments they are in, what they consented to, and erasure."""

from marshmallow import fields, validate

from shared.events.fields import Choice, Count, Identifier, optional, required
from shared.events.kind import EventData, EventKind, IdentityKey

SOURCE = "profiles"
STATEMENT = (
    "Read it as a statement: as of `revision` the identity keys named here are this customer. "
    "Keep for each identity key the statement with the highest revision; an older one that arrives late changes nothing."
)


class CustomerKeys(EventData):
    customer_id = required(Identifier, "The customer.")
    identity_keys = required(fields.List, "Identity keys of the customer.", IdentityKey(), validate=validate.Length(min=1))


class ProfileStatement(CustomerKeys):
    revision = required(Count, "Number of this statement: higher is newer, across all customers that share an identity key.")


class ProfileMerged(ProfileStatement):
    merged_from = optional(fields.List, "The customers that went into this one.", Identifier())


class ProfileSplit(ProfileStatement):
    split_from = optional(fields.List, "The customers that the identity keys belonged to before.", Identifier())


class MergeRefused(CustomerKeys):
    other_customer_ids = required(fields.List, "The customers that it would have been merged with.", Identifier())
    reason = required(
        Choice,
        "`shared_key`: a key that many people use, such as a till's e-mail. `conflicting_keys`: two logins of the same shop. "
        "`too_many_keys`: the profile would grow beyond what one person can have. `kept_apart`: split by hand earlier.",
        "shared_key",
        "conflicting_keys",
        "too_many_keys",
        "kept_apart",
    )


class SegmentMoved(CustomerKeys):
    segment_id = required(Identifier, "The segment.")
    segment_name = optional(fields.String, "Its name, for people.")


class ConsentChanged(CustomerKeys):
    channel = required(fields.String, "The channel: `email`, `sms`, `push`, `phone`, `post`, or another that the shop uses.")
    status = required(Choice, "What holds now for all identity keys of the customer together.", "granted", "denied", "unknown")
    changed_at = required(fields.AwareDateTime, "When the customer said so.")


class ErasureRequested(CustomerKeys):
    erasure_id = required(Identifier, "The request; every answer names it.")


class ErasureCompleted(ErasureRequested):
    service = required(Identifier, "The service that has erased: `support`.")
    erased = required(Count, "Number of documents that were deleted or made anonymous; 0 where it held nothing.")


PROFILE_CREATED = EventKind(
    name="profile_created",
    source=SOURCE,
    schema=CustomerKeys,
    sent="An identity key was heard of that belongs to no customer yet.",
    not_sent="For a new key of a known customer (`profile_merged`). It is no sale: nameless visitors have profiles too.",
    key="`customer_id`.",
    late="Has revision 0: any `profile_merged` or `profile_split` that names the same key is newer.",
)
PROFILE_MERGED = EventKind(
    name="profile_merged",
    source=SOURCE,
    schema=ProfileMerged,
    sent="Identity keys turned out to be one person: by an alias, a login, or a key in common.",
    not_sent="When a merge was refused (`merge_refused`), or when an event repeats what is known.",
    key="`customer_id` and `revision`.",
    late=f"{STATEMENT} Regroup your own facts by key; never rewrite them, the merge may be undone.",
)
PROFILE_SPLIT = EventKind(
    name="profile_split",
    source=SOURCE,
    schema=ProfileSplit,
    sent="Identity keys that were grouped turned out to be different people. One event for each customer that comes out of it.",
    not_sent="For an erasure.",
    key="`customer_id` and `revision`.",
    late=f"{STATEMENT} The keys not named stay where their own latest statement puts them.",
)
MERGE_REFUSED = EventKind(
    name="merge_refused",
    source=SOURCE,
    schema=MergeRefused,
    sent="Identity keys came together in one event, and a safety rule kept the customers apart.",
    not_sent="A second time for the same customers and reason.",
    key="`customer_id`, `other_customer_ids` and `reason`.",
    late="A notice for people to look at; a later `profile_merged` of the same customers settles it.",
)
SEGMENT_ENTERED = EventKind(
    name="segment_entered",
    source=SOURCE,
    schema=SegmentMoved,
    sent="A customer began to meet the rule of a segment, by an event or by the passing of time.",
    not_sent="For those who came in by a change of the rule or by imported history: fetch the list of members.",
    key="`customer_id` and `segment_id`: the latest of entered and left, by time, decides.",
    late="An older one than the latest known of the same customer and segment changes nothing.",
)
SEGMENT_LEFT = EventKind(
    name="segment_left",
    source=SOURCE,
    schema=SegmentMoved,
    sent="A customer no longer meets the rule of a segment.",
    not_sent="When the segment was deleted, or the customer erased.",
    key="`customer_id` and `segment_id`: the latest of entered and left, by time, decides.",
    late="An older one than the latest known of the same customer and segment changes nothing.",
)
CONSENT_CHANGED = EventKind(
    name="consent_changed",
    source=SOURCE,
    schema=ConsentChanged,
    sent="What a customer allows on a channel changed: by the customer's own word, an unsubscription, or a merge of profiles.",
    not_sent="When the same consent is stated again.",
    key="`customer_id` and `channel`: the latest `changed_at` is the truth.",
    late="An older one changes nothing. Until the first one a customer's consent is unknown, which is not granted.",
)
ERASURE_REQUESTED = EventKind(
    name="erasure_requested",
    source=SOURCE,
    schema=ErasureRequested,
    sent="A customer is to be forgotten. Every service that holds anything about these identity keys erases it and answers.",
    not_sent="For an export, or for an unsubscription.",
    key="`erasure_id`.",
    late="Erase whenever it is heard; facts about the keys that are heard afterwards and happened before it are erased too.",
)
ERASURE_COMPLETED = EventKind(
    name="erasure_completed",
    source=SOURCE,
    schema=ErasureCompleted,
    sent="A service has erased what it held, in answer to `erasure_requested`. Each service publishes it on its own exchange.",
    not_sent="Before the deletion is stored durably.",
    key="`erasure_id` and `service`.",
    late="A repeat is the same proof again; `erased` may be 0 then.",
)
