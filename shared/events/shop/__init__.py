"""`shop.events`: what happened in a shop, as the collector accepted it.

The vocabulary is Segment's e-commerce specification in snake case. `parts` holds what all of them share; `browsing`, `carts`,
`orders` and `people` hold the events by the part of the shop that they come from.
"""
