"""Profiles: who is who, and what is known of each customer.

Owns: identity keys and the customers that they belong to, traits, the ledger of consent and preferences, orders as facts of a customer,
    what they are fond of, the stages of their journey, the timeline, search;
    segments and who is in them;
    requests about people's data and the terms of retention.
Handles: every event of `shop.events` that is about a person;
    for the timeline what every service tells of a customer: `message_sent`, `message_delivered`, `message_opened`, `message_clicked`,
    `message_bounced`, `message_complained`, `message_skipped`, `unsubscribed`, `audience_entered`, `audience_left`,
    `conversion_attributed`, `conversion_reversed`; `ticket_opened`, `ticket_assigned`, `ticket_replied`, `ticket_resolved`,
    `ticket_reopened`, `sla_breached`, `survey_answered`; `mention_received`, `mention_answered`, `feedback_received`,
    `contest_entered`; `cart_abandoned`, `cart_recovered`, `browse_abandoned`, `customer_lapsed`, `replenishment_due`,
    `price_dropped`, `back_in_stock`, `incentive_issued`, `incentive_redeemed`, `incentive_expired`; `customer_scored`;
    kept as it announces them, and not heard again: `profile_created`, `profile_merged`, `profile_split`, `merge_refused`,
    `segment_entered`, `segment_left`, `consent_changed`, `contact_permission_changed`, `opt_in_requested`, `opt_in_expired`,
    `lifecycle_stage_changed`;
    of its own `identity_decided` and `order_matched`, which are evidence of who is who;
    of its own `consent_stated`, `consent_confirmed` and `preferences_stated`;
    `erasure_completed` and `export_provided` of all services.
Publishes: `profile_merged`, `profile_split`, `profile_created`, `merge_refused`, `identity_decided`, `order_matched`;
    `consent_changed`, `contact_permission_changed`, `consent_stated`, `consent_confirmed`, `preferences_stated`, `opt_in_requested`,
    `opt_in_expired`;
    `lifecycle_stage_changed`; `segment_entered`, `segment_left`; where somebody switched it on, `profile_changed`;
    `erasure_requested`, `export_requested`.
Serves: `/api/profiles/customers`, a customer by any identity, many at once, its timeline, merging and unmerging;
    `/api/profiles/identity-rules`; `/api/profiles/change-feed`;
    `/api/profiles/customers/{identity}/journey`, `.../habits` and `.../traits`; `/api/profiles/journey`, who is in which stage below
    `/api/profiles/journey/stages/{stage}`; `/api/profiles/profile-rules`;
    `/api/profiles/refused-merges`; `/api/profiles/do-not-merge`;
    what a customer allows, `/api/profiles/customers/{identity}/consent` and `.../preferences`; `/api/profiles/consent-rules`;
    for customers themselves, by a link, `/api/profiles/public/opt-in/{token}` and `/api/profiles/public/preferences/{token}`;
    `/api/profiles/data-requests`; `/api/profiles/retention`;
    `/api/profiles/segments`, `/api/profiles/segment-templates`, `/api/profiles/segment-exports/{id}`, the segments of a customer.
"""
