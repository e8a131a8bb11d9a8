// SPDX-License-Identifier: MIT
#include "signal_panels.h"

#include <fxengine/dsp/convolver.h>

#include <algorithm>
#include <cmath>

namespace fxtrain::ui {
namespace {

constexpr int kCurvePoints = 97;
constexpr int kSwitchWidth = 38;
constexpr int kCabinetDial = 36;
constexpr int kPreToneDial = 40;
constexpr int kSpaceDial = 44;
constexpr double kCurveRate = 48000.0;
constexpr double kCurveSeconds = 0.1; // what comes later is the room: too fine to be seen

float plainValue(ParameterControl& control) {
  return control.parameter().convertFrom0to1(control.parameter().getValue());
}

} // namespace

InputPanel::InputPanel(PluginProcessor& processor)
    : Panel("Input"), meter("Input level", processor.rig().chain().inputMeter()),
      mode_(processor, id::inputMode, "Which channels of a stereo input are played: both, one of them, or their sum.",
            Choice::Style::plain),
      gain_(processor, id::inputGain, "Gain", "How hard the capture is driven: more gain, more distortion.", 64) {
  meter.setTooltip("The level that the captures are fed with, after the gain.");
  for (auto* child : std::initializer_list<juce::Component*>{&mode_, &gain_, &meter})
    addAndMakeVisible(child);
}

void InputPanel::resized() {
  mode_.setBounds(headingArea().removeFromRight(88).expanded(6, 4));
  const auto area = contentArea();
  gain_.setBounds(juce::Rectangle<int>(area.getX(), area.getY(), 84, area.getHeight())
                      .withSizeKeepingCentre(84, Knob::heightFor(64)));
  meter.setBounds(area.withTrimmedLeft(area.getWidth() - 40));
}

GatePanel::GatePanel(PluginProcessor& processor)
    : Panel("Gate"), on_(processor, id::gateOn, "Silences hum and hiss while you do not play."),
      threshold_(processor, id::gateThreshold, "Threshold",
                 "The gate closes below this level. Set it just above the noise of the silent guitar.", 52),
      release_(processor, id::gateRelease, "Release", "How long the gate takes to close once the guitar fades.", 52) {
  on_.onChange = [this] { update(1.0f); };
  for (auto* child : std::initializer_list<juce::Component*>{&on_, &threshold_, &release_})
    addAndMakeVisible(child);
  update(1.0f);
}

juce::Rectangle<int> GatePanel::lightArea() const {
  return headingArea().withTrimmedLeft(44).withTrimmedRight(kSwitchWidth);
}

void GatePanel::update(float gain) {
  const auto state = !on_.isOn()    ? State::off
                     : gain > 0.99f ? State::open
                     : gain > 0.01f ? State::closing
                                    : State::closed;
  for (auto* knob : {&threshold_, &release_})
    knob->setActive(on_.isOn(), "The gate is off. Turn it on to hear this knob.");
  if (state_ != state) {
    state_ = state;
    repaint(lightArea());
  }
}

std::optional<float> GatePanel::threshold() {
  return on_.isOn() ? std::optional(plainValue(threshold_)) : std::nullopt;
}

void GatePanel::paint(juce::Graphics& g) {
  Panel::paint(g);
  auto area = lightArea().toFloat();
  const auto tint = state_ == State::closed    ? colour::accent
                    : state_ == State::closing ? colour::accent.withAlpha(0.5f)
                                               : colour::track;
  g.setColour(tint);
  g.fillEllipse(area.removeFromLeft(8.0f).withSizeKeepingCentre(8.0f, 8.0f));
  drawText(g,
           state_ == State::off       ? "Off"
           : state_ == State::open    ? "Open"
           : state_ == State::closing ? "Closing"
                                      : "Closed",
           area.withTrimmedLeft(8.0f), font(12.5f), state_ == State::off ? colour::faint : colour::secondary);
}

void GatePanel::resized() {
  on_.setBounds(headingArea().removeFromRight(kSwitchWidth).translated(4, 0));
  auto area = contentArea().removeFromBottom(Knob::heightFor(52)).expanded(6, 0);
  threshold_.setBounds(area.removeFromLeft(area.getWidth() / 2));
  release_.setBounds(area);
}

PreTonePanel::PreTonePanel(PluginProcessor& processor)
    : Panel("Pre-EQ"), on_(processor, id::preOn, "Bass, middle and treble before the pedal and the amp."),
      bass_(processor, id::preBass, "Bass", "Lows, below about 120 Hz. Cut them to keep high gain tight.",
            kPreToneDial),
      middle_(processor, id::preMiddle, "Middle", "Around 700 Hz. Raise it to drive the amp harder.", kPreToneDial),
      treble_(processor, id::preTreble, "Treble", "Above about 3 kHz. Raise it to brighten dark pickups.",
              kPreToneDial) {
  for (auto* child : std::initializer_list<juce::Component*>{&on_, &bass_, &middle_, &treble_})
    addAndMakeVisible(child);
  on_.onChange = [this] { changed(); };
  changed();
}

void PreTonePanel::changed() {
  for (auto* knob : {&bass_, &middle_, &treble_})
    knob->setActive(on_.isOn(), "The pre-EQ is off. Turn it on to hear this knob.");
}

void PreTonePanel::resized() {
  on_.setBounds(headingArea().removeFromRight(kSwitchWidth).translated(4, 0));
  auto area = contentArea().removeFromBottom(Knob::heightFor(kPreToneDial)).expanded(8, 0);
  const int width = area.getWidth() / 3;
  for (auto* knob : {&bass_, &middle_, &treble_})
    knob->setBounds(area.removeFromLeft(width));
}

SlotSwitch::SlotSwitch(PluginProcessor& processor)
    : Panel({}), slots_(processor, id::slot, "Which slot is heard: A, B, or both side by side."),
      blend_(processor, id::blend, "The share of slot B while both are heard.", 44),
      levels_(processor, id::levels,
              "How the loudness of the captures is brought together: left as captured, B made as loud as A, or both to "
              "the same level.",
              Choice::Style::plain) {
  setTitle("Slots");
  const auto changed = [this] {
    updateBlend();
    if (onChange)
      onChange();
  };
  slots_.onChange = changed;
  updateBlend();
  for (auto* child : std::initializer_list<juce::Component*>{&slots_, &blend_, &levels_})
    addAndMakeVisible(child);
}

void SlotSwitch::updateBlend() {
  blend_.setActive(slots_.index() == 2, "Only one slot is on. Choose A + B to blend them.");
}

void SlotSwitch::resized() {
  constexpr int kRow = 34;
  const bool twoRows = getHeight() >= 2 * kRow;
  auto area = getLocalBounds().withSizeKeepingCentre(getWidth(), twoRows ? 2 * kRow : kRow);
  auto row = area.removeFromTop(kRow);
  slots_.setBounds(row.removeFromLeft(140));
  levels_.setBounds(row.removeFromRight(120).withSizeKeepingCentre(120, 28));
  blend_.setBounds((twoRows ? area : row.withTrimmedLeft(8)).withTrimmedRight(4));
}

TonePanel::TonePanel(PluginProcessor& processor)
    : Panel("Tone"), on_(processor, id::toneOn, "Bass, middle and treble after the captures."),
      bass_(processor, id::bass, "Bass", "Lows, below about 120 Hz.", 52),
      middle_(processor, id::middle, "Middle", "The body of the sound, around 700 Hz.", 52),
      treble_(processor, id::treble, "Treble", "Bite and fizz, above about 3 kHz.", 52), curve_(15.0f) {
  for (auto* child : std::initializer_list<juce::Component*>{&on_, &curve_, &bass_, &middle_, &treble_})
    addAndMakeVisible(child);
  for (auto* control : std::initializer_list<ParameterControl*>{&on_, &bass_, &middle_, &treble_})
    control->onChange = [this] { changed(); };
  changed();
}

void TonePanel::changed() {
  for (auto* knob : {&bass_, &middle_, &treble_})
    knob->setActive(on_.isOn(), "The tone stack is off. Turn it on to hear this knob.");
  curve_.setActive(on_.isOn());
  curve_.setCurve(toneStackDb(plainValue(bass_), plainValue(middle_), plainValue(treble_), kCurvePoints));
}

void TonePanel::resized() {
  on_.setBounds(headingArea().removeFromRight(kSwitchWidth).translated(4, 0));
  auto area = contentArea();
  auto knobs = area.removeFromBottom(Knob::heightFor(52));
  area.removeFromBottom(16);
  curve_.setBounds(area);
  const int width = knobs.getWidth() / 3;
  bass_.setBounds(knobs.removeFromLeft(width));
  middle_.setBounds(knobs.removeFromLeft(width));
  treble_.setBounds(knobs);
}

ResponseRow::ResponseRow(PluginProcessor& processor, Browser& browser, int index)
    : processor_(processor), browser_(browser), index_(index),
      previous_("Previous response in the folder", Icon::previous), next_("Next response in the folder", Icon::next),
      load_("Load an impulse response (WAV, AIFF or FLAC)", Icon::folder),
      clear_("Take the response out", Icon::close) {
  auto& rig = processor.rig();
  previous_.onClick = [this, &rig] { rig.loadCabinetNeighbour(-1, index_); };
  next_.onClick = [this, &rig] { rig.loadCabinetNeighbour(1, index_); };
  load_.onClick = [this] { browse(); };
  clear_.onClick = [this, &rig] { rig.clearCabinet(index_); };
  for (auto* button : {&previous_, &next_, &load_, &clear_}) {
    button->setTitle(button->getName() + (index == 0 ? ", first response" : ", second response"));
    addAndMakeVisible(button);
  }
  setTitle(index == 0 ? "First response" : "Second response");
}

void ResponseRow::show(std::shared_ptr<const CabinetFile> file) {
  file_ = std::move(file);
  setDescription(file_ != nullptr ? file_->name : "empty");
  repaint();
}

void ResponseRow::browse() { browser_.showLibrary({LibraryKind::cabinet, index_}); }

void ResponseRow::filesDropped(const juce::StringArray& files, int, int) {
  setHeld(false);
  processor_.rig().loadCabinet(juce::File(files[0]), index_);
}

void ResponseRow::setHeld(bool held) {
  held_ = held;
  repaint();
}

void ResponseRow::resized() {
  auto area = getLocalBounds().translated(6, 0);
  for (auto* button : {&clear_, &load_, &next_, &previous_})
    button->setBounds(area.removeFromRight(24).withSizeKeepingCentre(24, 24));
}

void ResponseRow::paint(juce::Graphics& g) {
  if (file_ != nullptr)
    drawText(g, file_->name, getLocalBounds().withRight(previous_.getX() - 4).toFloat(), font(13.5f, Weight::medium),
             held_ ? colour::accent : colour::text);
}

CabinetPanel::CabinetPanel(PluginProcessor& processor, Browser& browser)
    : Panel("Cabinet"), processor_(processor), first_(processor, browser, 0), second_(processor, browser, 1),
      on_(processor, id::cabinetOn, "Plays the sound through the impulse response of a loudspeaker cabinet."),
      invert_(processor, id::cabinetInvert,
              "Turns the second response upside down: try it where two microphones sound thin together.", Icon::swap),
      invite_("Load an impulse response (WAV, AIFF or FLAC)", Icon::folder, "Browse", PushButton::Style::raised),
      add_("Add a second response: another microphone or cabinet, blended with the first", Icon::plus, {},
           PushButton::Style::raised),
      blend_(processor, id::cabinetBlend, "The share of the second response.", 44),
      level_(processor, id::cabinetLevel, "Level", "Level after the cabinet.", kCabinetDial),
      delay_(processor, id::cabinetDelay, "Delay", "Delays the second response: a microphone further away.",
             kCabinetDial),
      lowCut_(processor, id::cabinetLowCut, "Low cut", "Takes out the boom below this frequency, 12 dB an octave.",
              kCabinetDial),
      highCut_(processor, id::cabinetHighCut, "High cut", "Takes out the fizz above this frequency, 12 dB an octave.",
               kCabinetDial),
      curve_(24.0f) {
  invite_.onClick = [this] { first_.browse(); };
  add_.onClick = [this] { second_.browse(); };
  add_.setComponentID("add_response");
  for (auto* child : std::initializer_list<juce::Component*>{&on_, &first_, &second_, &invert_, &invite_, &curve_,
                                                             &add_, &blend_, &level_, &lowCut_, &highCut_, &delay_})
    addAndMakeVisible(child);
  on_.onChange = [this] { changed(); };
  for (auto* control : std::initializer_list<ParameterControl*>{&invert_, &blend_, &delay_, &lowCut_, &highCut_})
    control->onChange = [this] { showCurve(); };
  show(nullptr, nullptr);
}

void CabinetPanel::show(std::shared_ptr<const CabinetFile> first, std::shared_ptr<const CabinetFile> second) {
  const std::array files = {first.get(), second.get()};
  if (first != nullptr && files[0] == first_.file() && files[1] == second_.file())
    return;
  for (std::size_t index = 0; index < files.size(); ++index) {
    heard_[index].clear();
    if (files[index] == nullptr)
      continue;
    heard_[index].assign(std::size_t(kCurveRate * kCurveSeconds), 0.0f);
    heard_[index][0] = 1.0f;
    fxengine::Convolver convolver(files[index]->response, kCurveRate);
    convolver.prepare(1, int(heard_[index].size()));
    float* const channels[] = {heard_[index].data()};
    convolver.process(channels, channels, 1, int(heard_[index].size()));
  }
  const bool one = first != nullptr, two = second != nullptr;
  first_.show(std::move(first));
  second_.show(std::move(second));
  for (auto* child : std::initializer_list<juce::Component*>{&first_, &curve_, &level_, &lowCut_, &highCut_})
    child->setVisible(one);
  for (auto* child : std::initializer_list<juce::Component*>{&second_, &invert_, &blend_, &delay_})
    child->setVisible(two);
  invite_.setVisible(!one);
  add_.setVisible(one && !two);
  setDescription(!one  ? juce::String("empty")
                 : two ? first_.file()->name + " and " + second_.file()->name
                       : first_.file()->name);
  changed();
  resized();
  repaint();
}

void CabinetPanel::changed() {
  const bool used = on_.isOn() && first_.file() != nullptr;
  for (auto* control : std::initializer_list<RangeControl*>{&level_, &lowCut_, &highCut_, &blend_, &delay_})
    control->setActive(used, first_.file() == nullptr ? "No cabinet is loaded. Load an impulse response first."
                                                      : "The cabinet is off. Turn it on to hear this knob.");
  curve_.setActive(used);
  showCurve();
}

/** The curve is of what is heard: both responses as they are blended, and the cuts. */
void CabinetPanel::showCurve() {
  if (heard_[0].empty()) {
    curve_.setCurve({});
    return;
  }
  auto impulse = heard_[0];
  if (hasSecond()) {
    const float share = 0.01f * plainValue(blend_), sign = invert_.isOn() ? -1.0f : 1.0f;
    const auto late = std::size_t(std::lround(0.001 * double(plainValue(delay_)) * kCurveRate));
    for (std::size_t t = 0; t < impulse.size(); ++t)
      impulse[t] = (1.0f - share) * impulse[t] + (t >= late ? sign * share * heard_[1][t - late] : 0.0f);
  }
  auto curve = magnitudeDb(impulse, kCurveRate, kCurvePoints);
  const float highest = *std::max_element(curve.begin(), curve.end());
  const double octaves = std::log2(ResponseCurve::kHighestHz / ResponseCurve::kLowestHz);
  for (std::size_t point = 0; point < curve.size(); ++point) {
    const double hz = ResponseCurve::kLowestHz * std::exp2(octaves * double(point) / double(curve.size() - 1));
    curve[point] += 18.0f - highest;
    if (!lowCut_.isOff())
      curve[point] -= float(10.0 * std::log10(1.0 + std::pow(double(plainValue(lowCut_)) / hz, 4.0)));
    if (!highCut_.isOff())
      curve[point] -= float(10.0 * std::log10(1.0 + std::pow(hz / double(plainValue(highCut_)), 4.0)));
  }
  curve_.setCurve(std::move(curve));
}

void CabinetPanel::filesDropped(const juce::StringArray& files, int, int) {
  setDropHint({});
  processor_.rig().loadCabinet(juce::File(files[0]));
}

void CabinetPanel::paint(juce::Graphics& g) {
  Panel::paint(g);
  const auto area = contentArea();
  if (first_.file() == nullptr) {
    const auto inner = area.toFloat();
    drawDropArea(g, inner);
    drawText(g, "Drop a cabinet here", inner.withHeight(24.0f).translated(0.0f, 44.0f), font(14.0f, Weight::medium),
             colour::text, juce::Justification::centred);
    drawText(g, "WAV, AIFF or FLAC", inner.withHeight(18.0f).translated(0.0f, 69.0f), font(12.5f), colour::faint,
             juce::Justification::centred);
    return;
  }
  const auto& response = first_.file()->response;
  const double seconds = double(response.channels.front().size()) / response.sampleRate;
  if (!hasSecond() && getWidth() >= 220)
    drawText(g,
             juce::String(response.channels.size() == 2 ? "Stereo, " : "Mono, ") +
                 juce::String(juce::roundToInt(1000.0 * seconds)) + " ms",
             headingArea().withTrimmedRight(kSwitchWidth + 6).toFloat(), font(12.0f), colour::secondary,
             juce::Justification::centredRight);
}

void CabinetPanel::resized() {
  on_.setBounds(headingArea().removeFromRight(kSwitchWidth).translated(4, 0));
  auto area = contentArea();
  invite_.setBounds(area.withSizeKeepingCentre(104, 34).withY(area.getY() + 104));
  area.removeFromTop(0);
  area.setTop(area.getY() - 6);
  first_.setBounds(area.removeFromTop(ResponseRow::kHeight));
  if (hasSecond())
    second_.setBounds(area.removeFromTop(ResponseRow::kHeight));
  auto knobs = area.removeFromBottom(Knob::heightFor(kCabinetDial)).expanded(8, 0);
  area.removeFromBottom(8);
  if (hasSecond()) {
    auto row = area.removeFromBottom(26);
    invert_.setBounds(row.removeFromLeft(26));
    blend_.setBounds(row.translated(2, 0));
    area.removeFromBottom(4);
  }
  area.removeFromTop(4);
  curve_.setBounds(area);
  add_.setBounds(area.getRight() - 28, area.getY() + 4, 24, 24);
  const int width = knobs.getWidth() / (hasSecond() ? 4 : 3);
  for (auto* knob : std::initializer_list<juce::Component*>{&level_, &lowCut_, &highCut_, &delay_})
    knob->setBounds(knobs.removeFromLeft(width));
}

SpacePanel::SpacePanel(PluginProcessor& processor)
    : Panel("Space"), delay_(processor, id::delay, "Delay",
                             "Adds echoes. At 100 % the first one is as loud as the sound itself.", kSpaceDial),
      time_(processor, id::delayTime, "Time", "The time from the sound to its first echo.", kSpaceDial),
      sync_(processor, id::delaySync, "Sets the delay time as a note length at the song's tempo.",
            Choice::Style::centred),
      feedback_(processor, id::delayFeedback, "Repeats", "The level of each echo relative to the one before.",
                kSpaceDial),
      reverb_(processor, id::reverb, "Reverb", "A room around the sound: at 100 % as strong as the sound itself.",
              kSpaceDial),
      decay_(processor, id::reverbDecay, "Decay", "How long the room sounds on: until it has fallen by 60 dB.",
             kSpaceDial) {
  for (auto* child : std::initializer_list<juce::Component*>{&delay_, &time_, &sync_, &feedback_, &reverb_, &decay_})
    addAndMakeVisible(child);
  for (auto* control : std::initializer_list<ParameterControl*>{&delay_, &sync_, &reverb_})
    control->onChange = [this] { changed(); };
  changed();
}

void SpacePanel::changed() {
  const bool echoes = !delay_.isOff(), room = !reverb_.isOff(), synced = sync_.parameter().getValue() > 0.0f;
  delay_.setActive(echoes);
  time_.setActive(echoes && !synced, echoes ? "The time follows the song's tempo. Choose Free below to set it here."
                                            : "The delay is off. Turn up Delay to hear this knob.");
  feedback_.setActive(echoes, "The delay is off. Turn up Delay to hear this knob.");
  reverb_.setActive(room);
  decay_.setActive(room, "The reverb is off. Turn up Reverb to hear this knob.");
}

void SpacePanel::resized() {
  auto area = contentArea().expanded(8, 0);
  constexpr int kKnob = Knob::heightFor(kSpaceDial), kGap = 4, kBetween = 22;
  delay_.setBounds(area.removeFromTop(kKnob));
  area.removeFromTop(kGap);
  time_.setBounds(area.removeFromTop(kKnob));
  sync_.setBounds(area.removeFromTop(24).expanded(6, 0));
  area.removeFromTop(kGap);
  feedback_.setBounds(area.removeFromTop(kKnob));
  area.removeFromTop(kBetween);
  reverb_.setBounds(area.removeFromTop(kKnob));
  area.removeFromTop(kGap);
  decay_.setBounds(area.removeFromTop(kKnob));
}

OutputPanel::OutputPanel(PluginProcessor& processor)
    : Panel("Output"), meter("Output level", processor.rig().chain().outputMeter()),
      gain_(processor, id::outputGain, "Gain", "Level of the whole, after everything else.", 60),
      doubler_(processor, id::doubler, "Double", "Adds a second guitar on the right: the same sound up to 30 ms later.",
               52),
      mix_(processor, id::mix, "Mix", "How much of the dry guitar is replaced: 100 % is the rig alone.", 60),
      fault_("Fault", "Fault"), numFaults_(processor.rig().chain().numFaults()) {
  fault_.setTooltip("A capture, or the input, made what is no number: it was turned into silence. Click to clear.");
  meter.setTooltip("The level that leaves the plugin.");
  for (auto* child : std::initializer_list<juce::Component*>{&gain_, &doubler_, &mix_, &meter})
    addAndMakeVisible(child);
  addChildComponent(fault_);
  doubler_.onChange = [this] { showDoubler(); };
  showDoubler();
}

void OutputPanel::setNumChannels(int numChannels) {
  if (numChannels_ != numChannels) {
    numChannels_ = numChannels;
    showDoubler();
  }
}

void OutputPanel::showDoubler() {
  const bool isMono = numChannels_ == 1;
  doubler_.setActive(!isMono && !doubler_.isOff(),
                     isMono ? "The output is mono: a second guitar needs a stereo track." : juce::String());
}

void OutputPanel::update(std::uint32_t numFaults) {
  if (numFaults != numFaults_) {
    numFaults_ = numFaults;
    fault_.setLit(true);
  }
  fault_.setVisible(fault_.isLit());
}

void OutputPanel::resized() {
  const auto area = contentArea();
  meter.setBounds(area.withTrimmedLeft(area.getWidth() - 38));
  // In line with the knobs of the columns to the left, the upper and the lower.
  gain_.setBounds(area.getX() - 8, area.getY() + 56, 72, Knob::heightFor(60));
  mix_.setBounds(gain_.getBounds().withY(area.getBottom() - Knob::heightFor(60)));
  doubler_.setBounds(gain_.getBounds()
                         .withHeight(Knob::heightFor(52))
                         .withY((gain_.getBottom() + mix_.getY() - Knob::heightFor(52)) / 2));
  fault_.setBounds(area.getX(), area.getY() + 8, 60, 20);
}

} // namespace fxtrain::ui
