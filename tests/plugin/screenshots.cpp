// SPDX-License-Identifier: MIT
// Draws the plugin's window in each of its states, off screen, and writes the pictures:
//
//     screenshots FOLDER [state...]  at 100 %, or as STATE-200 at 200 %
//     screenshots --controls         names what the keyboard reaches, in its order: id, title, help
//     screenshots --cost             the time that the moving parts take to draw

#include "support/messages.h"

#include <PluginEditor.h>
#include <PluginProcessor.h>

#include <juce_audio_utils/juce_audio_utils.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using fxtrain::ModelFile;
using fxtrain::PluginEditor;
using fxtrain::PluginProcessor;
namespace id = fxtrain::id;

constexpr double kRate = 48000.0;
constexpr const char* kDouble = "-200"; // behind a state's name: at 200 %
constexpr int kBlock = 480;

void set(PluginProcessor& processor, const juce::String& parameter, float plainValue) {
  auto* target = processor.parameters.getParameter(parameter);
  target->setValueNotifyingHost(target->convertTo0to1(plainValue));
}

/** A linear model, so that it needs no training. */
std::shared_ptr<const ModelFile> capture(const std::string& name, const std::string& author, const std::string& device,
                                         const std::string& gear, const std::string& esr, int sampleRate,
                                         int numKnobs) {
  static const std::vector<std::string> kKnobs = {
      R"({"name": "Drive", "min": 0, "max": 10, "default": 6})",
      R"({"name": "Presence", "min": 0, "max": 10, "default": 5})",
      R"({"name": "Cutoff", "unit": "Hz", "min": 200, "max": 4000, "default": 1200})",
      R"({"name": "Sag", "unit": "%", "min": 0, "max": 100, "default": 30})"};
  std::string knobs, weights = "[0.6]";
  for (int k = 0; k < numKnobs; ++k) {
    knobs += (k > 0 ? ", " : "") + kKnobs[std::size_t(k)];
    weights += ", [0.0]";
  }
  const auto text = R"({"in_shape": [null, null, )" + std::to_string(1 + numKnobs) + R"(], "samplerate": )" +
                    std::to_string(sampleRate) + (numKnobs > 0 ? R"(, "knobs": [)" + knobs + "]" : std::string()) +
                    R"(, "metadata": {"name": ")" + name + R"(", "author": ")" + author + R"(", "based": ")" + device +
                    R"(", "gear_type": ")" + gear + R"(", "esr": )" + esr +
                    R"(}, "layers": [{"type": "dense", "activation": "", "shape": [null, null, 1], "weights": [[)" +
                    weights + R"(], [0.0]]}]})";
  return ModelFile::parse(text, name, {});
}

/** A .nam file of two gains. */
std::shared_ptr<const ModelFile> containerOfTwo(const std::string& name, const std::string& author,
                                                const std::string& device, int sampleRate) {
  const auto rate = R"("sample_rate": )" + std::to_string(sampleRate);
  const auto submodel = [&rate](const std::string& maxValue, const std::string& gain) {
    return R"({"max_value": )" + maxValue + R"(, "model": {"version": "0.5.4", "architecture": "Linear", "config": )" +
           R"({"receptive_field": 1, "bias": false}, "weights": [)" + gain + "], " + rate + "}}";
  };
  const auto text = R"({"version": "0.7.0", "architecture": "SlimmableContainer", "metadata": {"name": ")" + name +
                    R"(", "modeled_by": ")" + author + R"(", "gear_model": ")" + device +
                    R"(", "gear_type": "amp", "esr": 0.0071}, "config": {"submodels": [)" + submodel("0.5", "0.5") +
                    ", " + submodel("1", "0.6") + R"(]}, "weights": [], )" + rate + "}";
  return ModelFile::parse(text, name, {});
}

/** Plays plucked notes, half a second each. */
void play(PluginProcessor& processor, float gain, double hz, double seconds) {
  juce::AudioBuffer<float> buffer(2, kBlock);
  juce::MidiBuffer midi;
  long frame = 0;
  for (int block = 0; block < int(seconds * kRate) / kBlock; ++block) {
    for (int i = 0; i < kBlock; ++i, ++frame) {
      const double time = double(frame % long(kRate / 2)) / kRate;
      double value = 0.0;
      for (int partial = 1; partial <= 8; ++partial)
        value += std::exp(-time * (2.0 + 1.5 * partial)) / partial *
                 std::sin(juce::MathConstants<double>::twoPi * hz * partial * time);
      buffer.setSample(0, i, float(double(gain) * value));
      buffer.setSample(1, i, float(double(gain) * value));
    }
    processor.processBlock(buffer, midi);
  }
}

