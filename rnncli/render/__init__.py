"""Output for people (with Rich, except for the table of a sweep) and for programs (`results`, without Rich)."""
