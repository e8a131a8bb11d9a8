# SPDX-License-Identifier: MIT
"""Makes everything in this folder again: ``python models/make.py [valve] [overdrive] [fuzz] [cabinet]``.

Each capture is recorded from a circuit of ours and trained by ``fxtrain fit``, with fixed seeds and a fixed number of
epochs: 10 to 20 minutes each on one core, and on the same kind of processor the same weights to the bit. What is done
already in the working folder is not done again.
"""

from __future__ import annotations

import argparse
import json
import math
import runpy
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain import engine
from fxtrain.cli import main as fxtrain
from fxtrain.synthetic import Circuit, PairRecipe, get_schematic, simulate, synthesise_guitar, write_pair

MODELS = Path(__file__).resolve().parent
SAMPLE_RATE = 48_000
FRESH_SEED, FRESH_SECONDS = 1001, 30.0


@dataclass(frozen=True)
class Capture:
    """What is captured, and how.

    Attributes:
        name: of the model.
        circuit: of :data:`fxtrain.synthetic.SCHEMATICS`.
        knobs: its settings, 0 to 1.
        based: what it is, for the model file.
        gear_type: the same in a word of the format.
        seed: of the playing.
        seconds: length of the recording.
        epochs: passes over the recording.
        story: what a guitarist wants to know.
    """

    name: str
    circuit: str
    knobs: dict[str, float]
    based: str
    gear_type: str
    seed: int
    seconds: float
    epochs: int
    story: str

    def schematic(self) -> Circuit:
        """The circuit at its settings."""
        return get_schematic(self.circuit, **self.knobs)


CAPTURES = {
    "valve": Capture(
        name="Lowlight Valve",
        circuit="valve",
        knobs={"gain": 0.2},
        based="two 12AX7 stages at the edge of breakup (circuit: valve)",
        gear_type="preamp",
        seed=11,
        seconds=240.0,
        epochs=160,
        story="A valve preamp at the edge of breakup: clean when picked softly or with the guitar turned down, hairy\n"
        "on a hard chord. It is what the plugin plays at first opening.",
    ),
    "overdrive": Capture(
        name="Hillside Drive",
        circuit="overdrive",
        knobs={"drive": 0.55, "tone": 0.6},
        based="soft-clipping overdrive pedal (circuit: overdrive)",
        gear_type="pedal",
        seed=12,
        seconds=480.0,
        epochs=64,
        story="An overdrive pedal with the drive past noon. Bass stays clean and tight, the middle sings, and the\n"
        "clean signal stays in the sum, so picking still shows.",
    ),
    "fuzz": Capture(
        name="Nettle Fuzz",
        circuit="fuzz",
        knobs={"fuzz": 0.75},
        based="two-transistor silicon fuzz (circuit: fuzz)",
        gear_type="pedal",
        seed=13,
        seconds=400.0,
        epochs=90,
        story="A silicon fuzz turned well up: asymmetric, near a square wave on single notes, torn on chords, and\n"
        "clearer when the guitar's volume comes down.",
    ),
}


def dbu(volts_peak: float) -> float:
    """Level of a sine in dBu: 0 dBu is 0.7746 V, the voltage that gives 1 mW in 600 ohm."""
    return 20 * math.log10(volts_peak / math.sqrt(2) / math.sqrt(0.6))


def make_capture(folder_name: str, work: Path) -> None:
    """Records, trains, and writes ``model.json`` and ``card.md``."""
    capture = CAPTURES[folder_name]
    circuit = capture.schematic()
    pair = write_pair(work / "data" / folder_name, PairRecipe(circuit, seconds=capture.seconds, seed=capture.seed))
    run = work / "runs" / folder_name
    arguments = [
        *("fit", str(pair.dry), str(pair.wet), "--out", str(run)),
        *("--preset", "standard", "--epochs", str(capture.epochs), "--seed", "0"),
        *("--name", capture.name, "--author", "fxtrain", "--device-name", capture.based),
        *("--gear-type", capture.gear_type, "--licence", "CC0-1.0"),
        f"--input-dbu={dbu(circuit.input_volts):.2f}",
        f"--output-dbu={dbu(circuit.output_volts):.2f}",
    ]
    if not (run / "metrics.json").exists():
        code = fxtrain(["fit", "--resume", str(run)] if (run / "config.toml").exists() else arguments)
        if code != 0:
            raise SystemExit(code)
    folder = MODELS / folder_name
    folder.mkdir(exist_ok=True)
    shutil.copyfile(run / "model.json", folder / "model.json")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    fresh = esr_of(folder / "model.json", circuit, seed=FRESH_SEED, seconds=FRESH_SECONDS)
    (folder / "card.md").write_text(card(folder_name, capture, circuit, metrics, fresh), encoding="utf-8")
    found = f"ESR {metrics['esr']:.2e}, on fresh playing {fresh:.2e}; FIR {metrics['baselines']['fir']:.3f}"
    sys.stdout.write(f"{folder_name}: {found}\n")


