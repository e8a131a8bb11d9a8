# SPDX-License-Identifier: MIT
"""What every registered model and every file format must do, whatever its family."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_recordings import RATE, make_recordings
from small_amplifier import SAMPLE_RATE, amplifier
from small_voices import SMALL_DATA, SMALL_MEL, SMALL_MODEL, write_voices

from fxtrain import engine
from fxtrain.audio import write_audio
from fxtrain.config import merge
from fxtrain.errors import Interrupted
from fxtrain.formats import Exactness, format_of, get_format, new_document
from fxtrain.models import find_models, get_model, missing_methods
from fxtrain.runs import RunFolder, RunSpec, fit, load_trained_model
from fxtrain.runs.run import build_model, open_inputs
from fxtrain.runs.spec import RunInput
from fxtrain.synthetic import synthesise_guitar
from fxtrain.synthetic.animals import synthesise_calls
from fxtrain.synthetic.drawings import write_drawing
from fxtrain.training.checkpoint import load_checkpoint
from fxtrain.training.protocol import Provider

MODELS = sorted(find_models())

SMALL: dict[str, dict[str, Any]] = {
    "lstm": {"model": {"hidden_size": 3}, "data": {"sequence_frames": 1024, "chunk_frames": 256}},
    "gru": {"model": {"hidden_size": 3}, "data": {"sequence_frames": 1024, "chunk_frames": 256}},
    "stft-lstm": {
        "model": {"n_fft": 64, "hop": 16, "hidden_size": 3},
        "data": {"sequence_frames": 1024, "chunk_frames": 256},
    },
    "stft-mask": {
        "model": {"n_fft": 64, "hop": 16, "branch_size": 3, "bands": 4, "hidden_size": 3, "memory": 4},
        "data": {"sequence_frames": 1024, "chunk_frames": 256},
    },
    "wavenet": {
        "model": {"shape": "nano", "dilations": [[1, 2, 4], [1, 8]]},
        "data": {"sequence_frames": 1024, "chunk_frames": 256},
    },
    "vqvae2": {
        "model": {"channels": 4, "codes": 16, "code_size": 4},
        "data": {"clip_seconds": 1.28, "segment_seconds": 0.256},
    },
    "code-prior": {
        "model": {"width": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "feed_forward": 8, "span": 16},
        "data": {"copies": 4, "sounds": 1},
    },
    "image-classifier": {"model": {"size": 32, "hidden_sizes": [8, 8], "depths": [1, 1], "embedding_size": 8}},
    "tcn": {
        "model": {"channels": 3, "kernel_size": 3, "num_layers": 3, "dilation_growth": 4},
        "data": {"sequence_frames": 1024, "chunk_frames": 256},
    },
    "ssl-vocoder": {
        "model": {"encoder": "mel", "layer": 0, "channels": 16, "blocks": 1, "discriminator_channels": 0.03},
        "data": {"segment_frames": 8},
    },
    "restore-mse": {"model": {"n_fft": 256, "hop": 64, "bands": 8, "channels": 2, "blocks": 1}},
    "restore-gan": {
        "model": {"n_fft": 256, "hop": 64, "bands": 8, "channels": 2, "blocks": 1, "discriminator_channels": 2}
    },
    "restore-diffusion": {"model": {"n_fft": 256, "hop": 64, "channels": 8, "levels": 1, "blocks": 1, "steps": 2}},
    "wavenet-generator": {
        "model": SMALL_MODEL,
        "data": {**SMALL_DATA, "mels": True, "sequence_samples": 128},
        "mel": SMALL_MEL,
    },
    "wavenet-recogniser": {
        "model": {**SMALL_MODEL, "head_channels": 8},
        "data": {**SMALL_DATA, "sequence_samples": 160, "mels": True},
        "mel": {"n_fft": 128, "hop": 80, "bands": 8},
    },
}
"""Settings of each model that make its runs short."""


def effect_material(folder: Path) -> dict[str, Any]:
    dry = synthesise_guitar(5, SAMPLE_RATE, 11)
    write_audio(folder / "dry.wav", dry, SAMPLE_RATE)
    write_audio(folder / "wet.wav", amplifier(dry), SAMPLE_RATE)
    return {"pair_1": {"input": str(folder / "dry.wav"), "target": str(folder / "wet.wav")}}


def vocoder_material(folder: Path) -> dict[str, Any]:
    make_recordings(folder / "clean", RATE, count=8, seconds=2.0)
    return {"data": {"folder": str(folder / "clean")}}


def restoration_material(folder: Path) -> dict[str, Any]:
    make_recordings(folder / "clean", RATE)
    sizes = {"crops": 64, "crop_frames": 4096, "validation_crops": 4, "test_seconds": 0.6}
    return {
        "data": {"folder": str(folder / "clean"), "sample_rate": RATE, "codecs": ["mp3-16", "vorbis-64"], **sizes},
    }


def generation_material(folder: Path) -> dict[str, Any]:
    write_voices(folder, seconds=0.3)
    return {"data": {"folder": str(folder)}}


def recognition_material(folder: Path) -> dict[str, Any]:
    write_voices(folder / "wav", seconds=0.4, labels=folder / "lab")
    return {"data": {"folder": str(folder / "wav"), "labels": str(folder / "lab")}}


def calls_of_animals(folder: Path) -> dict[str, Any]:
    for kind in ("bark", "meow"):
        (folder / kind).mkdir()
        for seed in range(12):
            write_audio(folder / kind / f"{seed}.wav", synthesise_calls(kind, 1.28, 4000, seed), 4000)
    return {"data": {"folder": str(folder)}}


def drawings_of_animals(folder: Path) -> dict[str, Any]:
    pytest.importorskip("transformers", reason="make generators was not run")
    for kind in ("cat", "dog"):
        (folder / kind).mkdir()
        for seed in range(40):
            write_drawing(folder / kind / f"{seed}.png", kind, seed, size=32)
    return {"data": {"folder": str(folder)}}


MATERIAL: dict[str, Callable[[Path], dict[str, Any]]] = {
    "effect": effect_material,
    "vocoder": vocoder_material,
    "restoration": restoration_material,
    "generation": generation_material,
    "recognition": recognition_material,
    "vqvae2": calls_of_animals,
    "code-prior": calls_of_animals,
    "image-classifier": drawings_of_animals,
}
"""Tables of a little material for each task, or for a model of it."""


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    made: dict[Callable[[Path], dict[str, Any]], dict[str, Any]] = {}

    def of_model(name: str) -> dict[str, Any]:
        make = MATERIAL.get(name) or MATERIAL[get_model(name).task]
        if make not in made:
            made[make] = make(tmp_path_factory.mktemp("material"))
        return made[make]

    return of_model


@pytest.fixture(scope="session")
def spec_of(
    material: Callable[[str], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], RunSpec]:
    """A short run of a model by its name; the runs that it needs are done."""
    done: dict[str, Path] = {}

    def finished(name: str) -> Path:
        if name not in done:
            done[name] = tmp_path_factory.mktemp(name)
            fit(spec_of(name), RunFolder(done[name]))
        return done[name]

    def spec_of(name: str) -> RunSpec:
        assert name in SMALL, f"add small settings of {name} to this test"
        training = {"training": {"epochs": 1, "batch_size": 16, "seed": 4}}
        inputs = {key: RunInput(finished(other)) for key, other in get_model(name).inputs.items()}
        return RunSpec(model=name, tables=merge(material(name), SMALL[name], training), inputs=inputs)

    return spec_of


@pytest.fixture(params=MODELS)
def spec(request: pytest.FixtureRequest, spec_of: Callable[[str], RunSpec]) -> RunSpec:
    """A short run of each model."""
    return spec_of(request.param)


def load(spec: RunSpec) -> Any:
    """The material of a run."""
    opened, inputs = open_inputs(spec)
    return opened.task.load(opened.model_class, opened.tables, inputs)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_checkpoint(folder / "last.pt")["weights"]
    return found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], value) for name, value in other.items())


def test_it_is_complete_and_its_provider_makes_each_batch_anew(spec: RunSpec) -> None:
    assert missing_methods(spec.model_class) == []
    dataset = load(spec)
    provider = spec.task.provider(spec.model_class, dataset, spec.tables, spec.training)
    assert isinstance(provider, Provider)
    later = provider.batch(3)
    for step in (0, 1, 3):
        batch = provider.batch(step)
    for name, value in vars(batch).items():
        assert torch.equal(value, getattr(later, name)) if isinstance(value, torch.Tensor) else True
    first, second = (list(provider.validation()) for _ in range(2))
    assert len(first) == len(second) > 0
    shards = [provider.shard(rank, 3) for rank in range(3)]
    assert {shard.fingerprint for shard in shards} == {provider.fingerprint}
    parts = [shard.batch(3) for shard in shards]
    for name, value in vars(later).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(torch.cat([getattr(part, name) for part in parts]), value)
    model = build_model(spec, dataset.facts)
    assert {each for phase in model.phases() for each in phase.parameters} <= set(model.parameters())


def test_a_run_is_saved_loaded_resumed_repeated_and_reported(spec: RunSpec, tmp_path: Path) -> None:
    metrics = fit(spec, RunFolder(tmp_path / "whole"))
    fit(spec, RunFolder(tmp_path / "again"))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "again"))

    calls = iter(range(1000))
    stopped = fit(spec, RunFolder(tmp_path / "parts"), should_stop=lambda: next(calls) == 2)
    assert (stopped["complete"], stopped["training"]["steps"]) == (False, 2)
    fit(RunSpec.load(tmp_path / "parts" / "config.toml"), RunFolder(tmp_path / "parts"), resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))

    trained = load_trained_model(tmp_path / "whole" / "best.pt")
    assert same(load_checkpoint(tmp_path / "whole" / "best.pt")["weights"], dict(trained.model.state_dict()))

    written = json.loads((tmp_path / "whole" / "metrics.json").read_text())
    assert written == json.loads(json.dumps(metrics))
    assert metrics["complete"] is True
    assert {"training", "command", "versions"} <= set(metrics)
    page = (tmp_path / "whole" / "report.html").read_text()
    assert page.rstrip().endswith("</html>")
    assert "<h1>" in page
    folder = RunFolder(tmp_path / "whole")
    assert folder.strangers(spec.task.artifacts) == []
    folder.clear(spec.task.artifacts)
    assert list(folder.path.iterdir()) == []


def test_it_trains_in_fewer_bits(spec: RunSpec, tmp_path: Path) -> None:
    training = {"training": {"epochs": 0, "max_steps": 2, "precision": "bfloat16"}}
    metrics = fit(replace(spec, tables=merge(spec.tables, training)), RunFolder(tmp_path / "run"))
    assert metrics["training"]["divergences"] == 0
    assert all(value.dtype != torch.bfloat16 for value in weights(tmp_path / "run").values())


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="this machine has no GPU")
def test_a_run_on_a_gpu_is_resumed_to_the_same_bits(spec: RunSpec, tmp_path: Path) -> None:
    spec = replace(spec, device="auto")
    if "linear_stage" in spec.settings()["model"].__dict__:
        spec = replace(spec, tables=merge(spec.tables, {"model": {"linear_stage": "on", "linear_stage_taps": 256}}))
    fit(spec, RunFolder(tmp_path / "whole"))
    calls = iter(range(1000))
    fit(spec, RunFolder(tmp_path / "parts"), should_stop=lambda: next(calls) == 2)
    fit(RunSpec.load(tmp_path / "parts" / "config.toml"), RunFolder(tmp_path / "parts"), resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_another_seed_gives_other_weights(spec: RunSpec, tmp_path: Path) -> None:
    dataset = load(spec)
    other = replace(spec, tables={**spec.tables, "training": {**spec.tables["training"], "seed": 5}})
    one, two = (dict(build_model(each, dataset.facts).state_dict()) for each in (spec, other))
    assert not same(one, two)
    assert same(one, dict(build_model(spec, dataset.facts).state_dict()))


def test_a_run_that_cannot_be_written_is_still_saved(
    spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fxtrain.runs.run.write_page", fail)
    calls = iter(range(1000))
    with pytest.raises(Interrupted, match="all is saved, but the best model so far could not be written"):
        fit(spec, RunFolder(tmp_path / "run"), should_stop=lambda: next(calls) == 1)
    assert (tmp_path / "run" / "last.pt").exists()


FOR_FORMAT: dict[tuple[str, str], dict[str, Any]] = {
    ("lstm", "nam"): {"skip": False},
    ("lstm", "proteus"): {"hidden_size": 20},
}
"""Settings without which a model has no place in a format."""

FORMATS = [(name, format) for name in MODELS for format in get_model(name).formats]


@pytest.mark.parametrize(("name", "format"), FORMATS)
def test_a_model_file_plays_in_the_engine_as_the_model_does_in_torch(name: str, format: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = {**SMALL[name]["model"], **FOR_FORMAT.get((name, format), {})}
    model = get_model(name).from_config(config, loss={}, sample_rate=SAMPLE_RATE).eval()
    file, player = new_document(model, sample_rate=SAMPLE_RATE, metadata={"name": "Small"}, format=format)
    path = tmp_path / f"model{get_format(format).suffix}"
    file.save(path)
    x = (0.3 * np.random.default_rng(1).standard_normal(4000)).astype(np.float32)
    num_silent = player.prewarm() if player.info.starts_at_rest else 0
    with torch.no_grad():
        from_zero = model(torch.from_numpy(x)[None])[0][0].numpy()
        padded = torch.from_numpy(np.concatenate([np.zeros(num_silent, np.float32), x]))
        expected = model(padded[None])[0][0, num_silent:].numpy()
    played = engine.load(path).process(x)
    player.reset()
    assert np.array_equal(played, player.process(x))
    assert np.allclose(played, expected, atol=1e-5)
    document = json.loads(path.read_bytes())
    assert format_of(document).suffix == file.format.suffix or format == "aidax"
    assert get_format(format).exactness(model) == Exactness()
    aligned = file.reference()(torch.from_numpy(x)[None])[0].numpy()  # what a recording is played to
    late = model.latency_frames
    assert np.allclose(aligned[: len(x) - late], from_zero[late:], atol=1e-6)
    assert player.info.network_latency_frames == late
    assert document["metadata"]["name"] == "Small"
    assert -80 < document["metadata"]["loudness_db"] < 20
