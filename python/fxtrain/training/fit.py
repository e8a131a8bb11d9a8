# SPDX-License-Identifier: MIT
"""From recordings to a model that plays: what ``fxtrain fit`` does."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from fxtrain import __version__, engine
from fxtrain.atomic import write_atomically
from fxtrain.audio import HIGHEST_SAMPLE_RATE, LOWEST_SAMPLE_RATE
from fxtrain.config import Tables, build, read_toml, write_toml
from fxtrain.data import SplitConfig
from fxtrain.data.material import (
    GREATEST_WEIGHT,
    MOST_CLIP_FRAMES,
    Material,
    PairFiles,
    Reading,
    load_material,
)
from fxtrain.errors import ConfigError, FxtrainError, Interrupted, ModelFileError
from fxtrain.export import Metadata, write_model
from fxtrain.losses import LossConfig
from fxtrain.models import Trainable, get_model
from fxtrain.report import RunReport, write_report
from fxtrain.report.advice import advise
from fxtrain.report.baselines import fit_baselines
from fxtrain.report.evaluation import Take, measure_parity, measure_speed, play, segments_of
from fxtrain.report.metrics import measure
from fxtrain.text import quoted, shortened
from fxtrain.training.checkpoint import load_checkpoint
from fxtrain.training.device import init_device
from fxtrain.training.run_folder import RunFolder
from fxtrain.training.trainer import Progress, Trainer, TrainingConfig, TrainingResult, read_log

__all__ = ["FitRequest", "build_model", "fit", "load_trained_model", "sections"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FitRequest:
    """All that decides a run; saved as ``config.toml``.

    Attributes:
        pairs: recordings and their roles.
        model: name of the architecture.
        tables: ``[model]``, ``[data]``, ``[loss]`` and ``[split]`` settings.
        training: limits and rates.
        metadata: what the model file says about the capture.
        device: as given to :func:`fxtrain.training.device.init_device`.
        checkpoint: weights to start from.
        reading: how the recordings are read.
        skip_frames: frames at the start of each clip that are not scored.
        command: the exact command line.
    """

    pairs: Sequence[PairFiles]
    model: str = "lstm"
    tables: Tables = field(default_factory=dict)
    training: TrainingConfig
    metadata: Metadata = field(default_factory=Metadata)
    device: str = "auto"
    checkpoint: Path | None = None
    reading: Reading = field(default_factory=Reading)
    skip_frames: int = 0
    command: str = ""

    def check(self) -> None:
        """Raises ConfigError where a setting is wrong, before anything is written."""
        model = get_model(self.model)
        known = sections(model)
        for table, values in self.tables.items():
            if table not in known:
                raise ConfigError(f"unknown table [{table}]; known ones are {', '.join(f'[{name}]' for name in known)}")
            build(known[table], values, where=table)
        init_device(self.device)
        for pair in self.pairs:
            if not 0 < pair.weight <= GREATEST_WEIGHT or not 0 <= pair.clip_frames <= MOST_CLIP_FRAMES:
                raise ConfigError(
                    f"{pair.input} has the weight {pair.weight:g} and clips of {quoted(pair.clip_frames)} frames; "
                    f"expected a weight above 0, at most {GREATEST_WEIGHT:g}, and 0 to {MOST_CLIP_FRAMES} frames"
                )
            for path in (pair.input, pair.target):
                _require_text(path)

    def load_material(self) -> Material:
        """Reads, checks, aligns and splits the recordings."""
        return load_material(
            self.pairs,
            split=build(SplitConfig, self.tables.get("split", {}), where="split"),
            reading=self.reading,
            skip_frames=self.skip_frames,
        )

    def save(self, path: Path) -> None:
        """Writes the request as TOML."""
        document: dict[str, Any] = {
            "run": {
                "model": self.model,
                "device": self.device,
                "checkpoint": None if self.checkpoint is None else str(self.checkpoint.resolve()),
                "skip_frames": self.skip_frames,
                "command": self.command,
                "version": __version__,
            },
            "reading": {**asdict(self.reading), "ignore": list(self.reading.ignore)},
            "training": asdict(self.training),  # type: ignore[call-overload]
            "metadata": asdict(self.metadata),  # type: ignore[call-overload]
        }
        model = get_model(self.model)
        for name, section in sections(model).items():
            document[name] = asdict(build(section, self.tables.get(name, {}), where=name))
        for number, pair in enumerate(self.pairs, start=1):
            files = {"input": str(pair.input.resolve()), "target": str(pair.target.resolve())}
            document[f"pair_{number}"] = {**asdict(pair), **files}
        write_toml(path, document)

    @classmethod
    def load(cls, path: Path) -> FitRequest:
        """Reads what :meth:`save` wrote."""
        document = read_toml(path)
        try:
            run: dict[str, Any] = document.pop("run")
            run.pop("version", None)
            training = build(TrainingConfig, document.pop("training"), where="training")
            metadata = build(Metadata, document.pop("metadata", {}), where="metadata")
            pairs = [document.pop(name) for name in sorted(filter(_pair_number, document), key=_pair_number)]
            checkpoint = run.pop("checkpoint", None)
            request = cls(
                pairs=[TypeAdapter(PairFiles).validate_python(pair) for pair in pairs],
                tables=document,
                training=training,
                metadata=metadata,
                checkpoint=None if checkpoint is None else Path(checkpoint),
                reading=TypeAdapter(Reading).validate_python(document.pop("reading")),
                **run,
            )
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise ConfigError(
                f"{path} was not written by fxtrain fit: {field} is {quoted(first['input'])}, "
                f"but {first['msg'].lower()}"
            ) from None
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path} was not written by fxtrain fit: {error}") from None
        for value, kind in (
            (request.model, str),
            (request.device, str),
            (request.command, str),
            (request.skip_frames, int),
        ):
            if not isinstance(value, kind):
                raise ConfigError(
                    f"{path} was not written by fxtrain fit: it holds {quoted(value)} for a {kind.__name__}"
                )
        return request


def _pair_number(table: str) -> int:
    """The place of ``pair_12`` in the order that was given; 0 for tables that are no pair."""
    number = table.removeprefix("pair_")
    return int(number) if number != table and re.fullmatch(r"[1-9][0-9]{0,8}", number) else 0


def _require_text(path: Path) -> None:
    """Raises where a path cannot be written down: TOML is UTF-8."""
    try:
        str(path.resolve()).encode("utf-8")
    except (UnicodeEncodeError, ValueError, OSError):
        whole = os.fsencode(path).decode("utf-8", "backslashreplace") if "\0" not in str(path) else ascii(str(path))
        raise ConfigError(
            f"{whole} lies in a folder, or has a name, that is not valid UTF-8: rename it, then try again"
        ) from None


def sections(model: type[Trainable]) -> dict[str, type[Any]]:
    """The configuration tables of a model and the classes that check them."""
    return {"model": model.Config, "data": model.get_provider().Config, "loss": LossConfig, "split": SplitConfig}


def build_model(request: FitRequest, sample_rate: int) -> Trainable:
    """A model with fresh weights that depend on the seed alone, or with those of the request's checkpoint."""
    torch.manual_seed(request.training.seed)
    tables = request.tables
    model = get_model(request.model).from_config(
        tables.get("model", {}), sample_rate=sample_rate, loss=tables.get("loss", {})
    )
    if request.checkpoint is not None:
        content = load_checkpoint(request.checkpoint)
        try:
            model.load_state_dict(content["weights"])
        except (RuntimeError, KeyError, TypeError, AttributeError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise ConfigError(f"the checkpoint {request.checkpoint} does not fit this model: {reason}") from None
    return model


def load_trained_model(path: Path) -> tuple[Trainable, dict[str, Any]]:
    """The model of a checkpoint (``best.pt`` or ``last.pt``), and the facts stored with it."""
    content = load_checkpoint(path)
    try:
        rate = content["sample_rate"]
        if not isinstance(rate, int) or not LOWEST_SAMPLE_RATE <= rate <= HIGHEST_SAMPLE_RATE:
            raise ValueError(f"its sample rate is {quoted(rate)}")
        json.dumps(dict(content["metadata"]), allow_nan=False)
        model = get_model(content["model"]).from_config(content["tables"].get("model", {}), sample_rate=rate, loss={})
        model.load_state_dict(content.get("best_weights") or content["weights"])
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError, RecursionError, ConfigError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).strip().splitlines()[-1].strip()
        raise ModelFileError(
            f"{path} is not a checkpoint that fxtrain fit wrote ({shortened(reason, 120)}); give the best.pt of a run"
        ) from None
    return model.eval(), content


