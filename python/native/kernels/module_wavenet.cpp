// SPDX-License-Identifier: MIT
/** WaveNets with their backward pass, on NumPy arrays. See _kernels.pyi for shapes. */
#include "module_wavenet.h"

#include "wavenet.h"

#include "simd/kernels.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace fxtrain::kernels {
namespace {

using Array = py::array_t<float, py::array::c_style>;
using PythonLayer = std::tuple<int, int, bool, float>;
using PythonArray = std::tuple<int, int, int, int, bool, std::vector<PythonLayer>>;

void require(bool isSo, const char* what) {
  if (!isSo)
    throw std::invalid_argument(what);
}

WaveNetShape shapeOf(const std::vector<PythonArray>& arrays, float headScale) {
  constexpr int kMost = 1 << 16;
  const auto isSize = [](int value) { return value >= 1 && value <= kMost; };
  require(!arrays.empty(), "a WaveNet has at least one layer array.");
  WaveNetShape shape;
  shape.headScale = headScale;
  for (const auto& [inputs, channels, headOutputs, headKernel, headBias, layers] : arrays) {
    const int before = shape.arrays.empty() ? 1 : shape.arrays.back().channels;
    require(inputs == before, "an array's inputs must be the channels of the one before, the first one's 1.");
    require(shape.arrays.empty() || shape.arrays.back().headOutputs == channels,
            "an array's head must have as many outputs as the next array has channels.");
    require(isSize(channels) && fxengine::simd::isEvenlyTiled(channels),
            "channels must be 1, 2 or a multiple of 3 or 4.");
    require(isSize(headOutputs) && isSize(headKernel) && !layers.empty(), "an array has layers and a head.");
    WaveArrayShape array{inputs, channels, headOutputs, headKernel, headBias, {}};
    for (const auto& [kernel, dilation, isTanh, slope] : layers) {
      require(isSize(kernel) && isSize(dilation), "kernel sizes and dilations must be 1 to 65536.");
      require(slope >= 0.0f && slope <= 1.0f, "slopes below zero must be 0 to 1.");
      array.layers.push_back({kernel, dilation, isTanh, slope});
    }
    shape.arrays.push_back(std::move(array));
  }
  require(shape.arrays.back().headOutputs == 1, "the last head must have one output.");
  for (std::size_t index = 0; index + 1 < shape.arrays.size(); ++index)
    require(shape.arrays[index].headKernel == 1, "only the last head may look back.");
  return shape;
}

struct PythonTape {
  WaveNetTapePointer tape;
  WaveNetShape shape;
  py::ssize_t batch, frames; ///< of the output
};

py::tuple run(const WaveNetShape& shape, const Array& parameters, const Array& input, int threads) {
  require(parameters.ndim() == 1 && static_cast<std::size_t>(parameters.size()) == shape.numParameters(),
          "parameters must be one row of num_parameters values.");
  require(input.ndim() == 2 && input.shape(0) >= 1 && input.shape(0) < (1 << 20) && input.shape(1) < (1 << 26),
          "input must have shape (batch, frames).");
  const py::ssize_t frames = input.shape(1) - (shape.receptiveFrames() - 1);
  require(frames >= 1, "input must begin with receptive_field - 1 frames of past, and have one more.");
  Array output({input.shape(0), frames});
  const float* given = input.data();
  const float* values = parameters.data();
  float* to = output.mutable_data();
  WaveNetTapePointer tape;
  {
    const py::gil_scoped_release release;
    tape = runWaveNet(shape, values, given, static_cast<int>(input.shape(0)), static_cast<int>(input.shape(1)), to,
                      threads);
  }
  return py::make_tuple(output, PythonTape{std::move(tape), shape, input.shape(0), frames});
}

py::list tails(const PythonTape& self) {
  py::list arrays;
  std::vector<float*> to;
  const auto add = [&](int channels, int reach) {
    Array array({py::ssize_t{channels}, self.batch, py::ssize_t{reach}});
    to.push_back(array.mutable_data());
    arrays.append(array);
  };
  for (const WaveArrayShape& array : self.shape.arrays) {
    for (const WaveLayerShape& layer : array.layers)
      add(array.channels, layer.reach());
    add(array.channels, array.headReach());
  }
  copyTails(*self.tape, to);
  return arrays;
}

Array backward(const PythonTape& self, const Array& outputGradient, int threads) {
  require(outputGradient.ndim() == 2 && outputGradient.shape(0) == self.batch && outputGradient.shape(1) == self.frames,
          "output_gradient must have the shape of the output.");
  Array gradients(static_cast<py::ssize_t>(self.shape.numParameters()));
  const float* given = outputGradient.data();
  float* to = gradients.mutable_data();
  const py::gil_scoped_release release;
  runWaveNetBackward(*self.tape, given, to, threads);
  return gradients;
}

} // namespace

void registerWaveNet(py::module_& module) {
  py::class_<PythonTape>(module, "WaveNetTape")
      .def("tails", tails)
      .def("backward", backward, py::arg("output_gradient").noconvert(), py::kw_only(), py::arg("threads"));
  py::class_<WaveNetShape>(module, "WaveNet")
      .def(py::init(&shapeOf), py::arg("arrays"), py::kw_only(), py::arg("head_scale"))
      .def_property_readonly("receptive_field", &WaveNetShape::receptiveFrames)
      .def_property_readonly("num_parameters", &WaveNetShape::numParameters)
      .def("run", run, py::arg("parameters").noconvert(), py::arg("input").noconvert(), py::kw_only(),
           py::arg("threads"));
}

} // namespace fxtrain::kernels
