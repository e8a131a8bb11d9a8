// SPDX-License-Identifier: MIT
#pragma once

#include "devices.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace fxcircuit {

inline constexpr std::size_t kMaxPorts = 8;

/** How far the Newton iteration may go. */
struct Tolerances {
  double residual = 1e-9; ///< greatest residual of a port equation, V
  int maxIterations = 60; ///< of one damped Newton solution
  int maxHalvings = 40;   ///< of a Newton step in its line search, and of a continuation step
};

/** What the iteration did, over all solutions so far. */
struct Convergence {
  std::int64_t numSteps = 0;
  std::int64_t numIterations = 0;
  std::int64_t numContinuations = 0; ///< solutions that plain Newton missed and continuation found
  int maxIterations = 0;             ///< of one step, continuation included
  double maxResidual = 0.0;          ///< V
};

/** Solves v = p + K f(v) for the port voltages v of nonlinear devices f embedded in a linear network K.

    Newton's method from a guess. A step that does not lessen the greatest residual is halved. Where that fails, p is
    approached by continuation from p0 = v0 - K f(v0), for which a known v0 (the solution of the step before) is exact.
 */
class PortSolver {
 public:
  virtual ~PortSolver() = default;

  /** Solves for ports p: from `guess`, else from v. Leaves the solution in v and its currents in `current`; false if it
      was not found. */
  virtual bool solve(const double* p, const double* guess, double* v, double* current) noexcept = 0;

  Convergence convergence;

  /** A solver for numPorts = devices' ports <= kMaxPorts; `k` is numPorts x numPorts, row by row. */
  static std::unique_ptr<PortSolver> create(std::vector<Device> devices, std::span<const double> k,
                                            Tolerances tolerances);
};

/** A discretised circuit, one input and one output, stepped sample by sample.

      w = [states, input, 1]
      ports:         v = P w + K i,  i = f(v)
      next step:     [states', output] = M [w, i] */
class Simulation {
 public:
  /** `p` is numPorts x (numStates + 2), `m` is (numStates + 1) x (numStates + 2 + numPorts), both row by row. */
  Simulation(std::vector<Device> devices, std::span<const double> p, std::span<const double> k,
             std::span<const double> m, std::span<const double> states, std::span<const double> voltages,
             Tolerances tolerances);

  /** Plays `input` into `output` (same length). Throws std::runtime_error at a step whose equations were not solved. */
  void run(std::span<const double> input, std::span<double> output);

  const Convergence& convergence() const noexcept { return solver_->convergence; }
  std::span<const double> states() const noexcept { return {w_.data(), numStates_}; }
  std::span<const double> voltages() const noexcept { return {v_.data(), numPorts_}; }

 private:
  std::size_t numPorts_, numStates_;
  std::vector<double> p_; ///< by columns, numPorts each
  std::vector<double> m_; ///< by columns, rows padded to an even number
  std::size_t stride_;
  std::vector<double> w_, next_, v_, previous_, beforePrevious_, guess_, ports_, current_;
  std::unique_ptr<PortSolver> solver_;
};

} // namespace fxcircuit
