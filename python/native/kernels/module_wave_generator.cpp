// SPDX-License-Identifier: MIT
/** Generative WaveNets on NumPy arrays. See _kernels.pyi for shapes. */
#include "module_wave_generator.h"

#include "wave_generator.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace py = pybind11;

namespace fxtrain::kernels {
namespace {

using Floats = py::array_t<float, py::array::c_style>;
using Doubles = py::array_t<double, py::array::c_style>;
using Codes = py::array_t<std::int32_t, py::array::c_style>;

void require(bool isSo, const char* what) {
  if (!isSo)
    throw std::invalid_argument(what);
}

std::unique_ptr<WaveGenerator> make(int codes, int channels, int skips, int condition,
                                    const std::vector<int>& dilations, const Floats& parameters) {
  const auto isSize = [](int value, int most) { return value >= 1 && value <= most; };
  require(isSize(codes, 1 << 16) && isSize(channels, 1 << 12) && isSize(skips, 1 << 12),
          "codes must be 1 to 65536, channels and skips 1 to 4096.");
  require(condition >= 0 && condition <= 1 << 12, "condition must be 0 to 4096.");
  require(!dilations.empty() && dilations.size() <= 256, "there must be 1 to 256 dilations.");
  for (const int dilation : dilations)
    require(isSize(dilation, 1 << 18), "dilations must be 1 to 262144.");
  const WaveGeneratorShape shape{codes, channels, skips, condition, dilations};
  require(parameters.ndim() == 1 && static_cast<std::size_t>(parameters.size()) == shape.numParameters(),
          "parameters must be one row of as many values as the sizes say.");
  return std::make_unique<WaveGenerator>(shape, parameters.data());
}

/** Rows of conditions for so many samples, or null where the network has none. */
const float* checked(const WaveGenerator& self, const std::optional<Floats>& condition, py::ssize_t count) {
  const int channels = self.shape().condition;
  require(condition.has_value() == (channels > 0),
          "condition must be given where the network has one, and only there.");
  if (!condition)
    return nullptr;
  require(condition->ndim() == 2 && condition->shape(0) == count && condition->shape(1) == channels,
          "condition must have shape (samples, condition).");
  return condition->data();
}

Floats hear(WaveGenerator& self, const Codes& codes, const std::optional<Floats>& condition) {
  require(codes.ndim() == 1, "codes must have shape (samples,).");
  const py::ssize_t count = codes.size();
  const int most = self.shape().codes;
  require(std::all_of(codes.data(), codes.data() + count, [most](int code) { return code >= 0 && code < most; }),
          "codes must be those of the network.");
  const float* here = checked(self, condition, count);
  Floats logits({count, static_cast<py::ssize_t>(most)});
  float* out = logits.mutable_data();
  const std::int32_t* heard = codes.data();
  const py::gil_scoped_release release;
  for (py::ssize_t t = 0; t < count; ++t, out += most) {
    std::copy_n(self.hear(heard[t], here), most, out);
    here = here == nullptr ? nullptr : here + self.shape().condition;
  }
  return logits;
}

Codes generate(WaveGenerator& self, const Doubles& uniforms, const std::optional<Floats>& condition,
               double temperature) {
  require(uniforms.ndim() == 1, "uniforms must have shape (samples,).");
  require(temperature >= 0.0, "temperature must not be below 0.");
  const py::ssize_t count = uniforms.size();
  const float* here = checked(self, condition, count);
  Codes codes(count);
  std::int32_t* out = codes.mutable_data();
  const double* drawn = uniforms.data();
  const py::gil_scoped_release release;
  for (py::ssize_t t = 0; t < count; ++t) {
    out[t] = self.draw(drawn[t], temperature);
    self.hear(out[t], here);
    here = here == nullptr ? nullptr : here + self.shape().condition;
  }
  return codes;
}

} // namespace

void registerWaveGenerator(py::module_& module) {
  py::class_<WaveGenerator>(module, "WaveGenerator")
      .def(py::init(&make), py::kw_only(), py::arg("codes"), py::arg("channels"), py::arg("skips"),
           py::arg("condition"), py::arg("dilations"), py::arg("parameters").noconvert())
      .def("reset", &WaveGenerator::reset)
      .def("hear", hear, py::arg("codes").noconvert(), py::arg("condition").noconvert().none(true))
      .def("generate", generate, py::arg("uniforms").noconvert(), py::arg("condition").noconvert().none(true),
           py::kw_only(), py::arg("temperature"));
}

} // namespace fxtrain::kernels
