"""Rules of keys, tokens, sessions and limits. Pure: time and randomness are arguments."""
