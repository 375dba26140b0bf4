"""ServiceM8, natively: jobs, lines, customers and payments in; a note and the processed flag back."""