struct Scene {
  PluginProcessor& processor;
  std::unique_ptr<PluginEditor> editor;
  float scale = 1.0f;

  void open() {
    editor.reset(dynamic_cast<PluginEditor*>(processor.createEditor()));
    test::deliverMessages(50);
  }
};

struct State {
  const char* name;
  bool standalone;
  std::function<void(Scene&)> prepare;
};

/** Two models of several sizes each. */
void loadContainers(PluginProcessor& processor) {
  auto contents = processor.rig().contents();
  contents.models[0] = containerOfTwo("Marlow 50 Lead Channel", "Ada Winter", "1972 lead head into a load", 48000);
  contents.models[1] = containerOfTwo("Small Combo", "Somebody Else", "", 44100);
  processor.rig().setContents(contents);
}

/** One with knobs before the amplifier. */
void loadPedal(PluginProcessor& processor) {
  auto contents = processor.rig().contents();
  contents.models[fxtrain::Rig::pedalSlot(0)] =
      capture("Green Screamer, Two Knobs Up", "Ada Winter", "a green overdrive", "pedal", "0.004", 48000, 4);
  processor.rig().setContents(contents);
}

/** Two, the second of which has knobs, or is a capture without. */
void loadBoard(PluginProcessor& processor, bool knobs) {
  auto contents = processor.rig().contents();
  contents.models[fxtrain::Rig::pedalSlot(0)] =
      capture("Slow Lamp", "Ada Winter", "an optical compressor", "pedal", "0.002", 48000, 0);
  contents.models[fxtrain::Rig::pedalSlot(1)] = capture("Green Screamer, Two Knobs Up", "Ada Winter",
                                                        "a green overdrive", "pedal", "0.004", 48000, knobs ? 4 : 0);
  processor.rig().setContents(contents);
}

void loadTwo(PluginProcessor& processor) {
  auto contents = processor.rig().contents();
  contents.models[0] = capture("Marlow 50 Lead Channel, Bright On", "Ada Winter", "1972 lead head into a reactive load",
                               "amp", "0.0071", 48000, 4);
  contents.models[1] =
      capture("An Uncommonly Long Name for a Capture of a Small Practice Amplifier in a Big Wooden Room",
              "Somebody Who Has a Fairly Long Name as Well", "a combo nobody has heard of, with its microphone",
              "amp_cab", "0.123", 44100, 0);
  processor.rig().setContents(contents);
}

/** The shipped response twice: what is heard then is a matter of delay and polarity. */
void loadSecondResponse(PluginProcessor& processor) {
  auto contents = processor.rig().contents();
  contents.secondCabinet = contents.cabinet;
  processor.rig().setContents(contents);
}

/** The library with some files in it, below the home folder of this program. */
void openLibrary(Scene& scene, const juce::String& search) {
  const auto write = [](const juce::String& path, const juce::String& text) {
    const auto file = fxtrain::Rig::modelFolder().getChildFile(path);
    file.getParentDirectory().createDirectory();
    file.replaceWithText(text);
  };
  const auto add = [&](const char* name, const char* author, const char* device, const char* gear, const char* tone) {
    write(juce::String(author) + "/" + name + ".json",
          juce::String(R"({"in_shape": [null, null, 1], "samplerate": 48000, "metadata": {"name": ")") + name +
              R"(", "author": ")" + author + R"(", "based": ")" + device + R"(", "gear_type": ")" + gear +
              R"(", "tone_type": ")" + tone +
              R"("}, "layers": [{"type": "dense", "activation": "", "shape": [null, null, 1], )" +
              R"("weights": [[[0.6]], [0.0]]}]})");
  };
  add("Marlow 50 Lead Channel", "Ada Winter", "1972 lead head into a reactive load", "amp", "hi_gain");
  add("Marlow 50 Bright Input", "Ada Winter", "1972 lead head into a reactive load", "amp", "crunch");
  add("Small Combo, Room Microphone", "Somebody Else", "a combo nobody has heard of", "amp_cab", "clean");
  add("Green Screamer, Two Knobs Up", "Ada Winter", "a green overdrive", "pedal", "overdrive");
  add("Square Fuzz", "Ada Winter", "germanium, two transistors", "pedal", "fuzz");
  add("Twin Clean at Three", "Bo Lund", "a silver-faced twin", "amp_cab", "clean");
  add("Twin at Seven", "Bo Lund", "a silver-faced twin", "amp_cab", "crunch");
  write("from a forum/mystery amp.nam", R"({"version": "0.9.0", "architecture": "Unheard"})");
  scene.open();
  auto& library = scene.processor.library();
  library.setFavourite(fxtrain::Rig::modelFolder()
                           .getChildFile("Ada Winter/Marlow 50 Lead Channel.json")
                           .getFullPathName()
                           .toStdString(),
                       true);
  scene.editor->showLibrary({fxtrain::LibraryKind::capture, 0});
  test::waitUntil([&] { return !library.isReading(); });
  test::deliverMessages(50);
  scene.editor->libraryView()->setSearch(search);
}

