// SPDX-License-Identifier: MIT
#include "fxengine/dsp/convolver.h"

#include "fxengine/realtime/flush_denormals.h"
#include "simd/aligned.h"
#include "simd/kernels.h"

#include <kissfft.hh>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fxengine {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kFade = 0.01; // seconds, at the end of a response that was cut
constexpr double kLowestRate = 1e3, kHighestRate = 1e6;
constexpr double kLowest = 80.0, kHighest = 5000.0; // Hz, for the level
constexpr double kMostGainDb = 24.0;
constexpr std::size_t kLeastTransform = 65536;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("The impulse response " + what); }

void checkRate(double rate, const std::string& whose) {
  if (!(rate >= kLowestRate && rate <= kHighestRate)) {
    throw std::invalid_argument("The sample rate of the " + whose + " is " + std::to_string(rate) +
                                " Hz, but must be from 1 kHz to 1 MHz; convert the file to 48 kHz, say.");
  }
}

void check(const ImpulseResponse& response) {
  const std::size_t numChannels = response.channels.size();
  if (numChannels < 1 || numChannels > 2)
    refuse("has " + std::to_string(numChannels) + " channels, but must have one or two; mix it down to one of these.");
  const std::size_t length = response.channels.front().size();
  if (response.channels.back().size() != length)
    refuse("has " + std::to_string(length) + " samples on the left and " +
           std::to_string(response.channels.back().size()) + " on the right, but must have as many on both.");
  if (length == 0)
    refuse("has no samples, but must have at least one; choose another file.");
  bool isSilent = true;
  for (const std::vector<float>& channel : response.channels) {
    for (std::size_t t = 0; t < length; ++t) {
      if (!std::isfinite(channel[t]))
        refuse("has " + std::string(std::isnan(channel[t]) ? "NaN" : "infinity") + " at sample " + std::to_string(t) +
               ", but must have finite numbers only; export it anew from where it was made.");
      isSilent = isSilent && channel[t] == 0.0f;
    }
  }
  if (isSilent)
    refuse("is silent from start to end, but must have a sample other than 0; choose another file.");
  checkRate(response.sampleRate, "impulse response");
}

std::vector<double> cut(const std::vector<float>& channel, double sampleRate) {
  const auto longest = static_cast<std::size_t>(std::llround(Convolver::kLongest * sampleRate));
  std::vector<double> samples(channel.begin(), channel.begin() + static_cast<long>(std::min(channel.size(), longest)));
  if (channel.size() > longest) {
    const auto length = static_cast<std::size_t>(std::llround(kFade * sampleRate));
    for (std::size_t t = 0; t < length; ++t)
      samples[longest - length + t] *=
          0.5 + 0.5 * std::cos(kPi * (static_cast<double>(t) + 1.0) / static_cast<double>(length));
  }
  return samples;
}

/** The rule of the header for one channel. */
double levelGain(const std::vector<double>& samples, double sampleRate) {
  const std::size_t size = std::max(std::bit_ceil(2 * samples.size()), kLeastTransform);
  // Two real samples to a complex one; transform_real sorts out what they come to.
  std::vector<double> padded(size, 0.0);
  std::copy(samples.begin(), samples.end(), padded.begin());
  std::vector<std::complex<double>> spectrum(size / 2);
  kissfft<double>(size / 2, false).transform_real(padded.data(), spectrum.data());
  double in = 0.0, out = 0.0;
  double peak = std::max(std::abs(spectrum[0].real()), std::abs(spectrum[0].imag())); // 0 Hz, and half the rate
  for (std::size_t k = 1; k < size / 2; ++k) {
    const double frequency = static_cast<double>(k) * sampleRate / static_cast<double>(size);
    peak = std::max(peak, std::abs(spectrum[k]));
    if (frequency >= kLowest && frequency <= kHighest) {
      in += 1.0 / frequency;
      out += std::norm(spectrum[k]) / frequency;
    }
  }
  const double most = std::pow(10.0, kMostGainDb / 20.0) / peak;
  return out > 0.0 ? std::min(std::sqrt(in / out), most) : most;
}

