"""The scheduling queue: who has a turn (`queue`, `turns`), and what wakes those who wait (`hints`)."""
