// SPDX-License-Identifier: MIT
#pragma once

#include "buttons.h"
#include "knob.h"
#include "meter.h"
#include "panel.h"
#include "response_curve.h"
#include "slot_card.h"

#include <array>
#include <vector>

/** The stations of the signal around the two slots, each a panel. */
namespace fxtrain::ui {

class InputPanel : public Panel {
 public:
  explicit InputPanel(PluginProcessor& processor);
  void resized() override;
  Meter meter;

 private:
  Choice mode_;
  Knob gain_;
};

class GatePanel : public Panel {
 public:
  explicit GatePanel(PluginProcessor& processor);
  /** @param gain  of the gate now, 0 to 1 */
  void update(float gain);
  std::optional<float> threshold(); ///< in dB; nothing while the gate is off
  void resized() override;
  void paint(juce::Graphics& g) override;

 private:
  enum class State { off, open, closing, closed };
  juce::Rectangle<int> lightArea() const;
  State state_ = State::off;
  Switch on_;
  Knob threshold_, release_;
};

/** What the guitar sounds like before anything distorts it. */
class PreTonePanel : public Panel {
 public:
  explicit PreTonePanel(PluginProcessor& processor);
  void resized() override;

 private:
  void changed();
  Switch on_;
  Knob bass_, middle_, treble_;
};

/** Between the slots: which is heard, in what proportion, and how their levels are brought together. */
class SlotSwitch : public Panel {
 public:
  explicit SlotSwitch(PluginProcessor& processor);
  void resized() override;
  void paint(juce::Graphics&) override {}
  int index() const { return slots_.index(); }
  std::function<void()> onChange;

 private:
  void updateBlend();
  Segments slots_;
  Fader blend_;
  Choice levels_;
};

class TonePanel : public Panel {
 public:
  explicit TonePanel(PluginProcessor& processor);
  void resized() override;

 private:
  void changed();
  Switch on_;
  Knob bass_, middle_, treble_;
  ResponseCurve curve_;
};

/** One response of the cabinet: its name and ways to load another. A file can be dropped on it. */
class ResponseRow : public juce::Component, public juce::FileDragAndDropTarget {
 public:
  static constexpr int kHeight = 26;

  ResponseRow(PluginProcessor& processor, Browser& browser, int index);
  void show(std::shared_ptr<const CabinetFile> file);
  const CabinetFile* file() const noexcept { return file_.get(); }
  void browse();
  void resized() override;
  void paint(juce::Graphics& g) override;
  bool isInterestedInFileDrag(const juce::StringArray& files) override { return files.size() == 1; }
  void fileDragEnter(const juce::StringArray&, int, int) override { setHeld(true); }
  void fileDragExit(const juce::StringArray&) override { setHeld(false); }
  void filesDropped(const juce::StringArray& files, int, int) override;

 private:
  void setHeld(bool held);
  PluginProcessor& processor_;
  Browser& browser_;
  int index_;
  std::shared_ptr<const CabinetFile> file_;
  bool held_ = false; ///< a file is held above it
  PushButton previous_, next_, load_, clear_;
};

/** Reads "Off" at its default, where it does nothing. */
class OffKnob : public Knob {
 public:
  using Knob::Knob;
  juce::String valueText() const override { return isOff() ? juce::String("Off") : Knob::valueText(); }
  bool isOff() const { return normalised() == defaultValue(); }

 protected:
  float origin() const override { return defaultValue(); }
};

/** One response or two. Controls of the second one are there once it is. */
class CabinetPanel : public Panel, public juce::FileDragAndDropTarget {
 public:
  CabinetPanel(PluginProcessor& processor, Browser& browser);
  void show(std::shared_ptr<const CabinetFile> first, std::shared_ptr<const CabinetFile> second);
  void resized() override;
  void paint(juce::Graphics& g) override;
  bool isInterestedInFileDrag(const juce::StringArray& files) override { return files.size() == 1; }
  void fileDragEnter(const juce::StringArray&, int, int) override { setDropHint("Load as cabinet"); }
  void fileDragExit(const juce::StringArray&) override { setDropHint({}); }
  void filesDropped(const juce::StringArray& files, int, int) override;

 private:
  bool hasSecond() const { return second_.file() != nullptr; }
  void changed();
  void showCurve();
  PluginProcessor& processor_;
  ResponseRow first_, second_;
  Switch on_, invert_;
  PushButton invite_, add_;
  Fader blend_;
  Knob level_, delay_;
  OffKnob lowCut_, highCut_;
  ResponseCurve curve_;
  std::array<std::vector<float>, 2> heard_; ///< what each response makes of an impulse, at kCurveRate
};

/** Echoes and a room behind the loudspeaker. */
class SpacePanel : public Panel {
 public:
  explicit SpacePanel(PluginProcessor& processor);
  void resized() override;

 private:
  void changed();
  OffKnob delay_;
  Knob time_;
  Choice sync_;
  Knob feedback_;
  OffKnob reverb_;
  Knob decay_;
};

class OutputPanel : public Panel {
 public:
  explicit OutputPanel(PluginProcessor& processor);
  /** @param numFaults  times that NaN was made silence so far */
  void update(std::uint32_t numFaults);
  void setNumChannels(int numChannels);
  void resized() override;
  Meter meter;

 private:
  void showDoubler();

  int numChannels_ = 2;
  Knob gain_;
  OffKnob doubler_;
  Knob mix_;
  Light fault_;
  std::uint32_t numFaults_;
};

} // namespace fxtrain::ui
