// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"

#include <thread>

using namespace fxtrain;

namespace {

struct Fixture {
  test::Instance instance;
  juce::uint32 now = 1000;
  History history{instance.plugin, [this] { return now; }};

  void turn(const juce::String& id, float to) {
    auto& parameter = instance.parameter(id);
    parameter.beginChangeGesture();
    instance.set(id, to);
    parameter.endChangeGesture();
  }
};

} // namespace

TEST_CASE("History: a gesture is undone and redone", "[history]") {
  Fixture f;
  CHECK_FALSE(f.history.canUndo());
  f.turn(id::bass, 6.0f);
  f.turn(id::treble, -3.0f);
  CHECK(f.history.undoText() == "Treble");
  f.history.undo();
  CHECK(f.instance.get(id::treble) == Approx(0.0f).margin(1e-5));
  CHECK(f.instance.get(id::bass) == Approx(6.0f));
  CHECK(f.history.undoText() == "Bass");
  CHECK(f.history.redoText() == "Treble");
  f.history.undo();
  CHECK(f.instance.get(id::bass) == Approx(0.0f).margin(1e-5));
  CHECK_FALSE(f.history.canUndo());
  f.history.redo();
  f.history.redo();
  CHECK(f.instance.get(id::bass) == Approx(6.0f));
  CHECK(f.instance.get(id::treble) == Approx(-3.0f));
  CHECK_FALSE(f.history.canRedo());
}

TEST_CASE("History: what a host automates, and what other threads do, is not undone", "[history]") {
  Fixture f;
  f.instance.set(id::bass, 6.0f);
  CHECK_FALSE(f.history.canUndo());
  std::thread([&] { f.turn(id::bass, 3.0f); }).join();
  CHECK_FALSE(f.history.canUndo());
}

TEST_CASE("History: a gesture that changes nothing is no step", "[history]") {
  Fixture f;
  f.turn(id::bass, 0.0f);
  CHECK_FALSE(f.history.canUndo());
}

TEST_CASE("History: turns of one knob within a second are one step, others are not", "[history]") {
  Fixture f;
  for (const float value : {1.0f, 2.0f, 3.0f}) {
    f.turn(id::bass, value);
    f.now += History::kJoinMs - 1;
  }
  f.history.undo();
  CHECK(f.instance.get(id::bass) == Approx(0.0f).margin(1e-5));
  CHECK_FALSE(f.history.canUndo());
  f.history.redo();
  CHECK(f.instance.get(id::bass) == Approx(3.0f));

  f.turn(id::bass, 4.0f); // after a redo: a step of its own
  f.now += History::kJoinMs;
  f.turn(id::bass, 5.0f); // too late to join
  f.turn(id::middle, 1.0f);
  f.turn(id::bass, 6.0f); // another knob was in between
  for (const float before : {5.0f, 5.0f, 4.0f, 3.0f}) {
    f.history.undo();
    CHECK(f.instance.get(id::bass) == Approx(before));
  }
}

TEST_CASE("History: presses of a switch are steps of their own", "[history]") {
  Fixture f;
  f.turn(id::bypass, 1.0f);
  f.turn(id::bypass, 0.0f);
  f.history.undo();
  CHECK(f.instance.get(id::bypass) == 1.0f);
  f.history.undo();
  CHECK(f.instance.get(id::bypass) == 0.0f);
}

TEST_CASE("History: what was done otherwise is entered without doing it again", "[history]") {
  Fixture f;
  std::vector<std::string> done;
  f.history.add(
      "Load", [&] { done.push_back("redo"); }, [&] { done.push_back("undo"); });
  CHECK(done.empty());
  f.history.undo();
  f.history.redo();
  CHECK(done == std::vector<std::string>{"undo", "redo"});
  f.history.add(
      "Within", [] {},
      [&] {
        f.history.add(
            "Nested", [] {}, [] {});
      });
  f.history.undo();
  CHECK(f.history.undoText() == "Load");
  f.history.clear();
  CHECK_FALSE(f.history.canUndo());
  CHECK_FALSE(f.history.canRedo());
}

TEST_CASE("History: it keeps a bounded number of steps, the latest", "[history]") {
  Fixture f;
  for (int n = 0; n < 3 * History::kMaxSteps; ++n) {
    f.now += 2 * History::kJoinMs;
    f.turn(id::blend, float(n % 100));
  }
  int steps = 0;
  for (; f.history.canUndo(); ++steps)
    f.history.undo();
  CHECK(steps == History::kMaxSteps);
}
