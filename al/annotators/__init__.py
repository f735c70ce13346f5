"""Annotators: who answers. One file each, found by `al.catalog.annotators`."""
