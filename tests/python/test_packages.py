# SPDX-License-Identifier: MIT
from __future__ import annotations

import functools
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxtrain import packages
from fxtrain.errors import ConfigError, InputError
from fxtrain.packages import Package, cached_package, fetch_package

CONTENT = b"RIFF and so on"


def deb() -> bytes:
    """A Debian package with one file: an ``ar`` archive of tar archives."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        entry = tarfile.TarInfo("./usr/share/sounds/a.wav")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    members = {"debian-binary": b"2.0\n", "control.tar.xz": data.getvalue(), "data.tar.xz": data.getvalue()}
    made = b"!<arch>\n"
    for name, member in members.items():
        made += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(member):<10}`\n".encode()
            + member
            + b"\n" * (len(member) % 2)
        )
    return made


def wheel() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("usr/share/sounds/a.wav", CONTENT)
    return made.getvalue()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and where it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(("name", "archive"), [("tones_1.0_all.deb", deb()), ("tones-1.0-py3-none-any.whl", wheel())])
def test_a_package_is_fetched_once_and_unpacked(
    name: str, archive: bytes, server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pooch", reason="make generators was not run")
    folder, url = server
    (folder / name).write_bytes(archive)
    package = Package(
        "tones", url + name, hashlib.sha256(archive).hexdigest(), len(archive), "a tone", "CC0", "usr/share"
    )
    monkeypatch.setitem(packages.PACKAGES, "tones", package)
    monkeypatch.setenv("FXTRAIN_CACHE", str(tmp_path / "cache"))
    assert cached_package("tones") is None
    shares: list[float] = []
    found = fetch_package("tones", progress=shares.append)
    assert (found / "sounds" / "a.wav").read_bytes() == CONTENT
    assert shares[-1] == 1.0
    (folder / name).unlink()
    assert fetch_package("tones") == cached_package("tones") == found
    assert [path.name for path in (tmp_path / "cache" / "packages").iterdir()] == [found.parents[1].name]


def test_what_is_not_what_was_published_is_refused(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pooch", reason="make generators was not run")
    folder, url = server
    (folder / "tones.whl").write_bytes(wheel())
    monkeypatch.setenv("FXTRAIN_CACHE", str(tmp_path / "cache"))
    for name in ("tones.whl", "missing.whl"):
        package = Package("tones", url + name, "0" * 64, 1, "a tone", "CC0")
        monkeypatch.setitem(packages.PACKAGES, "tones", package)
        with pytest.raises(InputError, match="tones \\(a tone\\) could not be fetched from http"):
            fetch_package("tones")
        assert cached_package("tones") is None
        assert not list((tmp_path / "cache" / "packages").iterdir())
    with pytest.raises(ConfigError, match="unknown package 'bells'; there are asterisk"):
        fetch_package("bells")
