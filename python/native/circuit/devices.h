// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace fxcircuit {

inline constexpr std::size_t kMaxDevicePorts = 2;
inline constexpr std::size_t kMaxParameters = 8;

/** What a nonlinear device is; the parameters are listed beside each kind, the equations in devices.cpp. */
enum class DeviceKind {
  diodePair,      ///< ports: v;        parameters: forward Is, forward n*Vt, reverse Is, reverse n*Vt
  transconductor, ///< ports: v;        parameters: transconductance in S, greatest current in A
  triode,         ///< ports: vgk, vpk; parameters: mu, ex, kg1, kp, kvb, grid G, grid C, grid xi
  bipolar,        ///< ports: vbe, vbc; parameters: Is, forward beta, reverse beta, n*Vt
};

/** Number of ports of a kind: voltages sensed, and as many currents injected. */
std::size_t numDevicePorts(DeviceKind kind);

/** Number of parameters of a kind. */
std::size_t numDeviceParameters(DeviceKind kind);

/** Kind of that name ("diode_pair", "transconductor", ...); throws std::invalid_argument for any other name. */
DeviceKind deviceKindFromName(const std::string& name);

/** A memoryless nonlinear element: port currents as a function of port voltages.

    The circuit's ports are numbered through all devices; a device uses numDevicePorts() of them from firstPort on. */
struct Device {
  DeviceKind kind;
  std::size_t firstPort;
  std::array<double, kMaxParameters> parameters;

  /** Currents (A) and their derivatives (S) at voltages v (V).

      jacobian[r * kMaxDevicePorts + c] is d current r / d voltage c. Overflow gives infinities, which the solver's line
     search turns away from. */
  void evaluate(const double* v, double* current, double* jacobian) const noexcept;
};

} // namespace fxcircuit