def fit(
    request: FitRequest,
    folder: RunFolder,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    announce: Callable[[Material], None] = lambda material: None,
) -> dict[str, Any]:
    """Checks, aligns, splits, trains, exports, plays and reports; returns what ``metrics.json`` holds.

    If ``should_stop`` says so, training ends with a checkpoint to resume from. The best weights so far are exported,
    played and reported in the same way, and ``complete`` is false in the result.

    Args:
        request: what to do.
        folder: an empty folder, or the one of the run to resume.
        resume: go on with what is in the folder.
        progress: told how far training is.
        should_stop: asked at every step.
        announce: told what was read, before training starts.

    Raises:
        InputError: something given cannot be used; nothing of an earlier result is touched.
        OutputExistsError: the folder is not empty, or another process is training in it.
        TrainingError: training failed.
        Interrupted: ``should_stop`` said so, and the model so far could not be written, or Ctrl-C ended that.
    """
    with ExitStack() as held:
        if resume:
            held.enter_context(folder.lock())
            folder.require_unfinished()
        else:
            folder.require_empty()
        return _fit(request, folder, held, resume, progress, should_stop, announce)


def _fit(
    request: FitRequest,
    folder: RunFolder,
    held: ExitStack,
    resume: bool,
    progress: Progress | None,
    should_stop: Callable[[], bool],
    announce: Callable[[Material], None],
) -> dict[str, Any]:
    """Does what :func:`fit` says; ``held`` keeps the lock of a new folder."""
    material = request.load_material()
    device = init_device(request.device)
    model = build_model(request, material.sample_rate).to(device)
    provider_class = model.get_provider()
    provider = provider_class(
        build(provider_class.Config, request.tables.get("data", {}), where="data"),
        material.train,
        material.validation,
        batch_size=request.training.batch_size,
        seed=request.training.seed,
    )
    if not resume:
        folder.create()
        held.enter_context(folder.lock())
        folder.require_empty()
        request.save(folder.config)
    announce(material)
    metadata = {
        "source": f"fxtrain {__version__}",
        **request.metadata.to_document(),
        "lag_samples": material.lag_samples,
        **({"polarity_fixed": True} if request.reading.fix_polarity else {}),
    }
    trainer = Trainer(
        model,
        provider,
        request.training,
        folder.path,
        should_stop=should_stop,
        facts={
            "model": request.model,
            "tables": request.tables,
            "sample_rate": material.sample_rate,
            "metadata": metadata,
        },
        **({} if progress is None else {"progress": progress}),
    )
    logger.info("%s", request.command)
    for recording in material.recordings:
        files = recording.files
        logger.info(
            "%s and %s: %d frames, lag removed %d",
            files.input,
            files.target,
            len(recording.input),
            recording.lag_removed,
        )
    try:
        result = trainer.run(resume=resume)
    except Interrupted as stop:
        try:
            logger.info("%s; writing the best model so far", stop)
            weights, result = trainer.best_so_far()
            return _finish(request, folder, material, result, device, so_far=weights)
        except KeyboardInterrupt:
            raise stop from None
        except (FxtrainError, OSError) as error:
            raise Interrupted(f"{stop}, but the best model so far could not be written: {error}") from error
    return _finish(request, folder, material, result, device)


