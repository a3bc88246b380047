"""Analytics: what the shop sold and to how many, as running counters that are right after every correction.

Owns: the figures of orders, revenue, refunds and customers by time, source, sales channel, product and category; the volume of every
event; the shop's time zone.
Handles: every event of the catalogue that one service alone publishes, to count it; `order_completed`, `order_updated`,
`order_cancelled` and `order_refunded` also move the figures; `profile_merged` and `profile_split` correct who is new and who returned.
Publishes: nothing.
Serves: revenue and customers over time, top products, a summary and event volumes under `/api/analytics/`.
"""
