"""Load, overload, hostile input, reloads and ends of the real service: `make load`."""
