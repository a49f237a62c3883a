"""What the workers of one installation share beside the database, in Redis. Nothing there is the only copy of
anything: it may be slow, gone or emptied at any moment."""
