// SPDX-License-Identifier: MIT
#include "networks/stft_network.h"

#include "dsp/real_fft.h"
#include "fxengine/layers/layer.h"
#include "fxengine/simd/isa.h"
#include "simd/aligned.h"
#include "simd/convolution.h"
#include "simd/kernels.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kLeastMagnitude = 1e-3; // below, the phase is that of rounding errors

std::size_t size(int count) { return static_cast<std::size_t>(count); }

/** Layers that take and give several values, for one frame at a time. */
class VectorLayers {
 public:
  VectorLayers(const LayerList& list, const LoadOptions& options) : layers_(buildLayers(list, options)) {}

  int numLayers() const noexcept { return static_cast<int>(layers_.size()); }
  double work(int index) const noexcept {
    const Layer& layer = *layers_[size(index)];
    return static_cast<double>(layer.inputSize() + layer.outputSize()) * layer.outputSize();
  }

  void prepare(int numStreams) {
    int widest = layers_.front()->inputSize();
    for (const auto& layer : layers_) {
      layer->prepare(numStreams);
      widest = std::max(widest, layer->outputSize());
    }
    const std::size_t stride = (size(Layer::frameStride(widest)) + 15) / 16 * 16;
    memory_.assign(2 * size(numStreams) * stride, 0.0f);
    float* next = memory_.data();
    for (std::vector<float*>& side : buffers_) {
      side.clear();
      for (int stream = 0; stream < numStreams; ++stream, next += stride)
        side.push_back(next);
    }
  }

  /** Where a stream's frame goes, and where the answer is once all layers have played. */
  float* input(int stream) noexcept { return buffers_[0][size(stream)]; }
  const float* output(int stream) noexcept { return buffers_[size(numLayers() % 2)][size(stream)]; }

  /** One layer, for the first `numStreams` streams. */
  void play(int index, int numStreams) noexcept {
    layers_[size(index)]->process(buffers_[size(index % 2)].data(), buffers_[size((index + 1) % 2)].data(), numStreams,
                                  1);
  }

  template <class Function> void forEach(Function function) {
    for (const auto& layer : layers_)
      function(*layer);
  }

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
  simd::AlignedFloats memory_;
  std::vector<float*> buffers_[2]; // per stream: a layer reads one and writes the other
};

// A hop's frames come in while those of the hop before are worked on and those of the one before that go out:
//
//   in     | hop k        | hop k + 1        | hop k + 2    |
//   work                  | transform of k   |
//   out                                      | hop k - 1    |   what is complete with the transform of k
//
// The work is a list of tasks in a fixed order, begun as the frames come in, so that no block has all of it.
//
// The filters along the hops read more than a second-level cache holds: spectra and taps of a megabyte for each hop. So
// their later taps are worked out for four hops at once, some frequencies in each of the four hops before: what these
// taps look at is known by then.
class StftNetwork final : public Network {
 public:
  StftNetwork(std::shared_ptr<const StftData> data, const LoadOptions& options, const std::string& file);

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return 3 * data_->hop; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override { return std::nullopt; }
  bool canOversample() const noexcept FXENGINE_REALTIME override { return false; }
  NetworkSummary summary() const override { return summary_; }
  void prepare(int numStreams, int maxFrames) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override;
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  void setKnobs(const float*) noexcept FXENGINE_REALTIME override {}
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  static constexpr int kGroup = simd::kSlidingSums; // hops whose later taps are worked out together
  enum class Task { transform, features, layer, apply, filter, tail, inverse };
  struct Step {
    Task task;
    int index;    // signal, layer or tile
    double begin; // share of the hop's work that precedes it
  };
  struct Signal {
    std::vector<float> past;                    // the last nFft frames
    std::vector<float> frame;                   // the same, windowed, of the hop that is worked on
    std::vector<std::complex<double>> spectrum; // of it
    simd::AlignedFloats ring;                   // [tile][slot]: masked spectra
  };
  struct Stream {
    std::vector<Signal> signals;
    simd::AlignedFloats sum; // [tile]
    // Of the later taps, [tile][hop of the group]: of this group, and of the next one as far as that has been worked
    // out.
    simd::AlignedFloats tails, nextTails;
    std::vector<std::complex<double>> answer;
    std::vector<float> overlap, next, out; // one hop each: left of the last transform, worked out, going out
    int newest = 0;                        // slot of the ring
  };

