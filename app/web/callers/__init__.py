"""Who calls, from where, and how often: credentials, identities, origins, limits."""
