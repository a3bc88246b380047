"""The product under test: the stack of `make run` with further replicas, a keeper that starts again what dies, and ways to look in."""
