"""`make bench`: how fast Sambandh is, beside the plain way, another framework and the ceiling of its own parts."""
