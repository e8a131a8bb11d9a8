// SPDX-License-Identifier: MIT
#include "register.h"

#include <fxengine/credits.h>
#include <fxengine/dsp/envelope_follower.h>
#include <fxengine/dsp/loudness.h>
#include <fxengine/model.h>
#include <fxengine/model_loader.h>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace {

/** A view of a NumPy array as one pointer per channel. Holds no reference: the array must outlive it. */
struct Channels {
  std::vector<float*> pointers;
  py::ssize_t numFrames = 0;
};

std::string shapeOf(const py::array& array) { return py::str(array.attr("shape")).cast<std::string>(); }

/** Refuses whatever would need a copy: the caller decides where copies are made. */
void requirePlainFloats(const py::array& array, const char* name) {
  const std::string argument = name;
  if (!array.dtype().is(py::dtype::of<float>())) {
    throw py::type_error(argument + ": expected dtype float32, found " + py::str(array.dtype()).cast<std::string>() +
                         "; convert with " + argument + ".astype(numpy.float32)");
  }
  if (array.ndim() != 1 && array.ndim() != 2) {
    throw py::value_error(argument + ": expected shape (frames,) or (channels, frames), found " + shapeOf(array));
  }
  const auto alignment = reinterpret_cast<std::uintptr_t>(array.data()) % alignof(float);
  if ((array.flags() & py::array::c_style) == 0 || alignment != 0) {
    throw py::value_error(argument + ": expected a C-contiguous, aligned array; copy with numpy.ascontiguousarray(" +
                          argument + ")");
  }
}

Channels channelsOf(const py::array& array, float* data) {
  Channels channels;
  channels.numFrames = array.shape(array.ndim() - 1);
  const py::ssize_t numChannels = array.ndim() == 1 ? 1 : array.shape(0);
  for (py::ssize_t channel = 0; channel < numChannels; ++channel) {
    channels.pointers.push_back(data + channel * channels.numFrames);
  }
  return channels;
}

/** Whether two arrays of the same size share some memory without being the same. */
bool overlapPartly(const py::array& a, const py::array& b) {
  const auto first = reinterpret_cast<std::uintptr_t>(a.data());
  const auto second = reinterpret_cast<std::uintptr_t>(b.data());
  const auto distance = first < second ? second - first : first - second;
  return distance != 0 && distance < static_cast<std::uintptr_t>(a.nbytes());
}

/** A model with what Python needs around it: a stream count that settles itself, and a guard against two threads. */
class PythonModel {
 public:
  explicit PythonModel(fxengine::Model model) : model_(std::move(model)) {
    model_.prepare(1, fxengine::Model::kMaxPart);
  }

  py::array process(const py::array& x, const std::optional<py::array>& out) {
    requirePlainFloats(x, "x");
    py::array y =
        out ? *out : py::array(py::dtype::of<float>(), std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()));
    if (out)
      requireTarget(x, y);
    // The engine's interface is not const-qualified per channel; x is read only.
    const Channels input = channelsOf(x, const_cast<float*>(static_cast<const float*>(x.data())));
    const Channels output = channelsOf(y, static_cast<float*>(y.mutable_data()));

