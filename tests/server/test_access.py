"""Who gets in: every route names a rule, and nobody sees what belongs to somebody else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chatterm.errors import ConfigError
from chatterm.server.app import rules_of
from chatterm.server.keys import Scope
from tests.server.asking import Asking, get, post, request
from tests.server.serving import Served, add_user, people, serving

PUBLIC = {
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/auth/callback/debug"),
    ("GET", "/auth/callback/{provider}"),
    ("GET", "/auth/login/debug"),
    ("GET", "/auth/login/{provider}"),
    ("GET", "/auth/providers"),
    ("GET", "/auth/refresh"),
    ("GET", "/configs/model_configs"),
    ("GET", "/configs/models"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("POST", "/auth/login"),
    ("POST", "/auth/trusted"),
}
"""The login, and what its clients ask before it. A route is added here only for such a reason."""
OF_EVERYBODY = {
    "/auth/callback/{provider}",
    "/auth/login/{provider}",
    "/admin/users/{user_id}",
    "/admin/refresh_tokens/{user_id}",
    "/v1/models/{model}",
    "/api/blobs/{digest}",
}
"""Paths with an id that belongs to no user."""
VERBS = ("get", "post", "put", "patch", "delete")


def operations(url: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every method and path that the server describes."""
    paths = get(f"{url}/openapi.json").json()["paths"]
    return [
        (verb.upper(), path, told)
        for path, verbs in paths.items()
        for verb, told in verbs.items()
        if verb in VERBS
    ]


@pytest.fixture
def locked() -> Iterator[Served]:
    """A server with users, so that everybody has to say who they are."""
    add_user("ada")
    with serving() as served:
        yield served


def test_every_route_without_a_credential_is_401(locked: Served) -> None:
    asked = 0
    for verb, path, _ in operations(locked.url):
        if (verb, path) in PUBLIC:
            continue
        reply = request(verb, locked.url + re.sub(r"\{\w+\}", "x", path), json={})
        assert reply.status_code == 401, (verb, path, reply.text)
        assert reply.headers["www-authenticate"] == "Bearer"
        asked += 1
    assert asked > 15


def test_what_is_public_is_so_on_purpose(locked: Served) -> None:
    rules = rules_of(locked.app)
    assert all(rules.values())
    assert {route for route, rule in rules.items() if rule == "public"} == PUBLIC


@pytest.mark.parametrize(
    "header",
    [
        "Bearer ck-wrong",
        "Bearer ca-wrong",
        "Bearer something",
        "Basic YTpi",
        "Bearer",
        "bearer ck-\xe9",
    ],
)
def test_a_wrong_credential_is_401(locked: Served, header: str) -> None:
    encoded = [(b"authorization", header.encode("latin-1"))]
    reply = get(f"{locked.url}/auth/check", headers=encoded)
    assert reply.status_code == 401


BODIES: dict[str, Any] = {
    "prompter_message": {"parent_id": None, "content": "x"},
    "assistant_message": {"parent_id": "{message_id}", "model_config_name": "echo"},
    "messages": {"content": "x", "model_config_name": "echo"},
    "votes": {"score": 1},
    "reports": {"report_type": "spam", "reason": "x"},
    "message_evals": {"inferior_message_ids": []},
    "items": {"items": [{"type": "message", "role": "user", "content": "x"}]},
    "{completion_id}": {"metadata": {"a": "b"}},
    "{conversation_id}": {"metadata": {"a": "b"}},
}
"""What is sent where a body must be right before ids are looked at."""


