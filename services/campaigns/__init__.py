"""Campaigns: who is addressed, and the mail that asks to confirm a consent.

Owns: audiences (their rules), each customer's orders and abandoned carts as far as the rules ask for them, on which
channels customers may be contacted, members of audiences; requests to confirm a grant by e-mail, and what became of their mails.
Handles: order_completed, order_updated, order_cancelled, order_refunded; cart_abandoned, cart_recovered;
contact_permission_changed, opt_in_requested, consent_confirmed; message_sent, message_skipped, message_bounced;
profile_merged, profile_split.
Publishes: audience_entered, audience_left; message_sent, message_skipped, message_bounced.
Serves: audiences with sizes, members and previews, the audiences of a customer with the reasons, what a customer was asked to
confirm, and the mail that asks it, under `/api/campaigns/`.
"""
