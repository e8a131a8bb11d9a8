// SPDX-License-Identifier: MIT
#include "self_test.h"

#include "fxengine/realtime/flush_denormals.h"
#include "work.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fxengine::detail {
namespace {

constexpr double kLeastTolerance = 1e-5;

/** How many of `numFrames` frames, latency and all, fit into ModelLimits::kMaxTestWork. */
std::size_t framesToPlay(std::size_t numFrames, int latency, const ModelInfo& info) {
  const double most = std::max(ModelLimits::kMaxTestWork / workOfFrame(info) - latency, 0.0);
  return std::min(numFrames, static_cast<std::size_t>(most));
}

/** Frames of [audio, knobs ...], with silence after their end. */
struct Frames {
  const std::vector<float>& values;
  std::size_t numInputs;

  std::size_t size() const { return values.size() / numInputs; }
  float audio(std::size_t frame) const { return frame < size() ? values[frame * numInputs] : 0.0f; }
  const float* knobs(std::size_t frame) const { return &values[std::min(frame, size() - 1) * numInputs] + 1; }
};

/** Plays frames from zero state.
    @return  the output for the first `count` of them, without the latency that precedes it */
std::vector<float> playFrames(Network& network, const Frames& frames, std::size_t count) {
  const ScopedFlushDenormals flushDenormals; // as when it is played; tiny weights would take a hundred times as long
  if (count == 0)
    return {};
  const auto latency = static_cast<std::size_t>(network.latencyFrames());
  std::vector<float> output(count + latency);
  std::vector<float> audio(Model::kMaxPart);
  network.prepare(1, Model::kMaxPart);
  std::size_t size = 0;
  for (std::size_t start = 0; start < output.size(); start += size) {
    // Knobs keep one position within a call: a block ends where they move.
    const float* knobs = frames.knobs(start);
    const std::size_t most = std::min(audio.size(), output.size() - start);
    for (size = 0; size < most; ++size) {
      if (!std::equal(knobs, knobs + frames.numInputs - 1, frames.knobs(start + size)))
        break;
      audio[size] = frames.audio(start + size);
    }
    const float* in = audio.data();
    float* out = output.data() + start;
    network.setKnobs(knobs);
    network.process(&in, &out, 1, static_cast<int>(size));
  }
  output.erase(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(latency));
  return output;
}

std::string place(const TestVectors& vectors, std::size_t frame) {
  return vectors.outputField + "[" + std::to_string(frame) + "]";
}

std::vector<float> decayingChord(std::size_t numInputs) {
  constexpr std::size_t kNumFrames = 4096;
  std::vector<float> frames(kNumFrames * numInputs, 0.0f);
  for (std::size_t t = 0; t < kNumFrames; ++t) {
    const auto time = static_cast<double>(t);
    const double chord = std::sin(0.0108 * time) + std::sin(0.0162 * time) + std::sin(0.0216 * time);
    frames[t * numInputs] = static_cast<float>(chord / 6.0 * std::exp(-time / kNumFrames));
  }
  return frames;
}

} // namespace

std::optional<SelfTest> runSelfTest(const ModelDescription& description, Network& network,
                                    std::vector<std::string>& notes) {
  if (!description.vectors)
    return std::nullopt;
  const TestVectors& vectors = *description.vectors;
  const Frames frames{vectors.input, static_cast<std::size_t>(description.info.numInputs)};
  const std::size_t numFrames = framesToPlay(frames.size(), network.latencyFrames(), description.info);
  if (numFrames < frames.size()) {
    notes.push_back("the self-test played the first " + std::to_string(numFrames) + " of " +
                    std::to_string(frames.size()) + " frames of test vectors");
  }
  const std::vector<float> played = playFrames(network, frames, numFrames);

  SelfTest test;
  test.numFrames = static_cast<int>(numFrames);
  test.tolerance = std::max(kLeastTolerance, 3.0 * vectors.error);
  std::size_t worst = 0;
  for (std::size_t frame = 0; frame < numFrames; ++frame) {
    const double error = std::abs(double{played[frame]} - double{vectors.output[frame]});
    if (std::isnan(error))
      throw ModelError(description.file, place(vectors, frame), "a finite output", "NaN from the network");
    if (error > test.maxError) {
      test.maxError = error;
      worst = frame;
    }
  }
  if (!(test.maxError <= test.tolerance)) {
    char found[64];
    std::snprintf(found, sizeof found, "one that is %.3g away", test.maxError);
    char bound[96];
    std::snprintf(bound, sizeof bound, "the network's output within %.3g (the file's own test vectors)",
                  test.tolerance);
    throw ModelError(description.file, place(vectors, worst), bound, found,
                     "the weights or the vectors are damaged: export the model again");
  }
  return test;
}

std::string describeApproximation(const std::string& what, const ModelDescription& description, Network& exact,
                                  Network& approximate) {
  const auto numInputs = static_cast<std::size_t>(description.info.numInputs);
  const std::vector<float> values = description.vectors ? description.vectors->input : decayingChord(numInputs);
  const Frames frames{values, numInputs};
  const std::size_t numFrames = framesToPlay(frames.size(), exact.latencyFrames(), description.info);
  const std::vector<float> before = playFrames(exact, frames, numFrames);
  const std::vector<float> after = playFrames(approximate, frames, numFrames);
  double greatest = 0.0;
  double error = 0.0;
  double energy = 1e-30;
  for (std::size_t t = 0; t < before.size(); ++t) {
    const double difference = double{after[t]} - double{before[t]};
    greatest = std::max(greatest, std::abs(difference));
    error += difference * difference;
    energy += double{before[t]} * double{before[t]};
  }
  char text[192];
  std::snprintf(text, sizeof text,
                ": the error is %.1f dB below the output, "
                "%.2g of full scale at most (on %s)",
                -10.0 * std::log10(error / energy + 1e-30), greatest,
                description.vectors ? "the file's test vectors" : "a decaying chord");
  return what + text;
}

} // namespace fxengine::detail
