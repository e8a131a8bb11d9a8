// SPDX-License-Identifier: MIT
#include "wave_generator.h"

#include "dispatch.h"

#include <algorithm>
#include <cmath>

namespace fxtrain::kernels {
namespace {

constexpr int kMultiple = 16; // floats in the widest vector

std::size_t size(int count) { return static_cast<std::size_t>(count); }
int whole(int count) { return (count + kMultiple - 1) / kMultiple * kMultiple; }

void relu(float* values, int count) noexcept {
  for (int i = 0; i < count; ++i)
    values[i] = std::max(values[i], 0.0f);
}

} // namespace

std::size_t WaveGeneratorShape::numParameters() const noexcept {
  const std::size_t c = size(channels), s = size(skips), k = size(codes), layers = dilations.size();
  const std::size_t taps = 2 * c * (1 + 2 * c + size(condition)), residual = c * (1 + c);
  return 2 * c * k + layers * taps + (layers - 1) * residual + s * (1 + layers * c) + s * (1 + s) + k * (1 + s);
}

/** Bias and matrix of `parts` groups of columns, each padded on its own. */
WaveGenerator::Dense WaveGenerator::take(const float*& next, int inputs, int parts, int partColumns) {
  Dense dense;
  const int padded = whole(partColumns);
  dense.inputs = inputs;
  dense.columns = parts * padded;
  dense.bias.assign(size(dense.columns), 0.0f);
  dense.weights.assign(size(inputs) * size(dense.columns), 0.0f);
  const auto takeRow = [&](float* row) {
    for (int part = 0; part < parts; ++part, next += partColumns)
      std::copy_n(next, partColumns, row + part * padded);
  };
  takeRow(dense.bias.data());
  for (int input = 0; input < inputs; ++input)
    takeRow(dense.weights.data() + size(input) * size(dense.columns));
  return dense;
}

WaveGenerator::WaveGenerator(const WaveGeneratorShape& shape, const float* parameters)
    : shape_(shape), padded_(whole(shape.channels)) {
  const int channels = shape.channels;
  const float* next = parameters;
  codes_.assign(next, next + size(shape.codes) * size(2 * channels));
  next += codes_.size();
  for (std::size_t index = 0; index < shape.dilations.size(); ++index) {
    Layer& layer = layers_.emplace_back();
    layer.dilation = shape.dilations[index];
    layer.queue.resize(size(layer.dilation) * size(channels));
    layer.taps = take(next, 2 * channels + shape.condition, 2, channels);
    if (index + 1 < shape.dilations.size())
      layer.residual = take(next, channels, 1, channels);
  }
  skips_ = take(next, static_cast<int>(layers_.size()) * channels, 1, shape.skips);
  hidden_ = take(next, shape.skips, 1, shape.skips);
  logits_ = take(next, shape.skips, 1, shape.codes);
  newest_.resize(size(channels));
  inputs_.resize(size(2 * channels + shape.condition));
  sums_.resize(size(2 * padded_));
  gated_.resize(size(padded_));
  heard_.resize(layers_.size() * size(channels));
  sum_.resize(size(skips_.columns));
  read_.resize(size(hidden_.columns));
  scores_.resize(size(logits_.columns));
  likely_.resize(size(shape.codes));
}

void WaveGenerator::reset() noexcept {
  std::fill(newest_.begin(), newest_.end(), 0.0f);
  for (Layer& layer : layers_) {
    std::fill(layer.queue.begin(), layer.queue.end(), 0.0f);
    layer.at = 0;
  }
}

void WaveGenerator::multiply(const Dense& dense, const float* inputs, float* out) const noexcept {
  static const WaveGeneratorKernels& kernels = activeKernels().waveGenerator;
  kernels.multiply(dense.weights.data(), dense.bias.data(), dense.inputs, dense.columns, inputs, out);
}

const float* WaveGenerator::hear(int code, const float* condition) noexcept {
  static const WaveGeneratorKernels& kernels = activeKernels().waveGenerator;
  const int channels = shape_.channels;
  const float* taps = codes_.data() + size(code) * size(2 * channels);
  float* const old = inputs_.data();
  float* const x = old + channels;
  for (int c = 0; c < channels; ++c)
    x[c] = newest_[size(c)] + taps[channels + c];
  std::copy_n(taps, channels, newest_.begin());
  if (shape_.condition > 0)
    std::copy_n(condition, shape_.condition, x + channels);
  float* heard = heard_.data();
  for (Layer& layer : layers_) {
    float* const slot = layer.queue.data() + size(layer.at) * size(channels);
    std::copy_n(slot, channels, old);
    std::copy_n(x, channels, slot);
    layer.at = layer.at + 1 == layer.dilation ? 0 : layer.at + 1;
    multiply(layer.taps, old, sums_.data());
    kernels.gate(sums_.data(), padded_, gated_.data());
    std::copy_n(gated_.data(), channels, heard);
    heard += channels;
    if (layer.residual.inputs > 0) {
      multiply(layer.residual, gated_.data(), sums_.data());
      for (int c = 0; c < channels; ++c)
        x[c] += sums_[size(c)];
    }
  }
  multiply(skips_, heard_.data(), sum_.data());
  relu(sum_.data(), shape_.skips);
  multiply(hidden_, sum_.data(), read_.data());
  relu(read_.data(), shape_.skips);
  multiply(logits_, read_.data(), scores_.data());
  return scores_.data();
}

int WaveGenerator::draw(double uniform, double temperature) noexcept {
  const float* const end = scores_.data() + shape_.codes;
  const float* const likeliest = std::max_element(static_cast<const float*>(scores_.data()), end);
  if (temperature <= 0.0)
    return static_cast<int>(likeliest - scores_.data());
  double total = 0.0;
  for (int code = 0; code < shape_.codes; ++code) {
    total += std::exp((static_cast<double>(scores_[size(code)]) - *likeliest) / temperature);
    likely_[size(code)] = total;
  }
  const auto found = std::upper_bound(likely_.begin(), likely_.end(), uniform * total);
  return static_cast<int>(std::min(found - likely_.begin(), static_cast<std::ptrdiff_t>(shape_.codes) - 1));
}

} // namespace fxtrain::kernels
