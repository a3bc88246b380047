"""`profiles.events`: who is who, which segments they are in, and what they consented to."""

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
    refused_key = required(IdentityKey, "The key that was not joined: the one of lower priority.")
    kept_key = required(IdentityKey, "The key that it was named with, and whose customer it would have joined.")
    rule = required(
        Choice,
        "`too_many_of_kind`: more keys of `kind` than one person has, such as two logins. "
        "`too_many_keys`: the customer would grow beyond what one person can have. `kept_apart`: a person said that they are two.",
        "too_many_of_kind",
        "too_many_keys",
        "kept_apart",
    )
    kind = optional(fields.String, "The kind of keys of which there would be too many: `user`.")


class IdentityDecided(EventData):
    identity_keys = required(fields.List, "All keys that the decision is about.", IdentityKey(), validate=validate.Length(min=2))
    left = required(fields.List, "Keys of the one side.", IdentityKey(), validate=validate.Length(min=1))
    right = required(fields.List, "Keys of the other side: it is about each of these with each of those.", IdentityKey())
    decision = required(
        Choice,
        "`merge`: they are one customer. `unmerge` takes that back. `keep_apart`: they never are. `let_merge` takes that back.",
        "merge",
        "unmerge",
        "keep_apart",
        "let_merge",
    )
    decided_by = required(fields.String, "Who decided, as the shop names its people.", validate=validate.Length(min=1, max=255))
    reason = required(fields.String, "Why.", validate=validate.Length(max=2000))


class OrderMatched(EventData):
    order_id = required(Identifier, "The order.")
    identity_keys = required(
        fields.List, "Two keys under which it was reported.", IdentityKey(), validate=validate.Length(equal=2)
    )


class ProfileChanged(CustomerKeys):
    sections = required(
        fields.List,
        "The sections that are not as they were; read the profile for what they are.",
        Choice("identity", "traits", "consent", "orders", "activity", "stage"),
        validate=validate.Length(min=1),
    )


class SegmentMoved(CustomerKeys):
    segment_id = required(Identifier, "The segment.")
    segment_name = optional(fields.String, "Its name, for people.")


class ConsentChanged(CustomerKeys):
    channel = required(fields.String, "The channel: `email`, `sms`, `push`, `phone`, `post`, or another that the shop uses.")
    status = required(Choice, "What holds now for all identity keys of the customer together.", "granted", "denied", "unknown")
    changed_at = required(fields.AwareDateTime, "When the customer said so.")


class LifecycleStageChanged(CustomerKeys):
    stage = required(
        Choice,
        "The stage that the customer is in now: `visitor` left no name, `lead` left one, `first_time` has bought, `active` has bought "
        "again, `loyal` often, `at_risk` and `lapsed` have not for some time, `won_back` bought after having lapsed.",
        "visitor",
        "lead",
        "first_time",
        "active",
        "loyal",
        "at_risk",
        "lapsed",
        "won_back",
    )
    previous = optional(fields.String, "The stage before; null for a customer who began in this one.")
    changed_at = required(
        fields.AwareDateTime, "Since when the customer is in the stage, which may be long ago for what is heard late."
    )
    reason = required(
        Choice,
        "What changed it. `time_passed`: without a further order.",
        "seen",
        "named",
        "ordered",
        "order_cancelled",
        "time_passed",
    )
    order_id = optional(Identifier, "The order that changed it, or since which time has passed.")


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
    sent="Identity keys came together in one event, and a guard rail kept the customers apart.",
    not_sent="A second time for the same keys and rule, for imported history, or for blocked values, which link nobody.",
    key="`refused_key`, `kept_key`, `rule` and `kind`.",
    late="A notice for people to look at; a later `profile_merged` of the same keys settles it.",
)
PROFILE_CHANGED = EventKind(
    name="profile_changed",
    source=SOURCE,
    schema=ProfileChanged,
    sent="A batch of events, the clock or a merge changed a customer, and somebody switched the feed of changes on.",
    not_sent="As delivered: see `/api/profiles/change-feed`. Once for each of several events that were applied together.",
    key="The event id. It says that something changed, not what: two of them are read like one.",
    late="Read the profile as it is now; an older one says nothing more. Many are read at once by `/api/profiles/customers/batch`.",
)
IDENTITY_DECIDED = EventKind(
    name="identity_decided",
    source=SOURCE,
    schema=IdentityDecided,
    sent="A person decided whether identity keys are one customer.",
    not_sent="When profiles finds out by itself; the outcome of either is `profile_merged` or `profile_split`, which is what to follow.",
    key="Each pair of `left` and `right`: of decisions about a pair the latest by time, then event id, counts.",
    late="The order does not matter: an older decision about a pair changes nothing, and merging goes for all that was ever heard.",
)
ORDER_MATCHED = EventKind(
    name="order_matched",
    source=SOURCE,
    schema=OrderMatched,
    sent="One order was reported under two identity keys, such as a device by the storefront and an address by the till.",
    not_sent="For further events about the order under the same keys.",
    key="`order_id` and the pair of keys.",
    late="The keys count as named together at the time of the later one's first report, whenever that is heard.",
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
    sent="A customer no longer meets the rule of a segment. Where a change of the rule or imported history ended it, marked as backfill.",
    not_sent="When the segment was deleted, or the customer erased.",
    key="`customer_id` and `segment_id`: the latest of entered and left, by time, decides.",
    late="An older one than the latest known of the same customer and segment changes nothing.",
)
CONSENT_CHANGED = EventKind(
    name="consent_changed",
    source=SOURCE,
    schema=ConsentChanged,
    sent="What a customer allows on a channel for marketing changed: by the customer's own word, an unsubscription, or because customers "
    "were merged or split. For people to read; whoever contacts customers follows `contact_permission_changed`.",
    not_sent="When the same consent is stated again, and for imported history.",
    key="`customer_id` and `channel`: the latest by its time, that of saying it, is the truth. `changed_at` tells when the word was "
    "said that holds: a word that is heard late may make an earlier one hold again.",
    late="An older one changes nothing. Until the first one a customer's consent is unknown, which is not granted.",
)
LIFECYCLE_STAGE_CHANGED = EventKind(
    name="lifecycle_stage_changed",
    source=SOURCE,
    schema=LifecycleStageChanged,
    sent="A customer came into another stage of the journey: by an event, by the passing of time, or because what was known of earlier "
    "events was corrected or regrouped.",
    not_sent="For nameless visitors, for imported history, or because the rules of stages were changed: fetch the stages then. Not for a "
    "stage either that was over for more than a day when it was heard of, as with an order that comes late.",
    key="The event id. By `customer_id` the latest by time, then `changed_at`, is the stage.",
    late="An older one than the latest known of the same customer changes nothing.",
)
