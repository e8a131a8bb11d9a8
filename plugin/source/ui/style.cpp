// SPDX-License-Identifier: MIT
#include "style.h"

#include <fxtrain_resources.h>

#include <cmath>
#include <map>

namespace fxtrain::ui {
namespace {

juce::Typeface::Ptr faceOf(const char* data, int size) {
  return juce::Typeface::createSystemTypefaceFor(data, std::size_t(size));
}

juce::Path pathOf(Icon icon) {
  juce::Path p;
  const auto polyline = [&p](std::initializer_list<juce::Point<float>> points, bool closed = false) {
    bool first = true;
    for (const auto point : points) {
      if (first)
        p.startNewSubPath(point);
      else
        p.lineTo(point);
      first = false;
    }
    if (closed)
      p.closeSubPath();
  };
  constexpr float pi = juce::MathConstants<float>::pi;
  switch (icon) {
  case Icon::previous:
    polyline({{9.5f, 3.5f}, {5.0f, 8.0f}, {9.5f, 12.5f}});
    break;
  case Icon::next:
    polyline({{6.5f, 3.5f}, {11.0f, 8.0f}, {6.5f, 12.5f}});
    break;
  case Icon::down:
    polyline({{4.0f, 6.25f}, {8.0f, 10.25f}, {12.0f, 6.25f}});
    break;
  case Icon::folder:
    polyline({{2.0f, 12.5f}, {2.0f, 3.5f}, {6.0f, 3.5f}, {7.5f, 5.5f}, {14.0f, 5.5f}, {14.0f, 12.5f}}, true);
    break;
  case Icon::close:
    polyline({{4.0f, 4.0f}, {12.0f, 12.0f}});
    polyline({{12.0f, 4.0f}, {4.0f, 12.0f}});
    break;
  case Icon::undo:
  case Icon::redo:
    polyline({{5.5f, 2.5f}, {2.5f, 5.5f}, {5.5f, 8.5f}});
    p.startNewSubPath(2.5f, 5.5f);
    p.lineTo(9.5f, 5.5f);
    p.addCentredArc(9.5f, 9.25f, 3.75f, 3.75f, 0.0f, 0.0f, pi);
    p.lineTo(6.0f, 13.0f);
    if (icon == Icon::redo)
      p.applyTransform(juce::AffineTransform::scale(-1.0f, 1.0f, 8.0f, 8.0f));
    break;
  case Icon::save:
    polyline({{8.0f, 2.5f}, {8.0f, 9.5f}});
    polyline({{5.0f, 6.75f}, {8.0f, 9.75f}, {11.0f, 6.75f}});
    polyline({{2.5f, 10.5f}, {2.5f, 13.5f}, {13.5f, 13.5f}, {13.5f, 10.5f}});
    break;
  case Icon::tuner: // a tuning fork
    p.startNewSubPath(5.0f, 2.0f);
    p.lineTo(5.0f, 6.0f);
    p.addCentredArc(8.0f, 6.0f, 3.0f, 3.0f, 0.0f, 1.5f * pi, 0.5f * pi);
    p.lineTo(11.0f, 2.0f);
    polyline({{8.0f, 9.0f}, {8.0f, 14.0f}});
    break;
  case Icon::menu:
    polyline({{2.5f, 4.0f}, {13.5f, 4.0f}});
    polyline({{2.5f, 8.0f}, {13.5f, 8.0f}});
    polyline({{2.5f, 12.0f}, {13.5f, 12.0f}});
    break;
  case Icon::power:
    polyline({{8.0f, 2.0f}, {8.0f, 7.5f}});
    p.addCentredArc(8.0f, 8.5f, 5.5f, 5.5f, 0.0f, 0.2f * pi, 1.8f * pi, true);
    break;
  case Icon::play:
    polyline({{5.0f, 3.0f}, {12.5f, 8.0f}, {5.0f, 13.0f}}, true);
    break;
  case Icon::stop:
    polyline({{4.0f, 4.0f}, {12.0f, 4.0f}, {12.0f, 12.0f}, {4.0f, 12.0f}}, true);
    break;
  case Icon::loop:
    polyline({{10.5f, 1.5f}, {12.75f, 3.75f}, {10.5f, 6.0f}});
    polyline({{12.5f, 3.75f}, {3.0f, 3.75f}, {3.0f, 8.0f}});
    polyline({{5.5f, 10.0f}, {3.25f, 12.25f}, {5.5f, 14.5f}});
    polyline({{3.5f, 12.25f}, {13.0f, 12.25f}, {13.0f, 8.0f}});
    break;
  case Icon::plus:
    polyline({{8.0f, 2.0f}, {8.0f, 14.0f}});
    polyline({{2.0f, 8.0f}, {14.0f, 8.0f}});
    break;
  case Icon::warning:
    polyline({{8.0f, 2.0f}, {14.75f, 13.5f}, {1.25f, 13.5f}}, true);
    polyline({{8.0f, 6.5f}, {8.0f, 9.5f}});
    polyline({{8.0f, 11.4f}, {8.0f, 11.6f}});
    break;
  case Icon::check:
    polyline({{3.0f, 8.5f}, {6.5f, 12.0f}, {13.0f, 4.5f}});
    break;
  case Icon::swap:
    polyline({{5.0f, 13.0f}, {5.0f, 3.0f}});
    polyline({{2.5f, 5.5f}, {5.0f, 3.0f}, {7.5f, 5.5f}});
    polyline({{11.0f, 3.0f}, {11.0f, 13.0f}});
    polyline({{8.5f, 10.5f}, {11.0f, 13.0f}, {13.5f, 10.5f}});
    break;
  case Icon::search:
    p.addEllipse(2.5f, 2.5f, 8.0f, 8.0f);
    polyline({{9.5f, 9.5f}, {13.5f, 13.5f}});
    break;
  case Icon::star:
  case Icon::starred:
    p.addStar({8.0f, 8.5f}, 5, 3.0f, 6.5f);
    break;
  }
  return p;
}

} // namespace

Typefaces::Typefaces()
    : regular(faceOf(resources::InterRegular_otf, resources::InterRegular_otfSize)),
      medium(faceOf(resources::InterMedium_otf, resources::InterMedium_otfSize)),
      semiBold(faceOf(resources::InterSemiBold_otf, resources::InterSemiBold_otfSize)) {}

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

void drawIcon(juce::Graphics& g, Icon icon, juce::Rectangle<float> area, juce::Colour colour) {
  const auto transform =
      juce::AffineTransform::scale(area.getWidth() / 16.0f, area.getHeight() / 16.0f).translated(area.getTopLeft());
  const auto path = pathOf(icon);
  g.setColour(colour);
  if (icon == Icon::play || icon == Icon::stop || icon == Icon::starred)
    g.fillPath(path, transform);
  g.strokePath(path, juce::PathStrokeType(1.5f, juce::PathStrokeType::curved, juce::PathStrokeType::rounded),
               transform);
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
