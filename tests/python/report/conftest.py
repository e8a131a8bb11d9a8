# SPDX-License-Identifier: MIT
"""A page of no task in particular: two players with pictures, curves of a run with two phases, a table."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from fxtrain.report.audio import level_match
from fxtrain.report.html import Page
from fxtrain.report.plots import spectrogram_strips
from fxtrain.report.sections import (
    BlindTest,
    Columns,
    Curve,
    Curves,
    Fact,
    Facts,
    Group,
    Level,
    Link,
    Panel,
    Picture,
    Player,
    Source,
    Table,
    Tables,
)

RATE = 22_050


def bark(seconds: float, pitch: float, seed: int) -> np.ndarray:
    """Two short noisy tones that fall in pitch."""
    random = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros_like(t)
    for start in (0.1, 0.9):
        age = np.maximum(t - start, 0.0)
        tone = np.sin(2 * np.pi * pitch * (age - 0.6 * age**2)) + 0.3 * random.standard_normal(len(t))
        sound += np.where(t >= start, np.minimum(age * 60.0, 1.0) * np.exp(-7.0 * age), 0.0) * np.tanh(3.0 * tone)
    return 0.5 * sound


def picture(red: int, green: int, blue: int) -> Picture:
    """A PNG of 64 times 64 pixels: a disc of one colour."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    inside = (x**2 + y**2 < 0.7)[..., None]
    pixels = np.where(inside, [red, green, blue], [235, 230, 220]).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return Picture(b"\x89PNG\r\n\x1a\n" + body, f"A disc of colour {red}, {green}, {blue}")


def make_page() -> Page:
    sounds = {"small": bark(2.0, 900.0, 1), "large": 0.3 * bark(2.0, 250.0, 2)}
    pictures = {"small": picture(200, 120, 40), "large": picture(40, 90, 160)}
    barks = Player(
        id="barks",
        title="Barks of pictures",
        note="2.0 s",
        sources=[
            Source(
                key="small", label="Small", hint="from its picture", samples=sounds["small"], picture=pictures["small"]
            ),
            Source(
                key="large", label="Large", hint="from its picture", samples=sounds["large"], picture=pictures["large"]
            ),
        ],
        sample_rate=RATE,
        gains_db=level_match(sounds, RATE),
        links=[Link("small", "audio/small.wav"), Link("large", "audio/large.wav")],
    )
    copies = {f"bits-{bits}": np.round(bark(3.0, 440.0, 3) * 2**bits) / 2**bits for bits in (12, 8, 6, 4, 2)}
    strips = spectrogram_strips(copies, RATE)
    coded = Player(
        id="coded",
        title="Coarser and coarser",
        note="3.0 s of the test part",
        sources=[
            Source(
                key=key, label=key.replace("bits-", "") + " bits", hint="of each sample", samples=x, strip=strips[key]
            )
            for key, x in copies.items()
        ],
        sample_rate=RATE,
        selected="bits-8",
        gains_db=level_match(copies, RATE),
        blind=BlindTest("bits-12", "bits-8", names=("twelve bits", "eight bits")),
    )
    return Page(
        title="Two players",
        verdict=("Promising", "Nine barks in ten are told apart."),
        sections=[
            barks,
            coded,
            Facts([Fact("Accuracy", "0.91", "of 100 pictures"), Fact("Fréchet distance", "3.2", "to real barks")]),
            Group("training", "Training", [Columns([make_curves(), make_tables()])]),
        ],
    )


def make_curves() -> Curves:
    history = [
        {
            "event": "validation",
            "step": 500 * k,
            "seconds": 40.0 * k,
            "learning_rate": 2e-4 * 0.97**k,
            "generator": 40.0 * 0.9**k + 12.0,
            "generator/mel": 35.0 * 0.88**k + 8.0,
            "discriminator": 3.2 + 0.3 * np.sin(k),
            "val_accuracy": 0.92 - 0.8 * 0.8**k - (0.04 if k > 20 else 0.0),
        }
        for k in range(25)
    ]
    losses = Panel(
        [
            Curve("generator", "Generator"),
            Curve("generator/mel", "its mel part", "target"),
            Curve("discriminator", "Discriminator", "violet"),
        ],
        label="loss",
    )
    accuracy = Panel(
        [Curve("val_accuracy", "Accuracy", "green")],
        label="accuracy",
        logarithmic=False,
        criterion="val_accuracy",
        higher_is_better=True,
        levels=[Level(0.1, "chance", is_rival=True)],
    )
    return Curves(history, [losses, accuracy], caption="The weights with the highest accuracy are kept.")


def make_tables() -> Tables:
    confusion = [["small", 46, 3, 1], ["large", 2, 47, 1], ["other", 4, 1, 45]]
    return Tables(
        [
            Table("Model", [("name", "hifigan"), ("parameters", 925_456), ("causal", False)], is_open=True),
            Table("What was heard", confusion, headings=["Picture", "Small", "Large", "Other"], is_open=True),
            Table("Training", [("steps", 12_000)]),
        ]
    )


@pytest.fixture
def page() -> Page:
    return make_page()
