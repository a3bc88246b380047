"""The rules of audiences: what is known of a customer, who belongs to which audience, since when, until when and why."""
