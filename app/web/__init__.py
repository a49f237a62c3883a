"""What every wire shares: Flask glue between a wire and the engine."""
