// SPDX-License-Identifier: MIT
/** fxtrain._kernels: recurrent layers and WaveNets with their backward pass, and WaveNets that generate, on NumPy
 * arrays. See _kernels.pyi for shapes. */
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dispatch.h"
#include "layer.h"
#include "module_gated_stack.h"
#include "module_wave_generator.h"
#include "module_wavenet.h"

namespace py = pybind11;

namespace fxtrain::kernels {
namespace {

using Array = py::array_t<float, py::array::c_style>;
using OptionalArray = std::optional<Array>;
using Sizes = std::vector<py::ssize_t>;

std::string toText(const Sizes& sizes) {
  std::string text = "(";
  for (std::size_t i = 0; i < sizes.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
  return text + ")";
}

const float* checked(const Array& array, const char* name, const Sizes& expected) {
  const Sizes found(array.shape(), array.shape() + array.ndim());
  if (found != expected)
    throw std::invalid_argument(std::string(name) + " has shape " + toText(found) + ", expected " + toText(expected) +
                                ".");
  return array.data();
}

const float* checked(const OptionalArray& array, const char* name, const Sizes& expected) {
  return array ? checked(*array, name, expected) : nullptr;
}

Dimensions dimensionsOf(const Array& input, const Array& recurrentWeight) {
  if (input.ndim() != 3 || recurrentWeight.ndim() != 2)
    throw std::invalid_argument("input must have three dimensions and recurrent_weight two.");
  constexpr py::ssize_t kMost = 1 << 30;
  const py::ssize_t batch = input.shape(0), frames = input.shape(1), inputs = input.shape(2),
                    hidden = recurrentWeight.shape(1);
  const auto outside = [](py::ssize_t value, py::ssize_t most) { return value < 1 || value > most; };
  if (outside(batch, kMost) || outside(frames, kMost))
    throw std::invalid_argument("input needs at least one sequence and one frame, found " +
                                toText({batch, frames, inputs}) + ".");
  if (outside(inputs, kLargestInputSize) || outside(hidden, kLargestHiddenSize))
    throw std::invalid_argument("sizes of input and state must be 1 to 256, found " + std::to_string(inputs) + " and " +
                                std::to_string(hidden) + ".");
  return {static_cast<int>(batch), static_cast<int>(frames), {static_cast<int>(hidden), static_cast<int>(inputs)}};
}

/** A tape with what is needed to shape the gradients. */
struct PythonTape {
  std::unique_ptr<Tape> tape;
  bool hasHead;

  std::size_t bytes() const {
    return (tape->records.get_deleter().capacity + tape->weights.get_deleter().capacity) * sizeof(float);
  }
};

struct Outputs {
  Array output, hidden, cell;
  std::optional<PythonTape> tape;
};

Outputs forward(const CellKernel& cell, const Array& input, const OptionalArray& hidden0, const OptionalArray& cell0,
                const Array& inputWeight, const Array& recurrentWeight, const Array& inputBias,
                const OptionalArray& recurrentBias, const OptionalArray& outputWeight, const OptionalArray& outputBias,
                bool keepTape, int threads) {
  const Dimensions dimensions = dimensionsOf(input, recurrentWeight);
  const py::ssize_t batch = dimensions.batch, frames = dimensions.frames;
  const py::ssize_t hidden = dimensions.shape.hidden, inputs = dimensions.shape.inputs, rows = cell.gates * hidden;
  if (outputWeight.has_value() != outputBias.has_value())
    throw std::invalid_argument("output_weight and output_bias come together or not at all.");
  const bool hasHead = outputWeight.has_value();

  ForwardArguments arguments{};
  arguments.parameters = {checked(inputWeight, "input_weight", {rows, inputs}),
                          checked(recurrentWeight, "recurrent_weight", {rows, hidden}),
                          checked(inputBias, "bias", {rows}),
                          checked(recurrentBias, "recurrent_bias", {rows}),
                          checked(outputWeight, "output_weight", {hidden}),
                          checked(outputBias, "output_bias", {1})};
  arguments.input = input.data();
  arguments.hidden0 = checked(hidden0, "hidden", {batch, hidden});
  arguments.cell0 = checked(cell0, "cell", {batch, hidden});

  Outputs outputs{Array(hasHead ? Sizes{batch, frames} : Sizes{batch, frames, hidden}), Array(Sizes{batch, hidden}),
                  Array(cell.hasCell ? Sizes{batch, hidden} : Sizes{0}), std::nullopt};
  (hasHead ? arguments.output : arguments.hiddenSequence) = outputs.output.mutable_data();
  arguments.hiddenN = outputs.hidden.mutable_data();
  arguments.cellN = cell.hasCell ? outputs.cell.mutable_data() : nullptr;

  std::unique_ptr<Tape> tape;
  {
    const py::gil_scoped_release release;
    tape = runForward(cell, dimensions, arguments, keepTape, threads);
  }
  if (tape)
    outputs.tape = PythonTape{std::move(tape), hasHead};
  return outputs;
}

py::tuple lstm(const Array& input, const OptionalArray& hidden, const OptionalArray& cell, const Array& inputWeight,
               const Array& recurrentWeight, const Array& bias, const OptionalArray& outputWeight,
               const OptionalArray& outputBias, bool keepTape, int threads) {
  Outputs outputs = forward(activeKernels().lstm, input, hidden, cell, inputWeight, recurrentWeight, bias, std::nullopt,
                            outputWeight, outputBias, keepTape, threads);
  return py::make_tuple(outputs.output, outputs.hidden, outputs.cell, std::move(outputs.tape));
}

py::tuple gru(const Array& input, const OptionalArray& hidden, const Array& inputWeight, const Array& recurrentWeight,
              const Array& bias, const Array& recurrentBias, const OptionalArray& outputWeight,
              const OptionalArray& outputBias, bool keepTape, int threads) {
  Outputs outputs = forward(activeKernels().gru, input, hidden, std::nullopt, inputWeight, recurrentWeight, bias,
                            recurrentBias, outputWeight, outputBias, keepTape, threads);
  return py::make_tuple(outputs.output, outputs.hidden, std::move(outputs.tape));
}

py::dict backward(const PythonTape& self, const OptionalArray& outputGradient, const OptionalArray& hiddenGradient,
                  const OptionalArray& cellGradient, bool inputGradient, int threads) {
  const CellKernel& cell = *self.tape->cell;
  const Dimensions& dimensions = self.tape->dimensions;
  const py::ssize_t batch = dimensions.batch, frames = dimensions.frames;
  const py::ssize_t hidden = dimensions.shape.hidden, inputs = dimensions.shape.inputs, rows = cell.gates * hidden;

  BackwardArguments arguments{};
  if (self.hasHead)
    arguments.outputGradient = checked(outputGradient, "output_gradient", {batch, frames});
  else
    arguments.hiddenSequenceGradient = checked(outputGradient, "output_gradient", {batch, frames, hidden});
  arguments.hiddenNGradient = checked(hiddenGradient, "hidden_gradient", {batch, hidden});
  if (cellGradient && !cell.hasCell)
    throw std::invalid_argument("cell_gradient is given, but this cell has none.");
  arguments.cellNGradient = checked(cellGradient, "cell_gradient", {batch, hidden});

  py::dict gradients;
  const auto add = [&gradients](const char* name, const Sizes& sizes) {
    Array array(sizes);
    gradients[name] = array;
    return array.mutable_data();
  };
  arguments.gradients.inputWeight = add("input_weight", {rows, inputs});
  arguments.gradients.recurrentWeight = add("recurrent_weight", {rows, hidden});
  arguments.gradients.inputBias = add("bias", {rows});
  arguments.hidden0Gradient = add("hidden", {batch, hidden});
  if (cell.hasCell)
    arguments.cell0Gradient = add("cell", {batch, hidden});
  else
    arguments.gradients.recurrentBias = add("recurrent_bias", {rows});
  if (self.hasHead) {
    arguments.gradients.outputWeight = add("output_weight", {hidden});
    arguments.gradients.outputBias = add("output_bias", {1});
  }
  if (inputGradient)
    arguments.inputGradient = add("input", {batch, frames, inputs});

  const py::gil_scoped_release release;
  runBackward(*self.tape, arguments, threads);
  return gradients;
}

} // namespace
} // namespace fxtrain::kernels

PYBIND11_MODULE(_kernels, module) {
  using namespace fxtrain::kernels;
  module.doc() = "Recurrent layers and WaveNets with their backward pass, and generation, on the CPU.";

  py::class_<PythonTape>(module, "Tape")
      .def("backward", backward, py::arg("output_gradient").noconvert().none(true),
           py::arg("hidden_gradient").noconvert().none(true), py::arg("cell_gradient").noconvert().none(true),
           py::kw_only(), py::arg("input_gradient"), py::arg("threads"))
      .def_property_readonly("num_bytes", &PythonTape::bytes);

  module.def("lstm", lstm, py::arg("input").noconvert(), py::arg("hidden").noconvert().none(true),
             py::arg("cell").noconvert().none(true), py::arg("input_weight").noconvert(),
             py::arg("recurrent_weight").noconvert(), py::arg("bias").noconvert(),
             py::arg("output_weight").noconvert().none(true), py::arg("output_bias").noconvert().none(true),
             py::kw_only(), py::arg("keep_tape"), py::arg("threads"));
  module.def("gru", gru, py::arg("input").noconvert(), py::arg("hidden").noconvert().none(true),
             py::arg("input_weight").noconvert(), py::arg("recurrent_weight").noconvert(), py::arg("bias").noconvert(),
             py::arg("recurrent_bias").noconvert(), py::arg("output_weight").noconvert().none(true),
             py::arg("output_bias").noconvert().none(true), py::kw_only(), py::arg("keep_tape"), py::arg("threads"));
  registerWaveNet(module);
  registerGatedStack(module);
  registerWaveGenerator(module);
  module.def("isa", [] { return activeKernels().isa; });
  module.def("available_isas", availableIsas);
}
