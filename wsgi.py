"""What gunicorn and the `flask` command load."""

from app.configuration import load_configuration_or_exit
from app.main import create_app

app = create_app(load_configuration_or_exit())
