// SPDX-License-Identifier: MIT
// fxtrain_clap_checks PLUGIN.clap: loads the CLAP as a host does, gives it a saved state, and checks that its output is
// bit-identical to that of the plugin's own code, with the same latency and parameter names. Built with FXTRAIN_CLAP.
#include "support/instance.h"
#include "support/test_models.h"

#include <clap/clap.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr double kRate = 48000.0;
constexpr int kBlock = 256;

void require(bool fine, const std::string& sentence) {
  if (!fine)
    throw std::runtime_error(sentence);
}

/** A host that offers nothing. */
const clap_host_t kHost = {CLAP_VERSION,
                           nullptr,
                           "fxtrain_clap_checks",
                           "fxtrain",
                           "",
                           "1",
                           [](const clap_host_t*, const char*) -> const void* { return nullptr; },
                           [](const clap_host_t*) {},
                           [](const clap_host_t*) {},
                           [](const clap_host_t*) {}};

class Clap {
 public:
  explicit Clap(const std::string& path) {
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
      throw std::runtime_error(path + " cannot be loaded: " + ::dlerror());
    const auto* entry = static_cast<const clap_plugin_entry_t*>(::dlsym(library, "clap_entry"));
    require(entry != nullptr, path + " has no clap_entry");
    require(entry->init(path.c_str()), "the entry does not start");
    const auto* factory = static_cast<const clap_plugin_factory_t*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));
    require(factory != nullptr && factory->get_plugin_count(factory) == 1, "expected one plugin");
    const auto* descriptor = factory->get_plugin_descriptor(factory, 0);
    require(std::strcmp(descriptor->id, "org.fxtrain.plugin") == 0, std::string("its id is ") + descriptor->id);
    plugin_ = factory->create_plugin(factory, &kHost, descriptor->id);
    require(plugin_ != nullptr && plugin_->init(plugin_), "the plugin does not start");
  }
  ~Clap() { plugin_->destroy(plugin_); }
  Clap(const Clap&) = delete;
  Clap& operator=(const Clap&) = delete;

  template <class Extension> const Extension& extension(const char* id) const {
    const auto* found = static_cast<const Extension*>(plugin_->get_extension(plugin_, id));
    require(found != nullptr, std::string("it has no ") + id);
    return *found;
  }
  const clap_plugin_t* plugin() const { return plugin_; }

  void load(const juce::MemoryBlock& state) {
    juce::MemoryInputStream bytes(state, false);
    const clap_istream_t stream = {&bytes, [](const clap_istream_t* self, void* buffer, uint64_t size) -> int64_t {
                                     return static_cast<juce::MemoryInputStream*>(self->ctx)->read(
                                         buffer, int(std::min<uint64_t>(size, 1 << 20)));
                                   }};
    require(extension<clap_plugin_state_t>(CLAP_EXT_STATE).load(plugin_, &stream), "it takes no state");
  }

  test::Audio play(const test::Audio& input) {
    require(plugin_->activate(plugin_, kRate, 1, kBlock), "it cannot be activated");
    require(plugin_->start_processing(plugin_), "it does not begin to play");
    test::Audio output(2, std::vector<float>(input[0].size()));
    const clap_input_events_t none = {
        nullptr, [](const clap_input_events_t*) -> uint32_t { return 0; },
        [](const clap_input_events_t*, uint32_t) -> const clap_event_header_t* { return nullptr; }};
    const clap_output_events_t ignored = {nullptr,
                                          [](const clap_output_events_t*, const clap_event_header_t*) { return true; }};
    for (std::size_t at = 0; at < input[0].size(); at += kBlock) {
      float* in[2] = {const_cast<float*>(input[0].data()) + at, const_cast<float*>(input[1].data()) + at};
      float* out[2] = {output[0].data() + at, output[1].data() + at};
      clap_audio_buffer_t from = {in, nullptr, 2, 0, 0}, to = {out, nullptr, 2, 0, 0};
      clap_process_t process = {};
      process.steady_time = int64_t(at);
      process.frames_count = uint32_t(std::min<std::size_t>(kBlock, input[0].size() - at));
      process.audio_inputs = &from;
      process.audio_outputs = &to;
      process.audio_inputs_count = process.audio_outputs_count = 1;
      process.in_events = &none;
      process.out_events = &ignored;
      require(plugin_->process(plugin_, &process) != CLAP_PROCESS_ERROR, "it fails to play");
    }
    plugin_->stop_processing(plugin_);
    return output;
  }

 private:
  const clap_plugin_t* plugin_ = nullptr;
};

void check(const std::string& path) {
  test::Instance own;
  own.load(0, test::model(1, 44100.0));
  own.load(test::cabinet(1));
  own.set(fxtrain::id::cabinetOn, 1.0f);
  own.set(fxtrain::id::delay, 30.0f);
  own.prepare({kRate, kBlock, 2, 2});
  const auto state = own.save();

  Clap clap(path);
  clap.load(state);
  const test::Audio input = {test::noise(48000, 1, 0.3f), test::noise(48000, 2, 0.3f)};
  const auto played = clap.play(input);
  const auto expected = own.play(input, {kBlock});
  require(test::peak(expected[0]) > 0.01f, "nothing is heard");
  for (std::size_t c = 0; c < 2; ++c)
    require(played[c] == expected[c], "it plays otherwise than the plugin's own code");
  const auto latency = clap.extension<clap_plugin_latency_t>(CLAP_EXT_LATENCY).get(clap.plugin());
  require(int(latency) == own.plugin.getLatencySamples(), "its latency is " + std::to_string(latency));
  const auto& parameters = clap.extension<clap_plugin_params_t>(CLAP_EXT_PARAMS);
  const auto count = parameters.count(clap.plugin());
  require(int(count) == own.plugin.getParameters().size(), "it has " + std::to_string(count) + " parameters");
  for (uint32_t index = 0; index < count; ++index) {
    clap_param_info_t info;
    require(parameters.get_info(clap.plugin(), index, &info), "a parameter tells nothing");
    const auto name = own.plugin.getParameters()[int(index)]->getName(CLAP_NAME_SIZE - 1);
    require(name == info.name, "parameter " + std::to_string(index) + " is called " + info.name);
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fxtrain_clap_checks PLUGIN.clap\n");
    return 2;
  }
  try {
    const test::Folder home;
    for (const auto* variable : {"HOME", "XDG_DATA_HOME"})
      ::setenv(variable, home.file({}).getFullPathName().toRawUTF8(), 1);
    const juce::ScopedJuceInitialiser_GUI juce;
    check(argv[1]);
    std::puts("The CLAP plays what the plugin's own code plays.");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fxtrain_clap_checks: %s\n", error.what());
    return 1;
  }
}
