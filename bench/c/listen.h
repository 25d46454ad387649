// What both C servers share: the flags, the listening socket, the line that says that they are ready. The rest, which
// is what is measured, is theirs.
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_SIZE (16 << 10) // what every server reads at once

static void die(const char *what) {
  fprintf(stderr, "cannot serve: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void wrong_usage(const char *name, const char *why) {
  fprintf(stderr, "%s: usage: %s; %s --listen tcp://127.0.0.1:7007 or unix:///path, or %s --version\n", name, why,
          name, name);
  exit(2);
}

// listen_address is the argument of --listen; --version is answered here.
static const char *listen_address(int argc, char **argv, const char *name, const char *version) {
  if (argc == 2 && !strcmp(argv[1], "--version")) {
    printf("%s %s gcc %s glibc %s\n", name, version, __VERSION__, gnu_get_libc_version());
    exit(0);
  }
  if (argc == 1) return "tcp://127.0.0.1:0";
  if (argc != 3 || strcmp(argv[1], "--listen")) wrong_usage(name, "I know --listen ADDRESS and --version");
  return argv[2];
}

// raise_limit allows as many descriptors as the machine lets us have, and returns how many those are.
static unsigned raise_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) die("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit)) die("setrlimit");
  return limit.rlim_cur > 1 << 20 ? 1 << 20 : limit.rlim_cur;
}

// take_path makes the address of a Unix socket; what an earlier server left at its path is removed.
static socklen_t take_path(struct sockaddr_un *un, const char *path, const char *name) {
  un->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof un->sun_path) wrong_usage(name, "the path of a Unix socket has at most 107 bytes");
  strcpy(un->sun_path, path);
  unlink(path);
  return sizeof *un;
}

// take_port makes an address of a text like 127.0.0.1:7007.
static socklen_t take_port(struct sockaddr_in *in, const char *text, const char *name) {
  char host[INET_ADDRSTRLEN];
  const char *colon = strrchr(text, ':');
  if (!colon || colon - text >= (int)sizeof host) wrong_usage(name, "want an IPv4 address and a port");
  memcpy(host, text, colon - text);
  host[colon - text] = 0;
  in->sin_family = AF_INET;
  in->sin_port = htons(atoi(colon + 1));
  if (inet_pton(AF_INET, host, &in->sin_addr) != 1) wrong_usage(name, "want an IPv4 address and a port");
  return sizeof *in;
}

// say_ready prints the one line that says where clients can connect.
static void say_ready(int fd, const char *scheme, const char *path) {
  struct sockaddr_in in = {0};
  socklen_t size = sizeof in;
  if (*path == '/') {
    printf("ready unix://%s\n", path);
  } else {
    if (getsockname(fd, (struct sockaddr *)&in, &size)) die("getsockname");
    printf("ready %s://%s:%d\n", scheme, inet_ntoa(in.sin_addr), ntohs(in.sin_port));
  }
  fflush(stdout);
}

// open_socket binds a socket to the address. Streams listen, and what they accept inherits TCP_NODELAY.
static int open_socket(const char *address, const char *name, int flags) {
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
  } to = {0};
  int unix_socket = !strncmp(address, "unix://", 7), datagram = !strncmp(address, "udp://", 6), on = 1;
  if (!unix_socket && !datagram && strncmp(address, "tcp://", 6)) wrong_usage(name, "unknown kind of address");
  const char *rest = strstr(address, "://") + 3;
  socklen_t size = unix_socket ? take_path(&to.un, rest, name) : take_port(&to.in, rest, name);
  int fd = socket(to.any.sa_family, (datagram ? SOCK_DGRAM : SOCK_STREAM) | flags, 0);
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!unix_socket && !datagram) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(fd, &to.any, size)) die("bind");
  signal(SIGPIPE, SIG_IGN); // a client that has gone is an error of one write
  if (!datagram && listen(fd, 4096)) die("listen"); // the kernel holds it to net.core.somaxconn
  say_ready(fd, datagram ? "udp" : "tcp", rest);
  return fd;
}
