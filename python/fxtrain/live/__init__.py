# SPDX-License-Identifier: MIT
"""Playing and recording through sound devices: monitoring through a model.

The audio callback is C++ (:class:`fxtrain._engine.LiveChain`, :class:`fxtrain._engine.PlayRecord`), called by PortAudio
on its own thread; Python opens the stream, shows what goes on and never stands between input and output.
"""
