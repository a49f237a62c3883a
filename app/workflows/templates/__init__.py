"""Templates of workflows: the language, and the process that fills them in."""
