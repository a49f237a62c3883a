"""The APIs that models are reached by: what they are asked, and how their replies are read."""
