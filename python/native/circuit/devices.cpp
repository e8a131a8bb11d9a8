// SPDX-License-Identifier: MIT
#include "devices.h"

#include <cmath>
#include <stdexcept>

namespace fxcircuit {
namespace {

/** log(1 + exp(x)) and its derivative, without overflow. */
inline void softplus(double x, double& value, double& slope) noexcept {
  if (x > 40.0) {
    value = x;
    slope = 1.0;
    return;
  }
  const double e = std::exp(x);
  value = std::log1p(e);
  slope = e / (1.0 + e);
}

/** Shockley's law for a pair of junctions in opposite directions:
    i = IsF (exp(v / nVtF) - 1) - IsR (exp(-v / nVtR) - 1). A single diode has IsR = 0. */
inline void diodePair(const double* p, double v, double& current, double& slope) noexcept {
  const double forward = std::exp(v / p[1]);
  if (p[0] == p[2] && p[1] == p[3]) { // matched: one exponential is enough
    const double reverse = 1.0 / forward;
    current = p[0] * (forward - reverse);
    slope = p[0] / p[1] * (forward + reverse);
    return;
  }
  const double reverse = p[2] != 0.0 ? std::exp(-v / p[3]) : 1.0;
  current = p[0] * (forward - 1.0) - p[2] * (reverse - 1.0);
  slope = p[0] / p[1] * forward + p[2] / p[3] * reverse;
}

/** Differential pair of an operational amplifier: i = Imax tanh(gm v / Imax). */
inline void transconductor(const double* p, double v, double& current, double& slope) noexcept {
  const double t = std::tanh(p[0] * v / p[1]);
  current = p[1] * t;
  slope = p[0] * (1.0 - t * t);
}

/** Triode.

    Plate current: N. Koren, "Improved vacuum-tube models for SPICE simulations", Glass Audio 8(5), 1996:
      E1 = vpk / kp * log(1 + exp(kp (1 / mu + vgk / sqrt(kvb + vpk^2)))),  ip = 2 E1^ex / kg1  for E1 > 0.
    Grid current: K. Dempwolf and U. Zoelzer, "A physically-motivated triode model for circuit simulations", DAFx 2011,
   eq. (15), without its small constant, so that nothing flows out of a grid at rest: ig = G (log(1 + exp(C vgk)) /
   C)^xi. */
inline void triode(const double* p, const double* v, double* current, double* jacobian) noexcept {
  const double mu = p[0], ex = p[1], kg1 = p[2], kp = p[3], kvb = p[4], gridG = p[5], gridC = p[6], xi = p[7];
  const double vgk = v[0], vpk = v[1];

  double soft, softSlope;
  softplus(gridC * vgk, soft, softSlope);
  const double power = soft > 0.0 ? gridG * std::pow(soft / gridC, xi - 1.0) : 0.0;
  current[0] = power * soft / gridC;
  jacobian[0] = xi * power * softSlope;
  jacobian[1] = 0.0;

  const double root2 = 1.0 / (kvb + vpk * vpk);
  const double root = std::sqrt(root2);
  softplus(kp * (1.0 / mu + vgk * root), soft, softSlope);
  const double e1 = vpk / kp * soft;
  if (e1 <= 0.0) {
    current[1] = jacobian[kMaxDevicePorts] = jacobian[kMaxDevicePorts + 1] = 0.0;
    return;
  }
  const double scaled = 2.0 / kg1 * std::pow(e1, ex - 1.0);
  const double slope = ex * scaled; // d ip / d e1
  current[1] = scaled * e1;
  jacobian[kMaxDevicePorts] = slope * vpk * softSlope * root;
  jacobian[kMaxDevicePorts + 1] = slope * (soft / kp - vpk * vpk * softSlope * vgk * root * root2);
}

/** NPN transistor: Ebers and Moll's equations in transport form. Currents into the base from the emitter port and from
   the collector port: i0 leaves port base-emitter, i1 leaves port base-collector: ict = Is (exp(vbe / nVt) - exp(vbc /
   nVt)),  i0 = Is / bF (exp(vbe / nVt) - 1) + ict,  i1 = Is / bR (exp(vbc / nVt) - 1) - ict. */
inline void bipolar(const double* p, const double* v, double* current, double* jacobian) noexcept {
  const double is = p[0], betaF = p[1], betaR = p[2], nVt = p[3];
  const double be = std::exp(v[0] / nVt), bc = std::exp(v[1] / nVt);
  const double transport = is * (be - bc);
  current[0] = is / betaF * (be - 1.0) + transport;
  current[1] = is / betaR * (bc - 1.0) - transport;
  jacobian[0] = is / nVt * be * (1.0 + 1.0 / betaF);
  jacobian[1] = -is / nVt * bc;
  jacobian[kMaxDevicePorts] = -is / nVt * be;
  jacobian[kMaxDevicePorts + 1] = is / nVt * bc * (1.0 + 1.0 / betaR);
}

struct KindEntry {
  DeviceKind kind;
  const char* name;
  std::size_t ports;
  std::size_t parameters;
};

constexpr std::array<KindEntry, 4> kKinds{{
    {DeviceKind::diodePair, "diode_pair", 1, 4},
    {DeviceKind::transconductor, "transconductor", 1, 2},
    {DeviceKind::triode, "triode", 2, 8},
    {DeviceKind::bipolar, "bipolar", 2, 4},
}};

const KindEntry& entry(DeviceKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

} // namespace

std::size_t numDevicePorts(DeviceKind kind) { return entry(kind).ports; }

std::size_t numDeviceParameters(DeviceKind kind) { return entry(kind).parameters; }

DeviceKind deviceKindFromName(const std::string& name) {
  for (const KindEntry& candidate : kKinds)
    if (name == candidate.name)
      return candidate.kind;
  throw std::invalid_argument("unknown device kind \"" + name + "\"");
}

void Device::evaluate(const double* v, double* current, double* jacobian) const noexcept {
  switch (kind) {
  case DeviceKind::diodePair:
    return diodePair(parameters.data(), v[0], current[0], jacobian[0]);
  case DeviceKind::transconductor:
    return transconductor(parameters.data(), v[0], current[0], jacobian[0]);
  case DeviceKind::triode:
    return triode(parameters.data(), v, current, jacobian);
  case DeviceKind::bipolar:
    return bipolar(parameters.data(), v, current, jacobian);
  }
}

} // namespace fxcircuit
