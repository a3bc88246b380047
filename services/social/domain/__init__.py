"""The rules of social: what a mention is filed under, and who its author is to the shop."""
