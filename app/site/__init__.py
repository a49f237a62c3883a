"""What people look at: pages and scripts that the server brings along."""
