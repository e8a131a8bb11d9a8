// SPDX-License-Identifier: MIT
/** Gated layers with their backward pass, on NumPy arrays. See _kernels.pyi for shapes. */
#include "module_gated_stack.h"

#include "gated_stack.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace fxtrain::kernels {
namespace {

using Array = py::array_t<float, py::array::c_style>;

void require(bool isSo, const char* what) {
  if (!isSo)
    throw std::invalid_argument(what);
}

GatedStackShape shapeOf(int channels, int skips, int condition, std::vector<int> dilations) {
  constexpr int kMost = 1 << 12;
  require(channels >= 1 && channels <= kMost && skips >= 1 && skips <= kMost, "channels and skips must be 1 to 4096.");
  require(condition >= 0 && condition <= kMost, "condition must be 0 to 4096.");
  require(!dilations.empty() && dilations.size() <= 1024, "there must be 1 to 1024 layers.");
  for (const int dilation : dilations)
    require(dilation >= 1 && dilation <= 1 << 16, "dilations must be 1 to 65536.");
  return {channels, skips, condition, std::move(dilations)};
}

py::ssize_t numLayers(const GatedStackShape& shape) { return static_cast<py::ssize_t>(shape.dilations.size()); }

struct PythonTape {
  GatedStackTapePointer tape;
  GatedStackShape shape;
  py::ssize_t batch, frames; ///< of the input
  bool hasCondition, hasBiases;
};

py::tuple run(const GatedStackShape& shape, const Array& parameters, const Array& x,
              const std::optional<Array>& condition, const std::optional<Array>& biases, int threads) {
  require(parameters.ndim() == 1 && static_cast<std::size_t>(parameters.size()) == shape.numParameters(),
          "parameters must be one row of num_parameters values.");
  require(x.ndim() == 3 && x.shape(0) >= 1 && x.shape(0) < (1 << 20) && x.shape(1) == shape.channels &&
              x.shape(2) < (1 << 26),
          "x must have shape (batch, channels, frames).");
  const py::ssize_t batch = x.shape(0), frames = x.shape(2);
  require(frames > shape.past(), "x must have more frames than the layers look back.");
  require(condition.has_value() == (shape.condition > 0) &&
              (!condition || (condition->ndim() == 3 && condition->shape(0) == batch &&
                              condition->shape(1) == shape.condition && condition->shape(2) == frames)),
          "condition must have shape (batch, condition, frames).");
  require(!biases || (biases->ndim() == 3 && biases->shape(0) == batch && biases->shape(1) == numLayers(shape) &&
                      biases->shape(2) == py::ssize_t{2} * shape.channels),
          "biases must have shape (batch, layers, 2 * channels).");
  Array output({batch, py::ssize_t{shape.skips}, frames - shape.past()});
  const float* values = parameters.data();
  const GatedStackInput input{x.data(), condition ? condition->data() : nullptr, biases ? biases->data() : nullptr};
  float* to = output.mutable_data();
  GatedStackTapePointer tape;
  {
    const py::gil_scoped_release release;
    tape = runGatedStack(shape, values, input, static_cast<int>(batch), static_cast<int>(frames), to, threads);
  }
  return py::make_tuple(output,
                        PythonTape{std::move(tape), shape, batch, frames, condition.has_value(), biases.has_value()});
}

py::tuple backward(const PythonTape& self, const Array& outputGradient, int threads, bool ofCondition) {
  const GatedStackShape& shape = self.shape;
  require(outputGradient.ndim() == 3 && outputGradient.shape(0) == self.batch &&
              outputGradient.shape(1) == shape.skips && outputGradient.shape(2) == self.frames - shape.past(),
          "output_gradient must have the shape of the output.");
  Array x({self.batch, py::ssize_t{shape.channels}, self.frames});
  Array parameters(static_cast<py::ssize_t>(shape.numParameters()));
  std::optional<Array> condition, biases;
  if (self.hasCondition && ofCondition)
    condition.emplace(std::vector<py::ssize_t>{self.batch, shape.condition, self.frames});
  if (self.hasBiases)
    biases.emplace(std::vector<py::ssize_t>{self.batch, numLayers(shape), py::ssize_t{2} * shape.channels});
  const float* given = outputGradient.data();
  const GatedStackGradients gradients{x.mutable_data(), condition ? condition->mutable_data() : nullptr,
                                      biases ? biases->mutable_data() : nullptr, parameters.mutable_data()};
  {
    const py::gil_scoped_release release;
    runGatedStackBackward(*self.tape, given, gradients, threads);
  }
  return py::make_tuple(x, condition, biases, parameters);
}

} // namespace

void registerGatedStack(py::module_& module) {
  py::class_<PythonTape>(module, "GatedStackTape")
      .def("backward", backward, py::arg("output_gradient").noconvert(), py::kw_only(), py::arg("threads"),
           py::arg("of_condition"));
  py::class_<GatedStackShape>(module, "GatedStack")
      .def(py::init(&shapeOf), py::kw_only(), py::arg("channels"), py::arg("skips"), py::arg("condition"),
           py::arg("dilations"))
      .def_property_readonly("num_parameters", &GatedStackShape::numParameters)
      .def("run", run, py::arg("parameters").noconvert(), py::arg("x").noconvert(),
           py::arg("condition").noconvert().none(true), py::arg("biases").noconvert().none(true), py::kw_only(),
           py::arg("threads"));
}

} // namespace fxtrain::kernels
