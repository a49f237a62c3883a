"""Search in the site's own documents."""
