"""The seven services. They meet in events only and never import one another."""
