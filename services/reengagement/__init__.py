"""Re-engagement: the durable timers behind every "come back" moment, and the policies that set them.

Owns: what is known of each customer's carts and orders for timing, and on which channels customers may be
    contacted; the timers `cart_idle`, `lapse` and `replenishment`; the list of abandoned carts; the policies of the three kinds.
Handles: order_completed, order_updated, order_cancelled, order_refunded, product_added, product_removed,
    wishlist_product_added_to_cart, cart_viewed, checkout_started of shop; profile_merged, profile_split,
    contact_permission_changed of profiles.
Publishes: cart_abandoned, cart_recovered, customer_lapsed, replenishment_due.
Serves: `/api/reengagement/customers/{identity}/timers` and `.../carts`; `/api/reengagement/policies` and `.../policies/{kind}`;
    `/api/reengagement/abandoned-carts`; `/api/reengagement/summary`.
"""