def esr_of(model_file: Path, circuit: Circuit, *, seed: int, seconds: float) -> float:
    """Error-to-signal ratio of a model, as the engine plays it, on playing that training did not see."""
    dry = synthesise_guitar(seconds, SAMPLE_RATE, seed)
    # The recordings went through an interface that lets no DC pass; so does this.
    interface = PairRecipe(circuit).interface
    target = interface.record(simulate(circuit, dry, SAMPLE_RATE).output, SAMPLE_RATE, seed=seed)
    model = engine.load(model_file)
    lag = model.info.lag_frames  # what training has taken out of the wet recording
    played: NDArray[np.float64] = model.process(dry).astype(np.float64)[: len(dry) - lag]
    wet = target[lag:].astype(np.float64)
    return float(np.sum((played - wet) ** 2) / np.sum(wet**2))


def card(folder_name: str, capture: Capture, circuit: Circuit, metrics: dict[str, Any], fresh: float) -> str:
    """What is to be known of a capture."""
    knobs = ", ".join(f"{knob} at {10 * position:g} of 10" for knob, position in capture.knobs.items())
    model, test, baselines = metrics["model"], metrics["test"], metrics["baselines"]
    return f"""# {capture.name}

{capture.story}

| | |
|---|---|
| file | `model.json`: LSTM of {model["hidden_size"]} units, {model["parameters"]} weights, 48 kHz |
| device | the circuit `{capture.circuit}` of `fxtrain.synthetic`, {knobs} |
| levels | full scale is {circuit.input_volts:g} V peak ({dbu(circuit.input_volts):+.1f} dBu for a sine) at the input, \
{circuit.output_volts:g} V peak ({dbu(circuit.output_volts):+.1f} dBu) at the output |
| loudspeaker | none: use a cabinet behind it, such as the one of this folder |
| made by | fxtrain |
| licence | [CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/) |

The device is a schematic of our own, solved at eight times the sample rate; no product was measured, and none is meant.

## How close it is

Error-to-signal ratio (ESR), 0 is exact, 1 is silence:

| | ESR |
|---|---|
| this model, on the last tenth of the recording, which training did not see | **{metrics["esr"]:.2e}** \
({10 * math.log10(metrics["esr"]):.0f} dB) |
| this model, on {FRESH_SECONDS:g} s of other playing (seed {FRESH_SEED}) | {fresh:.2e} |
| the best linear filter (least-squares FIR) | {baselines["fir"]:.3g} |
| the best gain | {baselines["best_gain"]:.3g} |
| the input as it is | {baselines["input"]:.3g} |

Multi-resolution STFT distance {test["mr_stft"]:.3f}. All playing is synthetic (`synthesise_guitar`): real guitars,
basses and other instruments may ask for what it has not met. Nothing louder than full scale was played: beyond, the
model goes on in a straight line, where the circuit would clip harder. Nobody has judged it by ear beside the circuit.

## How it was made

{capture.seconds:g} s of synthetic guitar (seed {capture.seed}) through the circuit and a made-up interface, then
`fxtrain fit` with the standard preset for {capture.epochs} epochs on the CPU. All of it again:

```text
python models/make.py {folder_name}
```
"""


def main() -> None:
    """Makes what was named, or all."""
    parser = argparse.ArgumentParser(description="Make the shipped models and the cabinet response again.")
    names = (*CAPTURES, "cabinet")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; default: all")
    parser.add_argument("--work", type=Path, default=Path("runs/models"), help="recordings and runs; runs/models")
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - set(names)):
        parser.error(f"there is no {', '.join(unknown)}; choose of {', '.join(names)}")
    for name in args.names or names:
        if name == "cabinet":
            runpy.run_path(str(MODELS / "cabinet" / "make.py"), run_name="__main__")
        else:
            make_capture(name, args.work)


if __name__ == "__main__":
    main()
