"""What PostgreSQL knows of people, sessions, refresh tokens and revocations: SQL, always ``auth.``-qualified."""
