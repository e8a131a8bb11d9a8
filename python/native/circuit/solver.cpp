// SPDX-License-Identifier: MIT
#include "solver.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace fxcircuit {
namespace {

template <std::size_t N> class FixedPortSolver final : public PortSolver {
 public:
  FixedPortSolver(std::vector<Device> devices, std::span<const double> k, Tolerances tolerances)
      : devices_(std::move(devices)), tolerances_(tolerances) {
    std::copy(k.begin(), k.end(), k_.begin());
  }

  bool solve(const double* p, const double* guess, double* v, double* current) noexcept override {
    Vector target, voltage;
    std::copy_n(p, N, target.begin());
    std::copy_n(guess, N, voltage.begin());
    iterations_ = 0;
    bool found = newton(target, voltage);
    if (!found) {
      std::copy_n(v, N, voltage.begin());
      found = followFrom(voltage, target);
      ++convergence.numContinuations;
    }
    std::copy_n(voltage.begin(), N, v);
    std::copy_n(current_.begin(), N, current);
    ++convergence.numSteps;
    convergence.numIterations += iterations_;
    convergence.maxIterations = std::max(convergence.maxIterations, iterations_);
    convergence.maxResidual = std::max(convergence.maxResidual, error_);
    return found;
  }

 private:
  using Vector = std::array<double, N>;
  using Matrix = std::array<double, N * N>;

  /** Currents, derivatives and the residual v - p - K f(v); its greatest magnitude goes to error_. */
  void evaluate(const Vector& p, const Vector& v) noexcept {
    for (const Device& device : devices_)
      device.evaluate(v.data() + device.firstPort, current_.data() + device.firstPort,
                      slopes_.data() + device.firstPort * kMaxDevicePorts);
    error_ = 0.0;
    for (std::size_t row = 0; row < N; ++row) {
      double sum = v[row] - p[row];
      for (std::size_t column = 0; column < N; ++column)
        sum -= k_[row * N + column] * current_[column];
      residual_[row] = sum;
      const double magnitude = std::abs(sum);
      error_ = magnitude <= error_ ? error_ : magnitude; // keeps NaN
    }
  }

  /** The Newton step -J^-1 residual with J = I - K f'(v), by elimination with row pivots; false if J is singular. */
  bool newtonStep(Vector& step) const noexcept {
    Matrix j{};
    for (const Device& device : devices_) {
      const std::size_t first = device.firstPort, ports = N == 1 ? 1 : numDevicePorts(device.kind);
      for (std::size_t c = 0; c < ports; ++c)
        for (std::size_t r = 0; r < ports; ++r) {
          const double slope = slopes_[(first + r) * kMaxDevicePorts + c];
          for (std::size_t row = 0; row < N; ++row)
            j[row * N + first + c] -= k_[row * N + first + r] * slope;
        }
    }
    for (std::size_t row = 0; row < N; ++row) {
      j[row * N + row] += 1.0;
      step[row] = -residual_[row];
    }
    for (std::size_t pivot = 0; pivot < N; ++pivot) {
      std::size_t best = pivot;
      for (std::size_t row = pivot + 1; row < N; ++row)
        if (std::abs(j[row * N + pivot]) > std::abs(j[best * N + pivot]))
          best = row;
      if (best != pivot) {
        for (std::size_t column = pivot; column < N; ++column)
          std::swap(j[pivot * N + column], j[best * N + column]);
        std::swap(step[pivot], step[best]);
      }
      const double inverse = 1.0 / j[pivot * N + pivot];
      if (!std::isfinite(inverse))
        return false;
      for (std::size_t row = pivot + 1; row < N; ++row) {
        const double factor = j[row * N + pivot] * inverse;
        for (std::size_t column = pivot + 1; column < N; ++column)
          j[row * N + column] -= factor * j[pivot * N + column];
        step[row] -= factor * step[pivot];
      }
      j[pivot * N + pivot] = inverse;
    }
    for (std::size_t row = N; row-- > 0;) {
      for (std::size_t column = row + 1; column < N; ++column)
        step[row] -= j[row * N + column] * step[column];
      step[row] *= j[row * N + row];
    }
    return true;
  }

  bool newton(const Vector& p, Vector& v) noexcept {
    evaluate(p, v);
    for (int iteration = 0; iteration < tolerances_.maxIterations; ++iteration) {
      if (error_ <= tolerances_.residual)
        return true;
      Vector step;
      if (!std::isfinite(error_) || !newtonStep(step))
        return false;
      ++iterations_;
      const double before = error_;
      const Vector from = v;
      double fraction = 1.0;
      for (int halving = 0;; ++halving, fraction *= 0.5) {
        for (std::size_t port = 0; port < N; ++port)
          v[port] = from[port] + fraction * step[port];
        evaluate(p, v);
        if (error_ < before)
          break;
        if (halving == tolerances_.maxHalvings)
          return false;
      }
    }
    return error_ <= tolerances_.residual;
  }

  /** Moves p from the point that v solves exactly to `target`, as far at a time as Newton follows. */
  bool followFrom(Vector& v, const Vector& target) noexcept {
    evaluate(target, v); // residual = p0 - target, where p0 = v - K f(v)
    const Vector distance = residual_;
    double done = 0.0, stride = 1.0;
    for (int halvings = 0; done < 1.0;) {
      const double next = std::min(done + stride, 1.0);
      Vector p, trial = v;
      for (std::size_t port = 0; port < N; ++port)
        p[port] = target[port] + (1.0 - next) * distance[port];
      if (newton(p, trial)) {
        v = trial;
        done = next;
        stride *= 2.0;
        halvings = std::max(halvings - 1, 0);
      } else {
        stride *= 0.5;
        if (++halvings > tolerances_.maxHalvings)
          return false;
      }
    }
    return true;
  }

  std::vector<Device> devices_;
  Tolerances tolerances_;
  Matrix k_{};
  Vector current_{}, residual_{};
  std::array<double, N * kMaxDevicePorts> slopes_{};
  double error_ = 0.0;
  int iterations_ = 0;
};

/** Without devices there is nothing to solve. */
class EmptyPortSolver final : public PortSolver {
 public:
  bool solve(const double*, const double*, double*, double*) noexcept override {
    ++convergence.numSteps;
    return true;
  }
};

template <std::size_t... Sizes>
std::unique_ptr<PortSolver> createOfSize(std::index_sequence<Sizes...>, std::size_t numPorts,
                                         std::vector<Device>& devices, std::span<const double> k,
                                         Tolerances tolerances) {
  std::unique_ptr<PortSolver> result;
  // NOLINTBEGIN(bugprone-use-after-move): || ends at the one size that moves the devices
  (void)((numPorts == Sizes + 1
              ? (result = std::make_unique<FixedPortSolver<Sizes + 1>>(std::move(devices), k, tolerances), true)
              : false) ||
         ...);
  // NOLINTEND(bugprone-use-after-move)
  return result;
}

void requireSize(const char* name, std::size_t found, std::size_t expected) {
  if (found != expected)
    throw std::invalid_argument(std::string(name) + " has " + std::to_string(found) + " values, expected " +
                                std::to_string(expected));
}

} // namespace

