// SPDX-License-Identifier: MIT
// Writes the plugin's parameters as the table that the Python package reads:
//
//     describe_parameters FILE            writes it
//     describe_parameters --check FILE    ends with 1 if the file says something else
//
// `make parameters` calls it with python/fxtrain/plugin_files/parameters.json.

#include <PluginProcessor.h>

#include <juce_events/juce_events.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

using Json = nlohmann::ordered_json;

/** A float as a person writes it: 0.1f is 0.1, not 0.10000000149. */
double plain(float value) { return std::round(double(value) * 1e4) / 1e4; }

Json describe(juce::RangedAudioParameter& parameter) {
  const auto range = parameter.getNormalisableRange();
  Json made{{"id", parameter.getParameterID().toStdString()},
            {"name", parameter.getName(100).toStdString()},
            {"unit", parameter.getLabel().toStdString()},
            {"minimum", plain(range.start)},
            {"maximum", plain(range.end)},
            {"default", plain(range.convertFrom0to1(parameter.getDefaultValue()))},
            {"choices", Json::array()},
            {"is_switch", parameter.isBoolean()},
            {"belongs_to_room", fxtrain::belongsToRoom(parameter.getParameterID())}};
  if (const auto* choice = dynamic_cast<const juce::AudioParameterChoice*>(&parameter))
    for (const auto& name : choice->choices)
      made["choices"].push_back(name.toStdString());
  return made;
}

/** All parameters in the plugin's order, one a line. */
std::string describeAll() {
  const auto plugin = std::make_unique<fxtrain::PluginProcessor>();
  std::string text;
  for (auto* parameter : plugin->getParameters())
    if (auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(parameter))
      text += (text.empty() ? "[\n  " : ",\n  ") + describe(*ranged).dump();
  return text + "\n]\n";
}

} // namespace

int main(int argc, char** argv) {
  const bool check = argc == 3 && std::string(argv[1]) == "--check";
  if (argc != 2 && !check) {
    std::cerr << "usage: describe_parameters [--check] FILE\n";
    return 2;
  }
  const juce::ScopedJuceInitialiser_GUI juce;
  const std::string path = argv[argc - 1], made = describeAll();
  if (check) {
    std::ifstream file(path, std::ios::binary);
    if (std::string(std::istreambuf_iterator<char>(file), {}) == made)
      return 0;
    std::cerr << path << " is not what the plugin's parameters are; write it anew: make parameters\n";
    return 1;
  }
  std::ofstream file(path, std::ios::binary);
  file << made;
  file.close();
  if (file)
    return 0;
  std::cerr << "cannot write " << path << '\n';
  return 1;
}
