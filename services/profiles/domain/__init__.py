"""The rules of profiles, pure: the standard library and `shared.commerce` only.

`customer` is the state of one identity key and of a whole customer, made of `identity` (who is who), `traits`, `consent`,
`activity` and the orders of `shared.commerce`. `profile`, `directory` and `timeline` say what is shown of it. `facts` are the data
of events as the handlers receive them.
"""
