"""A TCP proxy that misbehaves on command: late, slow, deaf in one direction, cut in the middle of a message, reset.

It is a process of its own (`python -m chaos.proxy`), told by lines of JSON on its control port. Nothing in it is random: what it does
and when is the schedule's to decide.
"""
