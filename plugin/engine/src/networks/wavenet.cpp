// SPDX-License-Identifier: MIT
#include "networks/wavenet.h"

#include "fxengine/simd/isa.h"
#include "simd/kernels.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace fxengine::detail {
namespace {

std::size_t size(int count) { return static_cast<std::size_t>(count); }

/** A WaveNet with the state of one stream. */
class Graph {
 public:
  Graph(const WaveNetData& data, const simd::Kernels& kernels);

  int numOutputs() const noexcept { return data_->numOutputs(); }
  void clear() noexcept;
  /** Takes the state of another stream as the one at rest. */
  void keepRest(Graph& other);
  void rest() noexcept;
  /** One part of `count` frames. @return  the rows of its output */
  Rows process(Rows input, int count) noexcept;

 private:
  struct Film {
    explicit Film(const FilmData& data) : conv(data.conv), shift(data.shift) {}
    Conv conv;
    bool shift;
  };
  struct Layer {
    Layer(const WaveLayerData& layer);

    const WaveLayerData* data;
    Conv conv, mixin;
    std::optional<Conv> layer1x1, head1x1;
    std::optional<Film> convPre, convPost, mixinPre, mixinPost, activationPre, activationPost, layer1x1Post,
        head1x1Post;
    Ring ring;                               // what the convolution sees
    std::optional<simd::WaveFunction> fused; ///< of a layer that one kernel plays as a whole
    float slope = 0.0f;
  };
  struct Array {
    Array(const WaveArrayData& array);

    const WaveArrayData* data;
    Conv rechannel;
    std::vector<Layer> layers;
    Conv head;
    Ring sums; // of what the layers give for the head
  };
  struct Stage {
    Stage(const WaveNetData::Stage& stage) : data(&stage), conv(stage.conv), ring(conv.inputs(), conv.reach()) {}

    const WaveNetData::Stage* data;
    Conv conv;
    Ring ring;
  };

  void play(const Conv& conv, const simd::ConvSource* sources, int numSources, Rows out, int count,
            Rows add = {}) noexcept;
  void play(const Film& film, Rows rows, int numRows, int count) noexcept;
  Rows place(Layer& layer) noexcept { return layer.convPre ? input_.rows() : layer.ring.at(time_); }
  void playLayer(Layer& layer, Rows sumsBefore, Rows sums, Rows next, int count) noexcept;
  void playFused(Layer& layer, Rows sumsBefore, Rows sums, Rows next, int count) noexcept;

  const WaveNetData* data_;
  const simd::Kernels* kernels_;
  std::unique_ptr<Graph> conditionGraph_;
  std::vector<Array> arrays_;
  std::vector<Stage> stages_;
  Buffer input_, answers_, mixed_, film_, last_, out_;
  Rows condition_;
  std::size_t time_ = 0;
  std::vector<std::vector<float>> resting_; // contents of the rings, in their order; empty is silence from zero
  std::size_t restingTime_ = 0;             // where in them the next part goes

