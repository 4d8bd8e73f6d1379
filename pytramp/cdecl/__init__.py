"""C declarations as text -> types."""
