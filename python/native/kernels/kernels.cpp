// SPDX-License-Identifier: MIT
/** Recurrent layers forward and backward through time, one SIMD lane per sequence. Compiled once per instruction set.

    A row is kLanes floats: one value of each sequence. The tape has one record of rows per frame:

        [ h (padded) | x (inputs) | 1 | c (padded, LSTM only) | saved gates (padded x 4) ]

    h and c are those before the frame, so record t + 1 holds what frame t produced. [h, x, 1] are the columns of one
   matrix that holds recurrent weights, input weights and bias, in all three passes. The hidden size is padded to a
   multiple of 4 with units whose weights are zero; they stay at zero and get no gradient.

    Backward works in chunks of frames that fit the L2 cache: first the recursion, which leaves the gradients of the
   gates in scratch, then the weight gradients of the chunk while those are still in cache. Sums over time have two
   levels (within a chunk, over chunks), which keeps rounding errors below those of one long sum. */

#include "cells.h"

namespace fxtrain::kernels::FXENGINE_SIMD_ISA {

extern const WaveNetKernels kWaveNetKernels;
extern const WaveGeneratorKernels kWaveGeneratorKernels;

namespace {

// Register tiles. One vector of a row more per weight fills 16 registers; with 32 registers a weight meets one vector
// less often.
constexpr int kTileVectors = kVectors < 2 ? 1 : (kRegisters == 32 && kVectors >= 4 ? 4 : 2);
constexpr int kUnitTile = kTileVectors == 1 ? 4 : 1;     ///< hidden units (4 rows each) per tile of the forward pass
constexpr int kStateTile = kTileVectors == 1 ? 8 : 4;    ///< rows per tile of the backward recursion
constexpr int kNarrowRows = 4;                           ///< weight gradients, lanes are sequences:
constexpr int kNarrowColumns = kRegisters == 32 ? 6 : 2; ///<   rows x columns of vectors
constexpr int kWideRows = kRegisters == 32 ? 8 : 4;      ///< weight gradients, lanes are columns: rows x 2 vectors
constexpr int kWideFrom = 24;                            ///< number of columns from which lanes are columns
constexpr int kInputTile = 4;                            ///< rows per tile of the input's gradient
constexpr int kPartialSteps = 8;
constexpr int kPadding = 4;
constexpr int kForwardChunk = 64;
constexpr int kLongestChunk = 64 / kVectors; ///< so that no lane of a gradient adds up more than 64 products in one go

constexpr int smaller(int a, int b) { return a < b ? a : b; }
constexpr int larger(int a, int b) { return a > b ? a : b; }
constexpr int roundUp(int value, int step) { return (value + step - 1) / step * step; }
constexpr std::size_t wholeLines(std::size_t floats) { return (floats + 15) / 16 * 16; }

void clear(float* p, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    p[i] = 0.0f;
}

template <class Cell> struct Geometry {
  int hidden, inputs;
  int padded; ///< hidden size, padded
  int inputPadded;
  int columns;    ///< rows [h, x, 1] of a record
  int hiddenRows; ///< gradient rows that meet h: they come first, [unit][gate]; the others follow, [unit]
  int gateRows;   ///< all gradient rows
  std::ptrdiff_t inputAt, oneAt, cellAt, gatesAt, record; ///< in floats
  int chunk;                                              ///< frames of a chunk of the backward pass

  explicit Geometry(const Shape& shape)
      : hidden(shape.hidden), inputs(shape.inputs), padded(roundUp(shape.hidden, kPadding)),
        inputPadded(roundUp(shape.inputs, kInputTile)), columns(padded + inputs + 1),
        hiddenRows(Cell::kHiddenGates * padded), gateRows(kGateRows * padded) {
    inputAt = static_cast<std::ptrdiff_t>(padded) * kLanes;
    oneAt = inputAt + inputs * kLanes;
    cellAt = oneAt + kLanes;
    gatesAt = cellAt + (Cell::kHasCell ? padded * kLanes : 0);
    record = gatesAt + gateRows * kLanes;
    constexpr int kCacheFloats = 125000; // half a megabyte: records and gate gradients of one chunk
    chunk = larger(4, smaller(kLongestChunk, kCacheFloats / static_cast<int>(record + gateRows * kLanes)));
  }

  int gradientRow(int gate, int unit) const {
    return gate < Cell::kHiddenGates ? unit * Cell::kHiddenGates + gate : hiddenRows + unit;
  }
};

/** Where things lie in the packed weights. Each part is a sequence of tiles in the order in which they are read. */
template <class Cell> struct WeightLayout {
  std::size_t backwardAt, inputAt, headAt, headBiasAt, size;

  explicit WeightLayout(const Geometry<Cell>& g) {
    const std::size_t forward =
        static_cast<std::size_t>(kGateRows * (g.inputs + 1) + Cell::kHiddenGates * g.padded) * g.padded;
    backwardAt = wholeLines(forward);
    inputAt = backwardAt + wholeLines(static_cast<std::size_t>(g.hiddenRows) * g.padded);
    headAt = inputAt + wholeLines(static_cast<std::size_t>(g.gateRows) * g.inputPadded);
    headBiasAt = headAt + wholeLines(g.padded);
    size = headBiasAt + 16;
  }
};

/** Columns of a weight gradient and how they are summed. */
struct ColumnRange {
  int first, count, rows;
  bool wide;
  int stride; ///< floats from one row of sums to the next

