"""What agents may answer from: documents are read, cut into passages, indexed, and searched."""
