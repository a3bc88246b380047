"""What the HTTP side of profiles takes and gives: `customers` about what is known of them, `identities` about who is who."""
