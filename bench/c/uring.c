// uring: an echo server as fast as io_uring lets one be, for TCP and Unix sockets, with liburing 2.3: multishot accept,
// multishot receive into a ring of provided buffers, one thread that submits and waits in one call. At most one send of
// a connection is in the kernel; it takes everything that was received while the one before was there.
//
// It is a measure, not a server for a network: a client that does not read can hold all the buffers.
//
//   cc -O2 -o uring uring.c -luring && ./uring --listen tcp://127.0.0.1:7007
#include "ring.h"

#define GATHER 16 // buffers that one send takes
#define NONE -1

enum kind { ACCEPT, RECEIVE, SEND };

// A connection, by descriptor. What it received and has not sent is a list of buffers; those being sent are its head.
static struct connection {
  struct msghdr message;
  struct iovec pieces[GATHER];
  int first, last, sending;
  char armed, ended; // a receive is in the kernel; nothing more will come, or can go
  char listed;
} *connections;

static int lengths[BUFFERS], next[BUFFERS];
static int *listed, listed_count;   // connections with something to do before the next wait
static int *starved, starved_count; // and those that wait for a buffer

static void accept_clients(int listener) {
  io_uring_prep_multishot_accept(take_sqe(ACCEPT, listener), listener, NULL, NULL, SOCK_CLOEXEC);
}

static void receive(int fd) {
  struct io_uring_sqe *sqe = take_sqe(RECEIVE, fd);
  io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = GROUP;
  connections[fd].armed = 1;
}

static void list(int fd) {
  if (!connections[fd].listed) listed[listed_count++] = fd;
  connections[fd].listed = 1;
}

// send_all sends what has come, with one operation.
static void send_all(int fd) {
  struct connection *c = &connections[fd];
  struct io_uring_sqe *sqe = take_sqe(SEND, fd);
  for (int b = c->first; b != NONE && c->sending < GATHER; b = next[b])
    c->pieces[c->sending++] = (struct iovec){bytes_of(b), lengths[b]};
  c->message = (struct msghdr){.msg_iov = c->pieces, .msg_iovlen = c->sending};
  if (c->sending == 1) io_uring_prep_send(sqe, fd, c->pieces[0].iov_base, c->pieces[0].iov_len, MSG_WAITALL);
  else io_uring_prep_sendmsg(sqe, fd, &c->message, MSG_WAITALL);
}

// look does what a connection needs next: send, or close when all is over.
static void look(int fd) {
  struct connection *c = &connections[fd];
  c->listed = 0;
  if (c->sending) return;
  if (c->first != NONE) send_all(fd);
  else if (c->ended && !c->armed) close(fd);
}

static void on_accept(int listener, int fd, unsigned flags) {
  if (fd < 0 && fd != -ECONNABORTED && fd != -EINTR) errno = -fd, die("accept");
  if (fd >= 0) {
    connections[fd] = (struct connection){.first = NONE};
    receive(fd);
  }
  if (!(flags & IORING_CQE_F_MORE)) accept_clients(listener);
}

static void on_receive(int fd, int n, unsigned flags) {
  struct connection *c = &connections[fd];
  int b = flags >> IORING_CQE_BUFFER_SHIFT;
  c->armed = (flags & IORING_CQE_F_MORE) != 0;
  if (n > 0) {
    lengths[b] = n, next[b] = NONE;
    if (c->first == NONE) c->first = b;
    else next[c->last] = b;
    c->last = b;
  } else if (flags & IORING_CQE_F_BUFFER) {
    give_back(b);
  }
  if (n == -ENOBUFS) starved[starved_count++] = fd;
  else if (n <= 0) c->ended = 1;
  else if (!c->armed && !c->ended) receive(fd);
  list(fd);
}

// on_send gives the buffers back: those that went, or all when it failed. With MSG_WAITALL a short one has failed.
static void on_send(int fd, int n) {
  struct connection *c = &connections[fd];
  for (int i = 0; i < c->sending; i++) n -= c->pieces[i].iov_len;
  for (int i = 0; c->first != NONE && (i < c->sending || n < 0); i++) {
    give_back(c->first);
    c->first = next[c->first];
  }
  c->sending = 0;
  if (n < 0) c->ended = 1, shutdown(fd, SHUT_RDWR); // which ends the receive, too
  list(fd);
}

static void dispatch(struct io_uring_cqe *cqe) {
  int fd = (int)cqe->user_data;
  switch ((enum kind)(cqe->user_data >> 32)) {
  case ACCEPT: return on_accept(fd, cqe->res, cqe->flags);
  case RECEIVE: return on_receive(fd, cqe->res, cqe->flags);
  case SEND: return on_send(fd, cqe->res);
  }
}

// settle does what the batch left to do, and has those receive again that waited for buffers.
static void settle(void) {
  for (int i = 0; i < listed_count; i++) look(listed[i]);
  listed_count = 0;
  if (!take_in()) return;
  for (int i = 0; i < starved_count; i++)
    if (!connections[starved[i]].armed && !connections[starved[i]].ended) receive(starved[i]);
  starved_count = 0;
}

int main(int argc, char **argv) {
  const char *address = listen_address(argc, argv, "uring", "liburing " LIBURING_VERSION);
  if (!strncmp(address, "udp://", 6)) wrong_usage("uring", "it serves tcp:// and unix:// only");
  unsigned descriptors = raise_limit();
  connections = calloc(descriptors, sizeof *connections);
  listed = calloc(descriptors, sizeof *listed);
  starved = calloc(descriptors, sizeof *starved);
  if (!connections || !listed || !starved) die("malloc");
  set_up_ring();
  accept_clients(open_socket(address, "uring", SOCK_CLOEXEC));
  for (;;) {
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;
    settle();
    int failed = io_uring_submit_and_wait(&ring, 1);
    if (failed < 0 && failed != -EINTR && failed != -EBUSY) errno = -failed, die("io_uring_enter");
    io_uring_for_each_cqe(&ring, head, cqe) {
      dispatch(cqe);
      n++;
    }
    io_uring_cq_advance(&ring, n);
  }
}
