"""What is counted for those who run the server, in Prometheus's terms. Nothing here is asked for by an answer."""
