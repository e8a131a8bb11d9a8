// SPDX-License-Identifier: MIT
#include "register.h"

#include <fxengine/chain_parameters.h>
#include <fxengine/model_loader.h>
#include <fxengine/signal_chain.h>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace py = pybind11;

namespace {

/** The plugin's signal path with the settings of one preset, for a whole recording. */
class PythonRig {
 public:
  PythonRig(double sampleRate, int numInputs, int numOutputs, const std::map<std::string, float>& parameters)
      : settings_(settingsOf(parameters)) {
    chain_.prepare(sampleRate, numInputs, numOutputs, settings_);
  }

  /** @param assumedRate  Hz, of a file that states none */
  void setSlot(int slot, const py::bytes& content, const std::string& name, std::optional<double> assumedRate,
               int oversampling) {
    const std::string_view text = content;
    const py::gil_scoped_release release;
    auto loaded = slotContentOf(text, name, assumedRate, oversampling, slot);
    const std::scoped_lock lock(mutex_);
    chain_.setSlot(slot, std::move(loaded), settings_);
  }

  /** @param samples  shape (channels, frames) */
  void setCabinet(const Samples& samples, double sampleRate, int index) {
    if (index != 0 && index != 1)
      throw py::index_error("there is no response " + std::to_string(index));
    auto convolver = std::make_unique<fxengine::Convolver>(responseOf(samples, sampleRate), chain_.sampleRate());
    const std::scoped_lock lock(mutex_);
    chain_.setCabinet(std::move(convolver), index);
  }

  /** Shape (inputs, frames) in, (outputs, frames) out. */
  py::array_t<float> process(const Samples& input) {
    if (input.ndim() != 2 || input.shape(0) != chain_.numInputs())
      throw py::value_error("x: expected shape (" + std::to_string(chain_.numInputs()) + ", frames)");
    const py::ssize_t numFrames = input.shape(1);
    py::array_t<float> output({py::ssize_t(chain_.numOutputs()), numFrames});
    const float* from[2] = {input.data(), input.data() + (chain_.numInputs() - 1) * numFrames};
    float* to[2] = {output.mutable_data(), output.mutable_data() + (chain_.numOutputs() - 1) * numFrames};
    const py::gil_scoped_release release;
    const std::scoped_lock lock(mutex_);
    constexpr py::ssize_t kLongest = 1 << 20; // the engine counts frames in int
    for (py::ssize_t start = 0; start < numFrames; start += kLongest) {
      const float* const in[2] = {from[0] + start, from[1] + start};
      float* const out[2] = {to[0] + start, to[1] + start};
      chain_.process(in, out, int(std::min(kLongest, numFrames - start)), settings_);
    }
    return output;
  }

  int latencyFrames() const { return chain_.latencyFrames(); }
  std::uint32_t numFaults() const { return chain_.numFaults(); }

 private:
  fxengine::ChainSettings settings_;
  fxengine::SignalChain chain_;
  std::mutex mutex_;
};

} // namespace

fxengine::ChainSettings settingsOf(const std::map<std::string, float>& parameters) {
  fxengine::ChainSettings settings;
  for (const auto& parameter : fxengine::chainParameters())
    if (const auto found = parameters.find(parameter.id); found != parameters.end())
      parameter.apply(settings, found->second);
  return settings;
}

std::unique_ptr<fxengine::SlotContent> slotContentOf(std::string_view content, const std::string& name,
                                                     std::optional<double> assumedRate, int oversampling, int slot) {
  if (slot < 0 || slot >= fxengine::ChainSettings::kNumSlots)
    throw std::out_of_range("there is no slot " + std::to_string(slot)); // IndexError
  auto description = fxengine::readModel(content, name);
  if (!description.info.sampleRate)
    description.info.sampleRate = assumedRate;
  fxengine::LoadOptions options;
  options.oversampling = oversampling;
  return std::make_unique<fxengine::SlotContent>(fxengine::buildModel(description, options),
                                                 slot < fxengine::ChainSettings::kNumAmps);
}

fxengine::ImpulseResponse responseOf(const Samples& samples, double sampleRate) {
  if (samples.ndim() != 2)
    throw py::value_error("samples: expected shape (channels, frames)");
  fxengine::ImpulseResponse response{{}, sampleRate};
  for (py::ssize_t channel = 0; channel < samples.shape(0); ++channel)
    response.channels.emplace_back(samples.data(channel, 0), samples.data(channel, 0) + samples.shape(1));
  return response;
}

void registerRig(py::module_& module) {
  py::class_<PythonRig>(module, "Rig")
      .def(py::init<double, int, int, const std::map<std::string, float>&>(), py::arg("sample_rate"), py::kw_only(),
           py::arg("num_inputs"), py::arg("num_outputs"), py::arg("parameters"))
      .def("set_slot", &PythonRig::setSlot, py::arg("slot"), py::arg("content"), py::kw_only(), py::arg("name"),
           py::arg("assumed_rate"), py::arg("oversampling"))
      .def("set_cabinet", &PythonRig::setCabinet, py::arg("samples"), py::arg("sample_rate"), py::arg("index"))
      .def("process", &PythonRig::process, py::arg("x"))
      .def_property_readonly("latency_frames", &PythonRig::latencyFrames)
      .def_property_readonly("num_faults", &PythonRig::numFaults);
}