void loadPreset(PluginProcessor& processor, const juce::String& name) {
  auto& presets = processor.presets();
  for (int i = 0; i < int(presets.entries().size()); ++i)
    if (presets.entries()[std::size_t(i)].name == name)
      presets.load(i);
}

const std::vector<State>& states() {
  static const std::vector<State> all = {
      {"first", false,
       [](Scene& scene) {
         play(scene.processor, 0.25f, 196.0, 1.0);
         scene.open();
       }},
      {"empty", false,
       [](Scene& scene) {
         scene.processor.rig().setContents({});
         scene.open();
       }},
      {"two", false,
       [](Scene& scene) {
         loadTwo(scene.processor);
         set(scene.processor, id::slot, 2.0f);
         set(scene.processor, id::blend, 35.0f);
         set(scene.processor, id::knob(0, 0), 80.0f);
         set(scene.processor, id::gateOn, 1.0f);
         set(scene.processor, id::gateThreshold, -20.0f);
         set(scene.processor, id::inputGain, 6.5f);
         set(scene.processor, id::toneOn, 1.0f);
         set(scene.processor, id::bass, 4.0f);
         set(scene.processor, id::middle, -3.5f);
         set(scene.processor, id::treble, 2.0f);
         set(scene.processor, id::outputGain, -6.0f);
         set(scene.processor, id::mix, 80.0f);
         scene.open();
         play(scene.processor, 1.2f, 196.0, 1.0);
       }},
      {"slot-b", false,
       [](Scene& scene) {
         loadTwo(scene.processor);
         set(scene.processor, id::slot, 1.0f);
         set(scene.processor, id::cabinetOn, 1.0f);
         scene.open();
       }},
      {"pedal", false,
       [](Scene& scene) {
         loadPreset(scene.processor, "Crunch");
         loadPedal(scene.processor);
         set(scene.processor, id::knob(fxtrain::Rig::pedalSlot(0), 0), 75.0f);
         set(scene.processor, id::pedalLevel[0], 4.5f);
         scene.open();
         play(scene.processor, 0.25f, 196.0, 1.25);
       }},
      {"responses", false,
       [](Scene& scene) {
         loadPreset(scene.processor, "Crunch");
         loadSecondResponse(scene.processor);
         set(scene.processor, id::cabinetBlend, 40.0f);
         set(scene.processor, id::cabinetDelay, 0.4f);
         set(scene.processor, id::cabinetLowCut, 90.0f);
         set(scene.processor, id::reverb, 18.0f);
         scene.open();
       }},
      {"pedal-two", false,
       [](Scene& scene) {
         loadTwo(scene.processor);
         loadPedal(scene.processor);
         set(scene.processor, id::slot, 2.0f);
         set(scene.processor, id::pedalOn[0], 0.0f);
         scene.open();
       }},
      {"board", false,
       [](Scene& scene) {
         loadPreset(scene.processor, "Crunch");
         loadBoard(scene.processor, true);
         set(scene.processor, id::pedalLevel[2], 4.5f);
         scene.open();
         play(scene.processor, 0.25f, 196.0, 1.25);
       }},
      {"board-b", false,
       [](Scene& scene) {
         loadPreset(scene.processor, "Crunch");
         loadBoard(scene.processor, false);
         set(scene.processor, id::pedalSlot[0], 1.0f);
         set(scene.processor, id::pedalOn[1], 0.0f);
         scene.open();
       }},
      {"sizes", false,
       [](Scene& scene) {
         loadContainers(scene.processor);
         set(scene.processor, id::quality(0), 40.0f);
         scene.open();
       }},
      {"error", false,
       [](Scene& scene) {
         scene.open();
         scene.processor.rig().setProblem("My favourite amp.nam: version: expected a version from 0.5 to 0.7, "
                                          "found the text \"0.9.0\"; a newer fxtrain may know it.");
       }},
      {"tuner", false,
       [](Scene& scene) {
         set(scene.processor, id::tuner, 1.0f);
         scene.open();
         scene.editor->tunerView()->show(184.0); // F#3 with 9.4 cents missing
       }},
      {"tuned", false,
       [](Scene& scene) {
         set(scene.processor, id::tuner, 1.0f);
         scene.open();
         scene.editor->tunerView()->show(110.02);
       }},
      {"bypass", false,
       [](Scene& scene) {
         set(scene.processor, id::bypass, 1.0f);
         scene.open();
       }},
      {"settings", false,
       [](Scene& scene) {
         scene.processor.midiControl().setBindings({{80, 0, id::bypass, fxtrain::MidiControl::Mode::toggle},
                                                    {11, 1, id::blend, fxtrain::MidiControl::Mode::follow}});
         scene.open();
         scene.editor->showSettings(true);
       }},
      {"library", false,
       [](Scene& scene) {
         openLibrary(scene, {});
         scene.editor->libraryView()->keyPressed(juce::KeyPress(juce::KeyPress::downKey));
       }},
      {"library-search", false,
       [](Scene& scene) {
         openLibrary(scene, "ada");
         scene.editor->libraryView()->setTag("amp", true);
         scene.editor->libraryView()->keyPressed(juce::KeyPress(juce::KeyPress::downKey));
       }},
      {"cabinet", false,
       [](Scene& scene) {
         loadPreset(scene.processor, "Crunch");
         scene.open();
         play(scene.processor, 0.25f, 196.0, 1.25);
       }},
      {"small", false,
       [](Scene& scene) {
         scene.processor.setEditorSize({PluginEditor::kLeastWidth, 1});
         scene.open();
       }},
      {"plain", false, [](Scene& scene) { scene.open(); }},
      {"standalone", true,
       [](Scene& scene) {
         const juce::TemporaryFile folder;
         folder.getFile().createDirectory();
         const auto file = folder.getFile().getChildFile("Sunday morning, bridge pickup, second take.wav");
         {
           juce::AudioBuffer<float> silence(1, 90 * int(kRate));
           silence.clear();
           std::unique_ptr<juce::OutputStream> stream = std::make_unique<juce::FileOutputStream>(file);
           const std::unique_ptr<juce::AudioFormatWriter> writer(
               juce::WavAudioFormat().createWriterFor(stream.release(), kRate, 1, 16, {}, 0));
           writer->writeFromAudioSampleBuffer(silence, 0, silence.getNumSamples());
         }
         auto& player = scene.processor.takePlayer();
         player.load(file);
         test::waitUntil([&] { return player.length() > 0.0; });
         player.setPosition(31.0);
         player.setPlaying(true);
         play(scene.processor, 0.0f, 100.0, 0.2);
         scene.open();
         folder.getFile().deleteRecursively();
       }},
  };
  return all;
}

