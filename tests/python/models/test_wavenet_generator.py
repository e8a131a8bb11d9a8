# SPDX-License-Identifier: MIT
from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_voices import SMALL_MEL, SMALL_MODEL
from torch import Tensor

from fxtrain.data.waves import CodedWave, WaveBatch, cut
from fxtrain.errors import ConfigError
from fxtrain.models.generators._upsampling import MARGIN_FRAMES, SILENT_MEL, Upsampling
from fxtrain.models.generators._wavenet_cache import TorchCache
from fxtrain.models.generators._wavenet_native import is_available, native_cache
from fxtrain.models.generators._wavenet_sampling import Draw, _conditions, generate
from fxtrain.models.generators._wavenet_stack import WaveNetStack
from fxtrain.models.generators.wavenet import WaveNetGenerator, WaveNetGeneratorConfig

MODES = list(itertools.product([False, True], repeat=2))
MODE_NAMES = ["plain", "local", "global", "both"]


def generator(*, classes: bool = False, mels: bool = False, **config: int) -> WaveNetGenerator:
    torch.manual_seed(3)
    return WaveNetGenerator.from_config(
        {**SMALL_MODEL, **config},
        loss={},
        sample_rate=8000,
        mu=255,
        classes=["ada", "bob", "eve"] if classes else [],
        mel=SMALL_MEL if mels else None,
    ).eval()


def full_logits(model: WaveNetGenerator, codes: Tensor, condition: Tensor | None, label: int) -> np.ndarray:
    with torch.no_grad():
        labels = torch.tensor([label])
        return model.stack(codes, labels, None if condition is None else condition)[0].T.numpy()