def belongings(ada: Asking) -> dict[str, str]:
    """One of everything that a user can have, by the names of the ids in paths."""
    chat_id = ada.new_chat()
    answer_id = ada.asked(chat_id, "a secret")
    assert ada.said(chat_id, answer_id) == "a secret"
    stored = {"model": "echo", "store": True}
    response = ada.http.post("/v1/responses", json={**stored, "input": "a secret"})
    talk = ada.http.post(
        "/v1/conversations",
        json={"items": [{"type": "message", "role": "user", "content": "a secret"}]},
    ).json()["id"]
    items = ada.http.get(f"/v1/conversations/{talk}/items").json()["data"]
    messages = [{"role": "user", "content": "a secret"}]
    completion = ada.http.post("/v1/chat/completions", json={**stored, "messages": messages})
    return {
        "chat_id": chat_id,
        "message_id": answer_id,
        "response_id": response.json()["id"],
        "conversation_id": talk,
        "item_id": items[0]["id"],
        "completion_id": completion.json()["id"],
    }


def test_nobody_reaches_what_belongs_to_somebody_else(locked: Served) -> None:
    ada = Asking.by_key(locked.url, key_of("ada"))
    bob = Asking.by_key(locked.url, add_user("bob"))
    ids = belongings(ada)
    asked = set()
    for verb, path, _ in operations(locked.url):
        named = re.findall(r"\{(\w+)\}", path)
        if not named or path in OF_EVERYBODY:
            continue
        assert set(named) <= ids.keys(), f"make one of these for ada, and ask for it: {path}"
        body = json.dumps(BODIES.get(path.rpartition("/")[2], {"title": "mine now"}))
        for name, value in ids.items():
            path, body = path.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)
        sent = body if verb in ("POST", "PUT") else None
        reply = bob.http.request(verb, path, content=sent)
        assert reply.status_code == 404, (verb, path, reply.text)
        assert "secret" not in reply.text
        asked.update(named)
    assert asked == ids.keys()
    for path in ("/chats/{chat_id}", "/v1/responses/{response_id}"):
        assert ada.http.get(path.format(**ids)).status_code == 200, "nothing was changed"


def test_nobody_brings_what_belongs_to_somebody_else_into_their_own(locked: Served) -> None:
    ada = Asking.by_key(locked.url, key_of("ada"))
    bob = Asking.by_key(locked.url, add_user("bob"))
    ids = belongings(ada)
    own = bob.new_chat()
    moved = bob.http.put(f"/chats/{own}", json={"active_thread_tail_message_id": ids["message_id"]})
    assert moved.status_code == 404
    assert bob.answer(own, ids["message_id"]).status_code == 404
    assert bob.http.get(f"/chats/{own}/messages/{ids['message_id']}").status_code == 404
    for said in (
        {"previous_response_id": ids["response_id"]},
        {"conversation": ids["conversation_id"]},
    ):
        asked = {"model": "echo", "input": "what did I say?", **said}
        assert bob.http.post("/v1/responses", json=asked).status_code in (400, 404)
    assert [c["id"] for c in bob.http.get("/chats").json()["chats"]] == [own]
    assert bob.http.get("/v1/chat/completions").json()["data"] == []


def key_of(name: str) -> str:
    with people() as known:
        user = known.users.named(name)
        assert user is not None
        return known.keys.add(user)[1]


def test_a_key_opens_only_what_its_scopes_name(locked: Served) -> None:
    ada = Asking.by_key(locked.url, key_of("ada"))
    assert ada.http.get("/admin/users").status_code == 403
    admin = Asking.by_key(locked.url, add_user("root", is_admin=True))
    assert admin.http.get("/admin/users").json()[0]["display_name"] == "ada"
    with people() as known:
        user = known.users.named("ada")
        assert user is not None
        _, only_admin = known.keys.add(user, scopes=[Scope.ADMIN])
    assert Asking.by_key(locked.url, only_admin).http.get("/chats").status_code == 403


def test_a_key_that_was_revoked_or_has_expired_opens_nothing(locked: Served) -> None:
    with people() as known:
        user = known.users.named("ada")
        assert user is not None
        revoked, text = known.keys.add(user)
        _, expired = known.keys.add(user, expires_at=1.0)
        asking = Asking.by_key(locked.url, text)
        assert asking.http.get("/chats").status_code == 200
        known.keys.revoke(revoked.id)
    assert asking.http.get("/chats").status_code == 401
    assert Asking.by_key(locked.url, expired).http.get("/chats").status_code == 401