/** The taps to play: cut, scaled, at the rate of what is played. */
std::vector<std::vector<float>> makeTaps(const ImpulseResponse& response, double sampleRate) {
  check(response);
  checkRate(sampleRate, "audio");
  std::vector<std::vector<double>> channels;
  double scale = 0.0; // of samples near the limits of float, before their squares are taken
  for (const std::vector<float>& channel : response.channels) {
    channels.push_back(cut(channel, response.sampleRate));
    for (const double sample : channels.back())
      scale = std::max(scale, std::abs(sample));
  }
  if (scale == 0.0)
    refuse("is silent for its first two seconds, beyond which it is not played; choose another file.");
  double gain = 0.0;
  for (std::vector<double>& channel : channels) {
    if (std::all_of(channel.begin(), channel.end(), [](double sample) { return sample == 0.0; }))
      continue;
    for (double& sample : channel)
      sample /= scale;
    const double own = levelGain(channel, response.sampleRate);
    gain = gain == 0.0 ? own : std::min(gain, own);
  }
  std::vector<std::vector<float>> taps;
  for (const std::vector<double>& channel : channels) {
    std::vector<float> samples(channel.size());
    const double factor = gain * (response.sampleRate / sampleRate); // a sum of more taps is greater
    std::transform(channel.begin(), channel.end(), samples.begin(),
                   [&](double sample) { return static_cast<float>(factor * sample); });
    taps.push_back(resample(samples, response.sampleRate, sampleRate));
    if (taps.back().empty())
      taps.back().push_back(0.0f);
  }
  return taps;
}

/** Powers of 4, the sizes whose transform costs least per frame. The larger costs more in the time domain and less in
    spectra; equal at about 5000 taps. */
int partitionFor(std::size_t numTaps) { return numTaps <= 4096 ? 64 : 256; }

} // namespace

// A partition of P frames is a complex transform of P points. With x the last 2 P frames of input, h the P taps of a
// partition and w = exp(i pi / (2 P)),
//   z[n] = (x[n] + i x[n + P]) w^n,   Z = transform of z,   H likewise with h and zeros,
// the product Z H belongs to the convolution modulo u^(2 P) + 1: in it u^P stands for i, and with u = w v, v^P = 1,
// which is what a transform of P points multiplies by. What wraps around wraps with a minus sign, into the first half,
// which overlap-save throws away; the second half is the imaginary part, turned back by w^-n. Compared with the usual
// transform of 2 P real values: half the points, no pass to sort out real and imaginary, and no bins at 0 Hz and half
// the rate that multiply otherwise than the rest.
struct Convolver::State {
  explicit State(std::vector<std::vector<float>> responseTaps)
      : taps(std::move(responseTaps)), partition(partitionFor(taps.front().size())), forward(size(partition), false),
        backward(size(partition), true), work(size(partition)), spectrum(size(partition)) {
    for (int n = 0; n < partition; ++n)
      twist.push_back(std::polar(1.0, kPi * n / (2.0 * partition)));
  }

  static std::size_t size(int count) { return static_cast<std::size_t>(count); }

  /** One response, as the channels that play it need it. */
  struct Response {
    std::vector<float> head;
    simd::AlignedFloats spectra; // [tile][partition], the second of the response first
  };
  struct Channel {
    const Response* response;
    std::vector<float> window;  // the partition before, that in hand, and room for a vector
    std::vector<float> tail;    // what the spectra give for the partition in hand
    simd::AlignedFloats inputs; // [tile][slot]: spectra of the input
    simd::AlignedFloats sum;    // [tile]: what they will give for the partition to come
  };

  int numTiles() const noexcept { return partition / simd::kTileBins; }
  void transform(const float* first, const float* second, float* tiles, std::size_t tileStride) noexcept;
  Response makeResponse(const std::vector<float>& samples);
  void clear(Channel& channel) noexcept;
  void multiply(Channel& channel, int first, int last) noexcept;
  void finishPartition(Channel& channel) noexcept;

  std::vector<std::vector<float>> taps;
  int partition;
  kissfft<double> forward, backward; // as fast as in float, and of powers of 4, for which they allocate nothing
  std::vector<std::complex<double>> twist, work, spectrum;
  simd::FirFunction fir = nullptr;
  simd::MultiplyTilesFunction multiplyTiles = nullptr;

  int numPartitions = 0; // after the first
  std::vector<Response> responses;
  std::vector<Channel> channels;
  std::vector<float> result;
  int frame = 0;  // of the partition in hand
  int newest = 0; // slot of the partition before; those of older ones follow
  int done = 0;   // partitions from the third of the response on whose products are in the sums
};

