# SPDX-License-Identifier: MIT
"""``fxtrain sonify``: make a sound for a picture or a video."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.arguments import non_negative_int, positive_float, positive_int
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fxtrain.tasks.image_to_sound.chain import Chain

_MOST_CLIPS = 20
_PEAK = 0.95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``sonify``."""
    parser.add_argument("image", type=Path, metavar="IMAGE|VIDEO", help="picture (PNG, JPEG, ...) or video (MP4, ...)")
    parser.add_argument("output", type=Path, metavar="OUT.wav", help="sound file to write")
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="folder of a run with all stages; default: the shipped models"
    )
    parser.add_argument(
        "--sampling",
        choices=("top-k", "top-p", "greedy", "uniform", "full"),
        default="top-k",
        help="how to draw the codes (default top-k)",
    )
    parser.add_argument("--k", type=positive_int, default=6, metavar="K", help="candidates of top-k (default 6)")
    parser.add_argument(
        "--p",
        type=_probability,
        default=0.9,
        metavar="P",
        help="for top-p: greatest sum of the candidates' probabilities (default 0.9)",
    )
    parser.add_argument(
        "--temperature", type=positive_float, default=1.0, metavar="T", help="below 1 favours the probable (default 1)"
    )
    parser.add_argument("--seed", type=non_negative_int, default=0, metavar="S", help="random seed (default 0)")
    parser.add_argument("--mux", type=Path, metavar="OUT.mp4", help="also write the video with this sound")
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="use this class instead of the one in the picture"
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT.wav and OUT.mp4")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Looks, decides, writes codes and decodes them."""
    import numpy as np

    from fxtrain.audio import write_audio
    from fxtrain.config import build
    from fxtrain.data.videos import add_sound, video_seconds
    from fxtrain.models.generators._sampling import Sampling
    from fxtrain.tasks.image_to_sound.chain import class_number, load_chain

    began = time.perf_counter()
    outputs = [args.output, *([args.mux] if args.mux is not None else [])]
    for path in outputs:
        require_free(path, force=args.force, sources=(args.image,))
    sampling = build(
        Sampling, {"mode": args.sampling, "k": args.k, "p": args.p, "temperature": args.temperature}, where="sampling"
    )
    chain = load_chain(args.run or shipped_models(), with_classifier=args.class_name is None)
    pixels = _frames(args.image, chain)
    seconds = video_seconds(args.image)
    if args.mux is not None and not seconds:
        raise InputError(f"--mux needs a video, but {args.image} is a picture: leave it out")
    seen = _look(chain, pixels)
    label = class_number(args.class_name, chain.classes) if args.class_name is not None else seen.label
    name = chain.classes[label]
    if args.class_name is None:
        votes = ", ".join(f"{each} {count}" for each, count in seen.votes.items())
        frames = f"{len(pixels)} frames ({votes})" if len(pixels) > 1 else "1 picture"
        console.print(shown(f"{args.image}: {name}, {seen.confidence:.0%} sure; {frames}"))
    rate, clip_frames = chain.autoencoder.sample_rate, chain.autoencoder.clip_frames
    num_frames = round(seconds * rate) or clip_frames
    num_clips = min(math.ceil(num_frames / clip_frames), _MOST_CLIPS)
    is_cut = num_clips * clip_frames < num_frames
    if is_cut:
        console.print(
            shown(
                f"{args.image} lasts {seconds:.1f} s, but sonify makes {num_clips * clip_frames / rate:.1f} s of sound "
                "at most: the sound ends there; cut the video into shorter parts for sound in all of it."
            )
        )
    with _bar(console) as progress:
        written = chain.write([label] * num_clips, seed=args.seed, sampling=sampling, progress=progress)
    sound = written.sound.ravel()[:num_frames]
    peak = float(np.abs(sound).max(initial=0.0))
    sound = (sound * (_PEAK / peak if peak > _PEAK else 1.0)).astype(np.float32)
    write_audio(args.output, sound, rate, subtype="PCM_16" if args.output.suffix.lower() == ".wav" else None)
    if args.mux is not None:
        add_sound(args.image, sound, rate, args.mux)
    for path in outputs:
        console.print(shown(f"{path}: {len(sound) / rate:.1f} s of {name}"))
    return {
        "class": name,
        "confidence": seen.confidence,
        "frames": len(pixels),
        "seed": args.seed,
        "labels": [chain.classes[each] for each in seen.labels],
        "output": str(args.output),
        **({"video": str(args.mux)} if args.mux is not None else {}),
        "sample_rate": rate,
        "seconds": len(sound) / rate,
        **({"video_seconds": seconds} if is_cut else {}),
        "sampling": args.sampling,
        "wall_seconds": time.perf_counter() - began,
    }


class _Seen:
    """What the classifier says of the frames; nothing if the class was given."""

    def __init__(self, chain: Chain, chances: NDArray[np.floating[Any]] | None) -> None:
        from fxtrain.tasks.image_to_sound.chain import median_class

        self.labels: list[int] = [] if chances is None else [int(row.argmax()) for row in chances]
        self.label = median_class(self.labels) if self.labels else 0
        self.confidence = None if chances is None else float(chances[:, self.label].mean())
        self.votes = {
            name: self.labels.count(number) for number, name in enumerate(chain.classes) if number in self.labels
        }


def _frames(path: Path, chain: Chain) -> NDArray[np.uint8]:
    from fxtrain.data.pictures import read_frames

    return read_frames(path, chain.classifier.config.size if chain.classifier is not None else 64)


def _look(chain: Chain, pixels: NDArray[np.uint8]) -> _Seen:
    import torch

    if chain.classifier is None:
        return _Seen(chain, None)
    return _Seen(chain, chain.classifier.classify(torch.from_numpy(pixels)).numpy())


def shipped_models() -> Path:
    """The folder of the shipped models.

    Raises:
        InputError: it is not at hand.
    """
    from fxtrain.folders import shipped_path

    folder = shipped_path("models/image-to-sound")
    if folder is None:
        raise InputError(
            "this fxtrain came without its models for image to sound: give --run DIR with a folder in which "
            "fxtrain fit --config image-to-sound.toml ran"
        )
    return folder


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[float], None]]:
    """A progress bar as a function of the share that is done."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("writing codes"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("writing", total=1.0)
        yield lambda share: progress.update(task, completed=share)


def _probability(text: str) -> float:
    value = positive_float(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"expected a number up to 1, found {text}")
    return value
