// SPDX-License-Identifier: MIT
#pragma once

#include "formats/json_field.h"
#include "networks/layer_list.h"

namespace fxengine::detail {

/** The last entry of a Keras shape such as [null, null, 16]. */
int lastOfShape(const JsonField& shape, int maximum);

/** Reads `layers`, the first of which has `numInputs` inputs, the last `numOutputs` outputs. Throws ModelError. */
LayerList readRtneuralLayers(const JsonField& layers, int numInputs, int numOutputs = 1);

std::size_t numWeightsOf(const LayerList& list);

/** Fails for recurrent weights that no audio model has and the activations are not made for. */
void requireModerate(const JsonField& weights, const LayerData& layer);

} // namespace fxengine::detail
