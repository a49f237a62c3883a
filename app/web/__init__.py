"""What every wire shares: Flask glue between a dialect and the engine."""
