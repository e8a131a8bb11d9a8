// SPDX-License-Identifier: MIT
#pragma once

#include <kissfft.hh>

#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <vector>

namespace fxengine::detail {

/** Fourier transform of real frames and its inverse, by a complex one of half the size, in double precision.

    Allocates nothing but in the constructor, for the sizes that suits() allows. */
class RealFft {
 public:
  /** Whether kissfft has butterflies for all factors, and so needs no memory for one: even, of factors 2, 3 and 5. */
  static bool suits(int size) noexcept {
    if (size < 4 || size % 2 != 0)
      return false;
    for (const int factor : {2, 3, 5})
      while (size % factor == 0)
        size /= factor;
    return size == 1;
  }

  explicit RealFft(int size)
      : half_(static_cast<std::size_t>(size) / 2), forward_(half_, false), backward_(half_, true), samples_(2 * half_),
        work_(half_), turned_(half_) {
    for (std::size_t k = 0; k < half_; ++k)
      twiddles_.push_back(std::polar(1.0, std::numbers::pi * static_cast<double>(k) / static_cast<double>(half_)));
  }

  int numBins() const noexcept { return static_cast<int>(half_) + 1; }

  /** @param bins  numBins() of them */
  void forward(const float* frame, std::complex<double>* bins) noexcept {
    for (std::size_t n = 0; n < samples_.size(); ++n)
      samples_[n] = frame[n];
    forward_.transform_real(samples_.data(), bins);
    bins[half_] = {bins[0].imag(), 0.0}; // half the rate, which kissfft puts there
    bins[0] = {bins[0].real(), 0.0};
  }

  /** Of the first and the last bin the real part counts: those of real frames have no other. */
  void inverse(const std::complex<double>* bins, float* frame) noexcept {
    const double first = bins[0].real(), last = bins[half_].real();
    work_[0] = {first + last, first - last};
    for (std::size_t k = 1; k < half_; ++k) {
      const std::complex<double> mirrored = std::conj(bins[half_ - k]);
      const std::complex<double> even = bins[k] + mirrored;
      const std::complex<double> odd = (bins[k] - mirrored) * twiddles_[k];
      work_[k] = even + std::complex<double>(-odd.imag(), odd.real());
    }
    backward_.transform(work_.data(), turned_.data());
    const double scale = 0.5 / static_cast<double>(half_);
    for (std::size_t n = 0; n < half_; ++n) {
      frame[2 * n] = static_cast<float>(scale * turned_[n].real());
      frame[2 * n + 1] = static_cast<float>(scale * turned_[n].imag());
    }
  }

 private:
  std::size_t half_;
  kissfft<double> forward_, backward_;
  std::vector<double> samples_;
  std::vector<std::complex<double>> twiddles_, work_, turned_;
};

} // namespace fxengine::detail