  template <class Function> void forEachRing(Function function) {
    for (Array& array : arrays_) {
      for (Layer& layer : array.layers)
        function(layer.ring);
      function(array.sums);
    }
    for (Stage& stage : stages_)
      function(stage.ring);
  }
};

template <class Made, class Data> std::optional<Made> made(const std::optional<Data>& data) {
  return data ? std::optional<Made>(std::in_place, *data) : std::nullopt;
}

Graph::Layer::Layer(const WaveLayerData& layer)
    : data(&layer), conv(layer.conv), mixin(layer.mixin), layer1x1(made<Conv>(layer.layer1x1)),
      head1x1(made<Conv>(layer.head1x1)), convPre(made<Film>(layer.convPre)), convPost(made<Film>(layer.convPost)),
      mixinPre(made<Film>(layer.mixinPre)), mixinPost(made<Film>(layer.mixinPost)),
      activationPre(made<Film>(layer.activationPre)), activationPost(made<Film>(layer.activationPost)),
      layer1x1Post(made<Film>(layer.layer1x1Post)), head1x1Post(made<Film>(layer.head1x1Post)),
      ring(layer.conv.inputs, layer.conv.reach()) {
  const bool isModulated =
      convPre || convPost || mixinPre || mixinPost || activationPre || activationPost || layer1x1Post || head1x1Post;
  if (layer.gating != Gating::none || isModulated || head1x1 || !layer1x1 || layer.conv.inputs != layer.conv.outputs ||
      !simd::isEvenlyTiled(layer.conv.outputs))
    return;
  const WaveActivationData& activation = layer.activation;
  if (activation.type == WaveActivation::tanh) {
    fused = simd::WaveFunction::tanh;
  } else if (activation.type == WaveActivation::relu) {
    fused = simd::WaveFunction::leakyRelu;
  } else if (activation.type == WaveActivation::leakyRelu && activation.slopes.front() >= 0.0f &&
             activation.slopes.front() <= 1.0f) {
    fused = simd::WaveFunction::leakyRelu;
    slope = activation.slopes.front();
  }
}

Graph::Array::Array(const WaveArrayData& array)
    : data(&array), rechannel(array.rechannel), layers(array.layers.begin(), array.layers.end()), head(array.head),
      sums(array.head.inputs, array.head.reach()) {}

/** The most rows that anything between two rings has. */
int widestOf(const WaveNetData& data) {
  int widest = std::max(data.numInputs(), data.numOutputs());
  for (const WaveArrayData& array : data.arrays) {
    widest = std::max({widest, array.rechannel.outputs, array.head.inputs, array.head.outputs});
    for (const WaveLayerData& layer : array.layers) {
      widest = std::max({widest, layer.conv.outputs, layer.mixin.inputs, layer.headRows()});
      for (const auto& film : {layer.convPre, layer.convPost, layer.mixinPre, layer.mixinPost, layer.activationPre,
                               layer.activationPost, layer.layer1x1Post, layer.head1x1Post})
        widest = std::max(widest, film ? film->conv.outputs : 0);
    }
  }
  for (const WaveNetData::Stage& stage : data.stages)
    widest = std::max({widest, stage.conv.inputs, stage.conv.outputs});
  return widest;
}

Graph::Graph(const WaveNetData& data, const simd::Kernels& kernels)
    : data_(&data), kernels_(&kernels),
      conditionGraph_(data.condition ? std::make_unique<Graph>(*data.condition, kernels) : nullptr),
      arrays_(data.arrays.begin(), data.arrays.end()), stages_(data.stages.begin(), data.stages.end()),
      input_(widestOf(data)), answers_(widestOf(data)), mixed_(widestOf(data)), film_(widestOf(data)),
      last_(widestOf(data)), out_(widestOf(data)) {}

void Graph::clear() noexcept {
  forEachRing([](Ring& ring) { ring.clear(); });
  if (conditionGraph_)
    conditionGraph_->clear();
  time_ = 0;
}

void Graph::keepRest(Graph& other) {
  resting_.clear();
  other.forEachRing([&](Ring& ring) { resting_.push_back(ring.content()); });
  restingTime_ = other.time_;
  if (conditionGraph_)
    conditionGraph_->keepRest(*other.conditionGraph_);
}

void Graph::rest() noexcept {
  if (resting_.empty())
    return clear();
  std::size_t index = 0;
  forEachRing([&](Ring& ring) { ring.setContent(resting_[index++]); });
  if (conditionGraph_)
    conditionGraph_->rest();
  time_ = restingTime_; // frames older than the layers see are not at rest
}

void Graph::play(const Conv& conv, const simd::ConvSource* sources, int numSources, Rows out, int count,
                 Rows add) noexcept {
  kernels_->conv1d(
      {conv.bias(), add.data, add.stride, sources, numSources, out.data, out.stride, conv.outputs(), count});
}

void Graph::play(const Film& film, Rows rows, int numRows, int count) noexcept {
  const simd::ConvSource source = film.conv.of(condition_);
  const Rows scales = film_.rows();
  play(film.conv, &source, 1, scales, count);
  for (int row = 0; row < numRows; ++row)
    kernels_->scaleAndShift(rows.row(row), scales.row(row), film.shift ? scales.row(numRows + row) : nullptr, count);
}

void Graph::playFused(Layer& layer, Rows sumsBefore, Rows sums, Rows next, int count) noexcept {
  const Rows input = layer.ring.at(time_);
  layer.ring.finish(time_, count);
  const Rows answers = answers_.rows();
  int offsets[kMostTaps];
  const simd::ConvSource sources[2] = {layer.conv.of(layer.ring, time_, offsets), layer.mixin.of(condition_)};
  const simd::ConvSource answer = layer.layer1x1->of(answers);
  const simd::Conv1dBlock residual{layer.layer1x1->bias(), input.data, input.stride, &answer, 1, next.data, next.stride,
                                   layer.conv.outputs(),   count};
  kernels_->waveLayer(
      {{layer.conv.bias(), nullptr, 0, sources, 2, answers.data, answers.stride, layer.conv.outputs(), count},
       *layer.fused,
       layer.slope,
       sumsBefore.data,
       sumsBefore.stride,
       sums.data,
       sums.stride,
       next.data == nullptr ? nullptr : &residual});
}

/** @param sumsBefore  of the array's head, from the layers before; null is 0
    @param sums  the same with this layer's
    @param next  where the next layer's input goes; null if there is none */
void Graph::playLayer(Layer& layer, Rows sumsBefore, Rows sums, Rows next, int count) noexcept {
  if (layer.fused)
    return playFused(layer, sumsBefore, sums, next, count);
  const Rows input = place(layer);
  const WaveLayerData& data = *layer.data;
  if (layer.convPre) {
    const Rows seen = layer.ring.at(time_);
    for (int row = 0; row < data.conv.inputs; ++row)
      std::copy_n(input.row(row), count, seen.row(row));
    play(*layer.convPre, seen, data.conv.inputs, count);
  }
  layer.ring.finish(time_, count);

  const Rows z = answers_.rows();
  int offsets[kMostTaps];
  const bool isMixedApart = layer.convPost || layer.mixinPre || layer.mixinPost;
  const simd::ConvSource sources[2] = {layer.conv.of(layer.ring, time_, offsets), layer.mixin.of(condition_)};
  play(layer.conv, sources, isMixedApart ? 1 : 2, z, count);
  if (layer.convPost)
    play(*layer.convPost, z, data.conv.outputs, count);
  if (isMixedApart) {
    Rows condition = condition_;
    if (layer.mixinPre) {
      condition = last_.rows();
      for (int row = 0; row < data.mixin.inputs; ++row)
        std::copy_n(condition_.row(row), count, condition.row(row));
      play(*layer.mixinPre, condition, data.mixin.inputs, count);
    }
    const simd::ConvSource source = layer.mixin.of(condition);
    play(layer.mixin, &source, 1, mixed_.rows(), count);
    if (layer.mixinPost)
      play(*layer.mixinPost, mixed_.rows(), data.mixin.outputs, count);
    for (int row = 0; row < data.conv.outputs; ++row)
      kernels_->add(z.row(row), mixed_.rows().row(row), count);
  }
  if (layer.activationPre)
    play(*layer.activationPre, z, data.conv.outputs, count);

  const int rows = data.bottleneck();
  if (data.gating == Gating::none) {
    apply(*kernels_, data.activation, z, rows, count);
  } else {
    const Rows gates{z.row(rows), z.stride};
    const Rows before = mixed_.rows();
    if (data.gating == Gating::blended)
      for (int row = 0; row < rows; ++row)
        std::copy_n(z.row(row), count, before.row(row));
    apply(*kernels_, data.activation, z, rows, count);
    apply(*kernels_, data.secondary, gates, rows, count);
    for (int row = 0; row < rows; ++row) {
      if (data.gating == Gating::gated) {
        kernels_->multiply(z.row(row), gates.row(row), count);
        continue;
      }
      float* value = z.row(row);
      for (int t = 0; t < count; ++t) // a share of the activation, the rest as it was
        value[t] = gates.row(row)[t] * value[t] + (1.0f - gates.row(row)[t]) * before.row(row)[t];
    }
  }
  if (layer.activationPost)
    play(*layer.activationPost, z, rows, count);

  Rows given = z;
  if (layer.head1x1) {
    given = mixed_.rows();
    const simd::ConvSource source = layer.head1x1->of(z);
    play(*layer.head1x1, &source, 1, given, count);
    if (layer.head1x1Post)
      play(*layer.head1x1Post, given, data.headRows(), count);
  }
  for (int row = 0; row < data.headRows(); ++row) {
    if (sumsBefore.data == nullptr) {
      std::copy_n(given.row(row), count, sums.row(row));
      continue;
    }
    if (sumsBefore.data != sums.data)
      std::copy_n(sumsBefore.row(row), count, sums.row(row));
    kernels_->add(sums.row(row), given.row(row), count);
  }

  if (next.data == nullptr)
    return;
  if (!layer.layer1x1) {
    for (int row = 0; row < data.conv.inputs; ++row)
      std::copy_n(input.row(row), count, next.row(row));
    return;
  }
  const simd::ConvSource source = layer.layer1x1->of(z);
  if (!layer.layer1x1Post)
    return play(*layer.layer1x1, &source, 1, next, count, input);
  const Rows changed = mixed_.rows();
  play(*layer.layer1x1, &source, 1, changed, count);
  play(*layer.layer1x1Post, changed, layer.layer1x1->outputs(), count);
  for (int row = 0; row < data.conv.inputs; ++row) {
    std::copy_n(input.row(row), count, next.row(row));
    kernels_->add(next.row(row), changed.row(row), count);
  }
}

Rows Graph::process(Rows input, int count) noexcept {
  condition_ = conditionGraph_ ? conditionGraph_->process(input, count) : input;
  Rows stream = input; // into the next array
  Rows head;           // of the array before
  for (std::size_t index = 0; index < arrays_.size(); ++index) {
    Array& array = arrays_[index];
    const bool isLast = index + 1 == arrays_.size();
    const simd::ConvSource source = array.rechannel.of(stream);
    play(array.rechannel, &source, 1, place(array.layers.front()), count);
    const Rows sums = array.sums.at(time_);
    for (std::size_t number = 0; number < array.layers.size(); ++number) {
      const bool isEnd = number + 1 == array.layers.size();
      playLayer(array.layers[number], number == 0 ? head : sums, sums,
                isEnd ? (isLast ? Rows{} : last_.rows()) : place(array.layers[number + 1]), count);
    }
    array.sums.finish(time_, count);
    head = out_.rows();
    int offsets[kMostTaps];
    const simd::ConvSource sumsSource = array.head.of(array.sums, time_, offsets);
    play(array.head, &sumsSource, 1, head, count);
    stream = last_.rows();
  }
  for (int row = 0; row < data_->arrays.back().head.outputs; ++row)
    for (int t = 0; t < count; ++t)
      head.row(row)[t] *= data_->headScale;
  for (Stage& stage : stages_) {
    const Rows seen = stage.ring.at(time_);
    for (int row = 0; row < stage.conv.inputs(); ++row)
      std::copy_n(head.row(row), count, seen.row(row));
    apply(*kernels_, stage.data->activation, seen, stage.conv.inputs(), count);
    stage.ring.finish(time_, count);
    int offsets[kMostTaps];
    const simd::ConvSource source = stage.conv.of(stage.ring, time_, offsets);
    play(stage.conv, &source, 1, head, count);
  }
  time_ += size(count);
  return head;
}

class WaveNet final : public Network {
 public:
  explicit WaveNet(std::shared_ptr<const WaveNetData> data) : data_(std::move(data)) {}

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return 0; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override { return data_->receptiveFrames(); }
  bool canOversample() const noexcept FXENGINE_REALTIME override { return true; }
  NetworkSummary summary() const override {
    NetworkSummary summary;
    summary.backend = "fxengine";
    summary.isa = simd::isaName(simd::isaInUse());
    return summary;
  }

