# SPDX-License-Identifier: MIT
"""Makes everything in this folder again: ``python models/make.py [NAME ...]``.

Each capture is recorded from a device of ours and trained by ``fxtrain fit``, with fixed seeds and a fixed number of
epochs. That takes 5 to 20 minutes each on one or two cores, and gives the same weights, to the bit, on the same kind of
processor. A capture that is finished in the working folder is not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import runpy
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain import engine
from fxtrain.audio import read_audio, write_audio
from fxtrain.cli import main as fxtrain
from fxtrain.synthetic import SCHEMATICS, Circuit, PairRecipe, get_schematic, simulate, synthesise_guitar, write_pair
from fxtrain.synthetic.effects import get_effect, play_through_cabinet

MODELS = Path(__file__).resolve().parent
SAMPLE_RATE = 48_000
FRESH_SEED, FRESH_SECONDS = 1001, 30.0


@dataclass(frozen=True)
class Capture:
    """What is captured, and how.

    Attributes:
        name: of the model.
        device: a circuit of :data:`fxtrain.synthetic.SCHEMATICS`, or an effect of
            :data:`fxtrain.synthetic.effects.EFFECTS`.
        knobs: settings of a circuit, 0 to 1.
        based: what it is, for the model file.
        gear_type: the same in a word of the format.
        tone_type: how it sounds in a word of the format.
        seed: of the playing.
        seconds: length of the recording.
        epochs: passes over the recording.
        story: what a guitarist wants to know.
        has_cabinet: whether it is recorded through the cabinet of this folder.
        level: of that recording: what the microphone's preamplifier is set to.
        options: further words for ``fit``.
    """

    name: str
    device: str
    based: str
    gear_type: str
    seed: int
    seconds: float
    epochs: int
    story: str
    knobs: dict[str, float] = field(default_factory=dict)
    tone_type: str = ""
    has_cabinet: bool = False
    level: float = 1.0
    options: tuple[str, ...] = ()

    def schematic(self) -> Circuit | None:
        """The circuit at its settings; None of an effect."""
        return get_schematic(self.device, **self.knobs) if self.device in SCHEMATICS else None

    def play(self, dry: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """What is recorded of the device."""
        circuit = self.schematic()
        if circuit is None:
            wet = get_effect(self.device)(dry, SAMPLE_RATE)
        else:
            # Recordings go through an interface that lets no DC pass.
            wet = PairRecipe(circuit).interface.record(
                simulate(circuit, dry, SAMPLE_RATE).output, SAMPLE_RATE, seed=seed
            )
        return self.through_cabinet(wet)

    def through_cabinet(self, wet: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same behind the loudspeaker, if there is one; at level 1 about as loud as before."""
        if not self.has_cabinet:
            return wet
        response = read_audio(MODELS / "cabinet" / "closed-4x12.wav").samples.astype(np.float64)
        return play_through_cabinet(wet, self.level * response / np.linalg.norm(response))

    def record(self, folder: Path) -> tuple[Path, Path]:
        """Dry and wet file in a folder."""
        circuit = self.schematic()
        if circuit is None:
            folder.mkdir(parents=True, exist_ok=True)
            dry, wet = folder / "dry.wav", folder / "wet.wav"
            playing = synthesise_guitar(self.seconds, SAMPLE_RATE, self.seed)
            write_audio(dry, playing, SAMPLE_RATE, "FLOAT")
            write_audio(wet, self.play(playing, self.seed), SAMPLE_RATE, "FLOAT")
            return dry, wet
        pair = write_pair(folder, PairRecipe(circuit, seconds=self.seconds, seed=self.seed))
        if not self.has_cabinet:
            return pair.dry, pair.wet
        recorded = folder / "microphone.wav"
        write_audio(recorded, self.through_cabinet(read_audio(pair.wet).samples), SAMPLE_RATE, "FLOAT")
        return pair.dry, recorded


_BRIEF_WARM_UP = ("--set", "data.warm_up_frames=1024")
"""The default when these captures were made; today it is 4096."""

