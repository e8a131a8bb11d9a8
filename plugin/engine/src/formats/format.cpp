// SPDX-License-Identifier: MIT
#include "formats/format.h"

#include "formats/foreign.h"
#include "formats/nam.h"
#include "formats/proteus.h"
#include "formats/rtneural_json.h"
#include "formats/stft_json.h"

namespace fxengine::detail {
namespace {

constexpr Format kFormats[] = {
    {isStftJson, readStftJson},
    {isNam, readNam},
    {isProteus, readProteus},
    {isRtneuralJson, readRtneuralJson},
};

/** Says what a document is instead of a model that is played. */
[[noreturn]] void refuse(const Document& document) {
  const Json& root = document.root;
  if (!root.is_object())
    throw ModelError(document.file, "", kPlayable, describe(root));
  throw ModelError(document.file, root.contains("layers") ? "in_shape" : "layers", kPlayable, "JSON without this key");
}

} // namespace

ModelDescription readDocument(const Document& document) {
  for (const Format& format : kFormats)
    if (format.recognises(document))
      return format.read(document);
  refuse(document);
}

} // namespace fxengine::detail

namespace fxengine {

std::string describeContent(std::string_view content) {
  if (std::string binary = detail::describeBinary(content); !binary.empty())
    return binary;
  try {
    const detail::Document document{"", detail::parseJson(content, "")};
    if (detail::isStftJson(document))
      return "an STFT-domain model of fxtrain";
    return detail::isRtneuralJson(document) ? "an RTNeural JSON model" : detail::describeForeign(document.root);
  } catch (const ModelError&) {
    return {};
  }
}

} // namespace fxengine