  ColumnRange(int first_, int count_, int rows_)
      : first(first_), count(count_), rows(rows_), wide(count_ >= kWideFrom),
        stride(wide ? roundUp(count_, kVectorLanes) : count_ * kVectorLanes) {}
  std::size_t sums() const { return wholeLines(static_cast<std::size_t>(rows) * stride); }
  std::size_t transposed(int frames) const { return wide ? static_cast<std::size_t>(frames) * kLanes * stride : 0; }
};

template <class Cell> struct BackwardScratch {
  ColumnRange hiddenColumns, inputColumns;
  std::size_t gateGradientsAt, outputGradientAt, sequenceGradientAt, carryAt, hiddenGradientAt, headChunkAt, headAt,
      hiddenSumsAt, inputSumsAt, transposedAt, size;

  explicit BackwardScratch(const Geometry<Cell>& g)
      : hiddenColumns(0, g.padded, g.hiddenRows), inputColumns(g.padded, g.inputs + 1, g.gateRows) {
    if (hiddenColumns.rows == inputColumns.rows && !hiddenColumns.wide && !inputColumns.wide) { // in one go
      hiddenColumns = ColumnRange(0, g.columns, g.gateRows);
      inputColumns = ColumnRange(g.columns, 0, g.gateRows);
    }
    const std::size_t state = static_cast<std::size_t>(g.padded) * kLanes;
    size = 0;
    const auto take = [this](std::size_t floats) {
      const std::size_t at = size;
      size += floats;
      return at;
    };
    gateGradientsAt = take(static_cast<std::size_t>(g.chunk + 1) * g.gateRows * kLanes);
    outputGradientAt = take(static_cast<std::size_t>(g.chunk) * kLanes);
    sequenceGradientAt = take(g.chunk * state);
    carryAt = take(state);
    hiddenGradientAt = take(state);
    headChunkAt = take(state);
    headAt = take(state);
    hiddenSumsAt = take(hiddenColumns.sums());
    inputSumsAt = take(inputColumns.sums());
    const std::size_t hiddenTransposed = hiddenColumns.transposed(g.chunk);
    const std::size_t inputTransposed = inputColumns.transposed(g.chunk);
    transposedAt = take(hiddenTransposed > inputTransposed ? hiddenTransposed : inputTransposed);
  }
};

/** Asks for memory evenly while a matrix loop runs. The hardware's prefetchers do not follow the tape backward. */
struct Prefetcher {
  const float* next;
  const float* end;
  int linesPerStep;

