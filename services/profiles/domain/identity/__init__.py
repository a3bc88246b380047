"""Who is who, as a function of the set of events that were heard, whatever the order of hearing.

`kinds` are the sorts of identity keys. `evidence` is what a key remembers: with whom it was named, by which logins it was declared the
same. `decisions` are the words of people, which go before all evidence. `rules` are the guard rails, as data. `resolution` makes
customers out of all that. `orders` recognises one order that was reported under two keys.
"""
