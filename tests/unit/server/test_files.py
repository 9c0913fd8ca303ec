"""Files of runs over the API: in, listed, out; rights, names, headers, ranges."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.core import access, files
from kiseki.core.access import create_user
from kiseki.errors import StorageFull
from kiseki.record import codec, frame
from kiseki.record.types import File, Finish, Open, Record
from kiseki.server import archive, content
from kiseki.storage.interface import Storage
from tests.unit.server.asgi import Answer, Door

Ask = Callable[..., Answer]
PROJECT = "/api/v1/projects/ada/digits"
FILES = f"{PROJECT}/runs/r1/files"
STREAM = "5" * 32
DATA = bytes(range(256)) * 40


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sent(*records: Record, first: int = 0) -> bytes:
    frames = b"".join(
        frame.pack(int(record.kind), first + i, codec.encode(record))
        for i, record in enumerate(records)
    )
    return codec.compress(frames)


@pytest.fixture
def ask(door: Door, bearer: dict[str, str]) -> Ask:
    def ask(method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return door.ask(method, path, body, {**bearer, **named})

    opened = Open(stream=STREAM, run="r1", project="digits", started_us=1)
    assert ask("POST", f"/api/v1/streams/{STREAM}/records", sent(opened)).status == 200
    return ask


@pytest.fixture
def stranger(storage: Storage) -> dict[str, str]:
    key = access.create_key(storage.meta, create_user(storage.meta, "eve"))
    return {"authorization": f"Bearer {key}"}


def name_file(ask: Ask, *records: File, first: int = 1) -> None:
    path = f"/api/v1/streams/{STREAM}/records"
    assert ask("POST", path, sent(*records, first=first)).json["rejected"] == []


def put_blob(ask: Ask, data: bytes = DATA) -> str:
    digest = digest_of(data)
    assert ask("PUT", f"{PROJECT}/blobs/{digest}", data).json == {
        "sha256": digest,
        "size": len(data),
    }
    return digest


def listed(ask: Ask) -> dict[str, dict[str, object]]:
    return {file["path"]: file for file in ask("GET", FILES).json["files"]}


def test_a_file_goes_the_way_of_an_upload(ask: Ask) -> None:
    digest = digest_of(DATA)
    missing = json.dumps({"sha256": [digest, digest, "ab" * 32]}).encode()
    answer = ask("POST", f"{PROJECT}/blobs/missing", missing)
    assert answer.json == {"missing": [digest, "ab" * 32]}
    name_file(ask, File(path="models/m.bin", policy="live", time_us=5))
    assert listed(ask)["models/m.bin"] == {
        "path": "models/m.bin", "policy": "live", "size": 0, "sha256": "", "stored": False,
        "type": "application/octet-stream", "time_us": 5,
    }  # fmt: skip
    assert ask("GET", f"{FILES}/models/m.bin").json["code"] == "not-stored"
    assert ask("PUT", f"{PROJECT}/blobs/{digest}", DATA).status == 201
    assert ask("PUT", f"{PROJECT}/blobs/{digest}", DATA).status == 200
    assert ask("POST", f"{PROJECT}/blobs/missing", missing).json == {"missing": ["ab" * 32]}
    told = File(path="models/m.bin", policy="live", size=len(DATA), sha256=digest, time_us=6)
    name_file(ask, told, first=2)
    file = listed(ask)["models/m.bin"]
    assert (file["size"], file["sha256"], file["stored"]) == (len(DATA), digest, True)
    got = ask("GET", f"{FILES}/models/m.bin")
    assert (got.status, got.body, got.headers["content-length"]) == (200, DATA, str(len(DATA)))
    run = ask("GET", f"{PROJECT}/runs/r1").json
    assert run["files"] == [{"path": "models/m.bin", "policy": "live"}]


def test_other_content_than_named_is_refused(ask: Ask) -> None:
    answer = ask("PUT", f"{PROJECT}/blobs/{digest_of(DATA)}", DATA[:-1])
    assert (answer.status, answer.json["code"]) == (400, "digest")
    for name in ("x", "AB" * 32, "../../meta.db", "%2e%2e"):
        assert ask("PUT", f"{PROJECT}/blobs/{quote(name, safe='')}", b"").status in (400, 404, 405)
    body = json.dumps({"sha256": ["x"]}).encode()
    assert ask("POST", f"{PROJECT}/blobs/missing", body).status == 400
    body = json.dumps({"sha256": ["ab" * 32] * 1_001}).encode()
    assert ask("POST", f"{PROJECT}/blobs/missing", body).status == 400


def test_small_contents_come_in_one_request(ask: Ask) -> None:
    contents = [b"a", b"", b"b" * 1000, b"a"]
    body = b"".join(len(data).to_bytes(4, "little") + data for data in contents)
    answer = ask("POST", f"{PROJECT}/blobs", body)
    assert answer.json == {"sha256": list(map(digest_of, contents))}
    missing = json.dumps({"sha256": [*map(digest_of, contents), "ab" * 32]}).encode()
    assert ask("POST", f"{PROJECT}/blobs/missing", missing).json == {"missing": ["ab" * 32]}
    for torn in (body[:-1], b"a", b"\xff\xff\xff\xff", b"\0\0\0\0" * 1_001):
        assert ask("POST", f"{PROJECT}/blobs", torn).json["code"] == "body"


def test_knowing_a_digest_gives_nothing(ask: Ask, door: Door, stranger: dict[str, str]) -> None:
    """Content is readable in a project where somebody brought it, never by naming it."""
    digest = put_blob(ask)
    stream = "6" * 32
    told = File(path="stolen", policy="now", size=len(DATA), sha256=digest)
    opened = Open(stream=stream, run="r2", project="mine", started_us=1)
    path = f"/api/v1/streams/{stream}/records"
    assert door.ask("POST", path, sent(opened, told), stranger).status == 200
    mine = "/api/v1/projects/eve/mine"
    [file] = door.ask("GET", f"{mine}/runs/r2/files", b"", stranger).json["files"]
    assert file["stored"] is False
    assert door.ask("GET", f"{mine}/runs/r2/files/stolen", b"", stranger).status == 404
    body = json.dumps({"sha256": [digest]}).encode()
    answer = door.ask("POST", f"{mine}/blobs/missing", body, stranger)
    assert answer.json == {"missing": [digest]}
    # Nor in another project of the same person.
    name_file(ask, told)
    other = Open(stream="7" * 32, run="r1", project="other", started_us=1)
    ask("POST", f"/api/v1/streams/{'7' * 32}/records", sent(other, told))
    assert ask("GET", "/api/v1/projects/ada/other/runs/r1/files/stolen").status == 404
    assert ask("GET", f"{FILES}/stolen").body == DATA


def test_others_see_nothing(ask: Ask, door: Door, stranger: dict[str, str]) -> None:
    digest = put_blob(ask)
    name_file(ask, File(path="a", sha256=digest, size=len(DATA)))
    body = json.dumps({"sha256": [digest]}).encode()
    for method, path, data in (
        ("GET", FILES, b""), ("GET", f"{FILES}/a", b""), ("HEAD", f"{FILES}/a", b""),
        ("PUT", f"{FILES}/a", DATA), ("DELETE", f"{FILES}/a", b""),
        ("PUT", f"{PROJECT}/blobs/{digest}", DATA), ("POST", f"{PROJECT}/blobs/missing", body),
    ):  # fmt: skip
        assert door.ask(method, path, data, stranger).status == 404, (method, path)


def test_a_key_that_only_reads_brings_nothing(ask: Ask, door: Door, storage: Storage) -> None:
    user = storage.meta.user("ada")
    assert user is not None
    key = access.create_key(storage.meta, user, name="look", scopes=("read",))
    header = {"authorization": f"Bearer {key}"}
    digest = put_blob(ask)
    name_file(ask, File(path="a", sha256=digest, size=len(DATA)))
    assert door.ask("GET", f"{FILES}/a", b"", header).body == DATA
    assert door.ask("PUT", f"{FILES}/a", b"x", header).status == 403
    assert door.ask("DELETE", f"{FILES}/a", b"", header).status == 403
    assert door.ask("PUT", f"{PROJECT}/blobs/{digest}", DATA, header).status == 403


def test_by_hand(ask: Ask) -> None:
    answer = ask("PUT", f"{FILES}/notes/read%20me.txt", b"hello")
    assert answer.status == 201
    assert (answer.json["path"], answer.json["policy"]) == ("notes/read me.txt", "now")
    assert answer.json["stored"] and answer.json["sha256"] == digest_of(b"hello")
    assert ask("GET", f"{FILES}/notes/read%20me.txt").body == b"hello"
    assert ask("PUT", f"{FILES}/notes/read%20me.txt", b"").status == 201
    assert ask("GET", f"{FILES}/notes/read%20me.txt").body == b""
    assert ask("DELETE", f"{FILES}/notes/read%20me.txt").status == 204
    assert ask("GET", f"{FILES}/notes/read%20me.txt").status == 404
    assert ask("DELETE", f"{FILES}/notes/read%20me.txt").status == 404
    assert listed(ask) == {}


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/.",
        "..",
        "a\0b",
        "a\nb",
        "%2e%2e/x",
        "a;b",
    ],
)
def test_names_are_names_and_not_paths(ask: Ask, name: str) -> None:
    """reliability 5.6: decoded once; what no file has is refused, all else is a name like any other."""
    address = f"{FILES}/{quote(name, safe='')}"
    answer = ask("PUT", address, b"x")
    if name in ("%2e%2e/x", "a;b"):
        assert answer.json["path"] == name
        assert ask("GET", address).body == b"x"
        return
    if name == "a\nb":  # no address at all
        assert answer.status == 405
    else:
        assert (answer.status, answer.json["code"]) == (400, "path")
    receipt = ask("POST", f"/api/v1/streams/{STREAM}/records", sent(File(path=name), first=1)).json
    assert "no file can be called" in receipt["rejected"][0]["reason"]
    assert listed(ask) == {}


def test_what_is_served_cannot_act(ask: Ask) -> None:
    """reliability 5.9: sandboxed, never sniffed, an attachment unless harmless, whatever the client says."""
    for name, kind, how in (
        ("a.html", "application/octet-stream", "attachment"),
        ("a.svg", "application/octet-stream", "attachment"),
        ("a.xhtml", "application/octet-stream", "attachment"),
        ("model", "application/octet-stream", "attachment"),
        ("a.pdf", "application/octet-stream", "attachment"),
        ("a.PNG", "image/png", "inline"),
        ("train.py", "text/plain; charset=utf-8", "inline"),
        ("a.html.txt", "text/plain; charset=utf-8", "inline"),
        ("a.mp4", "video/mp4", "inline"),
    ):
        ask("PUT", f"{FILES}/{name}", b"<script>alert(1)</script>", content_type="text/html")
        answer = ask("GET", f"{FILES}/{name}")
        assert answer.headers["content-type"] == kind, name
        assert answer.headers["content-disposition"].startswith(how), name
        assert answer.headers["content-security-policy"] == content.POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        forced = ask("GET", f"{FILES}/{name}?download=1")
        assert forced.headers["content-disposition"].startswith("attachment")
    assert listed(ask)["a.html"]["type"] == "application/octet-stream"
    tricky = quote('x"; filename=y\r\nSet-Cookie: a.txt'.replace("\r\n", "é"), safe="")
    ask("PUT", f"{FILES}/{tricky}", b"x")
    disposition = ask("GET", f"{FILES}/{tricky}").headers["content-disposition"]
    assert disposition.startswith("inline; filename*=UTF-8''x%22%3B%20filename%3Dy%C3%A9Set-Cookie")


def test_ranges_tags_and_heads(ask: Ask) -> None:
    ask("PUT", f"{FILES}/a.bin", DATA)
    whole = ask("GET", f"{FILES}/a.bin")
    tag, size = whole.headers["etag"], len(DATA)
    assert tag == f'"{digest_of(DATA)}"' and whole.headers["accept-ranges"] == "bytes"
    for wanted, first, behind in (
        ("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=10-", 10, size),
        ("bytes=-5", size - 5, size), ("bytes=5-999999999", 5, size), ("bytes=-999999999", 0, size),
    ):  # fmt: skip
        answer = ask("GET", f"{FILES}/a.bin", range=wanted)
        assert (answer.status, answer.body) == (206, DATA[first:behind]), wanted
        assert answer.headers["content-range"] == f"bytes {first}-{behind - 1}/{size}"
        assert answer.headers["content-length"] == str(behind - first)
    for wanted in ("bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=9-3", "x"):
        assert ask("GET", f"{FILES}/a.bin", range=wanted).status == 200, wanted
    for wanted in (f"bytes={size}-", "bytes=-0"):
        answer = ask("GET", f"{FILES}/a.bin", range=wanted)
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}")
    assert ask("GET", f"{FILES}/a.bin", range="bytes=0-0", if_range=tag).status == 206
    assert ask("GET", f"{FILES}/a.bin", range="bytes=0-0", if_range='"x"').status == 200
    known = ask("GET", f"{FILES}/a.bin", if_none_match=tag)
    assert (known.status, known.body) == (304, b"")
    head = ask("HEAD", f"{FILES}/a.bin")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(size))
    assert whole.headers["cache-control"] == "private, no-cache"
    named = ask("GET", f"{FILES}/a.bin?v={digest_of(DATA)}")
    assert "immutable" in named.headers["cache-control"]
    assert ask("GET", f"{FILES}/a.bin?v=x").headers["cache-control"] == "private, no-cache"


def test_attempts_have_their_own_files(ask: Ask) -> None:
    ask("PUT", f"{FILES}/a", b"one")
    path = f"/api/v1/streams/{STREAM}/records"
    assert ask("POST", path, sent(Finish(exit_code=0, time_us=2, runtime_us=1), first=1))
    again = Open(stream="8" * 32, run="r1", project="digits", started_us=2)
    assert ask("POST", f"/api/v1/streams/{'8' * 32}/records", sent(again)).status == 200
    assert listed(ask) == {}
    assert [file["path"] for file in ask("GET", f"{FILES}?attempt=1").json["files"]] == ["a"]
    assert ask("GET", f"{FILES}/a?attempt=1").body == b"one"
    assert ask("GET", f"{FILES}/a").status == 404
    assert ask("GET", f"{FILES}?attempt=7").status == 404


def test_files_outlive_the_server(ask: Ask, door: Door, storage: Storage) -> None:
    name_file(ask, File(path="a", policy="live"))
    ask("PUT", f"{FILES}/b", b"two")
    door.core.folds.save_all(close=True)
    assert list(listed(ask)) == ["a", "b"]
    assert ask("GET", f"{FILES}/b").body == b"two"


def test_limits(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BYTES_MAX", 100)
    declared = ask("PUT", f"{FILES}/a", b"x" * 101, content_length="101")
    assert declared.status == 413 and "100" in declared.json["detail"]
    assert ask("PUT", f"{FILES}/a", b"x" * 101).status == 413  # found while it comes
    assert ask("PUT", f"{FILES}/a", b"x" * 100).status == 201


def test_a_full_disk_is_told(ask: Ask, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(size: int) -> None:
        raise StorageFull("the disk of the server is full", code="full")

    monkeypatch.setattr(storage.blobs, "receive", full)
    answer = ask("PUT", f"{FILES}/a", b"x")
    assert (answer.status, answer.json["code"]) == (507, "full")


def test_only_so_many_come_in_at_once(ask: Ask, door: Door) -> None:
    taken = [door.core.files.receive(0) for _ in range(files.RECEIVING_MAX)]
    answer = ask("PUT", f"{FILES}/a", b"x")
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    for reception in taken:
        reception.close()
        reception.close()
    assert ask("PUT", f"{FILES}/a", b"x").status == 201


def test_too_many_files_are_told(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiseki.core.attempt.FILES_MAX", 2)
    name_file(ask, *(File(path=f"f{i}") for i in range(5)))
    assert len(listed(ask)) == 2
    notices = ask("GET", f"{PROJECT}/runs/r1").json["notices"]
    assert [notice["code"] for notice in notices] == ["files"]


# ---- all files in one (zip) -----------------------------------------------------------------------


def zipped(answer: Answer) -> zipfile.ZipFile:
    assert answer.status == 200, answer.json
    assert answer.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.body))


def test_all_files_come_in_one(ask: Ask) -> None:
    contents = {"models/m.bin": DATA, "models/empty": b"", "ünï/a b.txt": b"words\n"}
    for n, (path, data) in enumerate(contents.items()):
        digest = put_blob(ask, data)
        name_file(ask, File(path=path, sha256=digest, size=len(data), time_us=10**15), first=n + 1)
    name_file(ask, File(path="still/coming", sha256="ab" * 32, size=3), first=4)
    answer = ask("GET", f"{FILES}.zip")
    assert "r1.zip" in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment")
    archive = zipped(answer)
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == contents
    assert archive.getinfo("models/m.bin").date_time == (2001, 9, 9, 1, 46, 40)
    models = ask("GET", f"{FILES}.zip?under=models/")
    assert sorted(zipped(models).namelist()) == ["models/empty", "models/m.bin"]
    assert "r1-models.zip" in models.headers["content-disposition"]
    assert ask("GET", f"{FILES}.zip?under=model").status == 404  # a folder, not a beginning


def test_who_may_not_see_a_run_gets_nothing_of_it(
    ask: Ask, door: Door, stranger: dict[str, str]
) -> None:
    name_file(ask, File(path="a", sha256=put_blob(ask), size=len(DATA)))
    assert door.ask("GET", f"{FILES}.zip", b"", stranger).status == 404
    assert ask("GET", f"{FILES.replace('r1', 'r2')}.zip").status == 404


def test_a_zip_of_any_size_takes_the_memory_of_a_piece() -> None:
    piece, pieces = bytes(2**20), 200
    largest = 0

    def read(_: object) -> Iterator[bytes]:
        for _n in range(pieces):
            yield piece

    members = [archive.Member("a", len(piece) * pieces, 0, None)]
    size = 0
    for part in archive.pack(members, read):
        largest = max(largest, len(part))
        size += len(part)
    assert size > len(piece) * pieces
    assert largest < 2 * len(piece)


@given(
    st.dictionaries(
        st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
            lambda name: "/" not in name and "\\" not in name
        ),
        st.lists(st.binary(max_size=50), max_size=3),
        max_size=6,
    ),
    st.integers(-(10**18), 10**18),
)
def test_what_is_packed_comes_out(files: dict[str, list[bytes]], time_us: int) -> None:
    members = [archive.Member(name, 0, time_us, parts) for name, parts in files.items()]
    packed = b"".join(archive.pack(members, lambda parts: (part for part in parts)))
    out = zipfile.ZipFile(io.BytesIO(packed))
    assert out.testzip() is None
    assert {name: out.read(name) for name in out.namelist()} == {
        name: b"".join(parts) for name, parts in files.items()
    }


def test_a_pdf_is_a_document_in_a_frame_only(ask: Ask) -> None:
    digest = put_blob(ask, b"%PDF-1.4")
    name_file(ask, File(path="paper.pdf", sha256=digest, size=8))
    alone = ask("GET", f"{FILES}/paper.pdf")
    assert alone.headers["content-disposition"].startswith("attachment")
    assert alone.headers["content-security-policy"].startswith("sandbox")
    framed = ask("GET", f"{FILES}/paper.pdf", sec_fetch_dest="iframe")
    assert framed.headers["content-type"] == "application/pdf"
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
    assert "default-src 'none'" in framed.headers["content-security-policy"]
    assert "script-src" not in framed.headers["content-security-policy"]
    saved = ask("GET", f"{FILES}/paper.pdf?download=1", sec_fetch_dest="iframe")
    assert saved.headers["content-disposition"].startswith("attachment")
