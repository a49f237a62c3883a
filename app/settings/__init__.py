"""What the server is told: the environment and parlance.toml, checked as a whole before anything starts."""
