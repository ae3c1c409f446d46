"""The control plane: which table is in force, and what the workers saw. Knows no HTTP."""
