// SPDX-License-Identifier: MIT
#include "live_chain.h"
#include "play_record.h"
#include "register.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace {

/** For foreign function interfaces. */
template <class Processor> std::uintptr_t callbackAddress(const Processor&) {
  portaudio::Callback* const callback = &Processor::callback;
  return reinterpret_cast<std::uintptr_t>(callback);
}

template <class Processor> std::uintptr_t userData(Processor& processor) {
  return reinterpret_cast<std::uintptr_t>(&processor);
}

template <class Processor> py::array_t<std::uint64_t> loads(const Processor& processor) {
  const auto counts = processor.monitor().loads();
  return py::array_t<std::uint64_t>(static_cast<py::ssize_t>(counts.size()), counts.data());
}

/** What every stream has. */
template <class Processor, class Class> void addStream(Class& type) {
  type.def_property_readonly("callback", &callbackAddress<Processor>)
      .def_property_readonly("user_data", &userData<Processor>)
      .def_property_readonly("num_blocks", [](const Processor& p) { return p.monitor().numBlocks(); })
      .def_property_readonly("num_frames", [](const Processor& p) { return p.monitor().numFrames(); })
      .def_property_readonly("block_size", [](const Processor& p) { return p.monitor().blockSize(); })
      .def_property_readonly("num_xruns", [](const Processor& p) { return p.monitor().numXruns(); })
      .def_property_readonly("driver_latency", [](const Processor& p) { return p.monitor().latency(); })
      .def_property_readonly("longest_block", [](const Processor& p) { return p.monitor().longestBlock(); })
      .def("loads", &loads<Processor>)
      .def_property_readonly("input_clips", &Processor::inputClips)
      .def("take_input_peak", [](Processor& p) { return p.inputMeter().takePeak(); })
      .def_property_readonly("input_rms", [](Processor& p) { return p.inputMeter().rms(); });
  type.attr("LOAD_STEP") = StreamMonitor::kStep;
}

py::array_t<float> takeRecorded(LiveChain& chain) {
  auto& queue = chain.recorded();
  const std::size_t numChannels = static_cast<std::size_t>(queue.numChannels());
  py::array_t<float> frames({static_cast<py::ssize_t>(queue.numWaiting()), static_cast<py::ssize_t>(numChannels)});
  queue.read({frames.mutable_data(), static_cast<std::size_t>(frames.size())});
  return frames;
}

