"""One pod's turn: nodes are filtered and scored (`filtering`, `scoring`, `ranking`), and one is chosen (`cycle`)."""
