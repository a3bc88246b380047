"""The rules of profiles, pure: the standard library and `shared.commerce` only.

`customer` is the state of one identity key and of a whole customer, made of `identity` (who is who), `traits`, `consent` (which is
heard through `allowing`), `activity`, `history` and the orders of `shared.commerce`. `profile`, `directory` and `timeline` say what is
shown of it, `segments` in which of the shop's segments it is. `rules` are the settings of all that; `facts` the data of events as the
handlers receive them.
"""
