// SPDX-License-Identifier: MIT
#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

#include <array>

/** What everything in the window is drawn with: colours, type, icons. Sizes are logical pixels at 100 %. */
namespace fxtrain::ui {

namespace colour {
inline const juce::Colour window{0xff101215};
inline const juce::Colour panel{0xff191c20};
inline const juce::Colour raised{0xff23272d}; ///< fields and buttons on a panel
inline const juce::Colour hover{0xff2d323a};
inline const juce::Colour line{0xff2b3037};  ///< hairlines around panels
inline const juce::Colour track{0xff383e47}; ///< of knobs, faders, wires that carry nothing
inline const juce::Colour off{0xff6d7580};   ///< switches that are off: 3 : 1 on a panel
inline const juce::Colour text{0xfff3f4f6};
inline const juce::Colour secondary{0xffb1b7bf};
inline const juce::Colour faint{0xff8f969f};  ///< captions; still 5 : 1 on a panel
inline const juce::Colour accent{0xfff4a63c}; ///< what is live
inline const juce::Colour onAccent{0xff17120a};
inline const juce::Colour danger{0xffff7066};
} // namespace colour

/** What a capture is told apart by at a glance: the tone gives the colour, the name a shade of it.
    @param tone  in plain words, as ModelFile::toneType(); "" where the file does not say: the name alone decides */
juce::Colour colourOf(const juce::String& tone, const juce::String& name);

enum class Weight { regular, medium, semiBold };

/** The faces of Inter, shared by all windows of a process. Whoever draws holds them by a SharedResourcePointer, lest
    each font() reads them anew. */
struct Typefaces {
  Typefaces();
  juce::Typeface::Ptr regular, medium, semiBold;
};

/** Inter. @param size  of the em, as in CSS */
juce::Font font(float size, Weight weight = Weight::regular);

/** The font itself where it has all letters of a text, else one of the system that has them: names in other scripts. */
juce::Font fontFor(const juce::String& text, const juce::Font& font);

/** In logical pixels. */
float widthOf(const juce::Font& font, const juce::String& text);

/** One line, cut with an ellipsis where it does not fit. */
void drawText(juce::Graphics& g, const juce::String& text, juce::Rectangle<float> area, const juce::Font& font,
              juce::Colour colour, juce::Justification justification = juce::Justification::centredLeft);

/** So many lines at most, broken between words. */
void drawLines(juce::Graphics& g, const juce::String& text, juce::Rectangle<float> area, const juce::Font& font,
               juce::Colour colour, int mostLines);

enum class Icon {
  previous,
  next,
  down,
  folder,
  close,
  undo,
  redo,
  save,
  tuner,
  settings,
  power,
  play,
  stop,
  loop,
  plus,
  warning,
  check,
  swap,
  search,
  star,
  starred
};
inline constexpr std::size_t kNumIcons = std::size_t(Icon::starred) + 1;

/** Read from their files once, and shared like the typefaces. */
struct IconOutlines {
  IconOutlines();
  std::array<juce::Path, kNumIcons> strokes, fills;
};

/** One of Lucide's. @param area  of the icon's square */
void drawIcon(juce::Graphics& g, Icon icon, juce::Rectangle<float> area, juce::Colour colour);

/** A place for a file that is still to come. */
void drawDropArea(juce::Graphics& g, juce::Rectangle<float> area);

/** A ring around what has the keyboard. */
void drawFocusRing(juce::Graphics& g, juce::Rectangle<float> area, float radius);

/** With a typographic minus, and a plus where `sign` is asked for and the value is not 0. */
juce::String typographic(const juce::String& number, bool sign = false);

/** Rounded to so many places behind the point. (juce::String takes 0 for "as many as there are".) */
juce::String numberText(double number, int numDecimals);

/** "48 kHz", "44.1 kHz". */
juce::String rateText(double hz);

} // namespace fxtrain::ui
