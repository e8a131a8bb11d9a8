// SPDX-License-Identifier: MIT
#include "fxengine/credits.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace fxengine {
namespace {

std::string trimmed(const std::string& text) {
  constexpr auto kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string::npos ? std::string() : text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

/** Those of .nam files are fxtrain's too. */
std::string gearInWords(const std::string& word) {
  if (word == "pedal_amp")
    return "pedal and amp";
  if (word == "amp_cab")
    return "amp with cabinet";
  if (word == "amp_pedal_cab")
    return "amp with pedal and cabinet";
  return word;
}

} // namespace

Credits creditsOf(const ModelInfo& info) {
  const auto metadata = nlohmann::json::parse(info.metadata, nullptr, false);
  const auto text = [&metadata](const char* key) {
    if (!metadata.is_object())
      return std::string();
    const auto found = metadata.find(key);
    return found != metadata.end() && found->is_string() ? trimmed(found->get<std::string>()) : std::string();
  };
  const auto firstOf = [](const std::string& first, const std::string& second) {
    return first.empty() ? second : first;
  };
  Credits credits;
  credits.title = text("name");
  credits.author = firstOf(text("author"), text("modeled_by")); // the second one in .nam files
  credits.device = firstOf(text("based"), trimmed(text("gear_make") + " " + text("gear_model")));
  const auto gear = text("gear_type");
  credits.gear = gearInWords(gear);
  credits.tone = firstOf(text("tone_type"), text("style")); // the first one in .nam files
  if (credits.tone == "hi_gain")
    credits.tone = "high gain";
  std::replace(credits.tone.begin(), credits.tone.end(), '_', ' ');
  if (info.numLinearTaps > 0 || credits.gear.find("cabinet") != std::string::npos)
    credits.loudspeaker = "with loudspeaker";
  else if (gear == "amp" || gear == "preamp" || gear == "pedal_amp")
    credits.loudspeaker = "no loudspeaker";
  if (metadata.is_object())
    if (const auto esr = metadata.find("esr"); esr != metadata.end()) {
      const double value = esr->is_number()   ? esr->get<double>()
                           : esr->is_string() ? std::strtod(esr->get<std::string>().c_str(), nullptr)
                                              : 0.0;
      if (std::isfinite(value) && value > 0.0)
        credits.esr = value;
    }
  return credits;
}

} // namespace fxengine
