"""Documentation, and what makes its tables."""
