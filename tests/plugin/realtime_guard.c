// SPDX-License-Identifier: MIT
// A library to be preloaded under any program that plays audio with fxengine: reports what its audio thread must not do.
//
//   LD_PRELOAD=librealtime_guard.so python host.py
//
// Plugin and live monitoring call rtguard_enter() and rtguard_leave() around each block, where they exist. In between,
// on that thread, calls of the C library that allocate, free, may wait or go to the system are reported with a
// backtrace, and counted. When the program ends a summary is printed, and its exit code becomes 86 if there was any.
// RTGUARD_REPORTS=N prints the first N of them (20), RTGUARD_LOG=FILE takes the reports instead of standard error.
//
// What the C library does inside itself is not seen, nor a system call made without it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXIT_VIOLATED 86
#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))

THREAD_LOCAL int depth;
THREAD_LOCAL int reporting;
static atomic_long blocks, violations;
static long reports = 20;
static int log_file = STDERR_FILENO;

// fxengine/realtime/realtime_scope.h calls these.
void rtguard_enter(void) {
  if (depth++ == 0)
    atomic_fetch_add_explicit(&blocks, 1, memory_order_relaxed);
}
void rtguard_leave(void) { --depth; }

// For tests: what was seen since the start or the last rtguard_reset().
long rtguard_blocks(void) { return atomic_load(&blocks); }
long rtguard_violations(void) { return atomic_load(&violations); }
void rtguard_reset(void) {
  atomic_store(&blocks, 0);
  atomic_store(&violations, 0);
}

__attribute__((format(printf, 1, 2))) static void say(const char* format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line)
    length = sizeof line;
  if (length > 0 && write(log_file, line, (size_t)length) < 0)
    return;
}

static void note(const char* call) {
  if (depth == 0 || reporting)
    return;
  reporting = 1;
  const int error = errno;
  if (atomic_fetch_add(&violations, 1) < reports) {
    void* frames[32];
    say("realtime_guard: %s on the audio thread\n", call);
    backtrace_symbols_fd(frames, backtrace(frames, 32), log_file);
  }
  errno = error;
  reporting = 0;
}

__attribute__((constructor)) static void start(void) {
  void* frame;
  backtrace(&frame, 1); // loads what it needs
  const char* text = getenv("RTGUARD_REPORTS");
  if (text)
    reports = atol(text);
  text = getenv("RTGUARD_LOG");
  if (text) {
    const int file = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file >= 0)
      log_file = file;
  }
}

__attribute__((destructor)) static void end(void) {
  const long seen = rtguard_blocks(), wrong = rtguard_violations();
  if (seen == 0 && wrong == 0)
    return;
  say("realtime_guard: %ld violations in %ld blocks\n", wrong, seen);
  if (wrong > 0)
    _exit(EXIT_VIOLATED);
}

static void* find(const char* name) {
  // The conditions of before 2.3.2 have the same names in glibc on x86.
  void* function = strncmp(name, "pthread_cond_", 13) == 0 ? dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2") : NULL;
  if (function == NULL)
    function = dlsym(RTLD_NEXT, name);
  if (function == NULL) {
    say("realtime_guard: the C library has no %s\n", name);
    abort();
  }
  return function;
}

// Memory. glibc's own names, since dlsym() allocates.
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t size) {
  note("malloc");
  return __libc_malloc(size);
}
void* calloc(size_t number, size_t size) {
  note("calloc");
  return __libc_calloc(number, size);
}
void* realloc(void* pointer, size_t size) {
  note("realloc");
  return __libc_realloc(pointer, size);
}
void* reallocarray(void* pointer, size_t number, size_t size) {
  note("reallocarray");
  if (__builtin_mul_overflow(number, size, &size)) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_realloc(pointer, size);
}
void* memalign(size_t alignment, size_t size) {
  note("memalign");
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  note("aligned_alloc");
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** pointer, size_t alignment, size_t size) {
  note("posix_memalign");
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0)
    return EINVAL;
  void* made = __libc_memalign(alignment, size);
  if (made == NULL)
    return ENOMEM;
  *pointer = made;
  return 0;
}
void free(void* pointer) {
  if (pointer != NULL)
    note("free"); // freeing nothing does nothing
  __libc_free(pointer);
}

