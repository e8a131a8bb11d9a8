// SPDX-License-Identifier: MIT
#include "response_curve.h"

#include <fxengine/dsp/tone_stack.h>

#include <cmath>
#include <complex>

namespace fxtrain::ui {

ResponseCurve::ResponseCurve(float rangeDb) : rangeDb_(rangeDb) {
  setInterceptsMouseClicks(false, false);
  setAccessible(false); // what it shows, the controls beside it tell
}

void ResponseCurve::setCurve(std::vector<float> decibels) {
  if (decibels_ == decibels)
    return;
  decibels_ = std::move(decibels);
  repaint();
}

void ResponseCurve::setActive(bool active) {
  if (active_ != active) {
    active_ = active;
    repaint();
  }
}

void ResponseCurve::paint(juce::Graphics& g) {
  const auto area = getLocalBounds().toFloat();
  g.setColour(colour::window);
  g.fillRoundedRectangle(area, 6.0f);
  const auto plot = area.reduced(1.0f, 6.0f);
  const auto xOf = [&](double hz) {
    return plot.getX() + plot.getWidth() * float(std::log(hz / kLowestHz) / std::log(kHighestHz / kLowestHz));
  };
  const auto yOf = [&](float db) {
    return plot.getCentreY() - 0.5f * plot.getHeight() * juce::jlimit(-1.0f, 1.0f, db / rangeDb_);
  };
  g.setColour(colour::line.withAlpha(0.7f));
  for (const double hz : {100.0, 1000.0, 10000.0})
    g.fillRect(xOf(hz) - 0.5f, area.getY() + 4.0f, 1.0f, area.getHeight() - 8.0f);
  g.fillRect(area.getX() + 4.0f, yOf(0.0f) - 0.5f, area.getWidth() - 8.0f, 1.0f);
  if (decibels_.size() < 2)
    return;

  juce::Path line;
  for (std::size_t i = 0; i < decibels_.size(); ++i) {
    const juce::Point<float> point{plot.getX() + plot.getWidth() * float(i) / float(decibels_.size() - 1),
                                   yOf(decibels_[i])};
    i == 0 ? line.startNewSubPath(point) : line.lineTo(point);
  }
  auto fill = line;
  fill.lineTo(plot.getRight(), area.getBottom());
  fill.lineTo(plot.getX(), area.getBottom());
  fill.closeSubPath();
  const auto tint = active_ ? colour::accent : colour::faint;
  juce::Path rounded;
  rounded.addRoundedRectangle(area, 6.0f);
  const juce::Graphics::ScopedSaveState state(g);
  g.reduceClipRegion(rounded);
  g.setGradientFill({tint.withAlpha(active_ ? 0.20f : 0.10f), 0.0f, area.getY(), tint.withAlpha(0.0f), 0.0f,
                     area.getBottom(), false});
  g.fillPath(fill);
  g.setColour(tint);
  g.strokePath(line, juce::PathStrokeType(1.75f, juce::PathStrokeType::curved));
}

std::vector<float> magnitudeDb(std::span<const float> impulse, double sampleRate, int numPoints) {
  constexpr int kPerPoint = 3;
  const double octaves = std::log2(ResponseCurve::kHighestHz / ResponseCurve::kLowestHz);
  std::vector<float> result;
  for (int i = 0; i < numPoints; ++i) {
    double power = 0.0;
    for (int k = 0; k < kPerPoint; ++k) {
      const double place = (i + double(k - 1) / kPerPoint) / (numPoints - 1);
      const double hz = ResponseCurve::kLowestHz * std::exp2(octaves * place);
      const auto step = std::polar(1.0, -juce::MathConstants<double>::twoPi * hz / sampleRate);
      std::complex<double> sum = 0.0, phase = 1.0;
      for (const float sample : impulse) {
        sum += double(sample) * phase;
        phase *= step;
      }
      power += std::norm(sum) / kPerPoint;
    }
    result.push_back(float(10.0 * std::log10(power + 1e-12)));
  }
  return result;
}

std::vector<float> toneStackDb(float bassDb, float middleDb, float trebleDb, int numPoints) {
  constexpr double kRate = 48000.0;
  fxengine::ToneStack tone;
  tone.prepare(kRate, 1);
  tone.set(bassDb, middleDb, trebleDb);
  tone.snap();
  std::vector<float> impulse(2048, 0.0f);
  impulse[0] = 1.0f;
  float* channel = impulse.data();
  tone.process(&channel, 1, int(impulse.size()));
  return magnitudeDb(impulse, kRate, numPoints);
}

} // namespace fxtrain::ui
