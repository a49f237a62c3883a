"""A worker's Python child processes: code in them may block, compute for ever or use all memory, and can be killed."""
