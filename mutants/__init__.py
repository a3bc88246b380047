"""Faults put into the code on purpose, one at a time, to prove that the tests notice each of them: `python -m mutants`.

`mutations.toml` says what is replaced by what, what that would cost a shop, and which quick tests have to fail because of it.
"""
