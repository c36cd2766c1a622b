// The only program in the quickstart's image. Without arguments it is the app: a tiny HTTP server on port 8080 that also
// writes a line every second. With arguments it is what `exec` runs: `hello about` tells where it finds itself.
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number) {
  (void)number;
  asked_to_stop = 1;
}

static void about(void) {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  printf("host name %s, pid %d, user %d, group %d\n", name, getpid(), getuid(), getgid());
}

static int listen_on(int port) {
  int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 16) != 0) {
    perror("hello: cannot listen");
    return -1;
  }
  return server;
}

static void answer(int server, int requests) {
  char name[256] = "", request[1024], body[512], head[256];
  int client = accept(server, NULL, NULL);
  if (client < 0) return;
  if (read(client, request, sizeof request) > 0) {
    gethostname(name, sizeof name - 1);
    int length = snprintf(body, sizeof body, "hello from pod %s, request %d\n", name, requests);
    int start = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", length);
    if (write(client, head, (size_t)start) < 0 || write(client, body, (size_t)length) < 0) perror("hello: write");
  }
  close(client);
}

static int serve(void) {
  int server = listen_on(8080), requests = 0;
  if (server < 0) return 1;
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  about();
  for (time_t last = 0; !asked_to_stop;) {
    struct pollfd wait = {.fd = server, .events = POLLIN};
    if (poll(&wait, 1, 100) > 0) answer(server, ++requests);
    time_t now = time(NULL);
    if (now != last) printf("second %ld, %d requests so far\n", (long)(last = now), requests);
    fflush(stdout);
  }
  printf("asked to stop after %d requests\n", requests);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 1) return serve();
  if (strcmp(argv[1], "about") == 0) {
    about();
    return 0;
  }
  fprintf(stderr, "usage: hello [about]\n");
  return 2;
}
