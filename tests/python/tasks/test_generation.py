# SPDX-License-Identifier: MIT
from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from small_voices import RATE, SMALL_MEL, SMALL_MODEL, write_voices

from fxtrain.config import build
from fxtrain.data.waves import CodedWave, Cut, WaveConfig, WaveProvider, cut, evenly
from fxtrain.models.generators.wavenet import WaveNetGenerator
from fxtrain.tasks.generation import GenerationTask
from fxtrain.tasks.generation.baselines import Baselines
from fxtrain.tasks.generation.dataset import load_waves
from fxtrain.tasks.generation.evaluation import by_samples_heard, measure_nll


def wave(codes: list[int] | np.ndarray, label: int = 0) -> CodedWave:
    return CodedWave("x", np.asarray(codes, np.uint8), label)


def test_baselines_are_the_entropies_of_a_known_process() -> None:
    """Two codes, each kept with probability 0.9: 1 bit by frequency, H(0.1) = 0.469 bits by the code before."""
    random = np.random.default_rng(0)
    chains = [np.cumsum(random.random(200_000) < 0.1) % 2 for _ in range(2)]
    found = Baselines([wave(chains[0])], 4).nll_bits([cut([wave(chains[1])], [(0, 0)], 200_000, Cut(1, 0))])
    assert found["uniform"] == 2.0
    assert found["unigram"] == pytest.approx(1.0, abs=1e-3)
    assert found["bigram"] == pytest.approx(-0.9 * math.log2(0.9) - 0.1 * math.log2(0.1), abs=2e-3)


def test_a_code_that_was_never_heard_costs_much_and_not_everything() -> None:
    baselines = Baselines([wave([1] * 1000)], 4)
    found = baselines.nll_bits([cut([wave([1, 3])], [(0, 0)], 2, Cut(1, 1))])
    share = 0.5 / (1000 + 4 * 0.5)
    assert found["unigram"] == pytest.approx((-math.log2(share) - math.log2(1000.5 / 1002)) / 2)
    assert 3 < found["bigram"] < 30


def test_each_part_has_whole_files_and_each_sequence_is_of_one(tmp_path: Path) -> None:
    write_voices(tmp_path)
    config = build(WaveConfig, {"folder": str(tmp_path), "sample_rate": RATE, "sequence_samples": 256}, where="data")
    dataset = load_waves(config, None, 32)
    names = [name for waves in dataset.parts.values() for name in (each.name for each in waves)]
    assert sorted(names) == sorted(set(names))
    assert len(names) == 8
    assert dataset.classes == ["alto", "bass"]
    provider = WaveProvider(config, dataset.parts["train"], dataset.parts["test"], Cut(32, 128), batch_size=64, seed=1)
    batch = provider.batch(7)
    codes = {name: each for each in dataset.parts["train"] for name in [each.codes.tobytes()]}
    for row, label in zip(batch.following, batch.labels, strict=True):
        piece = row.numpy().astype(np.uint8).tobytes()
        assert any(piece in whole and each.label == int(label) for whole, each in codes.items())
    assert set(batch.labels.tolist()) == {0, 1}
    other = WaveProvider(config, dataset.parts["train"], dataset.parts["test"], Cut(32, 128), batch_size=64, seed=2)
    assert not torch.equal(batch.codes, other.batch(7).codes)
    assert provider.fingerprint == other.fingerprint
    fewer = WaveProvider(config, dataset.parts["train"][1:], [], Cut(32, 128), batch_size=1, seed=1)
    assert fewer.fingerprint != provider.fingerprint


def test_places_are_spread_evenly_and_on_the_grid() -> None:
    waves = [wave(np.zeros(1000)), wave(np.zeros(50)), wave(np.zeros(3000))]
    starts = evenly(waves, 1.0, 1000, 100, Cut(4, 0, grid=10))
    assert len(starts) == 10
    assert {index for index, _ in starts} == {0, 2}
    assert all(start % 10 == 0 and start + 100 <= len(waves[index].codes) for index, start in starts)
    assert evenly(waves[1:2], 1.0, 1000, 100, Cut(4, 0)) == [(0, 0)]  # shorter than a sequence


def test_an_untrained_model_with_zero_logits_costs_what_all_codes_alike_cost(tmp_path: Path) -> None:
    write_voices(tmp_path)
    tables = {
        "data": {"folder": str(tmp_path), "sample_rate": RATE, "mels": True, "test_seconds": 0.2, "mu": 63},
        "mel": SMALL_MEL,
        "model": SMALL_MODEL,
    }
    dataset = GenerationTask().load(WaveNetGenerator, tables, {})
    model = WaveNetGenerator.from_config(SMALL_MODEL, loss={}, **dataset.facts).eval()
    with torch.no_grad():
        model.stack.logits.weight.zero_()
        model.stack.logits.bias.zero_()  # type: ignore[union-attr]
    from fxtrain.tasks.generation.evaluation import held_out_batches as batches_of

    measured = measure_nll(model, batches_of(model, dataset))
    assert measured["nll_bits"] == pytest.approx(6.0)
    assert measured["wrong_class_nll_bits"] == pytest.approx(6.0)
    rows = by_samples_heard(model, dataset)
    assert [row["nll_bits"] for row in rows] == pytest.approx([6.0] * len(rows))
    assert rows[0]["samples"] == 0
    assert rows[-1]["samples"] > model.receptive_field


def test_the_curve_is_flat_beyond_the_receptive_field() -> None:
    """Two recordings that agree in the last samples get the same prediction, whatever was before."""
    torch.manual_seed(0)
    model = WaveNetGenerator.from_config(SMALL_MODEL, loss={}, sample_rate=RATE, mu=255).eval()
    field = model.receptive_field
    codes = np.random.default_rng(0).integers(0, 256, 4 * field)
    other = codes.copy()
    other[: 2 * field] = 0
    with torch.no_grad():
        one, two = (
            model.nll_bits(cut([wave(each)], [(0, 2 * field)], 2 * field, model.cut)) for each in (codes, other)
        )
    assert torch.equal(one[0, field:], two[0, field:])
    assert not torch.equal(one[0, :field], two[0, :field])


@pytest.mark.slow
def test_a_generator_learns_what_a_bigram_cannot(tmp_path: Path) -> None:
    """Two minutes on one core, on synthetic voices: below the bigram, and lower with the right voice's label."""
    import json

    from fxtrain.cli import main

    write_voices(tmp_path / "voices", seconds=10.0)
    words = ["fit", "--model", "wavenet-generator", "--set", f"data.folder={tmp_path / 'voices'}"]
    words += ["--set", "data.sample_rate=8000", "--max-minutes", "2", "--out", str(tmp_path / "run"), "-q"]
    assert main(words) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["nll_bits"] < metrics["baselines"]["bigram"] < metrics["baselines"]["unigram"]
    assert metrics["nll_bits"] < metrics["wrong_class_nll_bits"]
