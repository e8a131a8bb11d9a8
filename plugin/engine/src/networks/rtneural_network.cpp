// SPDX-License-Identifier: MIT
#include "networks/rtneural_network.h"

#include "fxengine/error.h"

#include <RTNeural/RTNeural.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fxengine::detail {
namespace {

using Json = nlohmann::json;
using RtneuralModel = RTNeural::Model<float>;

/** Rows of a matrix that lies in one piece. */
Json rowsOf(const std::vector<float>& values, int numRows) {
  Json rows = Json::array();
  const auto size = static_cast<std::ptrdiff_t>(values.size()) / numRows;
  for (std::ptrdiff_t row = 0; row < numRows; ++row)
    rows.push_back(std::vector<float>(values.begin() + row * size, values.begin() + (row + 1) * size));
  return rows;
}

/** [tap][input][output], groups written out. */
Json tapsOf(const ConvData& conv) {
  Json taps = Json::array();
  for (int tap = 0; tap < conv.kernel; ++tap) {
    std::vector<float> matrix;
    for (int input = 0; input < conv.inputs; ++input)
      for (int output = 0; output < conv.outputs; ++output)
        matrix.push_back(conv.weights[static_cast<std::size_t>((output * conv.inputs + input) * conv.kernel + tap)]);
    taps.push_back(rowsOf(matrix, conv.inputs));
  }
  return taps;
}

Json weightsOf(const LayerData& layer) {
  const int in = layer.info.inputSize, out = layer.info.outputSize;
  switch (layer.kind) {
  case LayerData::Kind::dense:
    return {rowsOf(layer.weights, in), layer.bias};
  case LayerData::Kind::lstm:
    return {rowsOf(layer.weights, in), rowsOf(layer.recurrentWeights, out), layer.bias};
  case LayerData::Kind::gru:
    return {rowsOf(layer.weights, in), rowsOf(layer.recurrentWeights, out), rowsOf(layer.bias, 2)};
  case LayerData::Kind::conv1d:
    return {tapsOf(*layer.conv), layer.conv->bias};
  case LayerData::Kind::prelu:
    return {{layer.weights}};
  case LayerData::Kind::batchnorm: // of mean 0 and variance 1
    return {layer.weights, layer.bias, std::vector<float>(layer.bias.size(), 0.0f),
            std::vector<float>(layer.bias.size(), 1.0f)};
  case LayerData::Kind::activation:
    break;
  }
  return Json::array();
}

/** The layers in RTNeural's layout. */
Json documentOf(const LayerList& list) {
  Json document = {{"in_shape", {nullptr, nullptr, list.numInputs()}}, {"layers", Json::array()}};
  for (const LayerData& layer : list.layers) {
    Json entry = {{"type", layer.info.type},
                  {"activation", activationName(layer.activation)},
                  {"shape", {nullptr, nullptr, layer.info.outputSize}},
                  {"weights", weightsOf(layer)}};
    if (layer.conv) {
      entry["kernel_size"] = {layer.conv->kernel};
      entry["dilation"] = {layer.conv->dilation};
      entry["groups"] = 1;
    }
    if (layer.kind == LayerData::Kind::batchnorm)
      entry["epsilon"] = 0.0;
    document["layers"].push_back(std::move(entry));
  }
  return document;
}

std::optional<int> receptiveFramesOf(const LayerList& list) {
  int frames = 1;
  for (const LayerData& layer : list.layers) {
    if (layer.isRecurrent())
      return std::nullopt;
    frames += layer.conv ? layer.conv->reach() : 0;
  }
  return frames;
}

/** One RTNeural model per stream: its weights and its state cannot be had apart, so that its state at rest cannot be
    kept. rest() leaves a stream that has played nothing but the silence of captureRest() as it is, and clears others.
 */
class RtneuralNetwork final : public Network {
 public:
  explicit RtneuralNetwork(const LayerList& list)
      : document_(documentOf(list)), frame_(static_cast<std::size_t>(list.numInputs()), 0.0f),
        receptiveFrames_(receptiveFramesOf(list)) {
    addStream();
  }

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return 0; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override { return receptiveFrames_; }
  bool canOversample() const noexcept FXENGINE_REALTIME override { return true; }
  NetworkSummary summary() const override {
    NetworkSummary summary;
    summary.backend = "rtneural";
    return summary;
  }

  void prepare(int numStreams, int) override {
    while (streams_.size() < static_cast<std::size_t>(numStreams))
      addStream();
    for (const auto& stream : streams_)
      stream->reset();
    isAtRest_.assign(streams_.size(), false);
  }

  void reset(int stream) noexcept FXENGINE_REALTIME override {
    streams_[static_cast<std::size_t>(stream)]->reset();
    isAtRest_[static_cast<std::size_t>(stream)] = false;
    if (stream == 0)
      numFrames_ = 0;
  }

  void captureRest() override {
    std::fill(isAtRest_.begin(), isAtRest_.end(), true);
    frame_[0] = 0.0f;
    for (std::size_t stream = 1; stream < streams_.size(); ++stream) {
      streams_[stream]->reset();
      for (std::int64_t t = 0; t < numFrames_; ++t)
        streams_[stream]->forward(frame_.data());
    }
  }

  void rest(int stream) noexcept FXENGINE_REALTIME override {
    if (!isAtRest_[static_cast<std::size_t>(stream)])
      reset(stream);
  }

  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override {
    std::copy_n(positions, frame_.size() - 1, frame_.begin() + 1);
  }

  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override {
    numFrames_ += numFrames;
    for (int stream = 0; stream < numStreams; ++stream) {
      isAtRest_[static_cast<std::size_t>(stream)] = false;
      RtneuralModel& model = *streams_[static_cast<std::size_t>(stream)];
      for (int t = 0; t < numFrames; ++t) {
        frame_[0] = input[stream][t];
        output[stream][t] = model.forward(frame_.data());
      }
    }
  }

 private:
  void addStream() {
    isAtRest_.push_back(false);
    streams_.push_back(RTNeural::json_parser::parseJson<float>(document_));
    streams_.back()->reset();
  }

  Json document_;
  std::vector<float> frame_; // the audio, then the knobs
  std::vector<std::unique_ptr<RtneuralModel>> streams_;
  std::optional<int> receptiveFrames_;
  std::vector<char> isAtRest_;
  std::int64_t numFrames_ = 0; // of stream 0, since it was cleared
};

} // namespace

std::unique_ptr<Network> makeRtneuralNetwork(const LayerList& list, const std::string& file) {
  try {
    return std::make_unique<RtneuralNetwork>(list);
  } catch (const std::exception& error) {
    throw ModelError(file, "", "a model that RTNeural reads", std::string("its message: ") + error.what());
  }
}

} // namespace fxengine::detail
