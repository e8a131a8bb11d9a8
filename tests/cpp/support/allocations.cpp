// SPDX-License-Identifier: MIT
#include "allocations.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

thread_local bool counting = false;
thread_local int count = 0;

void note() noexcept {
  if (counting)
    ++count;
}

} // namespace

namespace test {

AllocationCount::AllocationCount() noexcept {
  count = 0;
  counting = true;
}
AllocationCount::~AllocationCount() { counting = false; }
int AllocationCount::value() const noexcept { return count; }

} // namespace test

// How to hear of it: from the sanitizer's allocator where there is one, by standing in for the C functions with glibc
// (operator new calls them), else by standing in for operator new and delete.
#if defined(__SANITIZE_ADDRESS__)

// <sanitizer/allocator_interface.h>, which not every compiler's package has
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
[[maybe_unused]] static const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { note(); }, [](const volatile void*) { note(); });

#elif defined(__GLIBC__)

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) {
  note();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  note();
  return __libc_calloc(number, size);
}
void* realloc(void* pointer, std::size_t size) {
  note();
  return __libc_realloc(pointer, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  note();
  return __libc_memalign(alignment, size);
}
void free(void* pointer) {
  note();
  __libc_free(pointer);
}
}

#else

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  note();
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  if (void* pointer = operator new(size, std::nothrow))
    return pointer;
  throw std::bad_alloc();
}
void operator delete(void* pointer) noexcept {
  note();
  std::free(pointer);
}
void operator delete(void* pointer, std::size_t) noexcept { operator delete(pointer); }
void operator delete(void* pointer, const std::nothrow_t&) noexcept { operator delete(pointer); }

#endif