juce::Image picture(const State& state, bool isDouble) {
  if (state.standalone)
    juce::AudioProcessor::setTypeOfNextNewPlugin(juce::AudioProcessor::wrapperType_Standalone);
  PluginProcessor processor;
  juce::AudioProcessor::setTypeOfNextNewPlugin(juce::AudioProcessor::wrapperType_Undefined);
  processor.setRateAndBufferSizeDetails(kRate, kBlock);
  processor.prepareToPlay(kRate, kBlock);
  if (isDouble)
    processor.setEditorSize({PluginEditor::kGreatestWidth, 1});
  Scene scene{processor, nullptr};
  state.prepare(scene);
  test::deliverMessages(100);
  scene.editor->stopUpdates(); // from here on by a clock of our own
  for (int i = 0; i < 8; ++i)
    scene.editor->update(0.001 * (i + 1));
  auto image = scene.editor->createComponentSnapshot(scene.editor->getLocalBounds(), true, 1.0f);
  return image;
}

/** What the moving parts cost at 200 %, each picture drawn with both meters moving: processor time of this thread. */
int cost() {
  PluginProcessor processor;
  processor.setRateAndBufferSizeDetails(kRate, kBlock);
  processor.prepareToPlay(kRate, kBlock);
  Scene scene{processor, nullptr};
  scene.processor.setEditorSize({PluginEditor::kGreatestWidth, 1});
  scene.open();
  scene.editor->stopUpdates();
  const auto now = [] { return double(std::clock()) / CLOCKS_PER_SEC; };
  const juce::Rectangle<int> inputMeter(272, 244, 28, 396), outputMeter(2004, 244, 28, 908);
  double spent = 0.0;
  constexpr int kTimes = 300;
  for (int i = 0; i < kTimes; ++i) {
    play(processor, 0.1f + 0.8f * float(i % 10) / 10.0f, 196.0, 0.01);
    const double start = now();
    scene.editor->update(i / 30.0);
    for (const auto& area : {inputMeter, outputMeter})
      scene.editor->createComponentSnapshot(area, true, 1.0f);
    spent += now() - start;
  }
  const double start = now();
  scene.editor->createComponentSnapshot(scene.editor->getLocalBounds(), true, 1.0f);
  std::cout << "one picture of 30 a second: " << 1e3 * spent / kTimes
            << " ms; the whole window: " << 1e3 * (now() - start) << " ms\n";
  return 0;
}