  void plan();
  void plan(int hop);
  void run(const Step& step, int numStreams) noexcept;
  void run(const Step& step, Stream& stream, int index) noexcept;
  void beginHop(Stream& stream) noexcept;
  void endHop(Stream& stream) noexcept;
  void findFeatures(const Stream& stream, float* features) const noexcept;
  void applyMasks(Stream& stream, const float* answers) noexcept;
  void applyMagnitudes(Stream& stream, const float* answers) noexcept;
  void filter(Stream& stream, int signal, int tile) noexcept;
  void filterTails(Stream& stream, int tile) noexcept;
  void invert(Stream& stream) noexcept;
  void begin() noexcept;
  void clear(Stream& stream) noexcept;
  static void copy(const Stream& from, Stream& to) noexcept;
  int numTiles() const noexcept { return (data_->numBins() + simd::kTileBins - 1) / simd::kTileBins; }
  int filterStride() const noexcept { return (data_->memory + kGroup - 1) * simd::kTileFloats; }
  /** Taps that are left for the groups: the others look at hops of the group itself or of the one before. */
  int numTailTaps() const noexcept { return std::max(data_->memory - kGroup - 1, 0); }

  std::shared_ptr<const StftData> data_;
  NetworkSummary summary_;
  RealFft fft_;
  std::vector<float> analysis_, synthesis_;
  struct Place {
    int band;    // the lower one of the two whose triangles a bin lies in
    float share; // of the upper one
  };
  std::vector<Place> places_; // per bin
  double scale_ = 1.0;        // makes the magnitude of a sine of full scale 1
  VectorLayers layers_;
  std::unique_ptr<Network> branch_;
  simd::MultiplyTilesFunction multiplyTiles_ = nullptr;
  simd::MultiplySlidingTilesFunction multiplySlidingTiles_ = nullptr;
  std::vector<simd::AlignedFloats> filters_; // per signal: [tile][hop], with kGroup - 1 taps of zero at the end
  std::vector<Step> steps_[kGroup];          // of each hop of a group
  std::vector<Stream> streams_;
  Stream resting_; // of one stream; without signals until it is known
  std::vector<float> branchOutput_;
  std::vector<float*> branchPointers_;
  std::vector<float> frame_;
  int position_ = 0; // frames of the hop that have come in
  int hop_ = 0;      // of the group, that is worked on
  std::size_t done_ = 0;
};

StftNetwork::StftNetwork(std::shared_ptr<const StftData> data, const LoadOptions& options, const std::string& file)
    : data_(std::move(data)), fft_(data_->nFft), layers_(data_->isMask() ? data_->masks : data_->spectrum, options) {
  summary_.backend = "fxengine";
  summary_.isa = simd::isaName(simd::isaInUse());
  const std::vector<double> windows = asymmetricWindows(data_->nFft, data_->hop);
  analysis_.assign(windows.begin(), windows.begin() + data_->nFft);
  synthesis_.assign(windows.begin() + data_->nFft, windows.end());
  double total = 0.0;
  for (const float value : analysis_)
    total += value;
  scale_ = 2.0 / total;
  frame_.resize(size(data_->nFft));
  if (!data_->isMask()) {
    plan();
    return;
  }
  if (!data_->branch.layers.empty())
    branch_ = buildNetwork(data_->branch, options, file);
  for (const double position : bandPositions(data_->numBins(), data_->numBands, data_->sampleRate)) {
    const int band = std::min(static_cast<int>(position), std::max(data_->numBands - 2, 0));
    places_.push_back({band, static_cast<float>(position - band)});
  }
  const std::size_t stride = size(filterStride());
  for (int signal = 0; signal < data_->numSignals(); ++signal) {
    simd::AlignedFloats& tiles = filters_.emplace_back();
    tiles.assign(size(numTiles()) * stride, 0.0f);
    for (int hop = 0; hop < data_->memory; ++hop) {
      for (int bin = 0; bin < data_->numBins(); ++bin) {
        const float* value =
            data_->filters.data() +
            2 * ((size(signal) * size(data_->memory) + size(hop)) * size(data_->numBins()) + size(bin));
        float* tile = tiles.data() + size(bin / simd::kTileBins) * stride + size(hop) * simd::kTileFloats;
        tile[bin % simd::kTileBins] = value[0];
        tile[simd::kTileBins + bin % simd::kTileBins] = value[1];
      }
    }
  }
  plan();
}

