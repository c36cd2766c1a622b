/*
 * What port-forwards reach, on the pod's own loopback: 7 echoes, 9 accepts and never reads, 19 sends without end,
 * 1 listens and never accepts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on(int port, int backlog) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, backlog) != 0) _exit(1);
  return fd;
}

static void serve(int port, int client) {
  char bytes[65536];
  memset(bytes, 'x', sizeof bytes);
  for (;;) {
    if (port == 9) {
      /* Ends when its client does, without reading a byte. */
      struct pollfd end = {.fd = client, .events = POLLRDHUP};
      poll(&end, 1, -1);
      _exit(0);
    }
    ssize_t count = port == 19 ? (ssize_t)sizeof bytes : read(client, bytes, sizeof bytes);
    if (count <= 0) _exit(0);
    for (ssize_t at = 0; at < count;) {
      ssize_t put = write(client, bytes + at, (size_t)(count - at));
      if (put <= 0) _exit(0);
      at += put;
    }
  }
}

static void accept_on(int port, int listener) {
  for (;;) {
    int client = accept(listener, 0, 0);
    if (client < 0) continue;
    if (fork() == 0) serve(port, client);
    close(client);
  }
}

int main(int count, char **ports) {
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  listen_on(1, 0);
  (void)count;
  (void)ports;
  int each[] = {7, 9, 19};
  for (int i = 0; i < 3; ++i) {
    int listener = listen_on(each[i], 512);
    if (fork() == 0) accept_on(each[i], listener);
    close(listener);
  }
  write(1, "ready\n", 6);
  for (;;) pause();
}
