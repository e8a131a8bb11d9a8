// SPDX-License-Identifier: MIT
#include "style.h"

#include <fxtrain_resources.h>

#include <cmath>
#include <cstdint>
#include <map>

namespace fxtrain::ui {
namespace {

juce::Typeface::Ptr faceOf(const char* data, int size) {
  return juce::Typeface::createSystemTypefaceFor(data, std::size_t(size));
}

constexpr float kIconGrid = 24.0f;   // of Lucide's files
constexpr float kIconStroke = 2.25f; // on that grid; Lucide's own 2 is thin at the sizes of this window

std::pair<const char*, int> svgOf(Icon icon) {
#define FXTRAIN_SVG(name)                                                                                              \
  { resources::name##_svg, resources::name##_svgSize }
  switch (icon) {
  case Icon::previous:
    return FXTRAIN_SVG(chevronleft);
  case Icon::next:
    return FXTRAIN_SVG(chevronright);
  case Icon::down:
    return FXTRAIN_SVG(chevrondown);
  case Icon::folder:
    return FXTRAIN_SVG(folder);
  case Icon::close:
    return FXTRAIN_SVG(x);
  case Icon::undo:
    return FXTRAIN_SVG(undo2);
  case Icon::redo:
    return FXTRAIN_SVG(redo2);
  case Icon::save:
    return FXTRAIN_SVG(save);
  case Icon::tuner:
    return FXTRAIN_SVG(gauge);
  case Icon::settings:
    return FXTRAIN_SVG(settings);
  case Icon::power:
    return FXTRAIN_SVG(power);
  case Icon::play:
    return FXTRAIN_SVG(play);
  case Icon::stop:
    return FXTRAIN_SVG(square);
  case Icon::loop:
    return FXTRAIN_SVG(repeat);
  case Icon::plus:
    return FXTRAIN_SVG(plus);
  case Icon::warning:
    return FXTRAIN_SVG(trianglealert);
  case Icon::check:
    return FXTRAIN_SVG(check);
  case Icon::swap:
    return FXTRAIN_SVG(arrowupdown);
  case Icon::search:
    return FXTRAIN_SVG(search);
  case Icon::star:
  case Icon::starred:
    return FXTRAIN_SVG(star);
  }
#undef FXTRAIN_SVG
  return {};
}

bool isFilled(Icon icon) { return icon == Icon::play || icon == Icon::stop || icon == Icon::starred; }

/** The outline that JUCE reads from an icon's file, with this stroke and fill in place of those that the file names. */
juce::Path outlineOf(Icon icon, const char* stroke, const char* fill) {
  const auto [data, size] = svgOf(icon);
  const auto svg = juce::parseXML(juce::String::fromUTF8(data, size));
  jassert(svg != nullptr);
  svg->setAttribute("stroke", stroke);
  svg->setAttribute("fill", fill);
  svg->setAttribute("stroke-width", double(kIconStroke));
  return juce::Drawable::createFromSVG(*svg)->getOutlineAsPath();
}

} // namespace

IconOutlines::IconOutlines() {
  for (std::size_t index = 0; index < kNumIcons; ++index) {
    const auto icon = static_cast<Icon>(index);
    strokes[index] = outlineOf(icon, "black", "none");
    if (isFilled(icon))
      fills[index] = outlineOf(icon, "none", "black");
  }
}

Typefaces::Typefaces()
    : regular(faceOf(resources::InterRegular_otf, resources::InterRegular_otfSize)),
      medium(faceOf(resources::InterMedium_otf, resources::InterMedium_otfSize)),
      semiBold(faceOf(resources::InterSemiBold_otf, resources::InterSemiBold_otfSize)) {}

juce::Colour colourOf(const juce::String& tone, const juce::String& name) {
  // None is the accent, which means that something is live, or red, which means that something is wrong.
  struct Hue {
    const char* tone;
    float hue;
  };
  static constexpr Hue kHues[] = {
      {"clean", 0.50f}, {"crunch", 0.16f}, {"overdrive", 0.29f}, {"high gain", 0.90f}, {"fuzz", 0.74f}};
  const auto number = std::uint64_t(name.hashCode64());
  const float share = float(number % 97) / 97.0f, other = float(number / 97 % 89) / 89.0f;
  for (const auto& each : kHues)
    if (tone.containsIgnoreCase(each.tone))
      return juce::Colour::fromHSV(each.hue + 0.03f * (2.0f * share - 1.0f), 0.42f + 0.16f * other, 0.80f, 1.0f);
  return juce::Colour::fromHSV(0.50f + 0.20f * share, 0.12f + 0.14f * other, 0.72f, 1.0f); // bluish greys
}

juce::Font font(float size, Weight weight) {
  const juce::SharedResourcePointer<Typefaces> faces;
  const auto& face = weight == Weight::regular  ? faces->regular
                     : weight == Weight::medium ? faces->medium
                                                : faces->semiBold;
#if JUCE_MAJOR_VERSION >= 8
  return juce::Font(juce::FontOptions(face).withPointHeight(size));
#else
  return juce::Font(face).withPointHeight(size);
#endif
}

namespace {

/** Whether a face draws a letter as anything but its box for those that it lacks. */
bool has(juce::Typeface& face, juce::juce_wchar letter) {
  const auto outlineOf = [&face](juce::juce_wchar c) {
    juce::Array<int> glyphs;
    juce::Array<float> offsets;
    face.getGlyphPositions(juce::String::charToString(c), glyphs, offsets);
    juce::Path outline;
    if (!glyphs.isEmpty())
      face.getOutlineForGlyph(glyphs[0], outline);
    return outline;
  };
  const auto outline = outlineOf(letter);
  return !outline.isEmpty() && outline != outlineOf(0xffff); // which is no letter
}

/** A family of the system that has a letter; "" where Inter or none has it. Looks through all fonts, once a script. */
juce::String familyFor(juce::juce_wchar letter) {
  static std::map<juce::juce_wchar, juce::String> found; // by 128 letters; message thread
  const auto block = letter & ~juce::juce_wchar{0x7f};
  if (const auto known = found.find(block); known != found.end())
    return known->second;
  auto& family = found[block];
  const juce::SharedResourcePointer<Typefaces> faces;
  if (has(*faces->regular, letter))
    return family;
  juce::StringArray families = {"Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic UI", "Segoe UI", "DejaVu Sans"};
  families.addArray(juce::Font::findAllTypefaceNames());
  const auto installed = juce::Font::findAllTypefaceNames();
  for (const auto& each : families) {
    if (!installed.contains(each))
      continue;
    if (const auto face = juce::Typeface::createSystemTypefaceFor(juce::Font(each, 14.0f, juce::Font::plain));
        face != nullptr && has(*face, letter)) {
      family = each;
      break;
    }
  }
  return family;
}

} // namespace

juce::Font fontFor(const juce::String& text, const juce::Font& font) {
#if JUCE_MAJOR_VERSION >= 8
  juce::ignoreUnused(text);
  return font; // it looks for letters in other fonts itself
#else
  for (auto letter = text.getCharPointer(); !letter.isEmpty(); ++letter)
    if (*letter > 0x24f && !juce::CharacterFunctions::isWhitespace(*letter))
      if (const auto family = familyFor(*letter); family.isNotEmpty())
        return juce::Font(family, font.getHeight(), juce::Font::plain);
  return font;
#endif
}

float widthOf(const juce::Font& font, const juce::String& text) {
#if JUCE_MAJOR_VERSION >= 8
  return juce::GlyphArrangement::getStringWidth(font, text);
#else
  return fontFor(text, font).getStringWidthFloat(text);
#endif
}

void drawText(juce::Graphics& g, const juce::String& text, juce::Rectangle<float> area, const juce::Font& font,
              juce::Colour colour, juce::Justification justification) {
  g.setColour(colour);
  g.setFont(fontFor(text, font));
  g.drawText(text, area, justification, true);
}

void drawLines(juce::Graphics& g, const juce::String& text, juce::Rectangle<float> area, const juce::Font& font,
               juce::Colour colour, int mostLines) {
  g.setColour(colour);
  g.setFont(fontFor(text, font));
  g.drawFittedText(text, area.toNearestInt(), juce::Justification::centredLeft, mostLines, 1.0f);
}

void drawIcon(juce::Graphics& g, Icon icon, juce::Rectangle<float> area, juce::Colour colour) {
  const juce::SharedResourcePointer<IconOutlines> outlines;
  const auto transform = juce::AffineTransform::scale(area.getWidth() / kIconGrid, area.getHeight() / kIconGrid)
                             .translated(area.getTopLeft());
  const auto index = std::size_t(icon);
  g.setColour(colour);
  g.fillPath(outlines->strokes[index], transform);
  g.fillPath(outlines->fills[index], transform);
}

void drawDropArea(juce::Graphics& g, juce::Rectangle<float> area) {
  juce::Path outline, dashed;
  outline.addRoundedRectangle(area, 8.0f);
  constexpr float kDashes[] = {5.0f, 5.0f};
  juce::PathStrokeType(1.25f).createDashedStroke(dashed, outline, kDashes, 2);
  g.setColour(colour::track);
  g.fillPath(dashed);
}

void drawFocusRing(juce::Graphics& g, juce::Rectangle<float> area, float radius) {
  g.setColour(colour::text);
  g.drawRoundedRectangle(area.reduced(0.75f), radius, 1.5f);
}

juce::String typographic(const juce::String& number, bool sign) {
  if (number.startsWithChar('-'))
    return juce::String::charToString(juce::juce_wchar{0x2212}) + number.substring(1);
  return sign && number.getDoubleValue() > 0.0 ? "+" + number : number;
}

juce::String numberText(double number, int numDecimals) {
  return numDecimals > 0 ? juce::String(number, numDecimals) : juce::String(juce::int64(std::llround(number)));
}

juce::String rateText(double hz) {
  const auto text = juce::String(hz / 1000.0, 3).trimCharactersAtEnd("0");
  return text.trimCharactersAtEnd(".") + " kHz";
}

} // namespace fxtrain::ui