CAPTURES = {
    "valve": Capture(
        name="Lowlight Valve",
        device="valve",
        knobs={"gain": 0.2},
        based="two 12AX7 stages at the edge of breakup (circuit: valve)",
        gear_type="preamp",
        seed=11,
        seconds=240.0,
        epochs=80,
        options=_BRIEF_WARM_UP,
        story="A valve preamp at the edge of breakup: clean when picked softly or with the guitar turned down, hairy\n"
        "on a hard chord. It is what the plugin plays at first opening.",
    ),
    "overdrive": Capture(
        name="Hillside Drive",
        device="overdrive",
        knobs={"drive": 0.55, "tone": 0.6},
        based="soft-clipping overdrive pedal (circuit: overdrive)",
        gear_type="pedal",
        seed=12,
        seconds=480.0,
        epochs=64,
        options=_BRIEF_WARM_UP,
        story="An overdrive pedal with the drive past noon. Bass stays clean and tight, the middle sings, and the\n"
        "clean signal stays in the sum, so picking still shows.",
    ),
    "fuzz": Capture(
        name="Nettle Fuzz",
        device="fuzz",
        knobs={"fuzz": 0.75},
        based="two-transistor silicon fuzz (circuit: fuzz)",
        gear_type="pedal",
        seed=13,
        seconds=400.0,
        epochs=60,
        story="A silicon fuzz turned well up: asymmetric, near a square wave on single notes, torn on chords, and\n"
        "clearer when the guitar's volume comes down.",
    ),
    "combo": Capture(
        name="Hearthside Combo",
        device="valve",
        knobs={"gain": 0.08},
        based="a clean valve amplifier with its loudspeaker (circuit: valve)",
        gear_type="amp_cab",
        tone_type="clean",
        seed=14,
        seconds=240.0,
        epochs=110,
        has_cabinet=True,
        story="A clean valve amplifier through a closed 4x12, as a microphone hears it: round, with a little hair on\n"
        "the hardest chords. Switch the cabinet panel off behind it.",
    ),
    "stack": Capture(
        name="Northwall Stack",
        device="valve",
        knobs={"gain": 0.75},
        based="a high-gain valve amplifier with its loudspeaker (circuit: valve)",
        gear_type="amp_cab",
        tone_type="hi_gain",
        seed=15,
        seconds=240.0,
        epochs=110,
        has_cabinet=True,
        level=0.4,
        story="The same amplifier turned up, through the same 4x12: thick, compressed, for riffs and leads. Switch\n"
        "the cabinet panel off behind it.",
    ),
    "compressor": Capture(
        name="Slow Lamp",
        device="compressor",
        based="optical compressor (effect: compressor)",
        gear_type="pedal",
        tone_type="clean",
        seed=16,
        seconds=240.0,
        epochs=20,
        options=(*_BRIEF_WARM_UP, "--set", "envelopes=on"),
        story="An optical compressor: it evens out picking within 15 ms and lets go in two stages, of 80 ms and of\n"
        "more than a second. Put it into the pedal slot in front of an amplifier, and keep its input within\n"
        "full scale: far beyond, it rumbles for some seconds afterwards.",
    ),
}


def dbu(volts_peak: float) -> float:
    """Level of a sine in dBu: 0 dBu is 0.7746 V, the voltage that gives 1 mW in 600 ohm."""
    return 20 * math.log10(volts_peak / math.sqrt(2) / math.sqrt(0.6))


