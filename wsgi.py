"""What gunicorn and the `flask` command load."""

from app.main import create_app
from app.settings.load import load_settings_or_exit

app = create_app(load_settings_or_exit())