Convolver::Convolver(const ImpulseResponse& response, double sampleRate)
    : state_(std::make_unique<State>(makeTaps(response, sampleRate))) {}
Convolver::Convolver(std::vector<float> taps)
    : state_(std::make_unique<State>(std::vector<std::vector<float>>{std::move(taps)})) {}
Convolver::~Convolver() = default;
Convolver::Convolver(Convolver&&) noexcept = default;
Convolver& Convolver::operator=(Convolver&&) noexcept = default;

int Convolver::numTaps() const noexcept { return static_cast<int>(state_->taps.front().size()); }

/** @param second  may be null, for zeros
    @param tileStride  floats from tile to tile */
void Convolver::State::transform(const float* first, const float* second, float* tiles,
                                 std::size_t tileStride) noexcept {
  for (std::size_t n = 0; n < size(partition); ++n)
    work[n] = std::complex<double>(first[n], second == nullptr ? 0.0f : second[n]) * twist[n];
  forward.transform(work.data(), spectrum.data());
  for (std::size_t tile = 0; tile < size(numTiles()); ++tile) {
    for (std::size_t bin = 0; bin < simd::kTileBins; ++bin) {
      const std::complex<double> value = spectrum[tile * simd::kTileBins + bin];
      tiles[tile * tileStride + bin] = static_cast<float>(value.real());
      tiles[tile * tileStride + simd::kTileBins + bin] = static_cast<float>(value.imag());
    }
  }
}

Convolver::State::Response Convolver::State::makeResponse(const std::vector<float>& samples) {
  Response response;
  const std::size_t head = std::min(samples.size(), size(partition));
  response.head.assign(samples.begin(), samples.begin() + static_cast<long>(head));
  const std::size_t tileStride = size(numPartitions) * simd::kTileFloats;
  response.spectra.resize(size(numTiles()) * tileStride);
  std::vector<float> part(size(partition));
  for (std::size_t index = 0; index < size(numPartitions); ++index) {
    const std::size_t start = (index + 1) * size(partition);
    const std::size_t count = std::min(size(partition), samples.size() - start);
    std::fill(part.begin(), part.end(), 0.0f);
    for (std::size_t n = 0; n < count; ++n)
      part[n] = samples[start + n] / static_cast<float>(partition); // what transforms there and back multiply by
    transform(part.data(), nullptr, response.spectra.data() + index * simd::kTileFloats, tileStride);
  }
  return response;
}

void Convolver::prepare(int numChannels, int /*maxFrames*/) {
  State& s = *state_;
  const simd::Kernels& kernels = simd::kernelsInUse();
  s.fir = kernels.fir;
  s.multiplyTiles = kernels.multiplyTiles;
  const std::size_t length = s.taps.front().size();
  const std::size_t partition = State::size(s.partition);
  s.numPartitions = static_cast<int>((length - 1) / partition);
  s.responses.clear();
  if (numChannels == 1 && s.taps.size() == 2) {
    std::vector<float> mean(length);
    std::transform(s.taps[0].begin(), s.taps[0].end(), s.taps[1].begin(), mean.begin(),
                   [](float left, float right) { return 0.5f * (left + right); });
    s.responses.push_back(s.makeResponse(mean));
  } else {
    for (const std::vector<float>& channel : s.taps)
      s.responses.push_back(s.makeResponse(channel));
  }
  s.channels.resize(static_cast<std::size_t>(std::max(numChannels, 0)));
  for (std::size_t index = 0; index < s.channels.size(); ++index) {
    State::Channel& channel = s.channels[index];
    channel.response = &s.responses[std::min(index, s.responses.size() - 1)];
    channel.window.resize(2 * partition + simd::kMostLanes);
    channel.tail.resize(partition);
    channel.inputs.resize(channel.response->spectra.size());
    channel.sum.resize(2 * partition);
  }
  s.result.resize(partition + simd::kMostLanes);
  reset();
}

void Convolver::State::clear(Channel& channel) noexcept {
  std::fill(channel.window.begin(), channel.window.end(), 0.0f);
  std::fill(channel.tail.begin(), channel.tail.end(), 0.0f);
  std::fill(channel.inputs.begin(), channel.inputs.end(), 0.0f);
  std::fill(channel.sum.begin(), channel.sum.end(), 0.0f);
}

