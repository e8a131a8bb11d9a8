// SPDX-License-Identifier: MIT
#include "rtneural_network.h"

#include "fxengine/error.h"

#include <RTNeural/RTNeural.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fxengine::detail {
namespace {

using RtneuralModel = RTNeural::Model<float>;

/** One RTNeural model per stream: its weights and its state cannot be had apart, so that its state at rest cannot be
    kept. rest() leaves a stream that has played nothing but the silence of captureRest() as it is, and clears others.
 */
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
    streams_.push_back(RTNeural::json_parser::parseJson<float>(nlohmann::json::parse(text_)));
    streams_.back()->reset();
  }

  std::string text_;
  std::vector<float> frame_; // the audio, then the knobs
  std::vector<std::unique_ptr<RtneuralModel>> streams_;
  std::vector<char> isAtRest_;
  std::int64_t numFrames_ = 0; // of stream 0, since it was cleared
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