@pytest.mark.parametrize(("classes", "mels"), MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("stacks", [1, 3])
def test_cached_generation_equals_the_full_forward_in_all_modes(classes: bool, mels: bool, stacks: int) -> None:
    model = generator(classes=classes, mels=mels, stacks=stacks, layers=5, channels=7, skip_channels=19)
    field, num = model.receptive_field, 60
    codes = torch.randint(0, 256, (1, field - 1 + num))
    condition = torch.randn(1, 4, field - 1 + num) if mels else None
    expected = full_logits(model, codes, condition, 2)

    cache = TorchCache(model.stack, torch.tensor([2]) if classes else None)
    steps = [cache.logits(codes[:, t], None if condition is None else condition[..., t]) for t in range(codes.shape[1])]
    assert np.abs(torch.cat(steps).numpy()[field - 1 :] - expected).max() < 1e-4

    if not is_available():
        pytest.skip("this build has no kernels")
    native = native_cache(model.stack, 2 if classes else None)
    rows = None if condition is None else condition[0].T.contiguous().numpy()
    heard = native.hear(codes[0].numpy().astype(np.int32), rows)
    assert np.abs(heard[field - 1 :] - expected).max() < 1e-4
    native.reset()
    assert np.array_equal(native.hear(codes[0].numpy().astype(np.int32), rows), heard)


@pytest.mark.parametrize("sizes", [(32, 64), (16, 300), (1, 1)])
def test_the_kernels_take_any_sizes(sizes: tuple[int, int]) -> None:
    if not is_available():
        pytest.skip("this build has no kernels")
    channels, skips = sizes
    model = generator(channels=channels, skip_channels=skips, layers=2)
    codes = torch.randint(0, 256, (1, model.receptive_field + 9))
    heard = native_cache(model.stack).hear(codes[0].numpy().astype(np.int32), None)
    assert np.allclose(heard[-10:], full_logits(model, codes, None, 0)[-10:], atol=1e-5)


def test_the_kernels_refuse_what_does_not_fit() -> None:
    if not is_available():
        pytest.skip("this build has no kernels")
    native = native_cache(generator().stack)
    with pytest.raises(ValueError, match="codes must be those"):
        native.hear(np.array([256], np.int32), None)
    with pytest.raises(ValueError, match="condition must be given"):
        native.generate(np.zeros(2), np.zeros((2, 4), np.float32), temperature=1.0)
    with_condition = native_cache(generator(mels=True).stack)
    with pytest.raises(ValueError, match="shape"):
        with_condition.generate(np.zeros(2), np.zeros((3, 4), np.float32), temperature=1.0)


@pytest.mark.parametrize(("classes", "mels"), MODES, ids=MODE_NAMES)
def test_a_sound_is_that_of_the_reference_and_of_its_seed(classes: bool, mels: bool) -> None:
    model = generator(classes=classes, mels=mels)
    frames = torch.rand(SMALL_MEL["bands"], 9) if mels else None
    label = 1 if classes else None
    one = generate(model, 250, Draw(seed=5), label=label, mels=frames, native=False)
    assert one.shape == (250,)
    assert np.array_equal(one, generate(model, 250, Draw(seed=5), label=label, mels=frames, native=False))
    assert not np.array_equal(one, generate(model, 250, Draw(seed=6), label=label, mels=frames, native=False))
    if is_available():
        other = generate(model, 250, Draw(seed=5), label=label, mels=frames, native=True)
        assert np.array_equal(one, other)  # the logits differ by rounding alone


def test_drawn_codes_follow_the_probabilities_that_training_fits() -> None:
    """The likelihood of a sound under the model that made it is that of its own draws: the entropy of the softmax."""
    model = generator(classes=True, mels=True)
    frames = torch.rand(SMALL_MEL["bands"], 126)
    sound = generate(model, 4000, Draw(seed=1), label=2, mels=frames)
    from fxtrain.audio.mu_law import mu_law_encode

    wave = CodedWave("made", mu_law_encode(sound), 2, frames.T.numpy().astype(np.float32))
    batch = cut([wave], [(0, 0)], 4000, model.cut)
    with torch.no_grad():
        logits = model(batch)
        nll = float(model.nll_bits(batch).mean())
    likely = torch.log_softmax(logits[0], 0)
    entropy = float(-(likely.exp() * likely).sum(0).mean() / math.log(2))
    assert nll == pytest.approx(entropy, abs=0.1)
    wrong = replace(batch, labels=torch.tensor([0]), mels=None if batch.mels is None else batch.mels.flip(2))
    with torch.no_grad():
        assert float(model.nll_bits(wrong).mean()) != pytest.approx(nll, abs=1e-6)


def test_the_conditions_of_sampling_are_those_of_training() -> None:
    model = generator(mels=True)
    frames = torch.rand(SMALL_MEL["bands"], 20)
    wave = CodedWave("x", np.zeros(640, np.uint8), 0, frames.T.numpy())
    with torch.no_grad():
        trained = model.conditions(cut([wave], [(0, 0)], 600, model.cut))
    sampled = _conditions(model, 600, frames)
    assert trained is not None
    assert sampled is not None
    assert torch.allclose(trained[0].T, sampled[: trained.shape[2]], atol=1e-6)
    with torch.no_grad():
        later = model.conditions(cut([wave], [(0, 333)], 200, model.cut))
    assert later is not None
    past = model.receptive_field - 1
    assert torch.allclose(later[0, :, past:], trained[0, :, past + 333 : past + 533], atol=1e-6)


def test_no_prediction_depends_on_what_it_predicts_or_on_more_than_the_receptive_field() -> None:
    model = generator()
    field = model.receptive_field
    assert field == 2 + 2 * (1 + 2 + 4 + 8)
    codes = torch.randint(0, 256, (1, field + 40))
    table = torch.nn.functional.one_hot(codes, 256).float().requires_grad_()
    stack = model.stack
    taps = table @ stack.codes.weight
    hooked = WaveNetStack.forward.__get__(stack)  # the same path, from one-hot codes
    stack.codes.forward = lambda _: taps  # type: ignore[method-assign]
    logits = hooked(codes)
    logits[0, :, 10].sum().backward()
    assert table.grad is not None
    heard = table.grad[0].abs().sum(1).nonzero().flatten()
    assert (int(heard.min()), int(heard.max())) == (10, 10 + field - 1)  # prediction 10 is of code 10 + field


@pytest.mark.parametrize("hop", [32, 80, 45, 7, 1])
def test_upsampling_puts_a_frame_on_its_own_samples(hop: int) -> None:
    torch.manual_seed(0)
    layer = Upsampling(3, 2, hop)
    with torch.no_grad():
        frames = torch.full((1, 3, 11), SILENT_MEL)
        still = layer(frames)
        assert still.shape == (1, 2, 11 * hop)
        frames[..., 5] = 1.0
        moved = (layer(frames) - still)[0].abs().sum(0)
        frames = torch.full((1, 3, 11), SILENT_MEL)
        frames[..., 6] = 1.0
        later = (layer(frames) - still)[0].abs().sum(0)
    inside = slice(MARGIN_FRAMES * hop, 8 * hop)
    assert torch.allclose(moved[inside], later[inside.start + hop : inside.stop + hop], atol=1e-6)  # a frame is a hop
    centre = float((moved * torch.arange(len(moved))).sum() / moved.sum())
    reach = (moved[: 11 * hop] > 1e-6).nonzero().flatten()
    assert int(reach.min()) >= (5 - MARGIN_FRAMES) * hop
    assert int(reach.max()) < (6 + MARGIN_FRAMES) * hop
    assert abs(centre - (5.5 * hop - 0.5)) < 1.5 * hop  # the mix of three frames may lean to one side


def test_interpolation_begins_linear_and_symmetric() -> None:
    layer = Upsampling(1, 1, 20)
    x = torch.arange(12.0)[None, None]
    for stretch in layer.stretch:
        x = stretch(x)
    assert torch.allclose(x[0, 0, 60:180], (torch.arange(60, 180) + 0.5) / 20 - 0.5, atol=1e-4)


def test_weights_of_another_coding_are_refused() -> None:
    weights = generator().state_dict()
    other = WaveNetGenerator.from_config(SMALL_MODEL, loss={}, sample_rate=16000, mu=255)
    with pytest.raises(ValueError, match="trained at 8000 Hz with mu 255, and this run has 16000 Hz"):
        other.load_state_dict(weights)
    coarse = WaveNetGenerator.from_config(SMALL_MODEL, loss={}, sample_rate=8000, mu=63)
    with pytest.raises(ValueError, match="mu 63"):
        coarse.load_state_dict(weights)


def test_a_field_that_no_machine_holds_is_refused() -> None:
    with pytest.raises(ConfigError, match="give fewer"):
        WaveNetGeneratorConfig(layers=16, stacks=16)


def test_sequences_start_in_silence_and_end_without_targets() -> None:
    model = generator()
    field = model.receptive_field
    wave = CodedWave("x", np.arange(100, dtype=np.uint8), 0)
    batch = cut([wave], [(0, 0), (0, 60)], 50, model.cut)
    assert batch.codes.shape == (2, field - 1 + 50)
    assert batch.codes[0, :field].tolist() == [128] * field
    assert batch.codes[0, field:].tolist() == list(range(49))
    assert batch.following[0].tolist() == list(range(50))
    assert batch.following[1].tolist() == [*range(60, 100), *[-1] * 10]
    assert batch.codes[1, field - 1 : field + 2].tolist() == [59, 60, 61]
    counted = WaveBatch.num_items.fget  # type: ignore[attr-defined]
    assert counted(batch) == 100
