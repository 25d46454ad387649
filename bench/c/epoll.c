// epoll: an echo server as fast as epoll lets one be, for TCP, Unix sockets and UDP. One thread; each connection is
// registered once, edge-triggered; what is read is written directly from the one buffer that all connections share.
// Only what the kernel does not take is kept, and until it is gone its connection is not read.
//
//   cc -O2 -o epoll epoll.c && ./epoll --listen tcp://127.0.0.1:7007
#include "listen.h"
#include <sys/epoll.h>

#define EVENTS 512
#define READS 16       // of one connection before it is the others' turn
#define DATAGRAMS 64   // at once
#define DATAGRAM 65536 // the largest one

static char buffer[BUFFER_SIZE];
static int poll_fd;

// What a connection has read and not yet been able to write, by descriptor.
static struct rest {
  char *bytes;
  int size;
} *rests;

static void arm(int operation, int fd, unsigned interest) {
  struct epoll_event event = {.events = interest | EPOLLRDHUP | EPOLLET, .data.fd = fd};
  if (epoll_ctl(poll_fd, operation, fd, &event)) die("epoll_ctl");
}

static void drop(int fd) {
  free(rests[fd].bytes);
  rests[fd] = (struct rest){0};
  close(fd);
}

// keep holds what could not be written, and waits for room instead of more to read.
static void keep(int fd, const char *bytes, int size) {
  char *copy = malloc(size);
  if (!copy) die("malloc");
  memcpy(copy, bytes, size);
  free(rests[fd].bytes);
  rests[fd] = (struct rest){copy, size};
  arm(EPOLL_CTL_MOD, fd, EPOLLOUT);
}

// give writes, and returns whether all of it went.
static int give(int fd, const char *bytes, int size) {
  int n = write(fd, bytes, size);
  if (n == size) return 1;
  if (n < 0 && errno != EAGAIN) {
    drop(fd);
  } else {
    n = n < 0 ? 0 : n;
    keep(fd, bytes + n, size - n);
  }
  return 0;
}

// echo reads and writes until nothing is left. A read that does not fill the buffer has emptied the socket: what comes
// later, the client's end too, is another edge. Only when the end has come already is it read for.
static void echo(int fd, int ending) {
  for (int i = 0; i < READS; i++) {
    int n = read(fd, buffer, BUFFER_SIZE);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return drop(fd);
    if (!give(fd, buffer, n)) return;
    if (n < BUFFER_SIZE && !ending) return;
  }
  arm(EPOLL_CTL_MOD, fd, EPOLLIN); // it is told again what is still there
}

// resume writes what was kept, then reads again: arming anew tells what came meanwhile.
static void resume(int fd) {
  struct rest rest = rests[fd];
  rests[fd] = (struct rest){0};
  if (give(fd, rest.bytes, rest.size)) arm(EPOLL_CTL_MOD, fd, EPOLLIN);
  free(rest.bytes);
}

static void take_clients(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) arm(EPOLL_CTL_ADD, fd, EPOLLIN);
  if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) die("accept4");
}

// serve_datagrams takes and gives as many at once as there are.
static void serve_datagrams(int fd) {
  static struct mmsghdr messages[DATAGRAMS];
  static struct iovec pieces[DATAGRAMS];
  static struct sockaddr_storage from[DATAGRAMS];
  static char bytes[DATAGRAMS][DATAGRAM];
  for (int i = 0; i < DATAGRAMS; i++) messages[i].msg_hdr = (struct msghdr){&from[i], 0, &pieces[i], 1, NULL, 0, 0};
  for (;;) {
    for (int i = 0; i < DATAGRAMS; i++) {
      pieces[i] = (struct iovec){bytes[i], DATAGRAM};
      messages[i].msg_hdr.msg_namelen = sizeof from[i];
    }
    int n = recvmmsg(fd, messages, DATAGRAMS, MSG_WAITFORONE, NULL);
    if (n < 0 && errno != EINTR) die("recvmmsg");
    for (int i = 0; i < n; i++) pieces[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < n;) { // one that cannot be sent is left out
      int more = sendmmsg(fd, messages + sent, n - sent, 0);
      sent += more > 0 ? more : 1;
    }
  }
}

int main(int argc, char **argv) {
  const char *address = listen_address(argc, argv, "epoll", "edge-triggered");
  if (!strncmp(address, "udp://", 6)) serve_datagrams(open_socket(address, "epoll", SOCK_CLOEXEC));
  rests = calloc(raise_limit(), sizeof *rests);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (!rests || poll_fd < 0) die("epoll_create1");
  int listener = open_socket(address, "epoll", SOCK_NONBLOCK | SOCK_CLOEXEC);
  arm(EPOLL_CTL_ADD, listener, EPOLLIN);
  for (;;) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(poll_fd, events, EVENTS, -1);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        take_clients(listener);
      } else if (rests[fd].bytes) {
        resume(fd);
      } else {
        echo(fd, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
      }
    }
  }
}
