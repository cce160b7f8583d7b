"""The workload: login, sessions, tokens, people, and the wall before every route."""
