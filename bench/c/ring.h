// The ring of uring.c, and the buffers that the kernel receives into.
#pragma once
#include "listen.h"
#include <liburing.h>

#define ENTRIES 4096
#define COMPLETIONS 32768
#define BUFFERS 512 // of BUFFER_SIZE; few, so that they stay warm
#define GROUP 1

#ifndef LIBURING_VERSION // 2.3 does not tell; scripts/bench.sh asks pkg-config
#define LIBURING_VERSION "of an unknown version"
#endif

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char *memory;
static int given; // buffers that are back in the ring, and that the kernel has not been told of

// take_sqe takes a free entry; a full queue is submitted first. Prep functions leave user_data alone.
static struct io_uring_sqe *take_sqe(unsigned kind, int fd) {
  struct io_uring_sqe *sqe;
  while (!(sqe = io_uring_get_sqe(&ring))) io_uring_submit(&ring);
  sqe->user_data = (__u64)kind << 32 | (unsigned)fd;
  return sqe;
}

static char *bytes_of(int buffer) { return memory + (size_t)buffer * BUFFER_SIZE; }

static void give_back(int buffer) {
  io_uring_buf_ring_add(buffers, bytes_of(buffer), BUFFER_SIZE, buffer, BUFFERS - 1, given++);
}

// take_in has the kernel see the buffers that are back, and returns how many those are.
static int take_in(void) {
  int n = given;
  if (n) io_uring_buf_ring_advance(buffers, n);
  given = 0;
  return n;
}

static void set_up_ring(void) {
  struct io_uring_params params = {
      .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
      .cq_entries = COMPLETIONS};
  struct io_uring_buf_reg group = {.ring_entries = BUFFERS, .bgid = GROUP};
  errno = -io_uring_queue_init_params(ENTRIES, &ring, &params);
  if (errno) die("io_uring_setup (it needs Linux 6.1, and a sandbox may forbid it)");
  io_uring_register_ring_fd(&ring); // faster where it works, and not needed
  errno = posix_memalign((void **)&buffers, 4096, BUFFERS * sizeof(struct io_uring_buf));
  if (errno || !(memory = malloc((size_t)BUFFERS * BUFFER_SIZE))) die("malloc");
  group.ring_addr = (__u64)(unsigned long)buffers;
  errno = -io_uring_register_buf_ring(&ring, &group, 0);
  if (errno) die("io_uring_register_buf_ring");
  io_uring_buf_ring_init(buffers);
  for (int i = 0; i < BUFFERS; i++) give_back(i);
}
