"""Plans for answers: directed graphs of steps, checked before they run and recorded as they do."""