/** The tasks of each hop of a group in their order, with what they cost: in multiplications of a kernel, about. A
    transform multiplies one number at a time, so it costs more than it has multiplications. */
void StftNetwork::plan() {
  for (int hop = 0; hop < kGroup; ++hop)
    plan(hop);
}

void StftNetwork::plan(int hop) {
  const double transform = 16.0 * data_->nFft * std::log2(static_cast<double>(data_->nFft));
  std::vector<std::pair<Step, double>> found;
  const auto add = [&](Task task, int index, double work) { found.push_back({{task, index, 0.0}, work}); };
  for (int signal = 0; signal < data_->numSignals(); ++signal)
    add(Task::transform, signal, transform);
  add(Task::features, 0, 8.0 * data_->numBins());
  for (int layer = 0; layer < layers_.numLayers(); ++layer)
    add(Task::layer, layer, layers_.work(layer));
  add(Task::apply, 0, 8.0 * data_->numSignals() * data_->numBins());
  if (data_->isMask()) {
    for (int index = 0; index < data_->numSignals() * numTiles(); ++index)
      add(Task::filter, index, 4.0 * std::min(kGroup + hop + 1, data_->memory) * simd::kTileBins);
    for (int tile = hop * numTiles() / kGroup; numTailTaps() > 0 && tile < (hop + 1) * numTiles() / kGroup; ++tile)
      add(Task::tail, tile, 4.0 * kGroup * data_->numSignals() * numTailTaps() * simd::kTileBins);
  }
  add(Task::inverse, 0, transform);
  double total = 0.0;
  for (const auto& [step, work] : found)
    total += work;
  double begin = 0.0;
  for (auto& [step, work] : found) {
    step.begin = begin / total;
    begin += work;
    steps_[hop].push_back(step);
  }
}

void StftNetwork::prepare(int numStreams, int maxFrames) {
  multiplyTiles_ = simd::kernelsInUse().multiplyTiles;
  multiplySlidingTiles_ = simd::kernelsInUse().multiplySlidingTiles;
  layers_.prepare(numStreams);
  if (branch_) {
    branch_->prepare(numStreams, maxFrames);
    branchOutput_.assign(size(numStreams) * size(maxFrames), 0.0f);
    branchPointers_.clear();
    for (int stream = 0; stream < numStreams; ++stream)
      branchPointers_.push_back(branchOutput_.data() + size(stream) * size(maxFrames));
  }
  streams_.assign(size(numStreams), {});
  resting_ = {};
  for (Stream& stream : streams_) {
    stream.signals.resize(size(data_->numSignals()));
    for (Signal& signal : stream.signals) {
      signal.past.resize(size(data_->nFft));
      signal.frame.resize(size(data_->nFft));
      signal.spectrum.resize(size(data_->numBins()));
      if (data_->isMask())
        signal.ring.resize(size(numTiles()) * size(data_->memory) * simd::kTileFloats);
    }
    stream.sum.resize(size(numTiles()) * simd::kTileFloats);
    if (data_->isMask())
      for (simd::AlignedFloats* tails : {&stream.tails, &stream.nextTails})
        tails->resize(size(numTiles()) * kGroup * simd::kTileFloats);
    stream.answer.resize(size(data_->numBins()));
    for (std::vector<float>* hop : {&stream.overlap, &stream.next, &stream.out})
      hop->resize(size(data_->hop));
    clear(stream);
  }
  begin();
}

void StftNetwork::begin() noexcept {
  position_ = 0;
  hop_ = kGroup - 1;
  done_ = steps_[hop_].size(); // there is no hop to work on yet
}

void StftNetwork::clear(Stream& stream) noexcept {
  for (Signal& signal : stream.signals) {
    for (std::vector<float>* part : {&signal.past, &signal.frame})
      std::fill(part->begin(), part->end(), 0.0f);
    std::fill(signal.spectrum.begin(), signal.spectrum.end(), 0.0);
    std::fill(signal.ring.begin(), signal.ring.end(), 0.0f);
  }
  for (simd::AlignedFloats* sums : {&stream.sum, &stream.tails, &stream.nextTails})
    std::fill(sums->begin(), sums->end(), 0.0f);
  std::fill(stream.answer.begin(), stream.answer.end(), 0.0);
  for (std::vector<float>* hop : {&stream.overlap, &stream.next, &stream.out})
    std::fill(hop->begin(), hop->end(), 0.0f);
  stream.newest = 0;
}