def _finish(
    request: FitRequest,
    folder: RunFolder,
    material: Material,
    result: TrainingResult,
    device: torch.device,
    *,
    so_far: dict[str, Tensor] | None = None,
) -> dict[str, Any]:
    """Exports the best weights, plays that very file through the engine, measures, and writes the report.

    Args:
        request: what was asked.
        folder: where all goes.
        material: what was trained on, and what tests.
        result: how training ended.
        device: where it ran.
        so_far: weights to export of a run that was stopped; None takes those of ``best.pt``.
    """
    model, facts = load_trained_model(folder.best)
    if so_far is not None:
        model.load_state_dict(so_far)
    write_model(folder.model, model, sample_rate=material.sample_rate, metadata=facts["metadata"])
    player = engine.load(folder.model)
    take = play(player, material.test)
    figures = measure(take.prediction, take.target, material.sample_rate, mask=take.mask)
    baselines = fit_baselines(segments_of(material.train)).score(segments_of(material.test))
    facts["metadata"]["esr"] = float(f"{figures['esr']:.4g}")
    write_model(folder.model, model, sample_rate=material.sample_rate, metadata=facts["metadata"])
    metrics: dict[str, Any] = {
        "complete": so_far is None,
        "esr": figures["esr"],
        "baselines": baselines,
        "test": figures,
        "validation_esr": result.best_error,
        "parity": measure_parity(folder.model, take.input),
        "speed": measure_speed(folder.model, take.input, material.sample_rate),
        "data": _data_facts(material),
        "split": material.parts,
        "model": {
            "name": request.model,
            **asdict(build(model.Config, request.tables.get("model", {}), where="model")),
            "parameters": model.num_parameters,
            "sample_rate": material.sample_rate,
            "lag_samples": material.lag_samples,
        },
        "training": {**asdict(result), "device": str(device), "batch_size": request.training.batch_size},
        "command": request.command,
        "versions": {"fxtrain": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    metrics["advice"] = advise(metrics)
    logger.info("test ESR %.5f; the best filter leaves %.5f", figures["esr"], baselines["fir"])
    history = list(read_log(folder.history))
    _write_report(request, folder, material, take, metrics, history)
    write_atomically(folder.metrics, (json.dumps(metrics, indent=2, allow_nan=False) + "\n").encode())
    return metrics


def _data_facts(material: Material) -> dict[str, Any]:
    main = material.recordings[0]
    notes = [note for recording in material.recordings for note in recording.notes]
    return {**main.report.to_dict(), "lag_removed": main.lag_removed, "notes": notes}


def _write_report(
    request: FitRequest,
    folder: RunFolder,
    material: Material,
    take: Take,
    metrics: dict[str, Any],
    history: list[dict[str, Any]],
) -> None:
    write_report(
        folder.path,
        RunReport(
            input=take.input,
            target=take.target,
            prediction=take.prediction,
            sample_rate=material.sample_rate,
            scored=take.mask,
            metrics=metrics,
            history=history,
            name=request.metadata.name or folder.path.name,
        ),
    )
