"""What the scheduler knows: of pods (demand, wishes, guises), of nodes, and of who is where."""
