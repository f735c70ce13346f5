"""Pretrained encoders, a file each; `al.data.encoding` finds them by name."""
