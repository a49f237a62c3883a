"""What commands work with, each part made when a command asks for it first."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.configuration import Configuration
    from app.settings.place import Place
    from app.settings.records import Settings
    from app.store.database import Database
    from app.store.deliveries import DeliveryStore
    from app.store.erasing import Eraser
    from app.store.keys import KeyStore
    from app.store.retention import Retention
    from app.store.users import UserStore
    from app.webhooks.posting import Poster


class Parts:
    """Of the installation that the environment names. Mistakes in what a part needs end the command: those in settings
    with status 2, a line each, a home folder that cannot be used with status 1.

    What needs the database alone reads no configuration file, and so works while one has mistakes.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    @cached_property
    def configuration(self) -> "Configuration":
        from app.configuration import load_configuration_or_exit

        return load_configuration_or_exit(self._environ)

    @property
    def settings(self) -> "Settings":
        return self.configuration.settings

    @cached_property
    def place(self) -> "Place":
        from app.settings.mistakes import SettingsError
        from app.settings.place import load_place

        try:
            return load_place(self._environ)
        except SettingsError as error:
            from app.configuration import refuse

            refuse(*error.problems)

    @cached_property
    def database(self) -> "Database":
        from app.store.database import Database
        from app.store.faults import os_problem

        try:
            return Database(self.place.database_url)
        except OSError as error:
            raise click.ClickException(os_problem(error)) from error

    @cached_property
    def secret(self) -> str:
        """The installation's, made where there is none."""
        from app.settings.secret import secret_of
        from app.store.faults import os_problem

        try:
            return secret_of(self.place)
        except OSError as error:
            raise click.ClickException(os_problem(error)) from error

    @cached_property
    def keys(self) -> "KeyStore":
        from app.store.keys import KeyStore

        return KeyStore(self.database)

    @cached_property
    def users(self) -> "UserStore":
        from app.store.users import UserStore

        return UserStore(self.database)

    @cached_property
    def eraser(self) -> "Eraser":
        """It ends answers that run, as a worker beside the server's."""
        from app.store.database import beside_database
        from app.store.erasing import Eraser
        from app.store.workers import Worker

        folder = beside_database(self.place.database_url, self.place.home, "workers")
        return Eraser(self.database, Worker(folder, has_row=self.database.file is None))

    @cached_property
    def retention(self) -> "Retention":
        from app.store.retention import Retention

        days = self.settings.retention
        return Retention(self.database, days.days, days.agents, days.channels, days.audit_days)

    @cached_property
    def deliveries(self) -> "DeliveryStore":
        from app.store.deliveries import DeliveryStore

        return DeliveryStore(self.database)

    @cached_property
    def poster(self) -> "Poster":
        from app.webhooks.posting import Poster

        return Poster()


def parts() -> Parts:
    """Of the command that runs."""
    return click.get_current_context().ensure_object(Parts)
