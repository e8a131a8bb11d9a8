// SPDX-License-Identifier: MIT
#pragma once

namespace test {

/** Counts what this thread allocates and frees while it lives: malloc, operator new and their relatives. */
class AllocationCount {
 public:
  AllocationCount() noexcept;
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;

  int value() const noexcept;
};

} // namespace test
