# SPDX-License-Identifier: MIT
"""Makes everything in this folder again: ``python models/image-to-sound/make.py``.

The material is made here: calls and drawings of mammals and birds from :mod:`fxtrain.synthetic`, so that nobody's
licence is touched. Then ``fxtrain fit`` runs the four stages of ``image-to-sound.toml``, each with a fixed number of
epochs: on the same kind of processor they give the same weights to the bit. What is done already in the working folder
is not done again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fxtrain.cli import main as fxtrain
from fxtrain.data.pictures import read_picture
from fxtrain.metrics.classes import balanced_accuracy
from fxtrain.packages import cached_package
from fxtrain.synthetic.animal_folders import write_drawing_folders, write_sound_folders
from fxtrain.synthetic.drawings import write_drawing
from fxtrain.tasks.image_to_sound.chain import load_chain

HERE = Path(__file__).resolve().parent
STAGES = ("codes", "classifier", "top", "bottom")
CALLS = {"mammal": ("bark", "meow", "moo"), "bird": ("chirp", "trill")}
DRAWN = {"mammal": ("cat", "dog", "cow"), "bird": ("bird", "flying-bird", "duck")}
NUM_SOUNDS, NUM_PICTURES = 240, 90
EXAMPLES = {"example-mammal.png": ("dog", 9001), "example-bird.png": ("bird", 9001)}
"""Drawings that no training saw."""


def make(work: Path) -> None:
    """Trains, copies the weights here, and writes the card."""
    work.mkdir(parents=True, exist_ok=True)
    write_sound_folders(work / "sounds", CALLS, count=NUM_SOUNDS)
    write_drawing_folders(work / "pictures", DRAWN, count=NUM_PICTURES, size=192)
    settings = work / "image-to-sound.toml"
    settings.write_text(
        (HERE / "image-to-sound.toml").read_text("utf-8").replace('"sounds"', json.dumps(str(work / "sounds"))).replace(
            '"pictures"', json.dumps(str(work / "pictures"))
        ),
        encoding="utf-8",
    )  # fmt: skip
    if code := fxtrain(["fit", "--config", str(settings), "--out", str(work / "run")]):
        sys.exit(code)
    for stage in STAGES:
        (HERE / stage).mkdir(exist_ok=True)
        shutil.copyfile(work / "run" / stage / "best.pt", HERE / stage / "best.pt")
    for name, (kind, seed) in EXAMPLES.items():
        write_drawing(HERE / name, kind, seed, size=256)
    figures = {stage: json.loads((work / "run" / stage / "metrics.json").read_text("utf-8")) for stage in STAGES}
    (HERE / "card.md").write_text(card(figures, photographs()), encoding="utf-8")


def photographs() -> str:
    """How often the shipped classifier is right about pictures of a package that it was not trained on."""
    folder = cached_package("tuxpaint-stamps-default")
    if folder is None:
        return "not measured: the package tuxpaint-stamps-default was not at hand"
    classifier = load_chain(HERE).classifier
    assert classifier is not None
    answers, labels = [], []
    for label, name in enumerate(("mammals", "birds")):
        files = [path for path in sorted((folder / "animals" / name).rglob("*.png")) if "cartoon" not in path.parts]
        pixels = np.stack([read_picture(path, classifier.config.size) for path in files])
        answers.append(classifier.classify(torch.from_numpy(pixels)).numpy().argmax(1))
        labels.append(np.full(len(files), label))
    accuracy = balanced_accuracy(np.concatenate(answers), np.concatenate(labels))
    counts = " and ".join(str(len(each)) for each in labels)
    return f"{accuracy:.2f} on {counts} photographs of mammals and birds (Debian's tuxpaint-stamps-default)"


def card(figures: dict[str, dict[str, Any]], photographs_sentence: str) -> str:
    """What the set is, and how good."""
    codes, top, bottom, classifier = (figures[name] for name in ("codes", "top", "bottom", "classifier"))
    judged = bottom["sounds"]
    rows = []
    for name, each in codes["classes"].items():
        held = each["baselines"]["held_samples"]
        numbers = f"{each['snr_db']:.1f} dB | {each['mel_distance']:.2f} | {held['snr_db']:.1f} dB"
        rows.append(f"| {name} | {numbers} | {held['mel_distance']:.2f} |")
    classes = "\n".join(rows)
    rows = []
    for name, each in (("Top", top), ("Bottom", bottom)):
        counts, own = each["baselines"], each["perplexity_of_own_samples"]["perplexity"]
        others = f"{counts['wrong_label']:.1f} | {counts['bigram']:.1f} | {counts['unigram']:.1f}"
        rows.append(f"| {name} | {each['perplexity']:.1f} | {others} | {own:.1f} |")
    priors = "\n".join(rows)
    minutes = sum(each["training"]["seconds"] for each in figures.values()) / 60
    size = sum((HERE / stage / "best.pt").stat().st_size for stage in STAGES) / 1e6
    distance = judged["frechet"]
    return f"""# Sounds for pictures of mammals and birds