void StftNetwork::reset(int stream) noexcept {
  clear(streams_[size(stream)]);
  layers_.forEach([&](Layer& layer) { layer.reset(stream); });
  if (branch_)
    branch_->reset(stream);
  if (stream == 0)
    begin();
}

void StftNetwork::captureRest() {
  resting_ = streams_.front();
  layers_.forEach([](Layer& layer) { layer.captureRest(); });
  if (branch_)
    branch_->captureRest();
}

/** In silence all hops are alike, and so are all groups, so it does not matter where in one the state was taken. */
void StftNetwork::rest(int stream) noexcept {
  reset(stream);
  if (!resting_.signals.empty())
    copy(resting_, streams_[size(stream)]);
  layers_.forEach([&](Layer& layer) { layer.rest(stream); });
  if (branch_)
    branch_->rest(stream);
}

/** Between streams of one size: allocates nothing. */
void StftNetwork::copy(const Stream& from, Stream& to) noexcept {
  for (std::size_t index = 0; index < from.signals.size(); ++index) {
    const Signal& source = from.signals[index];
    Signal& target = to.signals[index];
    std::copy(source.past.begin(), source.past.end(), target.past.begin());
    std::copy(source.frame.begin(), source.frame.end(), target.frame.begin());
    std::copy(source.spectrum.begin(), source.spectrum.end(), target.spectrum.begin());
    std::copy(source.ring.begin(), source.ring.end(), target.ring.begin());
  }
  std::copy(from.sum.begin(), from.sum.end(), to.sum.begin());
  std::copy(from.tails.begin(), from.tails.end(), to.tails.begin());
  std::copy(from.nextTails.begin(), from.nextTails.end(), to.nextTails.begin());
  std::copy(from.answer.begin(), from.answer.end(), to.answer.begin());
  std::copy(from.overlap.begin(), from.overlap.end(), to.overlap.begin());
  std::copy(from.next.begin(), from.next.end(), to.next.begin());
  std::copy(from.out.begin(), from.out.end(), to.out.begin());
  to.newest = from.newest;
}

void StftNetwork::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  if (branch_)
    branch_->process(input, branchPointers_.data(), numStreams, numFrames);
  for (int offset = 0; offset < numFrames;) {
    const int count = std::min(data_->hop - position_, numFrames - offset);
    for (int index = 0; index < numStreams; ++index) {
      Stream& stream = streams_[size(index)];
      const int at = data_->nFft - data_->hop + position_;
      std::copy_n(input[index] + offset, count, stream.signals[0].past.data() + at);
      if (branch_)
        std::copy_n(branchPointers_[size(index)] + offset, count, stream.signals[1].past.data() + at);
    }
    for (int index = 0; index < numStreams; ++index)
      std::copy_n(streams_[size(index)].out.data() + position_, count, output[index] + offset);
    position_ += count;
    offset += count;
    const double due = static_cast<double>(position_) / data_->hop;
    const std::vector<Step>& steps = steps_[hop_];
    for (; done_ < steps.size() && steps[done_].begin < due; ++done_)
      run(steps[done_], numStreams);
    if (position_ == data_->hop) {
      hop_ = (hop_ + 1) % kGroup;
      for (int index = 0; index < numStreams; ++index) {
        endHop(streams_[size(index)]);
        beginHop(streams_[size(index)]);
      }
      position_ = 0;
      done_ = 0;
    }
  }
}

/** Has what was worked out go out. */
void StftNetwork::endHop(Stream& stream) noexcept { std::swap(stream.out, stream.next); }

/** Takes the frames that have come in. */
void StftNetwork::beginHop(Stream& stream) noexcept {
  if (hop_ == 0)
    std::swap(stream.tails, stream.nextTails);
  for (Signal& signal : stream.signals) {
    for (std::size_t n = 0; n < signal.frame.size(); ++n)
      signal.frame[n] = analysis_[n] * signal.past[n];
    std::copy(signal.past.begin() + data_->hop, signal.past.end(), signal.past.begin());
  }
}

