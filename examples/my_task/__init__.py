"""A task kept outside the package."""
