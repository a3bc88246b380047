"""The rules of re-engagement. `customer` are the facts, `policies` the settings, `decisions` what is armed and why not,
`moments` what came of the timers that fired.
"""
