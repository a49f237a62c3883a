"""Makes indexes of what files hold, beside those that are in use, and keeps them in the home folder."""