    const std::unique_lock lock = acquire();
    if (!started_)
      requireChannelsFirst(x);
    prepareFor(static_cast<int>(input.pointers.size()));
    const py::gil_scoped_release release;
    run(input, output);
    return y;
  }

  void reset() {
    const std::unique_lock lock = acquire();
    model_.reset();
    prewarmed_ = started_ = false;
  }

  int prewarm() {
    const std::unique_lock lock = acquire();
    const py::gil_scoped_release release;
    prewarmed_ = true;
    return model_.prewarm();
  }

  void setKnob(int index, double position) {
    if (index < 0 || index >= numKnobs()) {
      throw py::index_error("the model has " + std::to_string(numKnobs()) + " knobs; there is no knob " +
                            std::to_string(index));
    }
    if (!(position >= 0.0 && position <= 1.0))
      throw py::value_error("a knob's position must be from 0 to 1");
    model_.setKnob(index, static_cast<float>(position));
  }

  std::vector<float> knobs() const {
    std::vector<float> positions;
    for (int index = 0; index < numKnobs(); ++index)
      positions.push_back(model_.knob(index));
    return positions;
  }

  void setQuality(double quality) {
    if (!(quality >= 0.0 && quality <= 1.0))
      throw py::value_error("the quality must be from 0 to 1");
    model_.setQuality(static_cast<float>(quality));
  }

  float quality() const { return model_.quality(); }

  std::uint64_t numFaults() const { return model_.numFaults(); }

  /** Leaves the model as after loading, but for its knobs. */
  double measureLoudness() {
    const std::unique_lock lock = acquire();
    const py::gil_scoped_release release;
    constexpr double kMostWork = 1.2e10; // multiplications: less than a second
    const double loudness = fxengine::measureLoudness(model_, kMostWork);
    numStreams_ = 1;
    prewarmed_ = started_ = false;
    return loudness;
  }

  py::dict info() const { return describe(model_.info()); }

 private:
  int numKnobs() const { return static_cast<int>(model_.info().knobs.size()); }

  std::unique_lock<std::mutex> acquire() {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock)
      throw std::runtime_error("this model is being played by another thread; load one model per thread");
    return lock;
  }

  static void requireTarget(const py::array& x, const py::array& y) {
    requirePlainFloats(y, "out");
    if (!y.writeable())
      throw py::value_error("out: expected an array that can be written to");
    if (shapeOf(x) != shapeOf(y)) {
      throw py::value_error("out: expected the shape of x, " + shapeOf(x) + ", found " + shapeOf(y));
    }
    if (overlapPartly(x, y))
      throw py::value_error("out: expected x itself or memory apart from it, found a part of it");
  }

  /** Many channels of hardly any frames are frames of a few channels, the way sound files are read. */
  static void requireChannelsFirst(const py::array& x) {
    if (x.ndim() == 2 && x.shape(0) > 2 && x.shape(1) > 0 && x.shape(1) < x.shape(0)) {
      throw py::value_error("x: expected shape (channels, frames), found " + shapeOf(x) + ", which would be " +
                            std::to_string(x.shape(0)) + " channels of " + std::to_string(x.shape(1)) +
                            " frames; if it is (frames, channels), turn it round with "
                            "numpy.ascontiguousarray(x.T)");
    }
  }

  void prepareFor(int numStreams) {
    if (numStreams != numStreams_) {
      if (started_) {
        throw py::value_error("the model has been playing " + std::to_string(numStreams_) + " stream(s), found " +
                              std::to_string(numStreams) + "; call reset() first");
      }
      model_.prepare(numStreams, fxengine::Model::kMaxPart);
      if (prewarmed_)
        model_.prewarm();
      numStreams_ = numStreams;
    }
    started_ = true;
  }

  void run(const Channels& input, const Channels& output) noexcept {
    constexpr py::ssize_t kLongest = 1 << 20; // the engine counts frames in int
    std::vector<const float*> from(input.pointers.begin(), input.pointers.end());
    std::vector<float*> to = output.pointers;
    for (py::ssize_t start = 0; start < input.numFrames; start += kLongest) {
      const auto count = static_cast<int>(std::min(kLongest, input.numFrames - start));
      model_.process(from.data(), to.data(), static_cast<int>(from.size()), count);
      for (auto& pointer : from)
        pointer += count;
      for (auto& pointer : to)
        pointer += count;
    }
  }

  fxengine::Model model_;
  std::mutex mutex_;
  int numStreams_ = 1;
  bool started_ = false;
  bool prewarmed_ = false; // begins at rest
};

py::object jsonLoads(const std::string& text) { return py::module_::import("json").attr("loads")(py::bytes(text)); }

} // namespace

