"""Rule books: the model, strict loading, matching and templates. No I/O but reading a book's own text."""