void Convolver::reset() noexcept {
  State& s = *state_;
  for (State::Channel& channel : s.channels)
    s.clear(channel);
  std::fill(s.result.begin(), s.result.end(), 0.0f);
  s.frame = s.newest = s.done = 0;
}

void Convolver::reset(int channel) noexcept {
  if (channel >= 0 && channel < static_cast<int>(state_->channels.size()))
    state_->clear(state_->channels[State::size(channel)]);
}

bool Convolver::isStereo() const noexcept { return state_->taps.size() == 2; }

/** Adds products of partitions first .. last - 1 of the spectra, counted from the third partition of the response,
   which meets the input of the partition before that in hand. The order of sums is the same however they are parted. */
void Convolver::State::multiply(Channel& channel, int first, int last) noexcept {
  while (first < last) {
    const int slot = (newest + first) % numPartitions;
    const int count = std::min(last - first, numPartitions - slot);
    for (int tile = 0; tile < numTiles(); ++tile) {
      const std::size_t start = size(tile * numPartitions);
      multiplyTiles(channel.inputs.data() + (start + size(slot)) * simd::kTileFloats,
                    channel.response->spectra.data() + (start + size(first + 1)) * simd::kTileFloats,
                    channel.sum.data() + tile * simd::kTileFloats, count);
    }
    first += count;
  }
}

/** Takes the window's spectrum into the slot after the oldest in use, and sums into the next partition's tail. */
void Convolver::State::finishPartition(Channel& channel) noexcept {
  float* window = channel.window.data();
  if (numPartitions > 0) {
    const std::size_t tileStride = size(numPartitions) * simd::kTileFloats;
    const int slot = (newest + numPartitions - 1) % numPartitions;
    transform(window, window + partition, channel.inputs.data() + size(slot) * simd::kTileFloats, tileStride);
    for (int tile = 0; tile < numTiles(); ++tile) {
      float* sum = channel.sum.data() + tile * simd::kTileFloats;
      multiplyTiles(channel.inputs.data() + size(tile) * tileStride + size(slot) * simd::kTileFloats,
                    channel.response->spectra.data() + size(tile) * tileStride, sum, 1);
      for (std::size_t bin = 0; bin < simd::kTileBins; ++bin)
        work[size(tile) * simd::kTileBins + bin] = {sum[bin], sum[simd::kTileBins + bin]};
    }
    std::fill(channel.sum.begin(), channel.sum.end(), 0.0f);
    backward.transform(work.data(), spectrum.data());
    for (std::size_t n = 0; n < size(partition); ++n)
      channel.tail[n] = static_cast<float>(std::imag(spectrum[n] * std::conj(twist[n])));
  }
  std::memcpy(window, window + partition, size(partition) * sizeof(float));
}

void Convolver::process(const float* const* input, float* const* output, int numChannels, int numFrames) noexcept {
  const ScopedFlushDenormals flushDenormals;
  State& s = *state_;
  const int numStreams = std::clamp(numChannels, 0, static_cast<int>(s.channels.size()));
  for (int channel = numStreams; channel < numChannels; ++channel)
    std::fill_n(output[channel], numFrames, 0.0f);
  for (int offset = 0, count = 0; numStreams > 0 && offset < numFrames; offset += count) {
    count = std::min(s.partition - s.frame, numFrames - offset);
    const int end = s.frame + count;
    const int due = s.numPartitions > 0 ? (s.numPartitions - 1) * end / s.partition : 0;
    for (int index = 0; index < numStreams; ++index) {
      State::Channel& channel = s.channels[static_cast<std::size_t>(index)];
      float* block = channel.window.data() + s.partition + s.frame;
      std::copy_n(input[index] + offset, count, block);
      std::copy_n(channel.tail.data() + s.frame, count, s.result.data());
      s.fir(channel.response->head.data(), static_cast<int>(channel.response->head.size()), block, s.result.data(),
            count);
      std::copy_n(s.result.data(), count, output[index] + offset);
      s.multiply(channel, s.done, due);
      if (end == s.partition)
        s.finishPartition(channel);
    }
    s.done = due;
    s.frame = end;
    if (end == s.partition) {
      s.frame = s.done = 0;
      if (s.numPartitions > 0)
        s.newest = (s.newest + s.numPartitions - 1) % s.numPartitions;
    }
  }
}

} // namespace fxengine
