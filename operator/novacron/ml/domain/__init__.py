"""The rules of features: what is counted, how parts combine, what memory and chunks may cost. Pure."""
