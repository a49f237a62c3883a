"""`flask users delete`: a user who is signed in, and has chats and things."""

import requests


def test_who_is_deleted_is_signed_out_and_all_that_was_theirs_is_gone(server) -> None:
    token = server.key("session")
    cookies = {"parlance_session": token}
    chat = requests.post(f"{server.url}/api/chats", json={}, cookies=cookies, timeout=10)
    assert chat.status_code == 201, chat.text
    thing = {"name": "n", "content": "c"}
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.post(f"{server.url}/stuff", json=thing, headers=headers, timeout=10).ok
    email, user_id = server.rows("SELECT email, id FROM users ORDER BY created_at DESC LIMIT 1")[0]
    ran = server.flask("users", "delete", "--email", email)
    assert (ran.stdout, ran.stderr) == ("1\n", "")
    assert requests.post(f"{server.url}/api/chats", json={}, cookies=cookies, timeout=10).status_code == 401
    for table, column in (("users", "id"), ("sessions", "user_id"), ("things", "user_id")):
        assert server.rows(f"SELECT count(*) FROM {table} WHERE {column} = '{user_id}'") == [(0,)]
    assert server.rows(f"SELECT count(*) FROM conversations WHERE owner = 'user:{user_id}'") == [(0,)]
    deeds = server.rows(f"SELECT action FROM audit WHERE object = '{user_id}' ORDER BY at, action")
    assert deeds == [("user.created",), ("user.deleted",)]
    again = server.flask("users", "delete", "--email", email, check=False)
    assert (again.returncode, again.stdout, again.stderr) == (1, "", f"Error: There is no user '{email}'.\n")