std::unique_ptr<PortSolver> PortSolver::create(std::vector<Device> devices, std::span<const double> k,
                                               Tolerances tolerances) {
  std::size_t numPorts = 0;
  for (Device& device : devices) {
    device.firstPort = numPorts;
    numPorts += numDevicePorts(device.kind);
  }
  if (numPorts > kMaxPorts)
    throw std::invalid_argument("the circuit has " + std::to_string(numPorts) + " nonlinear ports, expected at most " +
                                std::to_string(kMaxPorts));
  requireSize("k", k.size(), numPorts * numPorts);
  if (numPorts == 0)
    return std::make_unique<EmptyPortSolver>();
  return createOfSize(std::make_index_sequence<kMaxPorts>(), numPorts, devices, k, tolerances);
}

Simulation::Simulation(std::vector<Device> devices, std::span<const double> p, std::span<const double> k,
                       std::span<const double> m, std::span<const double> states, std::span<const double> voltages,
                       Tolerances tolerances)
    : numPorts_(voltages.size()), numStates_(states.size()), stride_((numStates_ + 2) / 2 * 2),
      w_(states.begin(), states.end()), next_(stride_), v_(voltages.begin(), voltages.end()), previous_(v_),
      beforePrevious_(v_), guess_(v_), ports_(numPorts_), current_(numPorts_),
      solver_(PortSolver::create(std::move(devices), k, tolerances)) {
  const std::size_t numInputs = numStates_ + 2;
  requireSize("k", k.size(), numPorts_ * numPorts_);
  requireSize("p", p.size(), numPorts_ * numInputs);
  requireSize("m", m.size(), (numStates_ + 1) * (numInputs + numPorts_));
  w_.resize(numInputs);
  w_.back() = 1.0;
  p_.resize(p.size());
  for (std::size_t row = 0; row < numPorts_; ++row)
    for (std::size_t column = 0; column < numInputs; ++column)
      p_[column * numPorts_ + row] = p[row * numInputs + column];
  m_.resize(stride_ * (numInputs + numPorts_));
  for (std::size_t row = 0; row <= numStates_; ++row)
    for (std::size_t column = 0; column < numInputs + numPorts_; ++column)
      m_[column * stride_ + row] = m[row * (numInputs + numPorts_) + column];
}

void Simulation::run(std::span<const double> input, std::span<double> output) {
  const std::size_t numInputs = numStates_ + 2;
  for (std::size_t frame = 0; frame < input.size(); ++frame) {
    w_[numStates_] = input[frame];

    std::fill(ports_.begin(), ports_.end(), 0.0);
    for (std::size_t column = 0; column < numInputs; ++column)
      for (std::size_t row = 0; row < numPorts_; ++row)
        ports_[row] += p_[column * numPorts_ + row] * w_[column];

    for (std::size_t port = 0; port < numPorts_; ++port) { // on along the parabola through the last three solutions
      guess_[port] = 3.0 * (v_[port] - previous_[port]) + beforePrevious_[port];
      beforePrevious_[port] = previous_[port];
      previous_[port] = v_[port];
    }
    if (!solver_->solve(ports_.data(), guess_.data(), v_.data(), current_.data()))
      throw std::runtime_error(
          "Newton's method found no solution at solver step " + std::to_string(solver_->convergence.numSteps) +
          " (input " + std::to_string(input[frame]) +
          " V); the component values may be extreme, or the step too long: raise the oversampling");

    std::fill(next_.begin(), next_.end(), 0.0);
    for (std::size_t column = 0; column < numInputs; ++column)
      for (std::size_t row = 0; row < stride_; ++row)
        next_[row] += m_[column * stride_ + row] * w_[column];
    for (std::size_t port = 0; port < numPorts_; ++port)
      for (std::size_t row = 0; row < stride_; ++row)
        next_[row] += m_[(numInputs + port) * stride_ + row] * current_[port];
    std::copy_n(next_.begin(), numStates_, w_.begin());
    output[frame] = next_[numStates_];
  }
}

} // namespace fxcircuit
