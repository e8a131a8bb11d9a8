// SPDX-License-Identifier: MIT
#include "rtneural_network.h"

#include "fxengine/error.h"

#include <RTNeural/RTNeural.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace fxengine::detail {
namespace {

using RtneuralModel = RTNeural::Model<float>;

/** One RTNeural model per stream: its weights and its state cannot be had apart. */
class RtneuralNetwork final : public Network {
 public:
  RtneuralNetwork(std::string text, int inputSize)
      : text_(std::move(text)), frame_(static_cast<std::size_t>(inputSize), 0.0f) {
    addStream();
  }

  void prepare(int numStreams, int) override {
    while (streams_.size() < static_cast<std::size_t>(numStreams))
      addStream();
    for (const auto& stream : streams_)
      stream->reset();
  }

  void reset(int stream) noexcept FXENGINE_REALTIME override { streams_[static_cast<std::size_t>(stream)]->reset(); }

  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override {
    std::copy_n(positions, frame_.size() - 1, frame_.begin() + 1);
  }

  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override {
    for (int stream = 0; stream < numStreams; ++stream) {
      RtneuralModel& model = *streams_[static_cast<std::size_t>(stream)];
      for (int t = 0; t < numFrames; ++t) {
        frame_[0] = input[stream][t];
        output[stream][t] = model.forward(frame_.data());
      }
    }
  }

 private:
  void addStream() {
    streams_.push_back(RTNeural::json_parser::parseJson<float>(nlohmann::json::parse(text_)));
    streams_.back()->reset();
  }

  std::string text_;
  std::vector<float> frame_; // the audio, then the knobs
  std::vector<std::unique_ptr<RtneuralModel>> streams_;
};

} // namespace

std::unique_ptr<Network> makeRtneuralNetwork(std::string_view text, const std::string& file, int inputSize) {
  try {
    return std::make_unique<RtneuralNetwork>(std::string(text), inputSize);
  } catch (const std::exception& error) {
    throw ModelError(file, "", "a model that RTNeural reads", std::string("its message: ") + error.what());
  }
}

} // namespace fxengine::detail
