# SPDX-License-Identifier: MIT
"""``import fxtrain``: what a user would guess works, or one sentence says what to do instead."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fxtrain
from fxtrain.errors import AudioFileError, ConfigError, InputError, ModelFileError, OutputExistsError
from fxtrain.synthetic import synthesise_guitar

RATE = 16_000
LAG = 7

OWN_MODEL = """
import torch
import fxtrain

class Tanh(fxtrain.EffectModel):
    name, summary = "tanh", "a gain, tanh, and another gain"
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.gains = torch.nn.Parameter(torch.tensor([2.0, 0.5]))
    def network(self, features, state):
        return self.gains[1] * torch.tanh(self.gains[0] * features[..., 0]), ()

class Darker(fxtrain.LSTM):
    def whiten(self, signal):
        return signal[:, 1:] + signal[:, :-1]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of recordings, ``d.wav`` and ``w.wav``."""
    made = tmp_path_factory.mktemp("api")
    dry = synthesise_guitar(5, RATE, 11)
    wet = np.concatenate([np.zeros(LAG, np.float32), 0.5 * np.tanh(2 * dry)])[: len(dry)].astype(np.float32)
    fxtrain.write_audio(made / "d.wav", dry, RATE)
    fxtrain.write_audio(made / "w.wav", wet, RATE)
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> fxtrain.TrainedRun:
    """A finished run of two epochs."""
    settings = {"hidden_size": 2, "sequence_frames": 4000, "chunk_frames": 1000}
    return fxtrain.fit(
        str(folder / "d.wav"), folder / "w.wav", epochs=2, settings=settings, out=folder / "run", device="cpu"
    )


@pytest.fixture
def model(repository: Path) -> Any:
    """A shipped model."""
    return fxtrain.load(repository / "models" / "valve" / "model.json")


def test_the_names_are_listed_and_documented() -> None:
    assert dir(fxtrain) == sorted(fxtrain.__all__)
    for name in fxtrain.__all__:
        value = getattr(fxtrain, name)
        assert name == "__version__" or inspect.getdoc(value), name
    with pytest.raises(AttributeError, match="it has GRU, LSTM"):
        fxtrain.laod  # type: ignore[attr-defined]  # noqa: B018


def test_importing_fxtrain_loads_no_library() -> None:
    code = "import fxtrain, sys; print(sorted({'torch', 'numpy', 'scipy', 'pydantic', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_run_folder_its_model_file_and_either_kind_of_path_load_the_same(run: fxtrain.TrainedRun) -> None:
    x = np.linspace(-1, 1, 200, dtype=np.float32)
    expected = run.model(x)
    for path in (run.folder, str(run.folder), run.folder / "model.json", str(run.folder / "model.json")):
        assert np.array_equal(fxtrain.load(path).process(x), expected)


def test_a_checkpoint_is_refused_with_the_command_that_exports_it(run: fxtrain.TrainedRun) -> None:
    with pytest.raises(InputError, match="fxtrain export"):
        fxtrain.load(run.folder / "best.pt")


def test_lists_float64_tensors_and_views_play_as_float32_arrays_do(model: Any) -> None:
    x = np.linspace(-0.5, 0.5, 64, dtype=np.float32)
    expected = model(x)
    tensor = torch.from_numpy(x).requires_grad_()
    for given in (x.tolist(), tuple(x.tolist()), x.astype(np.float64), tensor, tensor.double(), x.astype(">f4")):
        model.reset()
        played = model.process(given)
        assert played.dtype == np.float32
        assert np.array_equal(played, expected)
    model.reset()
    assert np.array_equal(model(np.repeat(x, 2)[::2]), expected)


def test_frames_of_two_channels_are_refused_with_the_way_to_turn_them(model: Any) -> None:
    x = np.zeros((100, 2))
    with pytest.raises(ValueError, match=r"100 channels of 2 frames.*x\.T"):
        model.process(x)
    assert model.process(x.T).shape == (2, 100)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (np.zeros(4, np.int16), "divide them by 32768"),
        (np.zeros(4, np.complex64), "found complex64"),
        (["a"], "not all numbers"),
        ("in.wav", "fxtrain.read_audio"),
        (None, "found NoneType"),
    ],
)
def test_what_holds_no_samples_is_refused_in_a_sentence(model: Any, x: object, sentence: str) -> None:
    with pytest.raises(TypeError, match=f"^x: expected samples.*{sentence}"):
        model(x)


def test_a_model_says_its_rate_and_resets(model: Any) -> None:
    assert model.sample_rate == model.info.sample_rate == 48_000
    x = np.ones(100, np.float32)
    first = model(x)
    assert not np.array_equal(model(x), first)
    model.reset()
    assert np.array_equal(model(x), first)


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_start_from_rest_with_the_same_options(
    twin: Callable[[Any], Any], make_model: Callable[..., Any]
) -> None:
    model = fxtrain.load(make_model([("gru", 2), ("dense", 1)], inputs=2).path, oversampling=2)
    model.set_knob(0, 0.25)
    x = np.linspace(-1, 1, 300, dtype=np.float32)
    expected = model(x)
    other = twin(model)
    assert other.knobs == (0.25,)
    assert other.info.oversampling == 2
    assert np.array_equal(other(x), expected)
    assert not np.array_equal(model(x), expected)  # which went on by itself


def test_a_model_whose_file_changed_is_not_copied(make_model: Callable[..., Any]) -> None:
    path = make_model([("gru", 2), ("dense", 1)]).path
    model = fxtrain.load(path)
    path.write_text(path.read_text() + " ")
    with pytest.raises(ModelFileError, match="has changed"):
        copy.copy(model)


def test_render_writes_what_the_model_plays(run: fxtrain.TrainedRun, folder: Path) -> None:
    done = fxtrain.render(run.model, str(folder / "d.wav"), folder / "out.wav")
    assert (done.sample_rate, done.num_frames) == (RATE, 5 * RATE)
    player = fxtrain.load(run.folder)
    player.prewarm()
    assert np.array_equal(
        fxtrain.read_audio(folder / "out.wav").samples, player(fxtrain.read_audio(folder / "d.wav").samples)
    )
    fxtrain.render(str(run.folder), folder / "d.wav", folder / "again.wav")
    first, again = (fxtrain.read_audio(folder / name).samples for name in ("out.wav", "again.wav"))
    assert np.array_equal(again, first)  # the files differ in the time that their headers state
    with pytest.raises(OutputExistsError, match="is the file to be read"):
        fxtrain.render(run.model, folder / "d.wav", folder / "d.wav")


def test_fit_returns_the_run_with_its_figures(run: fxtrain.TrainedRun) -> None:
    assert run.report.is_file()
    assert run.esr == run.metrics["esr"] < 1
    assert run.metrics["complete"]
    assert run.metrics == json.loads((run.folder / "metrics.json").read_text())
    assert type(run.metrics["esr"]) is float  # not NumPy's
    assert repr(run).startswith(f"TrainedRun(folder='{run.folder}', esr=")
    assert "best_baseline='" in repr(run)
    assert len(repr(run)) < len(str(run.folder)) + 100  # it was kilobytes
    assert isinstance(run.network, fxtrain.LSTM)
    assert run.network.config.hidden_size == 2


def test_fit_refuses_a_full_folder_and_unknown_settings(run: fxtrain.TrainedRun, folder: Path) -> None:
    with pytest.raises(OutputExistsError):
        fxtrain.fit(folder / "d.wav", folder / "w.wav", out=run.folder)
    with pytest.raises(ConfigError, match="did you mean hidden_size"):
        fxtrain.fit(folder / "d.wav", folder / "w.wav", settings={"hiden_size": 2}, out=folder / "other")
    assert not (folder / "other").exists()


def test_check_finds_the_lag_of_files_and_of_arrays(folder: Path) -> None:
    report = fxtrain.check(folder / "d.wav", str(folder / "w.wav"))
    assert report.lag_samples == LAG
    assert report.fit_to_train
    assert repr(report).startswith(f"DataReport(fit_to_train=True, lag_samples={LAG}")
    assert len(repr(report)) < 200  # it was kilobytes
    dry, wet = (fxtrain.read_audio(folder / name).samples for name in ("d.wav", "w.wav"))
    assert fxtrain.check(dry, torch.from_numpy(wet), sample_rate=RATE).lag_samples == LAG
    with pytest.raises(ConfigError, match="sample_rate=48000"):
        fxtrain.check(dry, wet)
    with pytest.raises(ConfigError, match=r"x\[:, 0\]"):
        fxtrain.check(np.stack([dry, dry], axis=1), wet, sample_rate=RATE)


def test_esr_of_arrays_is_a_number_and_of_tensors_a_loss() -> None:
    assert fxtrain.esr([0.5, 0.0], np.array([1.0, 0.0])) == 0.25
    prediction = torch.tensor([0.5, 0.0], requires_grad=True)
    value = fxtrain.esr(prediction, torch.tensor([1.0, 0.0]))
    value.backward()
    assert value.item() == pytest.approx(0.25, abs=1e-6)
    assert prediction.grad is not None
    assert prediction.grad[0].item() == pytest.approx(-1.0, abs=1e-5)  # d/dp (p - 1)^2 at 0.5


@pytest.mark.parametrize(
    ("prediction", "target", "sentence"),
    [
        (torch.zeros(3, 1), torch.zeros(3), r"shape \(3, 1\) and target \(3,\)"),  # once broadcast to (3, 3)
        (torch.zeros(3), torch.zeros(4), r"shape \(3,\) and target \(4,\)"),
        (torch.ones(3, dtype=torch.int64), torch.ones(3), r"give prediction\.float\(\)"),
        (torch.zeros(0), torch.zeros(0), "no samples"),
        ([], [], "no samples"),
        ([1.0, 2.0], [1.0], r"shape \(2,\) and target \(1,\)"),
        (fxtrain.Audio(np.ones(3, np.float32), 16_000), fxtrain.Audio(np.ones(3, np.float32), 8000), "16000 Hz"),
    ],
)
def test_esr_refuses_what_it_cannot_compare(prediction: Any, target: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fxtrain.esr(prediction, target)


def test_what_read_audio_returns_is_checked_and_compared(folder: Path) -> None:
    dry, wet = (fxtrain.read_audio(folder / name) for name in ("d.wav", "w.wav"))
    assert fxtrain.check(dry, wet).lag_samples == LAG
    with pytest.raises(ConfigError, match="leave sample_rate out"):
        fxtrain.check(dry, wet, sample_rate=2 * RATE)
    assert fxtrain.esr(dry, wet) == fxtrain.esr(dry.samples, wet.samples)


@pytest.mark.parametrize("limit", [{"epochs": 0}, {"epochs": -1}, {"minutes": 0}, {"minutes": float("nan")}])
def test_fit_refuses_a_limit_that_is_not_above_zero(folder: Path, tmp_path: Path, limit: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected a number above 0"):  # epochs=0 once trained for 20 minutes
        fxtrain.fit(folder / "d.wav", folder / "w.wav", out=tmp_path / "run", **limit)


def test_write_audio_takes_lists_and_refuses_other_shapes_and_types(tmp_path: Path) -> None:
    fxtrain.write_audio(tmp_path / "a.wav", [0.0, 0.5, -0.5, 0.25], RATE)
    assert fxtrain.read_audio(tmp_path / "a.wav").samples.tolist() == [0.0, 0.5, -0.5, 0.25]
    for samples, sentence in (
        (np.zeros((1000, 2)), r"1000 channels.*\.T"),
        (np.zeros((1, 2, 3)), r"expected \(frames,\)"),
        (["a"], "floating-point samples"),
        (None, "floating-point samples"),
        ([[0.0], [0.0, 1.0]], "no array of numbers"),
    ):
        with pytest.raises(AudioFileError, match=sentence):
            fxtrain.write_audio(tmp_path / "b.wav", samples, RATE)
    assert not (tmp_path / "b.wav").exists()


def test_a_network_is_made_by_its_settings_saved_and_exported(tmp_path: Path) -> None:
    network = fxtrain.LSTM(hidden_size=8, sample_rate=RATE)
    x = torch.linspace(-0.5, 0.5, 100).unsqueeze(0)
    with torch.no_grad():
        expected, _ = network(x)
    network.save(tmp_path / "m.pt")
    loaded = fxtrain.load_trained_model(tmp_path / "m.pt").model
    with torch.no_grad():
        assert torch.equal(loaded(x)[0], expected)
    network.export(tmp_path / "m.json", name="Mine")
    player = fxtrain.load(tmp_path / "m.json")
    assert player.info.name == "Mine"
    assert player.sample_rate == RATE
    assert np.abs(player(x.numpy()) - expected.numpy()).max() < 1e-6
    with pytest.raises(ConfigError, match="did you mean hidden_size"):
        fxtrain.LSTM(hiden_size=8)


def test_networks_are_exported_to_nam_or_say_what_to_train_instead(tmp_path: Path) -> None:
    fxtrain.LSTM(hidden_size=4, skip=False).export(str(tmp_path / "m.nam"))
    fxtrain.WaveNet(shape="nano").export(tmp_path / "w.nam")
    for name, architecture in (("m.nam", "lstm"), ("w.nam", "wavenet")):
        assert fxtrain.load(tmp_path / name).info.architecture == architecture
    with pytest.raises(ModelFileError, match="skip=false"):
        fxtrain.LSTM(hidden_size=4).export(tmp_path / "no.nam")


def test_a_loaded_checkpoint_goes_on_where_training_starts(run: fxtrain.TrainedRun) -> None:
    for path in (run.folder / "best.pt", run.folder, str(run.folder)):
        assert fxtrain.load_trained_model(path).facts["sample_rate"] == RATE


def test_models_lists_the_architectures_and_is_still_the_package() -> None:
    found = fxtrain.models()
    assert found["lstm"] is fxtrain.LSTM
    assert fxtrain.models.get_model("gru") is fxtrain.GRU


def test_an_architecture_of_ones_own_is_trained_and_measured(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_models.py").write_text(OWN_MODEL)
    monkeypatch.chdir(tmp_path)
    words = ["fit", folder / "d.wav", folder / "w.wav", "--model", "own_models:Tanh", "--epochs", "20", "--lr", "0.002"]
    program = [sys.executable, "-c", "import sys; from fxtrain.cli import main; sys.exit(main())"]
    # As the installed program: without the current folder on the path of modules.
    made = subprocess.run(
        [*program, *map(str, words), "--out", "run", "-q"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    network = fxtrain.load_trained_model(tmp_path / "run" / "best.pt").model
    assert set(network.state_dict()) == {"gains"}
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert 0 < metrics["esr"] < 1  # 1 is silence
    assert "parity" not in metrics  # no engine plays it
    assert not list((tmp_path / "run").glob("model.*"))
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_loss_of_ones_own_is_trained_and_exported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_losses.py").write_text(OWN_MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    from own_losses import Darker  # type: ignore[import-not-found]

    run = fxtrain.fit(
        folder / "d.wav", folder / "w.wav", model=Darker, epochs=1, settings={"hidden_size": 2}, out=tmp_path / "run"
    )
    assert (tmp_path / "run" / "model.json").is_file()
    assert type(run.network).__name__ == "Darker"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no_such_module:Model", "cannot be imported"),
        ("fractions:Fraction", "is no model"),
        ("fxtrain.training.protocol:Trainable", "lacks"),
        ("lsmt", "did you mean lstm"),
    ],
)
def test_a_model_that_cannot_be_found_is_refused_in_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        fxtrain.models.get_model(name)
