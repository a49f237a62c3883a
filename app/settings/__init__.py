"""The environment and parlance.toml: loaded, checked as a whole and turned into `Settings` before anything starts."""