Give `fxtrain sonify` a picture or a video, and it makes 7.2 seconds of a mammal's or a bird's calls. These models are
its default: no other option is needed.

| | |
|---|---|
| files | `codes/best.pt` (VQ-VAE-2), `top/best.pt`, `bottom/best.pt` (priors), `classifier/best.pt`: {size:.1f} MB |
| sound | 4 kHz, clips of 7.2 s, {codes["bits_per_second"] / 1000:.1f} kbit/s as codes |
| classes | 0 = mammal, 1 = bird |
| sees with | EfficientNet-Lite0, fetched once by `make generators`; only a linear head is in this folder |
| pictures | `example-mammal.png`, `example-bird.png`: drawn by `fxtrain.synthetic.drawings`, not trained on |
| made by | fxtrain |
| licence | [CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/), but for `classifier/best.pt` |
| licence of `classifier/best.pt` | [Apache-2.0](https://www.apache.org/licenses/LICENSE-2.0), as EfficientNet-Lite0 |

## What it was trained on

All sounds and drawings were made by `fxtrain.synthetic`: barks, meows and moos against chirps and trills; cats, dogs
and cows against perched, flying and swimming birds. The sets of recorded animals that distributions package (tuxpaint:
GPL-2, qabcs: GPL-3) were not used, because it is not settled whether their licence would cover these weights. The
synthetic sounds took their place. To train on recordings of your own, see
[Sound for a picture](../../docs/generators/image-to-sound.md).

The head of the classifier starts at the mean of what names mammals and birds among the 1000 classes of ImageNet, in the
last layer of EfficientNet-Lite0. It was then trained on the drawings.

## How good it is

Nobody has judged it by ear. All figures are of material that training did not see, beside what is trivial.

| reconstruction | SNR | mel distance | SNR of as many samples as codes | their mel distance |
|---|---|---|---|---|
{classes}

| perplexity | model | model, wrong class | pairs of codes | single codes | of its own top-k samples |
|---|---|---|---|---|---|
{priors}

- Of {judged["count"]} sounds that it wrote, a classifier of the synthetic calls finds the right class in
  {judged["judge_accuracy"]:.2f}. It is right on {judged["judge_accuracy_on_real"]:.2f} of real ones; chance is 0.5.
  It hears only frames within 30 dB of the loudest: an earlier one that heard all frames was at 0.50 on these sounds,
  because the decoder leaves faint tones of 250 Hz in pauses. They can be heard.
- Fréchet distance of those sounds from held-out calls: {distance["distance"]:.2f}. Between halves of the held-out
  calls: {distance["floor"]:.2f} ({distance["embedding"]}, {distance["items"]} each).
- The largest correlation of any of them with a training clip:
  {judged["largest_correlation_with_training"]:.2f}; of held-out calls: {judged["largest_correlation_of_real"]:.2f}.
- The classifier is right on {classifier["balanced_accuracy"]:.2f} of held-out drawings, before training on
  {classifier["baselines"]["balanced_before"]:.2f}. Balanced accuracy on pictures of others:
  {photographs_sentence}.

## How it was made

{minutes:.0f} minutes of training on one core of a busy computer, with `image-to-sound.toml`. All of it again:

```text
python models/image-to-sound/make.py
```
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--work", type=Path, default=Path("build") / "image-to-sound", help="folder for what is made on the way"
    )
    make(parser.parse_args().work.resolve())
