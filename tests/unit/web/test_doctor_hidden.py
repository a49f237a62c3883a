"""The path of `parlance doctor`, for whoever has no token: one that does not exist."""

import pytest
from flask.testing import FlaskClient

from app.configuration import load_configuration
from app.main import create_app
from app.web.doctor import PATH, doctor_token

SECRET = "s" * 40
OWN = {"x-request-id", "Content-Length", "Date"}


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> FlaskClient:
    env = {"PARLANCE_HOME": str(tmp_path_factory.mktemp("home")), "PARLANCE_SECRET_KEY": SECRET}
    return create_app(load_configuration(env)).test_client()


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "doctor"]
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Origin": "https://a.example"}])
def test_without_a_token_every_method_is_404_as_on_an_unknown_path(client, method, headers) -> None:
    there, nowhere = (client.open(path, method=method, headers=headers) for path in (PATH, "/nowhere"))
    assert there.status_code == nowhere.status_code == 404
    assert there.data == nowhere.data
    assert [each for each in there.headers if each[0] not in OWN] == [
        each for each in nowhere.headers if each[0] not in OWN
    ]
    assert "Allow" not in there.headers


def test_a_token_is_good_for_post_alone(client) -> None:
    headers = {"Authorization": f"Bearer {doctor_token(SECRET, 0, 0)}"}
    assert client.post(PATH, headers=headers).status_code == 200
    for method in ("GET", "HEAD", "OPTIONS"):
        assert client.open(PATH, method=method, headers=headers).status_code == 404