void StftNetwork::run(const Step& step, int numStreams) noexcept {
  if (step.task == Task::layer)
    return layers_.play(step.index, numStreams);
  for (int index = 0; index < numStreams; ++index)
    run(step, streams_[size(index)], index);
}

void StftNetwork::run(const Step& step, Stream& stream, int index) noexcept {
  switch (step.task) {
  case Task::transform: {
    Signal& signal = stream.signals[size(step.index)];
    fft_.forward(signal.frame.data(), signal.spectrum.data());
    return;
  }
  case Task::features:
    return findFeatures(stream, layers_.input(index));
  case Task::layer:
    return; // for all streams at once
  case Task::apply:
    return data_->isMask() ? applyMasks(stream, layers_.output(index)) : applyMagnitudes(stream, layers_.output(index));
  case Task::filter:
    return filter(stream, step.index / numTiles(), step.index % numTiles());
  case Task::tail:
    return filterTails(stream, step.index);
  case Task::inverse:
    return invert(stream);
  }
}

void StftNetwork::findFeatures(const Stream& stream, float* features) const noexcept {
  const std::vector<std::complex<double>>& spectrum = stream.signals[0].spectrum;
  if (!data_->isMask()) {
    for (std::size_t bin = 0; bin < spectrum.size(); ++bin)
      features[bin] = static_cast<float>(scale_ * std::sqrt(std::norm(spectrum[bin])));
    return;
  }
  std::fill_n(features, data_->numBands, 0.0f);
  for (std::size_t bin = 0; bin < spectrum.size(); ++bin) {
    const float energy = static_cast<float>(scale_ * scale_ * std::norm(spectrum[bin]));
    const Place& place = places_[bin];
    features[place.band] += (1.0f - place.share) * energy;
    if (data_->numBands > 1)
      features[place.band + 1] += place.share * energy;
  }
  for (int band = 0; band < data_->numBands; ++band)
    features[band] = std::log10(features[band] + 1e-9f) / 4.5f + 1.0f;
}

/** Puts the masked spectra into the rings, and begins the sums with what the later taps have given. */
void StftNetwork::applyMasks(Stream& stream, const float* answers) noexcept {
  stream.newest = (stream.newest + data_->memory - 1) % data_->memory;
  const std::size_t stride = size(data_->memory) * simd::kTileFloats;
  for (std::size_t index = 0; index < stream.signals.size(); ++index) {
    Signal& signal = stream.signals[index];
    const float* own = answers + index * size(data_->numBands);
    for (int bin = 0; bin < data_->numBins(); ++bin) {
      const Place& place = places_[size(bin)];
      const float above = data_->numBands > 1 ? own[place.band + 1] : 0.0f;
      const float gain = 2.0f * (own[place.band] + place.share * (above - own[place.band]));
      float* tile = signal.ring.data() + size(bin / simd::kTileBins) * stride + size(stream.newest) * simd::kTileFloats;
      const std::complex<double> value = signal.spectrum[size(bin)];
      tile[bin % simd::kTileBins] = gain * static_cast<float>(value.real());
      tile[simd::kTileBins + bin % simd::kTileBins] = gain * static_cast<float>(value.imag());
    }
  }
  for (int tile = 0; tile < numTiles(); ++tile)
    std::copy_n(stream.tails.data() + size(tile * kGroup + hop_) * simd::kTileFloats, simd::kTileFloats,
                stream.sum.data() + size(tile) * simd::kTileFloats);
}

/** New magnitudes with the phase of the input. */
void StftNetwork::applyMagnitudes(Stream& stream, const float* answers) noexcept {
  const std::vector<std::complex<double>>& spectrum = stream.signals[0].spectrum;
  for (std::size_t bin = 0; bin < spectrum.size(); ++bin) {
    const double magnitude = scale_ * std::sqrt(std::norm(spectrum[bin]));
    stream.answer[bin] = spectrum[bin] * std::max(1.0 + answers[bin] / (magnitude + kLeastMagnitude), 0.0);
  }
}

