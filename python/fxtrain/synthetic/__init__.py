# SPDX-License-Identifier: MIT
"""Circuits: schematics with component values, solved sample by sample, and recordings made with them.

>>> from fxtrain.synthetic import get_schematic, simulate, synthesise_guitar
>>> dry = synthesise_guitar(1.0, 48000, seed=1)
>>> simulate(get_schematic("overdrive", drive=0.5), dry, 48000).output.shape
(48000,)
"""

from fxtrain.synthetic import devices
from fxtrain.synthetic._components import (
    GROUND,
    Capacitor,
    Circuit,
    Component,
    DiodePair,
    IdealOpAmp,
    Resistor,
    Transconductor,
    Transistor,
    Triode,
    VoltageSource,
    op_amp,
    potentiometer,
)
from fxtrain.synthetic._network import Network, OperatingPoint, Stepper
from fxtrain.synthetic._simulation import Convergence, Recording, simulate
from fxtrain.synthetic.devices import DiodeModel, OpAmpModel, TransistorModel, TriodeModel
from fxtrain.synthetic.guitar import synthesise_guitar
from fxtrain.synthetic.interface import AudioInterface
from fxtrain.synthetic.pair import PairRecipe, RecordedPair, find_pair, write_pair
from fxtrain.synthetic.schematics import SCHEMATICS, get_schematic

__all__ = [
    "GROUND",
    "SCHEMATICS",
    "AudioInterface",
    "Capacitor",
    "Circuit",
    "Component",
    "Convergence",
    "DiodeModel",
    "DiodePair",
    "IdealOpAmp",
    "Network",
    "OpAmpModel",
    "OperatingPoint",
    "PairRecipe",
    "RecordedPair",
    "Recording",
    "Resistor",
    "Stepper",
    "Transconductor",
    "Transistor",
    "TransistorModel",
    "Triode",
    "TriodeModel",
    "VoltageSource",
    "devices",
    "find_pair",
    "get_schematic",
    "op_amp",
    "potentiometer",
    "simulate",
    "synthesise_guitar",
    "write_pair",
]
