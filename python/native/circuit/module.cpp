// SPDX-License-Identifier: MIT
// Bindings of the circuit solver and the string synthesis: fxtrain._circuit.
#include "solver.h"
#include "waveguide.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace py = pybind11;
using namespace fxcircuit;

namespace {

using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;
using DeviceList = std::vector<std::tuple<std::string, std::vector<double>>>;

std::span<const double> view(const Array& array) { return {array.data(), static_cast<std::size_t>(array.size())}; }

std::vector<Device> makeDevices(const DeviceList& list) {
  std::vector<Device> devices;
  for (const auto& [name, parameters] : list) {
    Device device{deviceKindFromName(name), 0, {}};
    if (parameters.size() != numDeviceParameters(device.kind))
      throw std::invalid_argument("device \"" + name + "\" has " + std::to_string(parameters.size()) +
                                  " parameters, expected " + std::to_string(numDeviceParameters(device.kind)));
    std::copy(parameters.begin(), parameters.end(), device.parameters.begin());
    devices.push_back(device);
  }
  return devices;
}

py::dict toDict(const Convergence& c) {
  py::dict result;
  result["num_steps"] = c.numSteps;
  result["num_iterations"] = c.numIterations;
  result["num_continuations"] = c.numContinuations;
  result["max_iterations"] = c.maxIterations;
  result["max_residual"] = c.maxResidual;
  return result;
}

} // namespace

PYBIND11_MODULE(_circuit, module) {
  module.doc() = "Solver of nonlinear circuits and synthesis of strings, in double precision.";

  py::class_<Simulation>(module, "Simulation")
      .def(py::init([](const DeviceList& devices, const Array& p, const Array& k, const Array& m, const Array& states,
                       const Array& voltages, double tolerance, int maxIterations) {
             Tolerances tolerances;
             tolerances.residual = tolerance;
             tolerances.maxIterations = maxIterations;
             return Simulation(makeDevices(devices), view(p), view(k), view(m), view(states), view(voltages),
                               tolerances);
           }),
           py::arg("devices"), py::arg("p"), py::arg("k"), py::arg("m"), py::arg("states"), py::arg("voltages"),
           py::kw_only(), py::arg("tolerance"), py::arg("max_iterations"))
      .def(
          "run",
          [](Simulation& self, const Array& input) {
            Array output(input.size());
            const std::span<double> out{output.mutable_data(), static_cast<std::size_t>(output.size())};
            const py::gil_scoped_release release;
            self.run(view(input), out);
            return output;
          },
          py::arg("input"))
      .def_property_readonly("convergence", [](const Simulation& self) { return toDict(self.convergence()); })
      .def_property_readonly("states",
                             [](const Simulation& self) { return Array(self.states().size(), self.states().data()); })
      .def_property_readonly(
          "voltages", [](const Simulation& self) { return Array(self.voltages().size(), self.voltages().data()); });

  module.def(
      "solve_ports",
      [](const DeviceList& devices, const Array& k, const Array& p, double tolerance, int maxIterations) {
        Tolerances tolerances;
        tolerances.residual = tolerance;
        tolerances.maxIterations = maxIterations;
        if (p.size() * p.size() != k.size())
          throw std::invalid_argument("p needs one value per port");
        const auto solver = PortSolver::create(makeDevices(devices), view(k), tolerances);
        Array voltages(p.size()), currents(p.size());
        const std::vector<double> origin(static_cast<std::size_t>(p.size()));
        std::fill_n(voltages.mutable_data(), voltages.size(), 0.0);
        if (!solver->solve(p.data(), origin.data(), voltages.mutable_data(), currents.mutable_data()))
          throw std::runtime_error("Newton's method found no operating point; the component values may be extreme");
        return std::make_tuple(voltages, currents, toDict(solver->convergence));
      },
      py::arg("devices"), py::arg("k"), py::arg("p"), py::kw_only(), py::arg("tolerance"), py::arg("max_iterations"));

  module.def(
      "evaluate_device",
      [](const std::string& kind, const std::vector<double>& parameters, const std::vector<double>& voltages) {
        const Device device = makeDevices({{kind, parameters}}).front();
        const std::size_t ports = numDevicePorts(device.kind);
        if (voltages.size() != ports)
          throw std::invalid_argument("device \"" + kind + "\" has " + std::to_string(ports) + " ports");
        double current[kMaxDevicePorts], jacobian[kMaxDevicePorts * kMaxDevicePorts];
        device.evaluate(voltages.data(), current, jacobian);
        Array currents(ports), slopes({ports, ports});
        for (std::size_t row = 0; row < ports; ++row) {
          currents.mutable_at(row) = current[row];
          for (std::size_t column = 0; column < ports; ++column)
            slopes.mutable_at(row, column) = jacobian[row * kMaxDevicePorts + column];
        }
        return std::make_tuple(currents, slopes);
      },
      py::arg("kind"), py::arg("parameters"), py::arg("voltages"));

  module.def(
      "render_string",
      [](const Array& excitation, const Array& delay, const Array& gain, const Array& damping, const Array& pickupDelay,
         int hop) {
        if (hop < 1)
          throw std::invalid_argument("hop must be at least 1");
        Array output(excitation.size());
        const std::span<double> out{output.mutable_data(), static_cast<std::size_t>(output.size())};
        const py::gil_scoped_release release;
        renderString(view(excitation), {view(delay), view(gain), view(damping), view(pickupDelay)}, hop, out);
        return output;
      },
      py::arg("excitation"), py::kw_only(), py::arg("delay"), py::arg("gain"), py::arg("damping"),
      py::arg("pickup_delay"), py::arg("hop"));
}
