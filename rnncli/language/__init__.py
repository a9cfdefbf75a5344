"""The spec language: parsing, formatting, and repairs of wrong specs."""
