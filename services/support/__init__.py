"""Support: tickets, and what an agent should know of the customer while answering one.

Owns: tickets with their history; a copy of each customer's orders, carts, contact traits, messages and mentions, for the context.
Handles: order_completed, order_updated, order_cancelled, order_refunded, product_added, product_removed,
    wishlist_product_added_to_cart, cart_viewed, checkout_started, customer_identified of shop; cart_abandoned of reengagement;
    mention_received of social; message_sent, message_delivered, message_opened, message_clicked, message_bounced,
    message_complained, message_skipped of campaigns; profile_merged, profile_split of profiles.
Publishes: ticket_opened, ticket_assigned, ticket_replied, ticket_resolved, ticket_reopened.
Serves: `/api/support/customers/{identity}/context`; tickets under `/api/support/tickets`.
"""
