"""The steps of a cycle, a module each."""
