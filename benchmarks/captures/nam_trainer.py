# SPDX-License-Identifier: MIT
"""Trains a model with the package ``neural-amp-modeler`` and plays it; runs in an environment that has it.

    python nam_trainer.py RECIPE MINUTES THREADS FOLDER

FOLDER holds ``train-input.wav``, ``train-target.wav``, the same of ``val``, and ``play.npy``. ``prediction.npy`` and
``facts.json`` are added. The recipes are those that the package's own easy mode has or had: the network, its loss, rate
and schedule; a limit in minutes takes the place of its hundred epochs.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from nam.data import wav_to_np
from nam.train import full, lightning_module

DILATIONS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


def _array(input_size, channels, head, bias):
    return {
        "condition_size": 1,
        "input_size": input_size,
        "channels": channels,
        "head": {"out_channels": head, "kernel_size": 1, "bias": bias},
        "kernel_size": 3,
        "dilations": DILATIONS,
        "activation": "Tanh",
        "gated": False,
    }


def _recipe(name):
    """Model and frames of a training example."""
    if name == "nam-a1":
        config = {"layers_configs": [_array(1, 16, 8, False), _array(16, 8, 1, True)], "head_scale": 0.02}
        model = {
            "net": {"name": "WaveNet", "config": config},
            "loss": {"val_loss": "esr"},
            "optimizer": {"lr": 0.004},
            "lr_scheduler": {"class": "ExponentialLR", "kwargs": {"gamma": 0.993}},
        }
        return model, 8192
    if name == "nam-lstm":
        model = {
            "net": {
                "name": "LSTM",
                "config": {"num_layers": 1, "hidden_size": 24, "train_burn_in": 4096, "train_truncate": 512},
            },
            "loss": {"val_loss": "mse", "mask_first": 4096, "pre_emph_weight": 1.0, "pre_emph_coef": 0.85},
            "optimizer": {"lr": 0.01},
            "lr_scheduler": {"class": "ExponentialLR", "kwargs": {"gamma": 0.995}},
        }
        return model, 32768
    if name == "nam-a2":
        from nam.train.core import _get_packed_model_config

        return _get_packed_model_config(), 8192
    raise SystemExit(f"unknown recipe {name}; there are nam-a1, nam-lstm and nam-a2")


def main():
    """Trains, plays and writes what came of it."""
    name, minutes, threads, folder = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    torch.set_num_threads(threads)
    model_config, ny = _recipe(name)

    def part(which, ny):
        return {
            "x_path": str(folder / f"{which}-input.wav"),
            "y_path": str(folder / f"{which}-target.wav"),
            "ny": ny,
            "require_input_pre_silence": None,
        }

    data_config = {
        "train": part("train", ny),
        "validation": part("val", None),
        "common": {"delay": 0},
    }
    if name != "nam-lstm":  # the package does not export an LSTM that was trained on a target of another level
        level = {"name": "nam.data.normalize_joint_dataset_output", "kwargs": {"level_rms_dbfs": -18.0}}
        data_config["joint"] = [level]
    learning_config = {
        "train_dataloader": {"batch_size": 16, "shuffle": True, "drop_last": True, "num_workers": 0},
        "val_dataloader": {},
        "trainer": {
            "max_epochs": 1_000_000,
            "max_time": {"seconds": round(60 * minutes)},
            "accelerator": "cpu",
            "devices": 1,
            "enable_progress_bar": False,
            "check_val_every_n_epoch": 1,
        },
    }
    began, out = time.monotonic(), folder / "nam"
    out.mkdir(exist_ok=True)
    kept = {}
    fit = full._pl.Trainer.fit

    def fit_and_keep(self, model, train_dataloader, *args, **kwargs):
        kept.update(trainer=self, model=model, target=train_dataloader.dataset.y)
        return fit(self, model, train_dataloader, *args, **kwargs)

    full._pl.Trainer.fit = fit_and_keep
    full.main(data_config, model_config, learning_config, out, no_show=True, make_plots=False)
    trainer, model = kept["trainer"], kept["model"]
    packed = model_config["net"]["name"] == "PackedWaveNet"
    cls = lightning_module.PackedLightningModule if packed else lightning_module.LightningModule
    best = trainer.checkpoint_callback.best_model_path
    if best:
        model = cls.load_from_checkpoint(best, weights_only=False, **cls.parse_config(model_config))
    model.cpu().eval()
    x = torch.from_numpy(np.load(folder / "play.npy"))
    with torch.no_grad():
        y = model.net(x, pad_start=True)
    y = y[-1] if y.ndim == 2 else y  # of a container the largest
    # The package trains on a target of -18 dBFS and takes the gain back when it exports.
    gain = np.std(wav_to_np(folder / "train-target.wav")) / float(torch.std(kept["target"]))
    np.save(folder / "prediction.npy", gain * y.numpy())
    frames_per_step = 16 * ny
    facts = {
        "steps": trainer.global_step,
        "samples_per_second": trainer.global_step * frames_per_step / (time.monotonic() - began),
        "parameters": sum(p.numel() for p in model.net.parameters()),
        "has_best": bool(best),
    }
    (folder / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
