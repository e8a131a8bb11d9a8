// SPDX-License-Identifier: MIT
#pragma once

#include "formats/json_field.h"
#include "networks/layer_list.h"

namespace fxengine::detail {

/** The last entry of a Keras shape such as [null, null, 16]. */
int lastOfShape(const JsonField& shape, int maximum);

/** Reads `layers`, the first of which has `numInputs` inputs. Throws ModelError. */
LayerList readRtneuralLayers(const JsonField& layers, int numInputs);

std::size_t numWeightsOf(const LayerList& list);

} // namespace fxengine::detail