  FXENGINE_INLINE void step() {
    for (int i = 0; i < linesPerStep && next < end; ++i, next += 16)
      prefetch(next);
  }
};

/** sums[r] += sum over k of weights[k][r] * rows[k], for one tile. */
template <int Rows, int AllRows>
FXENGINE_INLINE void multiplyTile(Vec (&sums)[AllRows][kTileVectors], const float* weights, const float* rows,
                                  int count) {
  for (int k = 0; k < count; ++k, weights += Rows, rows += kLanes) {
    Vec row[kTileVectors];
    FXENGINE_UNROLL(32)
    for (int s = 0; s < kTileVectors; ++s)
      row[s] = load(rows + s * kVectorLanes);
    FXENGINE_UNROLL(32)
    for (int r = 0; r < Rows; ++r) {
      FXENGINE_UNROLL(32)
      for (int s = 0; s < kTileVectors; ++s)
        sums[r][s] = multiplyAdd(weights[r], row[s], sums[r][s]);
    }
  }
}

// ---- forward ----

template <class Cell> void forwardFrame(const Geometry<Cell>& g, const float* weights, float* record, float* next) {
  for (int lane = 0; lane < kLanes; lane += kTileVectors * kVectorLanes) {
    const float* w = weights;
    for (int tile = 0; tile < g.padded; tile += kUnitTile) {
      Vec sums[kGateRows * kUnitTile][kTileVectors]; // [gate][unit]
      FXENGINE_UNROLL(32)
      for (int r = 0; r < kGateRows * kUnitTile; ++r) {
        FXENGINE_UNROLL(32)
        for (int s = 0; s < kTileVectors; ++s)
          sums[r][s] = Vec(w[r]);
      }
      w += kGateRows * kUnitTile;
      multiplyTile<Cell::kHiddenGates * kUnitTile>(sums, w, record + lane, g.padded);
      w += Cell::kHiddenGates * kUnitTile * g.padded;
      multiplyTile<kGateRows * kUnitTile>(sums, w, record + g.inputAt + lane, g.inputs);
      w += kGateRows * kUnitTile * g.inputs;
      FXENGINE_UNROLL(32)
      for (int u = 0; u < kUnitTile; ++u) {
        FXENGINE_UNROLL(32)
        for (int s = 0; s < kTileVectors; ++s) {
          const std::ptrdiff_t at = (tile + u) * kLanes + lane + s * kVectorLanes;
          float* gates = record + g.gatesAt + (tile + u) * kGateRows * kLanes + lane + s * kVectorLanes;
          const Vec h =
              Cell::activate(sums[u][s], sums[kUnitTile + u][s], sums[2 * kUnitTile + u][s], sums[3 * kUnitTile + u][s],
                             gates, load(record + at), record + g.cellAt + at, next + g.cellAt + at);
          store(next + at, h);
        }
      }
    }
  }
}

/** output = <hidden, head> + bias, as kPadding interleaved sums. */
void readOut(const float* hidden, int padded, const float* head, float bias, float* output) {
  for (int lane = 0; lane < kLanes; lane += kVectorLanes) {
    Vec sums[kPadding] = {};
    for (int unit = 0; unit < padded; unit += kPadding) {
      FXENGINE_UNROLL(32)
      for (int u = 0; u < kPadding; ++u)
        sums[u] = multiplyAdd(head[unit + u], load(hidden + (unit + u) * kLanes + lane), sums[u]);
    }
    store(output + lane, (sums[0] + sums[1]) + (sums[2] + sums[3]) + bias);
  }
}

/** (sequences, size) to rows; null counts as zero, as do lanes without a sequence. */
void loadState(const float* state, float* rows, int sequences, int size, int padded) {
  clear(rows, static_cast<std::size_t>(padded) * kLanes);
  if (state != nullptr)
    transpose(state, size, rows, kLanes, sequences, size);
}

template <class Cell> void forward(const Shape& shape, const ForwardGroup& group) {
  const Geometry<Cell> g(shape);
  const WeightLayout<Cell> layout(g);
  const float* head = group.weights + layout.headAt;
  const float headBias = group.weights[layout.headBiasAt];
  const bool keep = group.tape != nullptr;
  float* outputRows = group.scratch;
  float* records = keep ? group.tape : group.scratch + kForwardChunk * kLanes;

  loadState(group.hidden0, records, group.sequences, g.hidden, g.padded);
  if (Cell::kHasCell)
    loadState(group.cell0, records + g.cellAt, group.sequences, g.hidden, g.padded);
  for (int start = 0; start < group.frames; start += kForwardChunk) {
    const int count = smaller(kForwardChunk, group.frames - start);
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::ptrdiff_t at = (static_cast<std::ptrdiff_t>(lane) * group.frames + start) * g.inputs;
      for (int t = 0; t < count; ++t) {
        float* rows = records + t * g.record + g.inputAt + lane;
        for (int i = 0; i < g.inputs; ++i)
          rows[i * kLanes] = lane < group.sequences ? group.input[at + t * g.inputs + i] : 0.0f;
        rows[g.inputs * kLanes] = 1.0f;
      }
    }
    for (int t = 0; t < count; ++t) {
      float* record = records + t * g.record;
      forwardFrame<Cell>(g, group.weights, record, record + g.record);
      if (group.output != nullptr)
        readOut(record + g.record, g.padded, head, headBias, outputRows + t * kLanes);
    }
    if (group.output != nullptr)
      transpose(outputRows, kLanes, group.output + start, group.frames, count, group.sequences);
    if (group.hiddenSequence != nullptr)
      for (int t = 0; t < count; ++t)
        transpose(records + (t + 1) * g.record, kLanes,
                  group.hiddenSequence + static_cast<std::ptrdiff_t>(start + t) * g.hidden,
                  static_cast<std::ptrdiff_t>(group.frames) * g.hidden, g.hidden, group.sequences);
    const float* last = records + count * g.record;
    if (start + count == group.frames) {
      transpose(last, kLanes, group.hiddenN, g.hidden, g.hidden, group.sequences);
      if (Cell::kHasCell)
        transpose(last + g.cellAt, kLanes, group.cellN, g.hidden, g.hidden, group.sequences);
    } else if (keep) {
      records += count * g.record;
    } else {
      for (std::ptrdiff_t i = 0; i < g.inputAt; ++i)
        records[i] = last[i];
      if (Cell::kHasCell)
        for (std::ptrdiff_t i = g.cellAt; i < g.gatesAt; ++i)
          records[i] = last[i];
    }
  }
}

// ---- backward: the recursion ----

/** As multiplyTile with steps * RowsPerStep rows, but summed in parts of kPartialSteps: less rounding error at no cost.
 */
template <int Rows, int RowsPerStep>
FXENGINE_INLINE void addProducts(Vec (&sums)[Rows][kTileVectors], const float* weights, const float* rows, int steps,
                                 Prefetcher& prefetcher) {
  for (int first = 0; first < steps; first += kPartialSteps) {
    Vec part[Rows][kTileVectors];
    FXENGINE_UNROLL(32)
    for (int r = 0; r < Rows; ++r) {
      FXENGINE_UNROLL(32)
      for (int s = 0; s < kTileVectors; ++s)
        part[r][s] = Vec(0.0f);
    }
    const int end = smaller(first + kPartialSteps, steps);
    for (int step = first; step < end; ++step) {
      prefetcher.step();
      multiplyTile<Rows>(part, weights + step * RowsPerStep * Rows, rows + step * RowsPerStep * kLanes, RowsPerStep);
    }
    FXENGINE_UNROLL(32)
    for (int r = 0; r < Rows; ++r) {
      FXENGINE_UNROLL(32)
      for (int s = 0; s < kTileVectors; ++s)
        sums[r][s] += part[r][s];
    }
  }
}

/** One tile of hidden units of one frame: dh from what follows, then the gradients of the gates. */
template <class Cell, int Rows>
FXENGINE_INLINE void backwardTile(const Geometry<Cell>& g, const float* weights, const float* following,
                                  const float* head, const float* outputGradient, const float* const* extras,
                                  const float* record, int tile, int lane, float* gateGradients, float* carry,
                                  float* headSums, Prefetcher& prefetcher) {
  Vec dh[Rows][kTileVectors];
  Vec dy[kTileVectors];
  FXENGINE_UNROLL(32)
  for (int s = 0; s < kTileVectors; ++s)
    dy[s] = load(outputGradient + lane + s * kVectorLanes);
  FXENGINE_UNROLL(32)
  for (int r = 0; r < Rows; ++r) {
    FXENGINE_UNROLL(32)
    for (int s = 0; s < kTileVectors; ++s)
      dh[r][s] = head[tile + r] * dy[s];
  }
  for (int e = 0; e < 2; ++e)
    if (extras[e] != nullptr) {
      FXENGINE_UNROLL(32)
      for (int r = 0; r < Rows; ++r) {
        FXENGINE_UNROLL(32)
        for (int s = 0; s < kTileVectors; ++s)
          dh[r][s] += load(extras[e] + (tile + r) * kLanes + lane + s * kVectorLanes);
      }
    }
  if (following != nullptr)
    addProducts<Rows, Cell::kHiddenGates>(dh, weights, following + lane, g.padded, prefetcher);
  FXENGINE_UNROLL(32)
  for (int r = 0; r < Rows; ++r) {
    FXENGINE_UNROLL(32)
    for (int s = 0; s < kTileVectors; ++s) {
      const int unit = tile + r;
      const std::ptrdiff_t vector = lane + s * kVectorLanes;
      const std::ptrdiff_t at = unit * kLanes + vector;
      Vec rows[kGateRows];
      const Vec nextHidden = load(record + g.record + at);
      Cell::differentiate(dh[r][s], record + g.gatesAt + unit * kGateRows * kLanes + vector, load(record + at),
                          nextHidden, record + g.cellAt + at, carry + at, rows);
      store(headSums + at, multiplyAdd(dy[s], nextHidden, load(headSums + at)));
      FXENGINE_UNROLL(32)
      for (int gate = 0; gate < kGateRows; ++gate)
        store(gateGradients + g.gradientRow(gate, unit) * kLanes + vector, rows[gate]);
    }
  }
}

template <class Cell>
void backwardFrame(const Geometry<Cell>& g, const float* weights, const float* following, const float* head,
                   const float* outputGradient, const float* const* extras, const float* record, const float* tapeStart,
                   float* gateGradients, float* carry, float* headSums) {
  const int tiles = (g.padded + kStateTile - 1) / kStateTile;
  const int steps = tiles * g.padded;
  const int lines = static_cast<int>(g.record / 16);
  Prefetcher prefetcher{record == tapeStart ? record : record - g.record, record, (lines + steps - 1) / steps};
  for (int lane = 0; lane < kLanes; lane += kTileVectors * kVectorLanes) {
    int tile = 0;
    for (; tile + kStateTile <= g.padded; tile += kStateTile)
      backwardTile<Cell, kStateTile>(g, weights + tile * g.hiddenRows, following, head, outputGradient, extras, record,
                                     tile, lane, gateGradients, carry, headSums, prefetcher);
    if constexpr (kStateTile > kPadding)
      if (tile < g.padded)
        backwardTile<Cell, kPadding>(g, weights + tile * g.hiddenRows, following, head, outputGradient, extras, record,
                                     tile, lane, gateGradients, carry, headSums, prefetcher);
  }
}

/** target[r] = added[r] + sum over k of weights[k][r] * rows[k]. `weights` are in tiles of `Tile` outputs, a last one
   may have kPadding; count is a multiple of 4. */
template <int Tile>
void multiplyRows(const float* weights, const float* rows, int count, int outputs, const float* added, float* target) {
  Prefetcher none{nullptr, nullptr, 0};
  const auto multiply = [&]<int Rows>(int tile, int lane) {
    Vec sums[Rows][kTileVectors] = {};
    addProducts<Rows, 4>(sums, weights + tile * count, rows + lane, count / 4, none);
    for (int r = 0; r < Rows; ++r)
      for (int s = 0; s < kTileVectors; ++s) {
        const std::ptrdiff_t at = (tile + r) * kLanes + lane + s * kVectorLanes;
        store(target + at, added != nullptr ? sums[r][s] + load(added + at) : sums[r][s]);
      }
  };
  for (int lane = 0; lane < kLanes; lane += kTileVectors * kVectorLanes) {
    int tile = 0;
    for (; tile + Tile <= outputs; tile += Tile)
      multiply.template operator()<Tile>(tile, lane);
    for (; tile < outputs; tile += kPadding)
      multiply.template operator()<kPadding>(tile, lane);
  }
}

// ---- backward: weight gradients ----

/** Lanes are sequences. sums[row][column] += sum over frames, a vector each; its lanes are added at the very end. */
template <int Columns>
FXENGINE_INLINE void narrowTile(const float* gradients, std::ptrdiff_t gradientStride, const float* columns,
                                std::ptrdiff_t columnStride, int frames, float* sums, int sumStride) {
  Vec tile[kNarrowRows][Columns];
  FXENGINE_UNROLL(32)
  for (int r = 0; r < kNarrowRows; ++r) {
    FXENGINE_UNROLL(32)
    for (int c = 0; c < Columns; ++c)
      tile[r][c] = Vec(0.0f);
  }
  for (int t = 0; t < frames; ++t, gradients += gradientStride, columns += columnStride) {
    FXENGINE_UNROLL(32)
    for (int s = 0; s < kVectors; ++s) {
      Vec rows[kNarrowRows];
      FXENGINE_UNROLL(32)
      for (int r = 0; r < kNarrowRows; ++r)
        rows[r] = load(gradients + r * kLanes + s * kVectorLanes);
      FXENGINE_UNROLL(32)
      for (int c = 0; c < Columns; ++c) {
        const Vec column = load(columns + c * kLanes + s * kVectorLanes);
        FXENGINE_UNROLL(32)
        for (int r = 0; r < kNarrowRows; ++r)
          tile[r][c] = multiplyAdd(rows[r], column, tile[r][c]);
      }
    }
  }
  FXENGINE_UNROLL(32)
  for (int r = 0; r < kNarrowRows; ++r) {
    FXENGINE_UNROLL(32)
    for (int c = 0; c < Columns; ++c) {
      float* sum = sums + r * sumStride + c * kVectorLanes;
      store(sum, load(sum) + tile[r][c]);
    }
  }
}

template <int Columns, class... Arguments> FXENGINE_INLINE void narrowTileOf(int columns, Arguments... arguments) {
  if (columns == Columns)
    narrowTile<Columns>(arguments...);
  else if constexpr (Columns > 1)
    narrowTileOf<Columns - 1>(columns, arguments...);
}

/** Lanes are columns: [frame][sequence][column] `transposed`, and each gradient is broadcast. Nothing is left to add at
 * the end. */
template <int Rows, int Vectors>
FXENGINE_INLINE void wideTile(const float* gradients, std::ptrdiff_t gradientStride, const float* transposed,
                              int stride, int frames, float* sums) {
  Vec tile[Rows][Vectors];
  FXENGINE_UNROLL(32)
  for (int r = 0; r < Rows; ++r) {
    FXENGINE_UNROLL(32)
    for (int v = 0; v < Vectors; ++v)
      tile[r][v] = Vec(0.0f);
  }
  for (int t = 0; t < frames; ++t, gradients += gradientStride) {
    FXENGINE_UNROLL(32)
    for (int r = 0; r < Rows; ++r)
      prefetch(gradients + gradientStride + r * kLanes);
    for (int lane = 0; lane < kLanes; ++lane, transposed += stride) {
      Vec columns[Vectors];
      FXENGINE_UNROLL(32)
      for (int v = 0; v < Vectors; ++v)
        columns[v] = load(transposed + v * kVectorLanes);
      FXENGINE_UNROLL(32)
      for (int r = 0; r < Rows; ++r) {
        FXENGINE_UNROLL(32)
        for (int v = 0; v < Vectors; ++v)
          tile[r][v] = multiplyAdd(gradients[r * kLanes + lane], columns[v], tile[r][v]);
      }
    }
  }
  FXENGINE_UNROLL(32)
  for (int r = 0; r < Rows; ++r) {
    FXENGINE_UNROLL(32)
    for (int v = 0; v < Vectors; ++v) {
      float* sum = sums + r * stride + v * kVectorLanes;
      store(sum, load(sum) + tile[r][v]);
    }
  }
}

template <int Vectors>
void wideColumns(const ColumnRange& range, int first, const float* gradients, std::ptrdiff_t gradientStride,
                 const float* transposed, int frames, float* sums) {
  int row = 0;
  for (; row + kWideRows <= range.rows; row += kWideRows)
    wideTile<kWideRows, Vectors>(gradients + row * kLanes, gradientStride, transposed + first, range.stride, frames,
                                 sums + row * range.stride + first);
  for (; row < range.rows; row += kPadding)
    wideTile<kPadding, Vectors>(gradients + row * kLanes, gradientStride, transposed + first, range.stride, frames,
                                sums + row * range.stride + first);
}

/** Adds the chunk's share: sum over its frames and sequences of gradient row times column. */
template <class Cell>
void addWeightGradients(const Geometry<Cell>& g, const ColumnRange& range, const float* gradients, const float* records,
                        int frames, float* transposed, float* sums) {
  const std::ptrdiff_t gradientStride = static_cast<std::ptrdiff_t>(g.gateRows) * kLanes;
  const float* columns = records + range.first * kLanes;
  if (range.wide) {
    for (int t = 0; t < frames; ++t)
      transpose(columns + t * g.record, kLanes, transposed + static_cast<std::ptrdiff_t>(t) * kLanes * range.stride,
                range.stride, range.count, kLanes);
    int first = 0;
    for (; first + 2 * kVectorLanes <= range.stride; first += 2 * kVectorLanes)
      wideColumns<2>(range, first, gradients, gradientStride, transposed, frames, sums);
    if (first < range.stride)
      wideColumns<1>(range, first, gradients, gradientStride, transposed, frames, sums);
    return;
  }
  const int tiles = (range.count + kNarrowColumns - 1) / kNarrowColumns;
  for (int tile = 0; tile < tiles; ++tile) {
    const int first = range.count * tile / tiles; // of equal width, give or take one
    const int count = range.count * (tile + 1) / tiles - first;
    for (int row = 0; row < range.rows; row += kNarrowRows)
      narrowTileOf<kNarrowColumns>(count, gradients + row * kLanes, gradientStride, columns + first * kLanes, g.record,
                                   frames, sums + row * range.stride + first * kVectorLanes, range.stride);
  }
}

template <class T> float sumOf(const T* values, int count) {
  double sum = 0;
  for (int i = 0; i < count; ++i)
    sum += values[i];
  return static_cast<float>(sum);
}

template <class Cell>
float weightGradient(const BackwardScratch<Cell>& layout, const float* scratch, int row, int column) {
  const bool inFirst = column < layout.hiddenColumns.count;
  const ColumnRange& range = inFirst ? layout.hiddenColumns : layout.inputColumns;
  const float* sums = scratch + (inFirst ? layout.hiddenSumsAt : layout.inputSumsAt);
  const float* rowSums = sums + static_cast<std::ptrdiff_t>(row) * range.stride;
  const int at = column - range.first;
  return range.wide ? rowSums[at] : sumOf(rowSums + at * kVectorLanes, kVectorLanes);
}

template <class Cell>
void writeGradients(const Geometry<Cell>& g, const Shape& shape, const BackwardScratch<Cell>& layout,
                    const float* scratch, const double* headBias, const Gradients& gradients) {
  for (int gate = 0; gate < kGateRows; ++gate)
    for (int unit = 0; unit < g.hidden; ++unit) {
      const int row = g.gradientRow(gate, unit);
      if (gate < Cell::kHiddenGates)
        for (int k = 0; k < g.hidden; ++k)
          Cell::setGradient(gradients, shape, gate, unit, Column::hidden, k, weightGradient(layout, scratch, row, k));
      for (int i = 0; i <= g.inputs; ++i)
        Cell::setGradient(gradients, shape, gate, unit, i < g.inputs ? Column::input : Column::bias, i,
                          weightGradient(layout, scratch, row, g.padded + i));
    }
  if (gradients.outputWeight != nullptr) {
    for (int unit = 0; unit < g.hidden; ++unit)
      gradients.outputWeight[unit] = sumOf(scratch + layout.headAt + unit * kLanes, kLanes);
    *gradients.outputBias = sumOf(headBias, kLanes);
  }
}

template <class Cell> void backward(const Shape& shape, const BackwardGroup& group) {
  const Geometry<Cell> g(shape);
  const WeightLayout<Cell> weights(g);
  const BackwardScratch<Cell> layout(g);
  const std::ptrdiff_t frameGradients = static_cast<std::ptrdiff_t>(g.gateRows) * kLanes;
  const std::size_t state = static_cast<std::size_t>(g.padded) * kLanes;
  float* gateGradients = group.scratch + layout.gateGradientsAt;
  float* outputGradient = group.scratch + layout.outputGradientAt;
  float* sequenceGradient = group.scratch + layout.sequenceGradientAt;
  float* carry = group.scratch + layout.carryAt;
  float* hiddenGradient = group.scratch + layout.hiddenGradientAt;
  float* headChunk = group.scratch + layout.headChunkAt;
  float* head = group.scratch + layout.headAt;
  double headBias[kLanes] = {}; // one long sum, so in double

  clear(head, state);
  clear(outputGradient, static_cast<std::size_t>(g.chunk) * kLanes);
  clear(group.scratch + layout.hiddenSumsAt, layout.hiddenColumns.sums());
  clear(group.scratch + layout.inputSumsAt, layout.inputColumns.sums());
  if (group.hiddenSequenceGradient != nullptr)
    clear(sequenceGradient, g.chunk * state);
  loadState(group.hiddenNGradient, Cell::kHasCell ? hiddenGradient : carry, group.sequences, g.hidden, g.padded);
  if (Cell::kHasCell)
    loadState(group.cellNGradient, carry, group.sequences, g.hidden, g.padded);

  const int frames = group.frames;
  for (int start = (frames - 1) / g.chunk * g.chunk; start >= 0; start -= g.chunk) {
    const int count = smaller(g.chunk, frames - start);
    const float* records = group.tape + start * g.record;
    if (group.outputGradient != nullptr)
      transpose(group.outputGradient + start, frames, outputGradient, kLanes, group.sequences, count);
    if (group.hiddenSequenceGradient != nullptr)
      for (int t = 0; t < count; ++t)
        transpose(group.hiddenSequenceGradient + static_cast<std::ptrdiff_t>(start + t) * g.hidden,
                  static_cast<std::ptrdiff_t>(frames) * g.hidden, sequenceGradient + t * state, kLanes, group.sequences,
                  g.hidden);

    clear(headChunk, state);
    for (int t = count - 1; t >= 0; --t) {
      const bool last = start + t == frames - 1;
      const float* extras[2] = {group.hiddenSequenceGradient != nullptr ? sequenceGradient + t * state : nullptr,
                                Cell::kHasCell ? (last ? hiddenGradient : nullptr) : carry};
      backwardFrame<Cell>(g, group.weights + weights.backwardAt,
                          last ? nullptr : gateGradients + (t + 1) * frameGradients, group.weights + weights.headAt,
                          outputGradient + t * kLanes, extras, records + t * g.record, group.tape,
                          gateGradients + t * frameGradients, carry, headChunk);
    }
    for (std::size_t i = 0; i < state; ++i)
      head[i] += headChunk[i];
    for (int t = 0; t < count; ++t)
      for (int lane = 0; lane < kLanes; ++lane)
        headBias[lane] += outputGradient[t * kLanes + lane];

    addWeightGradients(g, layout.hiddenColumns, gateGradients, records, count, group.scratch + layout.transposedAt,
                       group.scratch + layout.hiddenSumsAt);
    addWeightGradients(g, layout.inputColumns, gateGradients, records, count, group.scratch + layout.transposedAt,
                       group.scratch + layout.inputSumsAt);
    if (group.inputGradient != nullptr) {
      float rows[kLargestInputSize * kLanes] __attribute__((aligned(64)));
      for (int t = 0; t < count; ++t) {
        multiplyRows<kInputTile>(group.weights + weights.inputAt, gateGradients + t * frameGradients, g.gateRows,
                                 g.inputPadded, nullptr, rows);
        transpose(rows, kLanes, group.inputGradient + static_cast<std::ptrdiff_t>(start + t) * g.inputs,
                  static_cast<std::ptrdiff_t>(frames) * g.inputs, g.inputs, group.sequences);
      }
    }
    if (start > 0) // the next chunk's last frame continues from this chunk's first
      for (std::ptrdiff_t i = 0; i < frameGradients; ++i)
        gateGradients[g.chunk * frameGradients + i] = gateGradients[i];
  }

  if (group.hidden0Gradient != nullptr) {
    multiplyRows<kStateTile>(group.weights + weights.backwardAt, gateGradients, g.hiddenRows, g.padded,
                             Cell::kHasCell ? nullptr : carry, hiddenGradient);
    transpose(hiddenGradient, kLanes, group.hidden0Gradient, g.hidden, g.hidden, group.sequences);
  }
  if (group.cell0Gradient != nullptr)
    transpose(carry, kLanes, group.cell0Gradient, g.hidden, g.hidden, group.sequences);
  writeGradients(g, shape, layout, group.scratch, headBias, group.gradients);
}

// ---- sizes and packing ----

/** The matrix of all rows and columns; zero where it is padding. */
template <class Cell>
float weightAt(const Geometry<Cell>& g, const Shape& shape, const Parameters& p, int gate, int unit, Column kind,
               int column) {
  const bool inside =
      unit < g.hidden && (kind != Column::hidden || column < g.hidden) && (kind != Column::input || column < g.inputs);
  return inside ? Cell::weight(p, shape, gate, unit, kind, column) : 0.0f;
}

template <class Cell> void pack(const Shape& shape, const Parameters& parameters, float* weights) {
  const Geometry<Cell> g(shape);
  const WeightLayout<Cell> layout(g);
  clear(weights, layout.size);

  float* w = weights;
  const auto putColumn = [&](int tile, int gates, Column kind, int column) {
    for (int gate = 0; gate < gates; ++gate)
      for (int u = 0; u < kUnitTile; ++u)
        *w++ = static_cast<float>(weightAt(g, shape, parameters, gate, tile + u, kind, column) * Cell::scale(gate));
  };
  for (int tile = 0; tile < g.padded; tile += kUnitTile) {
    putColumn(tile, kGateRows, Column::bias, 0);
    for (int k = 0; k < g.padded; ++k)
      putColumn(tile, Cell::kHiddenGates, Column::hidden, k);
    for (int i = 0; i < g.inputs; ++i)
      putColumn(tile, kGateRows, Column::input, i);
  }

  w = weights + layout.backwardAt;
  for (int tile = 0; tile < g.padded;) {
    const int width = tile + kStateTile <= g.padded ? kStateTile : kPadding;
    for (int unit = 0; unit < g.padded; ++unit)
      for (int gate = 0; gate < Cell::kHiddenGates; ++gate)
        for (int k = tile; k < tile + width; ++k)
          *w++ = weightAt(g, shape, parameters, gate, unit, Column::hidden, k);
    tile += width;
  }

  for (int gate = 0; gate < kGateRows; ++gate)
    for (int unit = 0; unit < g.padded; ++unit)
      for (int i = 0; i < g.inputPadded; ++i)
        weights[layout.inputAt +
                (static_cast<std::size_t>(i / kInputTile) * g.gateRows + g.gradientRow(gate, unit)) * kInputTile +
                i % kInputTile] = weightAt(g, shape, parameters, gate, unit, Column::input, i);

  if (parameters.outputWeight != nullptr) {
    for (int unit = 0; unit < g.hidden; ++unit)
      weights[layout.headAt + unit] = parameters.outputWeight[unit];
    weights[layout.headBiasAt] = *parameters.outputBias;
  }
}

template <class Cell> std::size_t weightFloats(const Shape& shape) {
  return WeightLayout<Cell>(Geometry<Cell>(shape)).size;
}

template <class Cell> std::size_t recordFloats(const Shape& shape) {
  return static_cast<std::size_t>(Geometry<Cell>(shape).record);
}

template <class Cell> std::size_t forwardScratch(const Shape& shape) {
  return kForwardChunk * kLanes + (kForwardChunk + 1) * recordFloats<Cell>(shape);
}

template <class Cell> std::size_t backwardScratch(const Shape& shape) {
  return BackwardScratch<Cell>(Geometry<Cell>(shape)).size;
}

template <class Cell>
constexpr CellKernel kCellKernel{Cell::kGates,       Cell::kHasCell,       weightFloats<Cell>,
                                 recordFloats<Cell>, forwardScratch<Cell>, backwardScratch<Cell>,
                                 pack<Cell>,         forward<Cell>,        backward<Cell>};

#define FXTRAIN_STRING_OF(name) #name
#define FXTRAIN_STRING(name) FXTRAIN_STRING_OF(name)
constexpr Kernels kKernels{FXTRAIN_STRING(FXENGINE_SIMD_ISA), kCellKernel<LstmCell>, kCellKernel<GruCell>,
                           kWaveNetKernels, kWaveGeneratorKernels};

} // namespace

const Kernels& kernels() { return kKernels; }

} // namespace fxtrain::kernels::FXENGINE_SIMD_ISA
