"""What works on schema auth: so far its upkeep."""
