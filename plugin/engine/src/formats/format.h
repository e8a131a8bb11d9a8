// SPDX-License-Identifier: MIT
#pragma once

#include "formats/json_field.h"
#include "fxengine/model_loader.h"

#include <string>

namespace fxengine::detail {

/** A file's content, parsed once, for all formats to look at. */
struct Document {
  std::string file; ///< as messages name it
  Json root;
};

/** A kind of model file that is played. */
struct Format {
  /** Whether a document is of this kind, even if it is damaged or asks for too much. */
  bool (*recognises)(const Document& document);
  /** Checks everything that the file declares against what it holds. Throws ModelError. */
  ModelDescription (*read)(const Document& document);
};

/** What can be played, in words: for messages about what cannot. */
inline constexpr const char* kPlayable =
    "an RTNeural JSON model, a .nam file, a Proteus or NeuralPi file, or an STFT model of fxtrain";

/** Reads a document with the format that recognises it. Throws ModelError. */
ModelDescription readDocument(const Document& document);

} // namespace fxengine::detail
