"""Python processes beside the worker's, for what may block, compute for ever or take all memory: they can be killed."""
