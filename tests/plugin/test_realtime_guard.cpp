// SPDX-License-Identifier: MIT
// The guard itself: run with it preloaded. With the argument `fault` it commits one, to see how the program then ends.
#define CATCH_CONFIG_RUNNER
#include "../cpp/catch.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <malloc.h>
#include <memory>
#include <mutex>
#include <new>
#include <poll.h>
#include <semaphore.h>
#include <shared_mutex>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

extern "C" {
__attribute__((weak)) void rtguard_enter();
__attribute__((weak)) void rtguard_leave();
__attribute__((weak)) long rtguard_blocks();
__attribute__((weak)) long rtguard_violations();
__attribute__((weak)) void rtguard_reset();
}

namespace {

/** How many violations the guard counts in a call. */
template <class Call> long violationsIn(Call&& call) {
  rtguard_reset();
  rtguard_enter();
  call();
  rtguard_leave();
  const long seen = rtguard_violations();
  rtguard_reset(); // so that they do not decide how this program ends
  return seen;
}

void* volatile kept; // keeps the compiler from leaving out an allocation

struct Fault {
  const char* name;
  std::function<void()> commit;
};

std::mutex mutex;
std::shared_mutex sharedMutex;
std::condition_variable condition;
sem_t semaphore;
std::FILE* file = std::fopen("/dev/null", "r+");
const int descriptor = open("/dev/zero", O_RDWR);
char bytes[64];

const std::vector<Fault> faults = {
    {"malloc", [] { kept = std::malloc(10); }},
    {"calloc", [] { kept = std::calloc(3, 5); }},
    {"realloc", [] { kept = std::realloc(kept, 99); }},
    {"reallocarray", [] { kept = reallocarray(kept, 10, 10); }},
    {"free", [] { std::free(kept); }},
    {"aligned_alloc", [] { kept = std::aligned_alloc(64, 128); }},
    {"memalign", [] { kept = memalign(64, 128); }},
    {"posix_memalign",
     [] {
       void* p;
       if (posix_memalign(&p, 64, 10) == 0)
         kept = p;
     }},
    {"operator new", [] { kept = ::operator new(10); }},
    {"aligned operator new", [] { kept = ::operator new(10, std::align_val_t(64)); }},
    {"operator delete", [] { ::operator delete(kept); }},
    {"a vector that grows",
     [] {
       std::vector<int> v(7);
       kept = v.data();
     }},
    {"a std::function that is large",
     [] {
       std::array<char, 99> a{};
       std::function<void()> f = [a] {
         kept = nullptr;
         (void)a;
       };
       f();
     }},
    {"an exception",
     [] {
       try {
         throw std::runtime_error(bytes);
       } catch (const std::exception&) {
       }
     }},
    {"std::mutex", [] { std::lock_guard lock(mutex); }},
    {"shared lock", [] { std::shared_lock lock(sharedMutex); }},
    {"exclusive lock", [] { std::unique_lock lock(sharedMutex); }},
    {"waiting for a condition",
     [] {
       std::unique_lock lock(mutex, std::try_to_lock);
       condition.wait_for(lock, std::chrono::microseconds(1));
     }},
    {"signalling a condition", [] { condition.notify_one(); }},
    {"broadcasting a condition", [] { condition.notify_all(); }},
    {"sem_post", [] { sem_post(&semaphore); }},
    {"sem_wait", [] { sem_wait(&semaphore); }},
    {"waking an atomic's waiters", [] { syscall(SYS_futex, &bytes, 1, 1, nullptr, nullptr, 0); }},
    {"a thread", [] { std::thread([] {}).join(); }},
    {"sleep_for", [] { std::this_thread::sleep_for(std::chrono::microseconds(1)); }},
    {"usleep", [] { usleep(1); }},
    {"yield", [] { std::this_thread::yield(); }},
    {"poll", [] { poll(nullptr, 0, 0); }},
    {"select",
     [] {
       timeval none{};
       select(0, nullptr, nullptr, nullptr, &none);
     }},
    {"open and close", [] { close(open("/dev/null", O_RDONLY)); }},
    {"read",
     [] {
       if (read(descriptor, bytes, 4) < 0)
         kept = nullptr;
     }},
    {"write",
     [] {
       if (write(descriptor, bytes, 4) < 0)
         kept = nullptr;
     }},
    {"fopen", [] { std::fclose(std::fopen("/dev/null", "r")); }},
    {"fread", [] { kept = std::fread(bytes, 1, 4, file) ? bytes : nullptr; }},
    {"fwrite", [] { kept = std::fwrite(bytes, 1, 4, file) ? bytes : nullptr; }},
    {"fprintf", [] { std::fprintf(file, "%d %s", 3, bytes); }},
    {"ifstream", [] { std::ifstream stream("/dev/null"); }},
    {"mmap", [] { kept = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
    {"munmap", [] { munmap(kept, 4096); }},
};

} // namespace

TEST_CASE("Guard: sees what an audio thread must not do", "[realtime]") {
  REQUIRE(rtguard_enter != nullptr); // else it was not preloaded
  sem_init(&semaphore, 0, 0);
  for (const auto& fault : faults) {
    INFO(fault.name);
    const long seen = violationsIn(fault.commit);
    CHECK(seen > 0);
  }
}

TEST_CASE("Guard: lets pass what an audio thread may do", "[realtime]") {
  std::vector<float> audio(64, 0.5f);
  CHECK(violationsIn([&] {
          for (auto& value : audio)
            value *= 0.5f;
          std::memset(bytes, 0, sizeof bytes);
          std::free(nullptr);
          if (mutex.try_lock())
            mutex.unlock();
          std::atomic<int> number{0};
          number.fetch_add(1);
          timespec now{};
          clock_gettime(CLOCK_MONOTONIC, &now);
          kept = audio.data();
        }) == 0);
}

TEST_CASE("Guard: minds only blocks, of the thread that is in one", "[realtime]") {
  rtguard_reset();
  kept = std::malloc(10);
  std::free(kept);
  CHECK(rtguard_violations() == 0);
  CHECK(rtguard_blocks() == 0);

  std::atomic<int> step{0};
  std::thread other([&] {
    while (step != 1) {
    }
    kept = std::malloc(10);
    std::free(kept);
    step = 2;
  });
  rtguard_enter();
  rtguard_enter(); // a block within a block: still one
  rtguard_leave();
  step = 1;
  while (step != 2) {
  }
  rtguard_leave();
  other.join();
  CHECK(rtguard_blocks() == 1);
  CHECK(rtguard_violations() == 0);
}

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "fault") == 0) {
    rtguard_enter();
    kept = std::malloc(10);
    rtguard_leave();
    std::free(kept);
    return 0;
  }
  return Catch::Session().run(argc, argv);
}
