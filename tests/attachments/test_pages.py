"""Pages, fetched from a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chatterm.attachments.html import readable_text
from chatterm.attachments.pages import read_url
from chatterm.errors import BadReply, ConfigError, RemoteError, Unreachable

PAGE = """<!doctype html><html><head><title>A  page</title><style>x{}</style>
<script>var a="<p>no</p>";</script></head><body><nav><ul><li>Home</ul></nav>
<main><h1>Title &amp; more</h1><p>First <b>bold</b> word,
 and <code>code()</code>.<p>Second<br>line.
<ul><li>one<li>two<ol><li>x<li>y</ol></ul>
<pre><code>def f():
    return 1
</code></pre>
<table><tr><th>a<th>b<tr><td>1<td>2</table><div hidden>secret</div></main>
<footer>foot</footer></body></html>"""

READABLE = """A page

# Title & more

First bold word, and `code()`.

Second
line.

- one
- two

  1. x
  2. y

```
def f():
    return 1
```

| a | b
| 1 | 2"""

Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[dict[str, Answer]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve these answers by path; returns the address of the root."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: dict[str, Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answers[self.path]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def typed(media_type: str, body: bytes, status: int = 200) -> Answer:
    return status, {"Content-Type": media_type}, body


def test_a_page_is_made_readable() -> None:
    assert readable_text(PAGE) == READABLE


def test_html_is_read_and_other_text_is_kept(serve: Serve) -> None:
    root = serve(
        {
            "/page": typed("text/html; charset=utf-8", PAGE.encode()),
            "/latin": typed("text/plain; charset=iso-8859-1", b"caf\xe9"),
            "/data.json": typed("application/json", b'{"a": 1}'),
            "/old": (302, {"Location": "/page"}, b""),
        }
    )
    assert read_url(f"{root}/page", {}).data.decode() == READABLE
    assert read_url(f"{root}/old", {}).data.decode() == READABLE
    assert read_url(f"{root}/latin", {}).data.decode() == "café"
    assert read_url(f"{root}/data.json", {}).data == b'{"a": 1}'


def test_what_a_server_says_against_it_is_an_error_with_its_address(serve: Serve) -> None:
    root = serve(
        {
            "/gone": typed("text/html", b"sorry", 404),
            "/loop": (302, {"Location": "/loop"}, b""),
            "/empty": typed("text/html", b"<div id=app></div><script>x()</script>"),
            "/paper": typed("text/html; charset=nonsense", b"%PDF-1.4 "),
            "/paper.pdf": typed("application/pdf", b"%PDF-1.4 "),
            "/huge": typed("text/plain", b"x" * 10_000_001),
        }
    )
    cases: list[tuple[str, type[Exception], str]] = [
        ("/gone", RemoteError, "answered 404"),
        ("/loop", BadReply, "redirects"),
        ("/empty", BadReply, "no text"),
        ("/paper.pdf", ConfigError, "is a PDF"),
        ("/huge", ConfigError, "longer than 10 MB"),
    ]
    for path, kind, words in cases:
        with pytest.raises(kind, match=words) as caught:
            read_url(root + path, {})
        assert root + path in str(caught.value)


def test_no_server_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        read_url("http://127.0.0.1:1/x", {})


def test_offline_means_offline_and_a_password_is_never_repeated(serve: Serve) -> None:
    root = serve({"/x": typed("text/plain", b"x")}).replace("//", "//me:secret@")
    with pytest.raises(ConfigError, match="CHATTERM_OFFLINE") as caught:
        read_url(f"{root}/x", {"CHATTERM_OFFLINE": "1"})
    assert "secret" not in str(caught.value)
    assert "secret" not in read_url(f"{root}/x", {}).name