#define GUARD(result, name, parameters, arguments)                                                                     \
  result name parameters {                                                                                             \
    static result(*volatile next) parameters;                                                                          \
    note(#name);                                                                                                       \
    if (next == NULL)                                                                                                  \
      next = (result(*) parameters)find(#name);                                                                        \
    return next arguments;                                                                                             \
  }

// Locks and waits. Attempts (trylock) do not wait; unlocking and signalling may have to wake somebody.
typedef pthread_mutex_t mutex_t;
typedef pthread_rwlock_t rwlock_t;
typedef pthread_cond_t cond_t;
typedef const struct timespec* when_t;
GUARD(int, pthread_mutex_lock, (mutex_t * m), (m))
GUARD(int, pthread_mutex_timedlock, (mutex_t * m, when_t t), (m, t))
GUARD(int, pthread_rwlock_rdlock, (rwlock_t * l), (l))
GUARD(int, pthread_rwlock_wrlock, (rwlock_t * l), (l))
GUARD(int, pthread_rwlock_timedrdlock, (rwlock_t * l, when_t t), (l, t))
GUARD(int, pthread_rwlock_timedwrlock, (rwlock_t * l, when_t t), (l, t))
GUARD(int, pthread_cond_wait, (cond_t * c, mutex_t* m), (c, m))
GUARD(int, pthread_cond_timedwait, (cond_t * c, mutex_t* m, when_t t), (c, m, t))
GUARD(int, pthread_cond_clockwait, (cond_t * c, mutex_t* m, clockid_t k, when_t t), (c, m, k, t))
GUARD(int, pthread_cond_signal, (cond_t * c), (c))
GUARD(int, pthread_cond_broadcast, (cond_t * c), (c))
GUARD(int, pthread_create, (pthread_t * t, const pthread_attr_t* a, void* (*f)(void*), void* x), (t, a, f, x))
GUARD(int, pthread_join, (pthread_t t, void** r), (t, r))
GUARD(int, sem_wait, (sem_t * s), (s))
GUARD(int, sem_timedwait, (sem_t * s, when_t t), (s, t))
GUARD(int, sem_post, (sem_t * s), (s))

// Sleep.
GUARD(int, nanosleep, (when_t t, struct timespec* rest), (t, rest))
GUARD(int, clock_nanosleep, (clockid_t k, int flags, when_t t, struct timespec* rest), (k, flags, t, rest))
GUARD(int, usleep, (useconds_t t), (t))
GUARD(unsigned, sleep, (unsigned t), (t))
GUARD(int, sched_yield, (void), ())
GUARD(int, poll, (struct pollfd * f, nfds_t n, int t), (f, n, t))
GUARD(int, select, (int n, fd_set* r, fd_set* w, fd_set* e, struct timeval* t), (n, r, w, e, t))
GUARD(int, epoll_wait, (int f, struct epoll_event* e, int n, int t), (f, e, n, t))

// Files and the rest of the system.
GUARD(FILE*, fopen, (const char* path, const char* mode), (path, mode))
GUARD(FILE*, fopen64, (const char* path, const char* mode), (path, mode))
GUARD(int, fclose, (FILE * f), (f))
GUARD(int, fflush, (FILE * f), (f))
GUARD(size_t, fread, (void* p, size_t s, size_t n, FILE* f), (p, s, n, f))
GUARD(size_t, fwrite, (const void* p, size_t s, size_t n, FILE* f), (p, s, n, f))
GUARD(int, fputs, (const char* s, FILE* f), (s, f))
GUARD(int, fputc, (int c, FILE* f), (c, f))
GUARD(int, puts, (const char* s), (s))
GUARD(int, putchar, (int c), (c))
GUARD(int, vfprintf, (FILE * f, const char* s, va_list a), (f, s, a))
GUARD(int, close, (int f), (f))
GUARD(ssize_t, read, (int f, void* p, size_t n), (f, p, n))
GUARD(ssize_t, write, (int f, const void* p, size_t n), (f, p, n))
GUARD(ssize_t, pread, (int f, void* p, size_t n, off_t o), (f, p, n, o))
GUARD(ssize_t, pwrite, (int f, const void* p, size_t n, off_t o), (f, p, n, o))
GUARD(ssize_t, readv, (int f, const struct iovec* v, int n), (f, v, n))
GUARD(ssize_t, writev, (int f, const struct iovec* v, int n), (f, v, n))
GUARD(ssize_t, send, (int f, const void* p, size_t n, int flags), (f, p, n, flags))
GUARD(ssize_t, recv, (int f, void* p, size_t n, int flags), (f, p, n, flags))
GUARD(ssize_t, sendmsg, (int f, const struct msghdr* m, int flags), (f, m, flags))
GUARD(ssize_t, recvmsg, (int f, struct msghdr* m, int flags), (f, m, flags))
GUARD(void*, mmap, (void* p, size_t n, int prot, int flags, int f, off_t o), (p, n, prot, flags, f, o))
GUARD(int, munmap, (void* p, size_t n), (p, n))
GUARD(int, mprotect, (void* p, size_t n, int prot), (p, n, prot))
GUARD(int, madvise, (void* p, size_t n, int advice), (p, n, advice))

// Those with an open end of arguments.
#define GUARD_OPEN(name, parameters, arguments)                                                                        \
  int name parameters {                                                                                                \
    static int(*volatile next) parameters;                                                                             \
    note(#name);                                                                                                       \
    if (next == NULL)                                                                                                  \
      next = (int(*) parameters)find(#name);                                                                           \
    va_list rest;                                                                                                      \
    va_start(rest, flags);                                                                                             \
    const unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, unsigned) : 0;                                  \
    va_end(rest);                                                                                                      \
    return next arguments;                                                                                             \
  }
GUARD_OPEN(open, (const char* path, int flags, ...), (path, flags, mode))
GUARD_OPEN(open64, (const char* path, int flags, ...), (path, flags, mode))
GUARD_OPEN(openat, (int folder, const char* path, int flags, ...), (folder, path, flags, mode))

int ioctl(int file, unsigned long request, ...) {
  static int (*volatile next)(int, unsigned long, ...);
  note("ioctl");
  if (next == NULL)
    next = (int (*)(int, unsigned long, ...))find("ioctl");
  va_list rest;
  va_start(rest, request);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  return next(file, request, argument);
}

int fprintf(FILE* file, const char* format, ...) {
  note("fprintf");
  va_list rest;
  va_start(rest, format);
  const int written = vfprintf(file, format, rest);
  va_end(rest);
  return written;
}

int printf(const char* format, ...) {
  note("printf");
  va_list rest;
  va_start(rest, format);
  const int written = vfprintf(stdout, format, rest);
  va_end(rest);
  return written;
}

// Waiting on an atomic (futex) comes this way from the C++ library.
long syscall(long number, ...) {
  static long (*volatile next)(long, ...);
  note("syscall");
  if (next == NULL)
    next = (long (*)(long, ...))find("syscall");
  va_list rest;
  va_start(rest, number);
  long a[6];
  for (int i = 0; i < 6; ++i)
    a[i] = va_arg(rest, long);
  va_end(rest);
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