def login(served: Served, name: str = "ada", password: str = "correct horse") -> httpx.Response:
    return post(f"{served.url}/auth/login", json={"username": name, "password": password})


def test_tokens_are_refreshed_and_rotate(locked: Served) -> None:
    pair = login(locked).json()
    refresh = pair["refresh_token"]["access_token"]
    fresh = get(f"{locked.url}/auth/refresh", headers={"Refresh": refresh}).json()
    assert fresh["token_type"] == "bearer"
    old = {"Authorization": f"Bearer {pair['access_token']['access_token']}"}
    new = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert get(f"{locked.url}/auth/check", headers=old).status_code == 401
    assert get(f"{locked.url}/auth/check", headers=new).status_code == 200


def test_a_refresh_token_that_is_shown_twice_ends_the_login(locked: Served) -> None:
    refresh = login(locked).json()["refresh_token"]["access_token"]
    fresh = get(f"{locked.url}/auth/refresh", headers={"Refresh": refresh}).json()
    again = get(f"{locked.url}/auth/refresh", headers={"Refresh": refresh})
    assert again.status_code == 401
    for token in (fresh["access_token"],):
        reply = get(f"{locked.url}/auth/check", headers={"Authorization": f"Bearer {token}"})
        assert reply.status_code == 401
    last = get(f"{locked.url}/auth/refresh", headers={"Refresh": fresh["refresh_token"]})
    assert last.status_code == 401


def test_tokens_are_no_use_in_the_place_of_the_other(locked: Served) -> None:
    pair = login(locked).json()
    access = pair["access_token"]["access_token"]
    refresh = pair["refresh_token"]["access_token"]
    as_access = get(f"{locked.url}/auth/check", headers={"Authorization": f"Bearer {refresh}"})
    assert (as_access.status_code, as_access.json()) == (400, {"detail": "Invalid token type"})
    as_refresh = get(f"{locked.url}/auth/refresh", headers={"Refresh": access})
    assert as_refresh.status_code == 400
    assert get(f"{locked.url}/auth/refresh").status_code == 401


def test_an_expired_token_is_refused(locked: Served) -> None:
    pair = login(locked).json()
    with people() as known:
        known.logins._db.run("UPDATE server_tokens SET expires_at = 1")
    headers = {"Authorization": f"Bearer {pair['access_token']['access_token']}"}
    reply = get(f"{locked.url}/auth/check", headers=headers)
    assert (reply.status_code, reply.json()) == (401, {"detail": "Token expired"})
    refresh = {"Refresh": pair["refresh_token"]["access_token"]}
    assert get(f"{locked.url}/auth/refresh", headers=refresh).status_code == 401


def test_logging_out_ends_the_login_and_only_that(locked: Served) -> None:
    one, two = login(locked).json(), login(locked).json()
    headers = [
        {"Authorization": f"Bearer {pair['access_token']['access_token']}"} for pair in (one, two)
    ]
    assert post(f"{locked.url}/auth/logout", headers=headers[0]).status_code == 200
    codes = [get(f"{locked.url}/auth/check", headers=h).status_code for h in headers]
    assert codes == [401, 200]
    tokens = [{"Refresh": pair["refresh_token"]["access_token"]} for pair in (one, two)]
    codes = [get(f"{locked.url}/auth/refresh", headers=h).status_code for h in tokens]
    assert codes == [401, 200]


def test_guessing_passwords_is_slowed_down(locked: Served) -> None:
    codes = [login(locked, password=f"wrong {n}").status_code for n in range(6)]
    assert codes == [401] * 5 + [429]
    assert login(locked).status_code == 429, "the right one has to wait as well"
    assert login(locked, name="nobody").status_code == 401


