"""Patterns with braces, as bash has them: read, expanded, completed, mended."""
