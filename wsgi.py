"""What gunicorn and the `flask` command load."""

from app import create_app
from app.settings import load_settings_or_exit

app = create_app(load_settings_or_exit())
