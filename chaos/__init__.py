"""Whether the promises hold while everything breaks: load from outside, faults by plan, and a checker that trusts nobody.

The parts know little of one another, as in Jepsen: `workload` sends what a shop would send and keeps a `ledger` of what it tried and
what was accepted; `faults` are done by a seeded `schedule` and written down in a `history`; `checker` compares the ledger with what
`holdings` finds in every service, by sums and sets of the workload's own and not by the services' tables of what was seen.
`system` is the whole product on this machine, started as `make run` starts it.
"""
