"""What gunicorn and the `flask` command load."""

import click

from app.configuration import load_configuration_or_exit
from app.main import create_app
from app.store.faults import os_problem

_configuration = load_configuration_or_exit()
try:
    app = create_app(_configuration)
except OSError as error:  # of the home folder, or the database's
    raise click.ClickException(os_problem(error)) from error  # for `flask`, which prints it and ends with status 1
