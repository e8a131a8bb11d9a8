// SPDX-License-Identifier: MIT
#pragma once

#include "style.h"

#include <span>
#include <vector>

namespace fxtrain::ui {

/** A frequency response, drawn. */
class ResponseCurve : public juce::Component {
 public:
  static constexpr double kLowestHz = 40.0, kHighestHz = 12000.0;

  /** @param rangeDb  shown above and below the middle */
  explicit ResponseCurve(float rangeDb);
  /** @param decibels  at frequencies evenly spaced in octaves from kLowestHz to kHighestHz; empty for none */
  void setCurve(std::vector<float> decibels);
  void setActive(bool active);
  void paint(juce::Graphics& g) override;

 private:
  float rangeDb_;
  bool active_ = true;
  std::vector<float> decibels_;
};

/** Magnitude in dB of what an impulse becomes, at `numPoints` frequencies as ResponseCurve takes them, each averaged
    over its share of the axis where that spans several periods of the response's ripple. */
std::vector<float> magnitudeDb(std::span<const float> impulse, double sampleRate, int numPoints);

/** The same of the tone stack in a given position. */
std::vector<float> toneStackDb(float bassDb, float middleDb, float trebleDb, int numPoints);

} // namespace fxtrain::ui