  void prepare(int numStreams, int) override {
    streams_.clear();
    inputs_.clear();
    for (int stream = 0; stream < numStreams; ++stream) {
      streams_.push_back(std::make_unique<Graph>(*data_, simd::kernelsInUse()));
      inputs_.emplace_back(1);
    }
  }
  void reset(int stream) noexcept FXENGINE_REALTIME override { streams_[size(stream)]->clear(); }
  void captureRest() override {
    for (const auto& stream : streams_)
      stream->keepRest(*streams_.front());
  }
  void rest(int stream) noexcept FXENGINE_REALTIME override { streams_[size(stream)]->rest(); }
  void setKnobs(const float*) noexcept FXENGINE_REALTIME override {}

  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override {
    for (int stream = 0; stream < numStreams; ++stream) {
      for (int start = 0; start < numFrames; start += kPart) {
        const int count = std::min(kPart, numFrames - start);
        const Rows rows = inputs_[size(stream)].rows();
        std::copy_n(input[stream] + start, count, rows.data);
        std::copy_n(streams_[size(stream)]->process(rows, count).data, count, output[stream] + start);
      }
    }
  }

 private:
  std::shared_ptr<const WaveNetData> data_;
  std::vector<std::unique_ptr<Graph>> streams_;
  std::vector<Buffer> inputs_;
};

} // namespace

