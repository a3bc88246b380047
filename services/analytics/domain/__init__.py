"""The rules of the figures: `sales` (the facts), `booking` (what they add to which row), `rows` (rows and what they roll up into),
`periods` (buckets in a time zone, ranges), `series` (rows put together for reading)."""