def test_a_user_who_is_removed_is_out_at_once(locked: Served) -> None:
    asking = Asking.by_key(locked.url, key_of("ada"))
    token = login(locked).json()["access_token"]["access_token"]
    chat_id = asking.new_chat()
    with people() as known:
        user = known.users.named("ada")
        assert user is not None
        known.remove(user)
    headers = {"Authorization": f"Bearer {token}"}
    assert get(f"{locked.url}/auth/check", headers=headers).status_code == 401
    assert asking.http.get(f"/chats/{chat_id}").status_code == 401
    assert login(locked).status_code == 401


def test_an_account_is_deleted_with_all_that_is_in_it(locked: Served) -> None:
    ada = Asking.by_key(locked.url, key_of("ada"))
    chat_id = ada.new_chat()
    ada.said(chat_id, ada.asked(chat_id, "xylophone"))
    assert ada.http.delete("/account/").status_code == 200
    assert ada.http.get("/chats").status_code == 401
    assert login(locked).status_code == 401


def test_an_admin_ends_logins_and_removes_users(locked: Served) -> None:
    admin = Asking.by_key(locked.url, add_user("root", is_admin=True))
    pair = login(locked).json()
    assert admin.http.delete("/admin/refresh_tokens/ada").status_code == 200
    refresh = {"Refresh": pair["refresh_token"]["access_token"]}
    assert get(f"{locked.url}/auth/refresh", headers=refresh).status_code == 401
    assert admin.http.delete("/admin/users/ada").status_code == 200
    gone = admin.http.delete("/admin/users/ada")
    assert (gone.status_code, gone.json()) == (404, {"detail": "User not found"})


def test_on_this_machine_nobody_needs_a_key_but_a_wrong_one_of_ours_is_told() -> None:
    with serving() as served:
        assert get(f"{served.url}/chats").status_code == 200
        some = {"Authorization": "Bearer sk-of-another-program"}
        assert get(f"{served.url}/chats", headers=some).status_code == 200
        ours = {"Authorization": "Bearer ck-wrong"}
        assert get(f"{served.url}/chats", headers=ours).status_code == 401
        assert request("DELETE", f"{served.url}/account/").status_code == 400


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost:1"}, 200),
        ({"Origin": "https://chat.example.org"}, 200),
    ],
)
def test_a_page_somewhere_cannot_use_a_server_without_logins(
    headers: dict[str, str], code: int
) -> None:
    with serving(cors_origins=["https://chat.example.org"]) as served:
        reply = get(f"{served.url}/chats", headers=headers)
        assert reply.status_code == code
        by_name = get(f"{served.url}/auth/callback/debug?code=x", headers=headers)
        assert by_name.status_code == code


def test_only_named_origins_get_cors_headers() -> None:
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    with serving() as served:
        reply = request("OPTIONS", f"{served.url}/chats", headers=ask)
        assert "access-control-allow-origin" not in reply.headers
    with serving(cors_origins=["https://a.example"]) as served:
        reply = request("OPTIONS", f"{served.url}/chats", headers=ask)
        assert reply.headers["access-control-allow-origin"] == "https://a.example"


def test_beyond_this_machine_it_wants_users_or_to_be_told() -> None:
    with pytest.raises(ConfigError, match="nobody has an account"), serving(host="0.0.0.0"):
        pass
    with serving(host="0.0.0.0", no_auth=True) as served:
        assert get(f"{served.url}/chats").status_code == 200
    add_user("ada")
    with serving(host="0.0.0.0") as served:
        assert get(f"{served.url}/chats").status_code == 401


def test_passwords_and_keys_are_nowhere_in_the_file(locked: Served, home: Any) -> None:
    key = add_user("bob", "a very secret word")
    token = login(locked).json()["access_token"]["access_token"]
    stored = b"".join(
        file.read_bytes() for file in (home / "data").iterdir() if file.name.startswith("server")
    )
    for secret in ("a very secret word", key, token):
        assert secret.encode() not in stored
    assert b"$argon2id$" in stored
