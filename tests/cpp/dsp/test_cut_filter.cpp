// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/cut_filter.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

using fxengine::CutFilter;
using Kind = CutFilter::Kind;

namespace {

using Signal = std::vector<float>;
using std::numbers::pi;

Signal play(CutFilter& filter, Signal signal, const std::vector<int>& blocks = {64}) {
  for (std::size_t at = 0, block = 0; at < signal.size(); ++block) {
    const auto count = std::min<std::size_t>(std::size_t(blocks[block % blocks.size()]), signal.size() - at);
    float* channels[] = {signal.data() + at};
    filter.process(channels, 1, int(count));
    at += count;
  }
  return signal;
}

double magnitudeAt(const Signal& response, double hz, double rate) {
  std::complex<double> sum;
  for (std::size_t t = 0; t < response.size(); ++t)
    sum += double(response[t]) * std::polar(1.0, -2.0 * pi * hz * double(t) / rate);
  return std::abs(sum);
}

} // namespace

TEST_CASE("CutFilter: its response is that of a Butterworth filter of second order", "[dsp][cut_filter]") {
  for (const double rate : {44100.0, 48000.0, 96000.0})
    for (const auto kind : {Kind::lowCut, Kind::highCut})
      for (const double cutoff : {80.0, 500.0, 5000.0}) {
        CutFilter filter(kind);
        filter.prepare(rate, 1);
        filter.setFrequency(cutoff);
        filter.reset();
        Signal impulse(std::size_t(rate), 0.0f);
        impulse[0] = 1.0f;
        const auto response = play(filter, impulse);
        for (const double hz : {40.0, 80.0, 160.0, 1000.0, 5000.0, 12000.0}) {
          const double w = std::tan(pi * hz / rate) / std::tan(pi * cutoff / rate), w4 = w * w * w * w;
          const double expected = std::sqrt((kind == Kind::lowCut ? w4 : 1.0) / (1.0 + w4));
          INFO(rate << " Hz, cut at " << cutoff << ", " << hz);
          CHECK(magnitudeAt(response, hz, rate) == Approx(expected).epsilon(2e-3).margin(2e-5));
        }
      }
}

TEST_CASE("CutFilter: block sizes do not matter, the frequency moving or not", "[dsp][cut_filter][property]") {
  const Signal input = test::noise(6000, 1);
  const auto run = [&](const std::vector<int>& blocks) {
    CutFilter filter(Kind::lowCut);
    filter.prepare(48000.0, 1);
    filter.setFrequency(100.0);
    filter.reset();
    auto output = play(filter, Signal(input.begin(), input.begin() + 3000), blocks);
    filter.setFrequency(400.0);
    const auto rest = play(filter, Signal(input.begin() + 3000, input.end()), blocks);
    output.insert(output.end(), rest.begin(), rest.end());
    return output;
  };
  const auto whole = run({6000});
  CHECK(run({1}) == whole);
  CHECK(run({17, 1, 300}) == whole);
}

TEST_CASE("CutFilter: it is stable at every frequency and while it is swept, and does not allocate",
          "[dsp][cut_filter][realtime]") {
  for (const auto kind : {Kind::lowCut, Kind::highCut}) {
    CutFilter filter(kind);
    filter.prepare(8000.0, 1); // where most of the range is beyond the end of the band
    filter.reset();
    float most = 0.0f;
    int allocations = 0;
    for (int block = 0; block < 400; ++block) {
      Signal signal = test::noise(64, unsigned(block), 1.0f);
      const test::AllocationCount count;
      filter.setFrequency(block % 2 == 0 ? 20.0 : 20000.0);
      float* channels[] = {signal.data()};
      filter.process(channels, 1, 64);
      allocations += count.value();
      for (const float sample : signal)
        most = std::max(most, std::abs(sample));
    }
    CHECK(most < 20.0f);
    CHECK(allocations == 0);
  }
}