def make_capture(folder_name: str, work: Path) -> None:
    """Records, trains, and writes ``model.json`` and ``card.md``."""
    capture = CAPTURES[folder_name]
    dry, wet = capture.record(work / "data" / folder_name)
    run = work / "runs" / folder_name
    arguments = [
        *("fit", str(dry), str(wet), "--out", str(run)),
        *("--preset", "standard", "--epochs", str(capture.epochs), "--seed", "0"),
        *("--name", capture.name, "--author", "fxtrain", "--device-name", capture.based),
        *("--gear-type", capture.gear_type, "--licence", "CC0-1.0"),
        *capture.options,
    ]
    if capture.tone_type:
        arguments += ["--tone-type", capture.tone_type]
    circuit = capture.schematic()
    if circuit is not None:
        arguments.append(f"--input-dbu={dbu(circuit.input_volts):.2f}")
        if not capture.has_cabinet:  # behind a microphone it depends on the microphone
            arguments.append(f"--output-dbu={dbu(circuit.output_volts):.2f}")
    if not (run / "metrics.json").exists():
        code = fxtrain(["fit", "--resume", str(run)] if (run / "config.toml").exists() else arguments)
        if code != 0:
            raise SystemExit(code)
    folder = MODELS / folder_name
    folder.mkdir(exist_ok=True)
    shutil.copyfile(run / "model.json", folder / "model.json")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    fresh = esr_of(folder / "model.json", capture, seed=FRESH_SEED, seconds=FRESH_SECONDS)
    (folder / "card.md").write_text(card(folder_name, capture, metrics, fresh), encoding="utf-8")
    found = f"ESR {metrics['esr']:.2e}, on fresh playing {fresh:.2e}; FIR {metrics['baselines']['fir']:.3f}"
    sys.stdout.write(f"{folder_name}: {found}\n")


def esr_of(model_file: Path, capture: Capture, *, seed: int, seconds: float) -> float:
    """Error-to-signal ratio of a model, as the engine plays it, on playing that training did not see."""
    dry = synthesise_guitar(seconds, SAMPLE_RATE, seed)
    target = capture.play(dry, seed)
    model = engine.load(model_file)
    lag = model.info.lag_frames  # what training has taken out of the wet recording
    played: NDArray[np.float64] = model.process(dry).astype(np.float64)[: len(dry) - lag]
    wet = target[lag:].astype(np.float64)
    return float(np.sum((played - wet) ** 2) / np.sum(wet**2))


def card(folder_name: str, capture: Capture, metrics: dict[str, Any], fresh: float) -> str:
    """What is to be known of a capture."""
    circuit = capture.schematic()
    knobs = "".join(f", {knob} at {10 * position:g} of 10" for knob, position in capture.knobs.items())
    loudspeaker = "none: use a cabinet behind it, such as the one of this folder"
    if capture.has_cabinet:
        loudspeaker = "in the capture: `cabinet/closed-4x12.wav`. Use no other behind it"
    elif circuit is None:
        loudspeaker = "none: it belongs in front of an amplifier"
    levels, solved = "", "The device is made of arithmetic of our own"
    if circuit is not None:
        out = f"{circuit.output_volts:g} V peak ({dbu(circuit.output_volts):+.1f} dBu) at the output"
        out = "what a microphone makes of it at the output" if capture.has_cabinet else out
        levels = (
            f"| levels | full scale is {circuit.input_volts:g} V peak ({dbu(circuit.input_volts):+.1f} dBu for a sine) "
            f"at the input, {out} |\n"
        )
        solved = "The device is a schematic of our own, solved at eight times the sample rate"
    through = "the device" if circuit is None else "the circuit and a made-up interface"
    through += ", then the cabinet" if capture.has_cabinet else ""
    model, test, baselines = metrics["model"], metrics["test"], metrics["baselines"]
    return f"""# {capture.name}

{capture.story}

| | |
|---|---|
| file | `model.json`: LSTM of {model["hidden_size"]} units, {model["parameters"]} weights, 48 kHz |
| device | the {"effect" if circuit is None else "circuit"} `{capture.device}` of `fxtrain.synthetic`{knobs} |
{levels}| loudspeaker | {loudspeaker} |
| made by | fxtrain |
| licence | [CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/) |

{solved}; no product was measured, and none is meant.

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
basses and other instruments may ask for what it has not met. Nothing louder than full scale was recorded. With input
12 dB louder, the model's highest output is {metrics["loud"]["peak"]:.2g} times full scale; the device may differ
there. Nobody has compared the two by ear.

## How it was made

{capture.seconds:g} s of synthetic guitar (seed {capture.seed}) through {through}; then
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
