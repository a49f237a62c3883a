"""The seam to the server that runs the application: connections, shutdown, logs."""