int controls() {
  const std::function<void(juce::Component&)> name = [&](juce::Component& component) {
    auto help = component.getHelpText();
    if (auto* client = dynamic_cast<juce::TooltipClient*>(&component); client != nullptr && help.isEmpty())
      help = client->getTooltip();
    if (component.isVisible() && component.getWantsKeyboardFocus())
      std::cout << component.getComponentID() << '\t' << component.getTitle() << '\t'
                << help.replaceCharacter('\n', ' ') << '\n';
    for (auto* child : component.getChildren())
      if (child->isVisible())
        name(*child);
  };
  static const auto knobs = capture("Screamer", "Ada Winter", "a green overdrive", "pedal", "0.004", 48000, 4);
  static const auto sizes = containerOfTwo("Screamer", "Ada Winter", "a green overdrive", 48000);
  const auto fillPedals = [](PluginProcessor& processor, const auto& model, int side) {
    auto contents = processor.rig().contents();
    for (int pedal = 0; pedal < fxtrain::Rig::kNumPedals; ++pedal) {
      contents.models[std::size_t(fxtrain::Rig::pedalSlot(pedal, side))] = model;
      set(processor, id::pedalSlot[pedal], float(side));
    }
    processor.rig().setContents(contents);
  };
  const std::initializer_list<std::function<void(PluginProcessor&)>> all = {
      [](PluginProcessor&) {},          // with the place for a pedal
      [&](PluginProcessor& processor) { // knobs of models
        loadTwo(processor);
        loadSecondResponse(processor);
        fillPedals(processor, knobs, 0);
      },
      [&](PluginProcessor& processor) { fillPedals(processor, knobs, 1); },
      [&](PluginProcessor& processor) { // sizes
        loadContainers(processor);
        fillPedals(processor, sizes, 0);
      },
      [&](PluginProcessor& processor) { fillPedals(processor, sizes, 1); }};
  for (const auto& load : all) {
    PluginProcessor processor;
    loadPreset(processor, "Crunch"); // which has a cabinet
    load(processor);
    Scene scene{processor, nullptr};
    scene.open();
    scene.editor->showSettings(true);
    name(*scene.editor);
  }
  return 0;
}

int run(int argc, char** argv) {
  const juce::ScopedJuceInitialiser_GUI juce;
  if (argc >= 2 && std::strcmp(argv[1], "--cost") == 0)
    return cost();
  if (argc >= 2 && std::strcmp(argv[1], "--controls") == 0)
    return controls();
  if (argc < 2) {
    std::cerr << "usage: screenshots FOLDER [state...]\n";
    return 2;
  }
  const auto folder = juce::File::getCurrentWorkingDirectory().getChildFile(argv[1]);
  if (!folder.createDirectory()) {
    std::cerr << "cannot make " << folder.getFullPathName() << "\n";
    return 1;
  }
  juce::StringArray wanted(argv + 2, argc - 2);
  if (wanted.isEmpty())
    for (const auto& state : states())
      wanted.add(state.name);
  for (const auto& name : wanted) {
    const bool isDouble = name.endsWith(kDouble);
    const auto stateName = isDouble ? name.dropLastCharacters(int(std::strlen(kDouble))) : name;
    const auto state =
        std::find_if(states().begin(), states().end(), [&](const State& each) { return stateName == each.name; });
    if (state == states().end()) {
      std::cerr << "there is no state " << stateName << "\n";
      return 2;
    }
    const auto file = folder.getChildFile(name + ".png");
    file.deleteFile();
    juce::FileOutputStream stream(file);
    if (!stream.openedOk() || !juce::PNGImageFormat().writeImageToStream(picture(*state, isDouble), stream)) {
      std::cerr << "cannot write " << file.getFullPathName() << "\n";
      return 1;
    }
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  // A home of its own: pictures show files, and the player's are none of ours.
  const juce::TemporaryFile home;
  home.getFile().createDirectory();
  for (const auto* variable : {"HOME", "XDG_DATA_HOME"})
    ::setenv(variable, home.getFile().getFullPathName().toRawUTF8(), 1);
  const int status = run(argc, argv);
  home.getFile().deleteRecursively();
  return status;
}
