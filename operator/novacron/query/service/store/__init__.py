"""The SQL of query: fixed statements, values beside them."""
