"""Segments: rules about customers, and who meets them.

`language` makes `nodes` out of JSON that people write (`problems` says what is wrong with it, `tallies` and `leaves` are the kinds of
conditions, `comparisons` what is said of one value); `reading` is a customer as conditions see it, `clock` the shop's calendar.
`definitions` are the segments of a shop, `membership` says who is in which since when and until when, `templates` are ready-made rules.
"""
