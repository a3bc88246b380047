"""The rules of support: what an agent should see of a customer, and what may become of a ticket."""
