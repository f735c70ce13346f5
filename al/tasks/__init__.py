"""Tasks: what to learn. One file each, found by `al.catalog.tasks`."""
