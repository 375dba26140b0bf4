"""Rule books: the model, strict loading, matching and templates. Pure: no I/O but reading a book's own text."""
