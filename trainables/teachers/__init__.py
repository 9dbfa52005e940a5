"""Teachers: where they come from, what they have seen, and what they know of a view."""
