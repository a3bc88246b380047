"""A MongoDB in memory, as far as this code base knows one: faithful where it matters for what is lost or doubled.

No library was found that has transactions (mongomock, the best known, refuses sessions), so this is our own. A contract test runs the same
operations against it and against a real server.
"""
