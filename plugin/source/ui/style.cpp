// SPDX-License-Identifier: MIT
#include "style.h"

#include <fxtrain_resources.h>

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

float widthOf(const juce::Font& font, const juce::String& text) {
#if JUCE_MAJOR_VERSION >= 8
  return juce::GlyphArrangement::getStringWidth(font, text);
#else
  return font.getStringWidthFloat(text);
#endif
}

void drawText(juce::Graphics& g, const juce::String& text, juce::Rectangle<float> area, const juce::Font& font,
              juce::Colour colour, juce::Justification justification) {
  g.setColour(colour);
  g.setFont(font);
  g.drawText(text, area, justification, true);
}

void drawIcon(juce::Graphics& g, Icon icon, juce::Rectangle<float> area, juce::Colour colour) {
  const auto transform =
      juce::AffineTransform::scale(area.getWidth() / 16.0f, area.getHeight() / 16.0f).translated(area.getTopLeft());
  const auto path = pathOf(icon);
  g.setColour(colour);
  if (icon == Icon::play || icon == Icon::stop)
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

juce::String rateText(double hz) {
  const auto text = juce::String(hz / 1000.0, 3).trimCharactersAtEnd("0");
  return text.trimCharactersAtEnd(".") + " kHz";
}

} // namespace fxtrain::ui
