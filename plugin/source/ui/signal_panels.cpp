// SPDX-License-Identifier: MIT
#include "signal_panels.h"

#include <algorithm>

namespace fxtrain::ui {
namespace {

constexpr int kCurvePoints = 97;
constexpr int kSwitchWidth = 38;

float plainValue(ParameterControl& control) {
  return control.parameter().convertFrom0to1(control.parameter().getValue());
}

} // namespace

InputPanel::InputPanel(PluginProcessor& processor)
    : Panel("Input"), meter("Input level", processor.rig().chain().inputMeter()),
      mode_(processor, id::inputMode, "Which channels of a stereo input are played: both, one of them, or their sum.",
            false),
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

juce::Rectangle<int> GatePanel::lightArea() const { return contentArea().removeFromTop(20); }

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

SlotSwitch::SlotSwitch(PluginProcessor& processor)
    : Panel({}), slots_(processor, id::slot, "Which slot is heard: A, B, or both side by side."),
      blend_(processor, id::blend, "The share of slot B while both are heard.", 44),
      levels_(processor, id::levels,
              "How the loudness of the captures is brought together: left as captured, B made as loud as A, or both to "
              "the same level.",
              false) {
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

CabinetPanel::CabinetPanel(PluginProcessor& processor, Browser& browser)
    : Panel("Cabinet"), processor_(processor), browser_(browser),
      on_(processor, id::cabinetOn, "Plays the sound through the impulse response of a loudspeaker cabinet."),
      previous_("Previous cabinet in the folder", Icon::previous), next_("Next cabinet in the folder", Icon::next),
      load_("Load an impulse response (WAV, AIFF or FLAC)", Icon::folder), clear_("Take the cabinet out", Icon::close),
      invite_("Load an impulse response (WAV, AIFF or FLAC)", Icon::folder, "Browse", PushButton::Style::raised),
      level_(processor, id::cabinetLevel, "Level", "Level after the cabinet.", 44), curve_(24.0f) {
  auto& rig = processor.rig();
  previous_.onClick = [&rig] { rig.loadCabinetNeighbour(-1); };
  next_.onClick = [&rig] { rig.loadCabinetNeighbour(1); };
  load_.onClick = invite_.onClick = [this] { browse(); };
  clear_.onClick = [&rig] { rig.clearCabinet(); };
  on_.onChange = [this] { changed(); };
  for (auto* child :
       std::initializer_list<juce::Component*>{&on_, &previous_, &next_, &load_, &clear_, &invite_, &curve_, &level_})
    addAndMakeVisible(child);
  show(nullptr);
}

void CabinetPanel::show(std::shared_ptr<const CabinetFile> file) {
  if (file_ == file && file != nullptr)
    return;
  file_ = std::move(file);
  std::vector<float> curve;
  if (file_ != nullptr && !file_->response.channels.empty()) {
    const auto& samples = file_->response.channels.front();
    // What comes later than 100 ms is the room: too fine to be seen.
    const auto length = std::min(samples.size(), std::size_t(0.1 * file_->response.sampleRate));
    curve = magnitudeDb(std::span(samples).first(length), file_->response.sampleRate, kCurvePoints);
    const float highest = *std::max_element(curve.begin(), curve.end());
    for (auto& db : curve)
      db += 18.0f - highest;
  }
  curve_.setCurve(std::move(curve));
  for (auto* child : std::initializer_list<juce::Component*>{&load_, &clear_, &curve_, &level_})
    child->setVisible(file_ != nullptr);
  invite_.setVisible(file_ == nullptr);
  setDescription(file_ != nullptr ? file_->name : "empty");
  changed();
  resized();
  repaint();
}

void CabinetPanel::changed() {
  const bool used = on_.isOn() && file_ != nullptr;
  level_.setActive(used, file_ == nullptr ? "No cabinet is loaded. Load an impulse response first."
                                          : "The cabinet is off. Turn it on to hear this knob.");
  curve_.setActive(used);
}

void CabinetPanel::browse() {
  auto start =
      file_ != nullptr && file_->path.isNotEmpty() ? juce::File(file_->path).getParentDirectory() : juce::File();
  if (!start.isDirectory())
    start = Rig::cabinetFolder();
  if (!start.isDirectory())
    start = juce::File::getSpecialLocation(juce::File::userHomeDirectory);
  browser_.open("Load a cabinet", start, "*.wav;*.aif;*.aiff;*.flac",
                [&rig = processor_.rig()](const juce::File& file) { rig.loadCabinet(file); });
}

void CabinetPanel::filesDropped(const juce::StringArray& files, int, int) {
  setDropHint({});
  processor_.rig().loadCabinet(juce::File(files[0]));
}

void CabinetPanel::paint(juce::Graphics& g) {
  Panel::paint(g);
  const auto area = contentArea();
  if (file_ == nullptr) {
    const auto inner = area.toFloat();
    drawDropArea(g, inner);
    drawText(g, "Drop a cabinet here", inner.withHeight(24.0f).translated(0.0f, 32.0f), font(14.0f, Weight::medium),
             colour::text, juce::Justification::centred);
    drawText(g, "WAV, AIFF or FLAC", inner.withHeight(18.0f).translated(0.0f, 57.0f), font(12.5f), colour::faint,
             juce::Justification::centred);
    return;
  }
  drawText(g, file_->name, juce::Rectangle<int>(area.getX(), area.getY() - 6, area.getWidth(), 22).toFloat(),
           font(14.0f, Weight::medium), colour::text);
  const auto& response = file_->response;
  const double seconds = double(response.channels.front().size()) / response.sampleRate;
  drawText(g,
           juce::String(response.channels.size() == 2 ? "Stereo, " : "Mono, ") +
               juce::String(juce::roundToInt(1000.0 * seconds)) + " ms",
           juce::Rectangle<int>(level_.getRight() + 8, level_.getY() + 14, area.getRight() - level_.getRight() - 8, 18)
               .toFloat(),
           font(12.0f), colour::secondary, juce::Justification::centredRight);
}

void CabinetPanel::resized() {
  auto heading = headingArea();
  on_.setBounds(heading.removeFromRight(kSwitchWidth).translated(4, 0));
  heading.removeFromRight(8);
  next_.setBounds(heading.removeFromRight(28).withSizeKeepingCentre(28, 28));
  previous_.setBounds(heading.removeFromRight(28).withSizeKeepingCentre(28, 28));
  auto area = contentArea();
  invite_.setBounds(area.withSizeKeepingCentre(104, 34).withY(area.getY() + 92));
  auto bottom = area.removeFromBottom(Knob::heightFor(44));
  level_.setBounds(bottom.removeFromLeft(64));
  auto row = bottom.removeFromBottom(34).removeFromRight(64).translated(8, 0);
  load_.setBounds(row.removeFromLeft(32).withSizeKeepingCentre(32, 32));
  clear_.setBounds(row.withSizeKeepingCentre(32, 32));
  area.removeFromBottom(10);
  curve_.setBounds(area.withTrimmedTop(22));
}

OutputPanel::OutputPanel(PluginProcessor& processor)
    : Panel("Output"), meter("Output level", processor.rig().chain().outputMeter()),
      gain_(processor, id::outputGain, "Gain", "Level of the whole, after everything else.", 60),
      mix_(processor, id::mix, "Mix", "How much of the dry guitar is replaced: 100 % is the rig alone.", 60),
      fault_("Fault", "Fault"), numFaults_(processor.rig().chain().numFaults()) {
  fault_.setTooltip("A capture, or the input, made what is no number: it was turned into silence. Click to clear.");
  meter.setTooltip("The level that leaves the plugin.");
  for (auto* child : std::initializer_list<juce::Component*>{&gain_, &mix_, &meter})
    addAndMakeVisible(child);
  addChildComponent(fault_);
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
  fault_.setBounds(area.getX(), area.getY() + 200, 60, 20);
}

} // namespace fxtrain::ui
