// SPDX-License-Identifier: MIT
#include "fxengine/model_loader.h"

#include "content.h"
#include "dsp/phase_check.h"
#include "fxengine/dsp/oversampler.h"
#include "fxengine/layers/activation.h"
#include "fxengine/layers/dense.h"
#include "fxengine/layers/gru.h"
#include "fxengine/layers/lstm.h"
#include "fxengine/network.h"
#include "fxengine/realtime/flush_denormals.h"
#include "fxengine/simd/isa.h"
#include "json_field.h"
#include "weight_storage.h"

#if FXENGINE_WITH_RTNEURAL
#include "rtneural_network.h"
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <utility>

namespace fxengine {
namespace {

using detail::Json;
using detail::JsonField;
using detail::StorageChoice;

constexpr int kMaxLayerSize = ModelLimits::kMaxLayerSize;
constexpr double kLeastTolerance = 1e-5;
constexpr const char* kPlayable = "an RTNeural JSON model of LSTM, GRU and dense layers";

struct ParsedLayers {
  std::vector<LayerInfo> infos;
  std::vector<std::unique_ptr<Layer>> layers;
  std::size_t numWeights = 0;
};

/** The last entry of a Keras shape such as [null, null, 16]. */
int lastOfShape(const JsonField& shape, int maximum) {
  const std::size_t size = shape.size();
  if (size == 0)
    shape.fail("a list whose last entry is a size");
  return shape.element(size - 1).integer(1, maximum);
}

ActivationType readActivation(const JsonField& layer) {
  const auto field = layer.optionalMember("activation");
  if (!field)
    return ActivationType::none;
  const auto activation = activationFromName(field->text());
  if (!activation)
    field->fail("tanh, relu, sigmoid, elu, softmax or \"\"");
  return *activation;
}

JsonField weightsOf(const JsonField& layer, std::size_t least, std::size_t most) {
  JsonField weights = layer.member("weights");
  const std::size_t size = weights.size();
  if (size < least || size > most) {
    weights.fail("a list of " + std::to_string(least) + (most > least ? " or " + std::to_string(most) : "") +
                 " weight arrays");
  }
  return weights;
}

/** Fails for a recurrent layer with other activations than the fixed ones, which would be ignored. */
void requireDefaultActivation(const JsonField& layer) {
  const auto field = layer.optionalMember("activation");
  if (field && !field->text().empty() && field->text() != "tanh")
    field->fail("tanh or \"\" for a recurrent layer");
}

std::unique_ptr<Layer> readDense(const JsonField& layer, int inputSize, int outputSize) {
  const ActivationType activation = readActivation(layer);
  const JsonField arrays = weightsOf(layer, 1, 2);
  const std::string reason = std::to_string(inputSize) + " inputs and, by " + layer.path() + ".shape, " +
                             std::to_string(outputSize) + " outputs";
  const auto in = static_cast<std::size_t>(inputSize);
  const auto out = static_cast<std::size_t>(outputSize);
  std::vector<float> weights = arrays.element(0).matrix(in, out, reason);
  std::vector<float> bias = arrays.size() == 2 ? arrays.element(1).floats(out, reason) : std::vector<float>(out, 0.0f);
  return std::make_unique<Dense>(inputSize, outputSize, std::move(weights), std::move(bias), activation);
}

std::string recurrentReason(const JsonField& layer, int inputSize, int hiddenSize, int numGates) {
  return std::to_string(inputSize) + " inputs and " + std::to_string(numGates) + " gates of the " +
         std::to_string(hiddenSize) + " units that " + layer.path() + ".shape declares";
}

/** How recurrent layers are to be played. */
struct LayerChoices {
  StorageChoice& storage;
  Activations activations;

