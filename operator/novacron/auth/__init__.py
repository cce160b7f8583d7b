"""Authentication: who may do what, shown by tokens, and the keys that sign them."""