py::dict describe(const fxengine::ModelInfo& info) {
  py::list layers;
  for (const fxengine::LayerInfo& layer : info.layers) {
    layers.append(py::dict(py::arg("type") = layer.type, py::arg("input_size") = layer.inputSize,
                           py::arg("output_size") = layer.outputSize, py::arg("activation") = layer.activation));
  }
  py::list knobs;
  for (const fxengine::KnobInfo& knob : info.knobs) {
    knobs.append(py::dict(py::arg("name") = knob.name, py::arg("unit") = knob.unit, py::arg("minimum") = knob.minimum,
                          py::arg("maximum") = knob.maximum, py::arg("default") = knob.defaultValue));
  }
  py::object selfTest = py::none();
  if (info.selfTest) {
    selfTest =
        py::dict(py::arg("num_frames") = info.selfTest->numFrames, py::arg("max_error") = info.selfTest->maxError,
                 py::arg("tolerance") = info.selfTest->tolerance);
  }
  py::dict result;
  result["name"] = info.name;
  result["backend"] = info.backend;
  result["architecture"] = info.architecture;
  result["layers"] = layers;
  result["num_weights"] = info.numWeights;
  result["num_inputs"] = info.numInputs;
  py::list envelopes;
  for (const fxengine::EnvelopeInfo& envelope : info.envelopes)
    envelopes.append(py::dict(py::arg("attack_ms") = envelope.attackMs, py::arg("release_ms") = envelope.releaseMs));
  result["envelopes"] = envelopes;
  result["num_linear_taps"] = info.numLinearTaps;
  result["residual"] = info.residual;
  result["weight_storage"] = info.weightStorage;
  result["activations"] = info.activations;
  result["isa"] = info.isa;
  result["input_gain_db"] = info.inputGainDb;
  result["output_gain_db"] = info.outputGainDb;
  result["sample_rate"] = info.sampleRate;
  result["starts_at_rest"] = info.startsAtRest;
  result["loudness_db"] = info.loudnessDb;
  result["input_level_dbu"] = info.inputLevelDbu;
  result["output_level_dbu"] = info.outputLevelDbu;
  result["oversampling"] = info.oversampling;
  result["latency_frames"] = info.latencyFrames;
  result["network_latency_frames"] = info.networkLatencyFrames;
  result["oversampling_latency_frames"] = info.oversamplingLatencyFrames;
  result["lag_frames"] = info.lagFrames;
  result["knobs"] = knobs;
  py::list qualities;
  for (const fxengine::QualityInfo& quality : info.qualities) {
    qualities.append(py::dict(py::arg("max_value") = quality.maxValue, py::arg("architecture") = quality.architecture,
                              py::arg("num_weights") = quality.numWeights));
  }
  result["qualities"] = qualities;
  result["quality"] = info.quality;
  result["self_test"] = selfTest;
  result["notes"] = info.notes;
  const auto credits = fxengine::creditsOf(info);
  result["credits"] =
      py::dict(py::arg("title") = credits.title, py::arg("author") = credits.author, py::arg("device") = credits.device,
               py::arg("gear") = credits.gear, py::arg("tone") = credits.tone,
               py::arg("loudspeaker") = credits.loudspeaker, py::arg("esr") = credits.esr);
  result["metadata"] = jsonLoads(info.metadata);
  return result;
}

namespace {

/** The levels, shape (streams, frames), and the last of each in float64; `level` holds where each starts. */
py::tuple followEnvelope(const py::array_t<float, py::array::c_style>& signal, double attackMs, double releaseMs,
                         double sampleRate, const py::array_t<double, py::array::c_style>& level) {
  const auto numStreams = signal.shape(0), numFrames = signal.shape(1);
  py::array_t<float> levels({numStreams, numFrames});
  py::array_t<double> last(numStreams);
  const float* from = signal.data();
  float* to = levels.mutable_data();
  for (py::ssize_t stream = 0; stream < numStreams; ++stream) {
    fxengine::EnvelopeFollower follower(attackMs, releaseMs, sampleRate);
    follower.setLevel(level.at(stream));
    for (py::ssize_t t = 0; t < numFrames; ++t)
      *to++ = follower.next(*from++);
    last.mutable_at(stream) = follower.level();
  }
  return py::make_tuple(levels, last);
}

fxengine::Activations activationsOf(const std::string& name) {
  if (name == "exact")
    return fxengine::Activations::exact;
  if (name == "fast")
    return fxengine::Activations::fast;
  throw py::value_error("activations: expected exact or fast, found " + name);
}

fxengine::WeightStorage weightStorageOf(const std::string& name) {
  using fxengine::WeightStorage;
  if (name == "automatic")
    return WeightStorage::automatic;
  if (name == "float32")
    return WeightStorage::float32;
  if (name == "bfloat16")
    return WeightStorage::bfloat16;
  throw py::value_error("weight_storage: expected automatic, float32 or bfloat16, found " + name);
}

} // namespace

