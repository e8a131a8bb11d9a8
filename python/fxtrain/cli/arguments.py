# SPDX-License-Identifier: MIT
"""Types of command-line arguments, with messages that say what was expected."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from fxtrain.errors import ConfigError
from fxtrain.text import shortened

if TYPE_CHECKING:
    from fxtrain.audio import ChannelChoice

__all__ = [
    "add_clip_arguments",
    "add_device_arguments",
    "add_lag_argument",
    "add_oversample_argument",
    "add_quality_argument",
    "add_recording_arguments",
    "channel_choice",
    "check_clips",
    "finite_float",
    "non_negative_int",
    "positive_float",
    "positive_int",
    "sample_rate",
    "signed_int",
]


_GREATEST = (1 << 31) - 1
_LOWEST_RATE, _HIGHEST_RATE = 8000, 384_000  # Hz


def add_recording_arguments(parser: argparse._ActionsContainer) -> None:
    """How to read recordings: ``--sample-rate``, the channels (counted from 0 in the result) and ``--ignore``."""
    parser.add_argument("--sample-rate", type=sample_rate, metavar="HZ", help="resample; default: the files' own rate")
    for option, files in (
        ("--channel", "both files, if they have several"),
        ("--dry-channel", "DRY"),
        ("--wet-channel", "WET"),
    ):
        parser.add_argument(
            option,
            type=lambda text: positive_int(text) - 1,
            metavar="N",
            help=f"channel of {files}, from 1; default: the one that matches the other file",
        )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="NAME", help="continue even if this check fails (repeatable)"
    )


def add_lag_argument(parser: argparse._ActionsContainer) -> None:
    """``--lag``: for those who know it better than the estimate."""
    parser.add_argument(
        "--lag",
        type=signed_int,
        metavar="N",
        help="samples by which WET is late (negative: early); default: measured",
    )


def channel_choice(args: argparse.Namespace) -> ChannelChoice:
    """What ``--channel``, ``--dry-channel`` and ``--wet-channel`` say."""
    from fxtrain.audio import ChannelChoice

    return ChannelChoice(both=args.channel, dry=args.dry_channel, wet=args.wet_channel)


def add_clip_arguments(parser: argparse._ActionsContainer) -> None:
    """For recordings of clips joined end to end: ``--clip-frames`` and ``--skip-frames``."""
    parser.add_argument(
        "--clip-frames", type=positive_int, default=0, metavar="N", help="the recording consists of clips of N frames"
    )
    parser.add_argument(
        "--skip-frames",
        type=non_negative_int,
        default=0,
        metavar="N",
        help="ignore the first N frames of each clip, in training and in scoring",
    )


def add_device_arguments(parser: argparse._ActionsContainer, *, rate: str) -> None:
    """Which sound devices to use and how: see :func:`fxtrain.sound_devices.wiring.wiring_from`.

    Args:
        parser: what to add them to.
        rate: what the sample rate is without ``--sample-rate``, for the help text.
    """
    devices = parser.add_argument_group("sound devices")
    devices.add_argument(
        "--list-devices", action="store_true", help="list the sound devices with channels and sample rates, and exit"
    )
    for way in ("input", "output"):
        devices.add_argument(
            f"--{way}-device",
            metavar="D",
            help=f"{way} device: a number from the list, or part of a name; default: that of the system",
        )
        devices.add_argument(
            f"--{way}-channel",
            type=positive_int,
            metavar="N",
            help="channel of the guitar, from 1; default: 1"
            if way == "input"
            else "channel to play to, from 1; default: the first two",
        )
    devices.add_argument("--sample-rate", type=sample_rate, metavar="HZ", help=f"of the devices; default: {rate}")
    devices.add_argument(
        "--block-size",
        type=positive_int,
        default=64,
        metavar="N",
        help="block size in frames; JACK uses its own (default: 64)",
    )


def add_oversample_argument(parser: argparse._ActionsContainer) -> None:
    """``--oversample``: how many times a model runs per frame."""
    parser.add_argument(
        "--oversample",
        type=int,
        choices=[1, 2, 4, 8],
        default=1,
        metavar="N",
        help="play at 2, 4 or 8 times the sample rate, to reduce aliasing (default: 1)",
    )


def add_quality_argument(parser: argparse._ActionsContainer) -> None:
    """``--quality``: which network of a file that holds several."""
    parser.add_argument(
        "--quality",
        type=_share,
        default=1.0,
        metavar="Q",
        help="for a .nam file with several networks: 0 is the smallest, 1 the largest (default: 1; see fxtrain info)",
    )


def _share(text: str) -> float:
    value = finite_float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, found {text}")
    return value


def check_clips(args: argparse.Namespace) -> None:
    """Raises ConfigError where nothing would be left of a clip."""
    if args.clip_frames and args.skip_frames >= args.clip_frames:
        raise ConfigError(f"--skip-frames {args.skip_frames} leaves nothing of clips of {args.clip_frames} frames")


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    return _int(text, least=1)


def non_negative_int(text: str) -> int:
    """A whole number of at least 0."""
    return _int(text, least=0)


def signed_int(text: str) -> int:
    """A whole number, such as a lag in samples."""
    return _int(text, least=-_GREATEST)


def sample_rate(text: str) -> int:
    """A sample rate in Hz, of those that sound devices and recordings have."""
    value = _int(text, least=1)
    if not _LOWEST_RATE <= value <= _HIGHEST_RATE:
        raise argparse.ArgumentTypeError(
            f"expected a sample rate from {_LOWEST_RATE} to {_HIGHEST_RATE} Hz, found {value}"
        )
    return value


def positive_float(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {shortened(text)}")
    return value


def finite_float(text: str) -> float:
    """Any finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, found {shortened(text)}")
    return value


def _int(text: str, *, least: int) -> int:
    try:
        value = int(text)
    except ValueError:  # also of thousands of digits
        raise argparse.ArgumentTypeError(f"expected a whole number, found {shortened(text)}") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {shortened(text)}")
    if value > _GREATEST:
        raise argparse.ArgumentTypeError(f"expected a whole number of at most {_GREATEST}, found {shortened(text)}")
    return value