/** Adds what the first taps of one signal's filters make of some neighbouring frequencies. */
void StftNetwork::filter(Stream& stream, int signal, int tile) noexcept {
  const float* ring = stream.signals[size(signal)].ring.data() + size(tile) * size(data_->memory) * simd::kTileFloats;
  const float* taps = filters_[size(signal)].data() + size(tile) * size(filterStride());
  float* sum = stream.sum.data() + size(tile) * simd::kTileFloats;
  const int count = std::min(kGroup + hop_ + 1, data_->memory);
  const int first = std::min(count, data_->memory - stream.newest);
  multiplyTiles_(ring + size(stream.newest) * simd::kTileFloats, taps, sum, first);
  multiplyTiles_(ring, taps + size(first) * simd::kTileFloats, sum, count - first);
}

/** The later taps of all signals, for all hops of the next group: they look at what came before this group. */
void StftNetwork::filterTails(Stream& stream, int tile) noexcept {
  float* sums = stream.nextTails.data() + size(tile * kGroup) * simd::kTileFloats;
  std::fill_n(sums, kGroup * simd::kTileFloats, 0.0f);
  const int newest = (stream.newest + hop_ + 1) % data_->memory; // of the hops before this group
  const int first = std::min(numTailTaps(), data_->memory - newest);
  for (std::size_t signal = 0; signal < stream.signals.size(); ++signal) {
    const float* ring = stream.signals[signal].ring.data() + size(tile) * size(data_->memory) * simd::kTileFloats;
    const float* taps =
        filters_[signal].data() + size(tile) * size(filterStride()) + size(kGroup + 1) * simd::kTileFloats;
    multiplySlidingTiles_(ring + size(newest) * simd::kTileFloats, taps, sums, first);
    multiplySlidingTiles_(ring, taps + size(first) * simd::kTileFloats, sums, numTailTaps() - first);
  }
}

void StftNetwork::invert(Stream& stream) noexcept {
  if (data_->isMask()) {
    for (int bin = 0; bin < data_->numBins(); ++bin) {
      const float* tile = stream.sum.data() + size(bin / simd::kTileBins) * simd::kTileFloats;
      stream.answer[size(bin)] = {tile[bin % simd::kTileBins], tile[simd::kTileBins + bin % simd::kTileBins]};
    }
  }
  fft_.inverse(stream.answer.data(), frame_.data());
  const int first = data_->nFft - 2 * data_->hop;
  for (int n = 0; n < data_->hop; ++n) {
    const int left = first + n, right = left + data_->hop;
    stream.next[size(n)] = stream.overlap[size(n)] + synthesis_[size(left)] * frame_[size(left)];
    stream.overlap[size(n)] = synthesis_[size(right)] * frame_[size(right)];
  }
}

} // namespace

std::vector<double> asymmetricWindows(int nFft, int hop) {
  const int rise = nFft - hop;
  const auto hann = [](int length, int n) { // the rising half, between frames
    const double sine = std::sin(kPi * (n + 0.5) / (2.0 * length));
    return sine * sine;
  };
  std::vector<double> windows(2 * size(nFft), 0.0);
  double* analysis = windows.data();
  double* synthesis = windows.data() + nFft;
  for (int n = 0; n < rise; ++n)
    analysis[n] = std::sqrt(hann(rise, n));
  for (int n = 0; n < hop; ++n) {
    analysis[rise + n] = synthesis[rise + n] = std::sqrt(hann(hop, hop - 1 - n));
    synthesis[rise - hop + n] = hann(hop, n) / analysis[rise - hop + n];
  }
  return windows;
}

std::vector<double> bandPositions(int numBins, int numBands, double sampleRate) {
  const auto rateOf = [&](int bin) { // Glasberg and Moore's scale of auditory filters
    const double hz = bin * sampleRate / (2.0 * (numBins - 1));
    return 21.4 * std::log10(1.0 + 0.00437 * hz);
  };
  const double highest = std::max(rateOf(numBins - 1), 1e-9);
  std::vector<double> positions;
  for (int bin = 0; bin < numBins; ++bin)
    positions.push_back(rateOf(bin) / highest * (numBands - 1));
  return positions;
}

std::unique_ptr<Network> makeStftNetwork(std::shared_ptr<const StftData> data, const LoadOptions& options,
                                         const std::string& file) {
  return std::make_unique<StftNetwork>(std::move(data), options, file);
}

} // namespace fxengine::detail
