"""Social: what is said about the shop in social networks, and which customer said it.

Owns: mentions; a copy of the names and orders of customers, to tell who is behind a handle.
Handles: customer_identified, order_completed, order_updated, order_cancelled, order_refunded of shop;
    profile_merged, profile_split of profiles.
Publishes: mention_received.
Serves: `/api/social/mentions`, the door for connectors and the listing; `/api/social/customers/{identity}/mentions`.
"""
