"""What gunicorn and the `flask` command load."""

import click

from app.configuration import loaded_configuration
from app.main import create_app
from app.store.faults import os_problem

_configuration = loaded_configuration()
try:
    app = create_app(_configuration)
except OSError as error:  # of the home folder, or the database's
    raise click.ClickException(os_problem(error)) from error  # for `flask`, which prints it and ends with status 1