  RecurrentOptions decide(std::vector<float>& recurrentWeights, int hiddenSize) {
    return {storage.decide(recurrentWeights, hiddenSize) == WeightStorage::bfloat16, activations == Activations::fast};
  }
};

/** Fails for weights that no audio model has and the activations are not made for. */
void requireModerate(const JsonField& weights, const RecurrentLayer& layer) {
  if (const float sum = layer.greatestSum(); !(sum <= RecurrentLayer::kGreatestSum)) {
    char expected[96], found[48];
    std::snprintf(expected, sizeof expected, "weights and biases whose magnitudes come to at most %.0f in each gate",
                  double{RecurrentLayer::kGreatestSum});
    std::snprintf(found, sizeof found, "a gate where it is %.3g", double{sum});
    weights.fail(expected, found);
  }
}

/** An Lstm (4 gates, one bias) or a Gru (3 gates, two biases). */
template <class Recurrent>
std::unique_ptr<Layer> readRecurrent(const JsonField& layer, int inputSize, int hiddenSize, int numGates, int numBiases,
                                     LayerChoices& choices) {
  requireDefaultActivation(layer);
  const JsonField arrays = weightsOf(layer, 3, 3);
  const std::string reason = recurrentReason(layer, inputSize, hiddenSize, numGates);
  const auto hidden = static_cast<std::size_t>(hiddenSize);
  const std::size_t row = static_cast<std::size_t>(numGates) * hidden;
  std::vector<float> input = arrays.element(0).matrix(static_cast<std::size_t>(inputSize), row, reason);
  std::vector<float> recurrent = arrays.element(1).matrix(hidden, row, reason);
  const JsonField biases = arrays.element(2);
  std::vector<float> bias = numBiases == 1 ? biases.floats(row, reason) : biases.matrix(2, row, reason);
  const RecurrentOptions options = choices.decide(recurrent, hiddenSize);
  auto read = std::make_unique<Recurrent>(inputSize, hiddenSize, std::move(input), std::move(recurrent),
                                          std::move(bias), options);
  requireModerate(arrays, *read);
  return read;
}

std::unique_ptr<Layer> readActivationLayer(const JsonField& layer, int inputSize, int outputSize) {
  if (outputSize != inputSize) {
    layer.member("shape").fail("the size of the layer before, " + std::to_string(inputSize),
                               std::to_string(outputSize));
  }
  return std::make_unique<Activation>(readActivation(layer), outputSize);
}

std::unique_ptr<Layer> readLayer(const JsonField& layer, const std::string& type, int inputSize, int outputSize,
                                 LayerChoices& choices) {
  if (type == "dense" || type == "time-distributed-dense")
    return readDense(layer, inputSize, outputSize);
  if (type == "lstm")
    return readRecurrent<Lstm>(layer, inputSize, outputSize, 4, 1, choices);
  if (type == "gru")
    return readRecurrent<Gru>(layer, inputSize, outputSize, 3, 2, choices);
  if (type == "activation")
    return readActivationLayer(layer, inputSize, outputSize);
  const JsonField field = layer.member("type");
  field.fail("lstm, gru, dense, time-distributed-dense or activation", detail::describe(field.value()),
             "this engine does not play models with such layers");
}

std::size_t numWeightsOf(const std::string& type, std::size_t in, std::size_t out) {
  if (type == "lstm")
    return 4 * out * (in + out + 1);
  if (type == "gru")
    return 3 * out * (in + out + 2);
  return type == "activation" ? 0 : out * (in + 1);
}

ParsedLayers readLayers(const JsonField& list, int numInputs, LayerChoices choices) {
  const std::size_t size = list.size();
  if (size == 0 || size > ModelLimits::kMaxLayers) {
    list.fail("a list of 1 to " + std::to_string(ModelLimits::kMaxLayers) + " layers");
  }
  ParsedLayers parsed;
  int inputSize = numInputs;
  for (std::size_t index = 0; index < size; ++index) {
    const JsonField layer = list.element(index);
    LayerInfo info;
    info.type = layer.member("type").text();
    info.inputSize = inputSize;
    info.outputSize = lastOfShape(layer.member("shape"), kMaxLayerSize);
    parsed.numWeights +=
        numWeightsOf(info.type, static_cast<std::size_t>(inputSize), static_cast<std::size_t>(info.outputSize));
    if (parsed.numWeights > ModelLimits::kMaxWeights) {
      layer.fail("at most " + std::to_string(ModelLimits::kMaxWeights) + " weights in all", "more");
    }
    parsed.layers.push_back(readLayer(layer, info.type, inputSize, info.outputSize, choices));
    if (info.type != "lstm" && info.type != "gru")
      info.activation = activationName(readActivation(layer));
    inputSize = info.outputSize;
    parsed.infos.push_back(std::move(info));
  }
  if (inputSize != 1) {
    list.element(size - 1).member("shape").fail("1 output from the last layer", std::to_string(inputSize));
  }
  return parsed;
}

std::string architectureOf(const std::vector<LayerInfo>& layers) {
  const auto has = [&](const char* type) {
    return std::any_of(layers.begin(), layers.end(), [&](const LayerInfo& layer) { return layer.type == type; });
  };
  if (has("lstm"))
    return has("gru") ? "lstm+gru" : "lstm";
  return has("gru") ? "gru" : "dense";
}

/** A rate in Hz; published files store it as text, "48000". */
std::optional<double> readSampleRate(const std::optional<JsonField>& field) {
  constexpr double kLowest = 1000.0;
  constexpr double kHighest = 1e6;
  if (!field)
    return std::nullopt;
  if (!field->value().is_string())
    return field->number(kLowest, kHighest);
  const std::string text = field->text();
  const Json number = text.size() <= 16 ? Json::parse(text, nullptr, false) : Json();
  if (!number.is_number() || !(number.get<double>() >= kLowest && number.get<double>() <= kHighest)) {
    field->fail("a sample rate in Hz");
  }
  return number.get<double>();
}

/** A level in dB or dBu of the metadata, a number or numeric text. One that cannot be meant is noted, since the model
    plays without it. */
std::optional<double> readLevel(const JsonField& metadata, const char* key, double least, double most,
                                std::vector<std::string>& notes) {
  const auto field = metadata.optionalMember(key);
  if (!field)
    return std::nullopt;
  Json number = field->value();
  if (number.is_string()) {
    const std::string& text = number.get_ref<const std::string&>();
    number = text.size() <= 32 ? Json::parse(text, nullptr, false) : Json();
  }
  if (number.is_number() && number.get<double>() >= least && number.get<double>() <= most)
    return number.get<double>();
  char range[64];
  std::snprintf(range, sizeof range, "a number from %g to %g", least, most);
  notes.push_back("metadata." + std::string(key) + " is not used: expected " + range + ", found " +
                  detail::describe(field->value()));
  return std::nullopt;
}

bool readFlag(const std::optional<JsonField>& field) {
  if (!field)
    return false;
  return field->value().is_boolean() ? field->value().get<bool>() : field->integer(0, 1) != 0;
}

std::vector<KnobInfo> readKnobs(const JsonField& root, int numKnobs) {
  constexpr double kLargest = 1e9;
  std::vector<KnobInfo> knobs(static_cast<std::size_t>(numKnobs));
  for (std::size_t index = 0; index < knobs.size(); ++index)
    knobs[index].name = "knob " + std::to_string(index + 1);
  const auto list = root.optionalMember("knobs");
  if (!list)
    return knobs;
  if (list->size() != knobs.size()) {
    list->fail("a list of " + std::to_string(numKnobs) + ", one for each input of in_shape beside the audio");
  }
  for (std::size_t index = 0; index < knobs.size(); ++index) {
    const JsonField entry = list->element(index);
    KnobInfo& knob = knobs[index];
    knob.name = entry.member("name").text();
    if (const auto unit = entry.optionalMember("unit"))
      knob.unit = unit->text();
    if (const auto minimum = entry.optionalMember("min"))
      knob.minimum = minimum->number(-kLargest, kLargest);
    if (const auto maximum = entry.optionalMember("max"))
      knob.maximum = maximum->number(-kLargest, kLargest);
    if (!(knob.minimum < knob.maximum))
      entry.fail("min below max", "min not below max");
    knob.defaultValue = 0.5 * (knob.minimum + knob.maximum);
    if (const auto value = entry.optionalMember("default"))
      knob.defaultValue = value->number(knob.minimum, knob.maximum);
  }
  return knobs;
}

/** Whether the file says that its recurrent weights are bfloat16 numbers. */
bool readsBfloat16(const JsonField& storage) {
  const std::string name = storage.text();
  if (name != "float32" && name != "bfloat16" && name != "bf16") {
    storage.fail("float32 or bfloat16", detail::describe(storage.value()),
                 "this engine does not know how such weights are meant");
  }
  return name != "float32";
}

/** Test vectors as frames of [audio, knobs ...]. A list of plain numbers is audio with all knobs at 0. */
std::vector<float> readInputBatch(const JsonField& batch, std::size_t numInputs) {
  const std::size_t numFrames = batch.size();
  if (numFrames > 0 && batch.value()[0].is_array())
    return batch.matrix(numFrames, numInputs, "one per input");
  const std::vector<float> audio = batch.floats(numFrames);
  std::vector<float> frames(numFrames * numInputs, 0.0f);
  for (std::size_t frame = 0; frame < numFrames; ++frame)
    frames[frame * numInputs] = audio[frame];
  return frames;
}

/** Plays frames of [audio, knobs ...] from zero state through the network alone. */
std::vector<float> playFrames(Network& network, const std::vector<float>& frames, std::size_t numInputs) {
  const ScopedFlushDenormals flushDenormals; // as when it is played; tiny weights would take a hundred times as long
  const std::size_t numFrames = frames.size() / numInputs;
  std::vector<float> output(numFrames);
  std::vector<float> audio(Model::kMaxPart);
  network.prepare(1, Model::kMaxPart);
  std::size_t count = 0;
  for (std::size_t start = 0; start < numFrames; start += count) {
    // Knobs keep one position within a call: a block ends where they move.
    const float* first = frames.data() + start * numInputs;
    const std::size_t most = std::min(audio.size(), numFrames - start);
    for (count = 0; count < most; ++count) {
      const float* frame = first + count * numInputs;
      if (!std::equal(frame + 1, frame + numInputs, first + 1))
        break;
      audio[count] = frame[0];
    }
    const float* in = audio.data();
    float* out = output.data() + start;
    network.setKnobs(first + 1);
    network.process(&in, &out, 1, static_cast<int>(count));
  }
  return output;
}

/** How many of `numFrames` frames the network is to be tried on: a file decides neither how long loading takes, nor how
    long the plugin's window stands still. */
std::size_t framesToPlay(std::size_t numFrames, const ModelInfo& info) {
  constexpr double kWorkOfLayer = 64.0, kWorkOfOutput = 16.0; // calls and activations, in multiplications
  double work = kWorkOfLayer + static_cast<double>(info.numWeights);
  for (const LayerInfo& layer : info.layers)
    work += kWorkOfLayer + kWorkOfOutput * layer.outputSize;
  return std::min(numFrames, static_cast<std::size_t>(ModelLimits::kMaxTestWork / work));
}

/** Plays the file's test vectors, with all gains at 1; of very many the first ones. */
std::optional<SelfTest> runSelfTest(const JsonField& root, ModelInfo& info, double vectorsError, Network& network) {
  const auto inputBatch = root.optionalMember("input_batch");
  const auto outputBatch = root.optionalMember("output_batch");
  if (!inputBatch && !outputBatch)
    return std::nullopt;
  if (!outputBatch)
    root.member("output_batch").fail("the output for input_batch");
  if (!inputBatch)
    root.member("input_batch").fail("the input for output_batch");

  const auto numInputs = static_cast<std::size_t>(info.numInputs);
  std::vector<float> input = readInputBatch(*inputBatch, numInputs);
  const std::vector<float> expected = outputBatch->floats(inputBatch->size(), "as many as in input_batch");
  const std::size_t numFrames = framesToPlay(inputBatch->size(), info);
  if (numFrames < inputBatch->size()) {
    info.notes.push_back("the self-test played the first " + std::to_string(numFrames) + " of " +
                         std::to_string(inputBatch->size()) + " frames of test vectors");
  }
  input.resize(numFrames * numInputs);
  const std::vector<float> played = playFrames(network, input, numInputs);

  SelfTest test;
  test.numFrames = static_cast<int>(numFrames);
  test.tolerance = std::max(kLeastTolerance, 3.0 * vectorsError);
  std::size_t worst = 0;
  for (std::size_t frame = 0; frame < numFrames; ++frame) {
    const double output = double{played[frame]} + (info.residual ? double{input[frame * numInputs]} : 0.0);
    const double error = std::abs(output - double{expected[frame]});
    if (std::isnan(error))
      outputBatch->element(frame).fail("a finite output", "NaN from the network");
    if (error > test.maxError) {
      test.maxError = error;
      worst = frame;
    }
  }
  if (!(test.maxError <= test.tolerance)) {
    char found[64];
    std::snprintf(found, sizeof found, "one that is %.3g away", test.maxError);
    char bound[96];
    std::snprintf(bound, sizeof bound, "the network's output within %.3g (the file's own test vectors)",
                  test.tolerance);
    outputBatch->element(worst).fail(bound, found, "the weights or the vectors are damaged: export the model again");
  }
  return test;
}

/** What an approximation does to the output, in a sentence that begins with `what`: on the file's test vectors, else on
    a chord at half of full scale that dies away, with all knobs at 0. */
std::string describeApproximation(const std::string& what, const JsonField& root, const ModelInfo& info, Network& exact,
                                  Network& approximate) {
  const auto numInputs = static_cast<std::size_t>(info.numInputs);
  const auto inputBatch = root.optionalMember("input_batch");
  std::vector<float> frames;
  if (inputBatch) {
    frames = readInputBatch(*inputBatch, numInputs);
  } else {
    constexpr std::size_t kNumFrames = 4096;
    frames.assign(kNumFrames * numInputs, 0.0f);
    for (std::size_t t = 0; t < kNumFrames; ++t) {
      const auto time = static_cast<double>(t);
      const double chord = std::sin(0.0108 * time) + std::sin(0.0162 * time) + std::sin(0.0216 * time);
      frames[t * numInputs] = static_cast<float>(chord / 6.0 * std::exp(-time / kNumFrames));
    }
  }
  frames.resize(framesToPlay(frames.size() / numInputs, info) * numInputs);
  const std::vector<float> before = playFrames(exact, frames, numInputs);
  const std::vector<float> after = playFrames(approximate, frames, numInputs);
  double greatest = 0.0;
  double error = 0.0;
  double energy = 1e-30;
  for (std::size_t t = 0; t < before.size(); ++t) {
    const double output = double{before[t]} + (info.residual ? double{frames[t * numInputs]} : 0.0);
    const double difference = double{after[t]} - double{before[t]};
    greatest = std::max(greatest, std::abs(difference));
    error += difference * difference;
    energy += output * output;
  }
  char text[192];
  std::snprintf(text, sizeof text,
                ": the error is %.1f dB below the output, "
                "%.2g of full scale at most (on %s)",
                -10.0 * std::log10(error / energy + 1e-30), greatest,
                inputBatch ? "the file's test vectors" : "a decaying chord");
  return what + text;
}

std::string readFile(const std::filesystem::path& path, const std::string& name) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    throw ModelError(name, "", "a model file", "no such file");
  if (!std::filesystem::is_regular_file(status)) {
    throw ModelError(name, "", "a model file", std::filesystem::is_directory(status) ? "a folder" : "no regular file");
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw ModelError(name, "", "a file that can be read", "one that cannot be opened");
  std::string text;
  const auto size = std::filesystem::file_size(path, error);
  if (!error && size > ModelLimits::kMaxFileBytes) {
    throw ModelError(name, "", "at most " + std::to_string(ModelLimits::kMaxFileBytes >> 20) + " MiB",
                     std::to_string(size >> 20) + " MiB");
  }
  text.resize(error ? 0 : static_cast<std::size_t>(size));
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  return text;
}

void requireBackend(const std::string& name, const LoadOptions& options) {
  const std::string& backend = options.backend;
  const auto& backends = availableBackends();
  if (std::find(backends.begin(), backends.end(), backend) != backends.end()) {
    if (backend != "fxengine" && options.weightStorage == WeightStorage::bfloat16)
      throw ModelError(name, "weight storage", "float32 with the backend " + backend, "bfloat16");
    if (backend != "fxengine" && options.activations == Activations::fast)
      throw ModelError(name, "activations", "exact with the backend " + backend, "fast");
    return;
  }
  std::string all;
  for (const std::string& entry : backends)
    all += (all.empty() ? "" : " or ") + entry;
  throw ModelError(name, "backend", all + " in this build", backend);
}

/** Fails where FXENGINE_ISA asks for what is not there: it is for tests and benchmarks, which must not measure
    something else. */
void requireIsa(const std::string& name) {
  const char* wanted = std::getenv("FXENGINE_ISA");
  if (wanted == nullptr || *wanted == '\0' || std::string_view(simd::isaName(simd::isaInUse())) == wanted)
    return;
  std::string all;
  for (const simd::Isa isa : simd::availableIsas())
    all += (all.empty() ? "" : ", ") + std::string(simd::isaName(isa));
  throw ModelError(name, "FXENGINE_ISA", "an instruction set of this processor and build (" + all + ")", wanted);
}

void requireOversampling(const std::string& name, int factor) {
  const auto& factors = Oversampler::kFactors;
  if (factor == 1 || std::find(std::begin(factors), std::end(factors), factor) != std::end(factors))
    return;
  throw ModelError(name, "oversampling", "1, 2, 4 or 8", std::to_string(factor));
}

/** Tries the network as it is to be played: refuses it where it bursts, notes where its phases do not agree. */
void prepareOversampling(const std::string& name, int factor, ModelInfo& info, Network& network) {
  constexpr double kAudible = 1e-3; // -60 dB below full scale
  info.oversampling = factor;
  info.oversamplingLatencyFrames = Oversampler::latencyFrames(factor);
  info.latencyFrames += info.oversamplingLatencyFrames;
  std::vector<float> positions;
  for (const KnobInfo& knob : info.knobs)
    positions.push_back(static_cast<float>((knob.defaultValue - knob.minimum) / (knob.maximum - knob.minimum)));
  const detail::PhaseCheck check = detail::checkPhases(network, positions, factor, info.numWeights);
  if (!check.finite) {
    throw ModelError(name, "oversampling", "a network that stays finite on noise of full scale and on silence",
                     "NaN or infinity", "play it without oversampling");
  }
  if (check.motion > kAudible) {
    info.notes.push_back("the network goes on sounding in silence; oversampled, its phases do so out of step");
  } else if (check.spread > kAudible) {
    info.notes.push_back(
        "the network rests at several levels in silence; oversampled, its phases may choose different ones");
  }
}

void requirePlayable(const Json& root, const std::string& name) {
  if (detail::isRtneuralJson(root)) {
    if (root.contains("stft"))
      throw ModelError(name, "stft", kPlayable, "an STFT-domain model");
    return;
  }
  const std::string description = detail::describeJson(root);
  if (!description.empty())
    throw ModelError(name, "", kPlayable, description);
  if (!root.is_object())
    throw ModelError(name, "", kPlayable, detail::describe(root));
  throw ModelError(name, root.contains("layers") ? "in_shape" : "layers", kPlayable, "JSON without this key");
}

} // namespace

const std::vector<std::string>& availableBackends() {
  static const std::vector<std::string> backends {
    "fxengine",
#if FXENGINE_WITH_RTNEURAL
        "rtneural",
#endif
  };
  return backends;
}

Model parseModel(std::string_view text, const std::string& name, const LoadOptions& options) {
  requireBackend(name, options);
  requireOversampling(name, options.oversampling);
  requireIsa(name);
  if (text.size() > ModelLimits::kMaxFileBytes) {
    throw ModelError(name, "", "at most " + std::to_string(ModelLimits::kMaxFileBytes >> 20) + " MiB", "more");
  }
  if (const std::string binary = detail::describeBinary(text); !binary.empty()) {
    throw ModelError(name, "", kPlayable, binary);
  }
  const Json json = detail::parseJson(text, name);
  requirePlayable(json, name);
  const JsonField root(json, name);

  ModelInfo info;
  info.name = std::filesystem::path(name).stem().string();
  info.backend = options.backend;
  if (options.backend == "fxengine")
    info.isa = simd::isaName(simd::isaInUse());
  info.numInputs = lastOfShape(root.member("in_shape"), ModelLimits::kMaxInputs);
  info.knobs = readKnobs(root, info.numInputs - 1);
  info.residual = readFlag(root.optionalMember("in_skip"));
  if (const auto gain = root.optionalMember("in_gain"))
    info.inputGainDb = gain->number(-120.0, 120.0);
  if (const auto gain = root.optionalMember("out_gain"))
    info.outputGainDb = gain->number(-120.0, 120.0);
  info.sampleRate = readSampleRate(root.optionalMember("samplerate"));

  double vectorsError = 0.0;
  bool bfloat16Weights = false;
  if (const auto metadata = root.optionalMember("metadata")) {
    constexpr int kMostFrames = 10'000'000;
    info.metadata = metadata->value().dump();
    if (info.metadata.size() > ModelLimits::kMaxMetadataBytes) {
      metadata->fail("at most " + std::to_string(ModelLimits::kMaxMetadataBytes >> 10) + " KiB",
                     std::to_string(info.metadata.size() >> 10) + " KiB");
    }
    if (const auto title = metadata->optionalMember("name"); title && title->value().is_string())
      info.name = title->text();
    if (const auto lag = metadata->optionalMember("lag_samples"))
      info.lagFrames = lag->integer(-kMostFrames, kMostFrames);
    if (const auto latency = metadata->optionalMember("latency_samples"))
      info.latencyFrames = latency->integer(0, kMostFrames);
    if (const auto error = metadata->optionalMember("vectors_error"))
      vectorsError = error->number(0.0, 0.01);
    if (const auto storage = metadata->optionalMember("weight_storage"))
      bfloat16Weights = readsBfloat16(*storage);
    info.loudnessDb = readLevel(*metadata, "loudness_db", -200.0, 100.0, info.notes);
    info.inputLevelDbu = readLevel(*metadata, "input_level_dbu", -100.0, 100.0, info.notes);
    info.outputLevelDbu = readLevel(*metadata, "output_level_dbu", -100.0, 100.0, info.notes);
    const auto rate = readSampleRate(metadata->optionalMember("samplerate"));
    if (rate && info.sampleRate && *rate != *info.sampleRate) {
      info.notes.push_back("metadata.samplerate differs from samplerate, which is used");
    }
    if (!info.sampleRate)
      info.sampleRate = rate;
  }
  if (!info.sampleRate)
    info.notes.push_back("the file does not say its sample rate; 48000 Hz is customary");
  if (root.optionalMember("fir"))
    info.notes.push_back("the linear stage `fir` after the network is not played");

  StorageChoice storage(options.weightStorage, bfloat16Weights);
  ParsedLayers parsed = readLayers(root.member("layers"), info.numInputs, {storage, options.activations});
  info.architecture = architectureOf(parsed.infos);
  info.layers = std::move(parsed.infos);
  info.numWeights = parsed.numWeights;

  const bool approximated =
      std::any_of(parsed.layers.begin(), parsed.layers.end(), [&](const std::unique_ptr<Layer>& layer) {
        const auto* recurrent = dynamic_cast<const RecurrentLayer*>(layer.get());
        return recurrent != nullptr && recurrent->approximates(layer == parsed.layers.front());
      });
  std::unique_ptr<Network> network;
#if FXENGINE_WITH_RTNEURAL
  if (options.backend == "rtneural")
    network = detail::makeRtneuralNetwork(text, name, info.numInputs);
#endif
  if (!network)
    network = std::make_unique<LayerStack>(std::move(parsed.layers));
  if (storage.contradicted())
    info.notes.push_back("metadata.weight_storage is bfloat16, but not all recurrent weights are such numbers");
  if (storage.anyBfloat16())
    info.weightStorage = "bfloat16";
  info.activations = approximated ? "fast" : "exact";
  if (storage.rounded() || approximated) { // the test vectors are of the weights as they stand in the file
    StorageChoice asInFile(WeightStorage::float32, false);
    LayerStack exact(readLayers(root.member("layers"), info.numInputs, {asInFile, Activations::exact}).layers);
    if (options.selfTest)
      info.selfTest = runSelfTest(root, info, vectorsError, exact);
    if (storage.rounded()) {
      info.notes.push_back(
          describeApproximation("the recurrent weights are rounded to bfloat16", root, info, exact, *network));
    } else {
      info.notes.push_back(describeApproximation("activations are approximated", root, info, exact, *network));
    }
  } else if (options.selfTest) {
    info.selfTest = runSelfTest(root, info, vectorsError, *network);
  }
  if (options.oversampling > 1)
    prepareOversampling(name, options.oversampling, info, *network);
  return {std::move(info), std::move(network)};
}

Model loadModel(const std::filesystem::path& path, const LoadOptions& options) {
  const std::string name = path.string();
  return parseModel(readFile(path, name), name, options);
}

} // namespace fxengine
