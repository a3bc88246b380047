"""Campaigns: who is addressed.

Owns: audiences (their rules), each customer's orders and abandoned carts as far as the rules ask for them, on which
channels customers may be contacted, members of audiences.
Handles: order_completed, order_updated, order_cancelled, order_refunded; cart_abandoned, cart_recovered;
contact_permission_changed; profile_merged, profile_split.
Publishes: audience_entered, audience_left.
Serves: audiences with sizes, members and previews, and the audiences of a customer with the reasons, under `/api/campaigns/`.
"""