void registerLiveChain(py::module_& module) {
  py::class_<LiveChain> type(module, "LiveChain");
  type.def(py::init([](double sampleRate, int numInputs, int numOutputs, int input, std::vector<int> outputs,
                       int recordedOutputs) {
             return std::make_unique<LiveChain>(
                 sampleRate, ChannelMap(numInputs, numOutputs, input, std::move(outputs)), recordedOutputs);
           }),
           py::arg("sample_rate"), py::kw_only(), py::arg("num_inputs"), py::arg("num_outputs"),
           py::arg("input_channel"), py::arg("output_channels"), py::arg("recorded_outputs") = 1);
  addStream<LiveChain>(type);
  type.def(
      "set_model",
      [](LiveChain& chain, const std::filesystem::path& path, int oversampling, double quality, bool selfTest) {
        fxengine::ModelInfo info;
        {
          const py::gil_scoped_release release;
          info = chain.setModel(path, oversampling, quality, selfTest);
        }
        return describe(info);
      },
      py::arg("path"), py::kw_only(), py::arg("oversampling"), py::arg("quality") = 1.0, py::arg("self_test"));
  type.def(
      "set_slot",
      [](LiveChain& chain, int slot, const std::optional<py::bytes>& content, const std::string& name,
         std::optional<double> assumedRate, int oversampling, const std::map<std::string, float>& parameters) {
        const std::optional<std::string_view> text = content ? std::optional<std::string_view>(*content) : std::nullopt;
        const py::gil_scoped_release release;
        if (slot < 0 || slot >= fxengine::ChainSettings::kNumSlots)
          throw std::out_of_range("there is no slot " + std::to_string(slot)); // IndexError
        chain.setSlot(slot, text ? slotContentOf(*text, name, assumedRate, oversampling, slot) : nullptr,
                      settingsOf(parameters));
      },
      py::arg("slot"), py::arg("content"), py::kw_only(), py::arg("name") = "", py::arg("assumed_rate") = py::none(),
      py::arg("oversampling") = 1, py::arg("parameters") = std::map<std::string, float>{});
  type.def(
      "set_cabinet",
      [](LiveChain& chain, const std::optional<Samples>& samples, double sampleRate, int index) {
        if (index != 0 && index != 1)
          throw py::index_error("there is no response " + std::to_string(index));
        const auto response = samples ? std::optional(responseOf(*samples, sampleRate)) : std::nullopt;
        const py::gil_scoped_release release;
        chain.setCabinet(response, index);
      },
      py::arg("samples"), py::arg("sample_rate"), py::arg("index") = 0);
  type.def(
      "set_settings",
      [](LiveChain& chain, const std::map<std::string, float>& parameters) {
        chain.setSettings(settingsOf(parameters));
      },
      py::arg("parameters"));
  type.def_property_readonly("latency", &LiveChain::latencyFrames)
      .def_property_readonly("is_complete", [](const LiveChain&) { return false; }) // it never ends by itself
      .def_property_readonly("num_faults", &LiveChain::numFaults)
      .def("take_output_peak", [](LiveChain& chain) { return chain.outputMeter().takePeak(); })
      .def_property_readonly("output_rms", [](LiveChain& chain) { return chain.outputMeter().rms(); })
      .def_property_readonly("output_clips", [](LiveChain& chain) { return chain.outputClips(); })
      .def("start_recording", &LiveChain::startRecording)
      .def("stop_recording", &LiveChain::stopRecording)
      .def_property_readonly("is_recording", &LiveChain::isRecording)
      .def("take_recorded", &takeRecorded)
      .def("pitch", [](LiveChain& chain) -> py::object {
        std::optional<fxengine::Pitch> pitch;
        {
          const py::gil_scoped_release release;
          pitch = chain.pitch();
        }
        return pitch ? py::object(py::make_tuple(pitch->hz, pitch->clarity)) : py::none();
      });
}

void registerPlayRecord(py::module_& module) {
  py::class_<PlayRecord> type(module, "PlayRecord");
  type.def(py::init([](double sampleRate, const Samples& signal, std::size_t numFrames, int numInputs, int numOutputs,
                       int input, std::vector<int> outputs) {
             if (signal.ndim() != 1)
               throw py::value_error("signal: expected shape (frames,)");
             return std::make_unique<PlayRecord>(
                 sampleRate, ChannelMap(numInputs, numOutputs, input, std::move(outputs)),
                 std::vector<float>(signal.data(), signal.data() + signal.size()), numFrames);
           }),
           py::arg("sample_rate"), py::arg("signal"), py::arg("num_frames"), py::kw_only(), py::arg("num_inputs"),
           py::arg("num_outputs"), py::arg("input_channel"), py::arg("output_channels"));
  addStream<PlayRecord>(type);
  type.def_property_readonly("position", &PlayRecord::position)
      .def_property_readonly("is_complete", &PlayRecord::isComplete)
      .def_property_readonly("first_xrun",
                             [](const PlayRecord& take) -> py::object {
                               const auto first = take.firstXrun();
                               return first < take.recorded().size() ? py::object(py::int_(first)) : py::none();
                             })
      .def("recorded", [](const PlayRecord& take) {
        return py::array_t<float>(static_cast<py::ssize_t>(take.position()), take.recorded().data());
      });
}

} // namespace

void registerLive(py::module_& module) {
  registerLiveChain(module);
  registerPlayRecord(module);
}
