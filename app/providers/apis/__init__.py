"""The APIs by which models are reached over HTTP: what requests contain, and how responses are read."""