void registerModel(py::module_& module) {
  py::class_<PythonModel>(module, "Model")
      .def("process", &PythonModel::process, py::arg("x"), py::arg("out") = py::none())
      .def("reset", &PythonModel::reset)
      .def("prewarm", &PythonModel::prewarm)
      .def("measure_loudness", &PythonModel::measureLoudness)
      .def("set_knob", &PythonModel::setKnob, py::arg("index"), py::arg("position"))
      .def_property_readonly("knobs", &PythonModel::knobs)
      .def("set_quality", &PythonModel::setQuality, py::arg("quality"))
      .def_property_readonly("quality", &PythonModel::quality)
      .def_property_readonly("num_faults", &PythonModel::numFaults)
      .def("info", &PythonModel::info);

  const auto load = [](const std::filesystem::path& path, const std::optional<py::bytes>& content,
                       const std::string& backend, bool selfTest, int oversampling, const std::string& weightStorage,
                       const std::string& activations, bool linearStage, double quality) {
    fxengine::LoadOptions options;
    options.backend = backend;
    options.selfTest = selfTest;
    options.oversampling = oversampling;
    options.weightStorage = weightStorageOf(weightStorage);
    options.activations = activationsOf(activations);
    options.linearStage = linearStage;
    options.quality = quality;
    if (content) {
      const std::string_view text = *content;
      const std::string name = path.string();
      const py::gil_scoped_release release;
      return std::make_unique<PythonModel>(fxengine::parseModel(text, name, options));
    }
    const py::gil_scoped_release release;
    return std::make_unique<PythonModel>(fxengine::loadModel(path, options));
  };
  module.def("load", load, py::arg("path"), py::kw_only(), py::arg("content"), py::arg("backend"), py::arg("self_test"),
             py::arg("oversampling"), py::arg("weight_storage"), py::arg("activations"), py::arg("linear_stage"),
             py::arg("quality"));
  module.def("follow_envelope", followEnvelope, py::arg("signal"), py::arg("attack_ms"), py::arg("release_ms"),
             py::arg("sample_rate"), py::arg("level"));
  module.def(
      "loudness_clip",
      [](double sampleRate) {
        if (!(sampleRate >= 1000.0 && sampleRate <= 1e6))
          throw py::value_error("sample_rate: expected 1000 to 1000000 Hz");
        const std::vector<float> clip = fxengine::loudnessClip(sampleRate);
        return py::array_t<float>(static_cast<py::ssize_t>(clip.size()), clip.data());
      },
      py::arg("sample_rate"));
  module.def(
      "is_json_within",
      [](const py::bytes& text, std::optional<std::size_t> maxValues, std::optional<int> maxNesting) {
        const std::string_view view(text);
        const py::gil_scoped_release release;
        return fxengine::isJsonWithin(view, maxValues.value_or(fxengine::ModelLimits::kMaxValues),
                                      maxNesting.value_or(fxengine::ModelLimits::kMaxNesting));
      },
      py::arg("text"), py::kw_only(), py::arg("max_values") = py::none(), py::arg("max_nesting") = py::none());
  module.attr("MAX_FILE_BYTES") = fxengine::ModelLimits::kMaxFileBytes;
  module.def("available_backends", &fxengine::availableBackends);
  module.def(
      "describe_content", [](const py::bytes& content) { return fxengine::describeContent(std::string_view(content)); },
      py::arg("content"));
}
