"""What people may ask about their data: requests and who has answered them, and how long anybody is kept."""