int WaveNetData::receptiveFrames() const noexcept {
  int frames = condition ? condition->receptiveFrames() : 1;
  for (const WaveArrayData& array : arrays) {
    for (const WaveLayerData& layer : array.layers)
      frames += layer.conv.reach();
    frames += array.head.reach();
  }
  for (const Stage& stage : stages)
    frames += stage.conv.reach();
  return frames;
}

std::size_t WaveNetData::numWeights() const noexcept {
  std::size_t count = 1 + (condition ? condition->numWeights() : 0);
  const auto add = [&](const ConvData& conv) { count += conv.weights.size() + conv.bias.size(); };
  for (const WaveArrayData& array : arrays) {
    add(array.rechannel);
    add(array.head);
    for (const WaveLayerData& layer : array.layers) {
      add(layer.conv);
      add(layer.mixin);
      for (const auto& conv : {layer.layer1x1, layer.head1x1})
        if (conv)
          add(*conv);
      for (const auto& film : {layer.convPre, layer.convPost, layer.mixinPre, layer.mixinPost, layer.activationPre,
                               layer.activationPost, layer.layer1x1Post, layer.head1x1Post})
        if (film)
          add(film->conv);
    }
  }
  for (const Stage& stage : stages)
    add(stage.conv);
  return count;
}

std::unique_ptr<Network> makeWaveNet(std::shared_ptr<const WaveNetData> data) {
  return std::make_unique<WaveNet>(std::move(data));
}

} // namespace fxengine::detail
