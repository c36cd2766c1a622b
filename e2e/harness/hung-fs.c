/* A file system that stops answering on demand: files in memory, served by the kernel's FUSE protocol (linux/fuse.h) without a
 * library. `hung-fs MOUNTPOINT`; says "ready". Nothing is cached by the kernel, so that every look asks here.
 *   SIGHUP, SIGCONT   nobody reads requests: whoever waits for one can be killed (SIGSTOP would do, but for a request in its hands)
 *   SIGUSR1           requests are read and kept: whoever waits sleeps in the kernel, and no signal ends that
 *   SIGUSR2           what was kept is answered, and all that follows
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { most_nodes = 4096, buffer_size = 1 << 20 };

struct node {
  unsigned long parent;
  mode_t mode;
  char name[128];
  char *data;
  size_t size;
};
static struct node nodes[most_nodes]; /* by inode number; 1 is the root */
static unsigned long last = 1;
static int device;

struct request {
  struct request *next;
  size_t size;
  char bytes[];
};
static struct request *kept, **kept_end = &kept;
static volatile sig_atomic_t keeping, stopping;

static void on_signal(int number) {
  stopping = number == SIGHUP;
  if (!stopping) keeping = number == SIGUSR1;
}

static void answer(const struct fuse_in_header *in, int error, const void *body, size_t size) {
  struct fuse_out_header out = {(unsigned)(sizeof out + size), error, in->unique};
  char bytes[sizeof out + size];
  memcpy(bytes, &out, sizeof out);
  if (size > 0) memcpy(bytes + sizeof out, body, size);
  if (write(device, bytes, sizeof bytes) < 0 && errno != ENOENT) perror("write");
}

static struct fuse_attr attributes(unsigned long number) {
  const struct node *node = &nodes[number];
  return (struct fuse_attr){.ino = number, .size = node->size, .blocks = (node->size + 511) / 512, .mode = node->mode,
                            .nlink = 1, .blksize = 4096};
}

static void answer_entry(const struct fuse_in_header *in, unsigned long number) {
  struct fuse_entry_out out = {.nodeid = number, .attr = attributes(number)};
  answer(in, 0, &out, sizeof out);
}

static unsigned long find(unsigned long parent, const char *name) {
  for (unsigned long number = 2; number <= last; ++number)
    if (nodes[number].parent == parent && strcmp(nodes[number].name, name) == 0) return number;
  return 0;
}

static unsigned long make(unsigned long parent, const char *name, mode_t mode) {
  unsigned long number = find(parent, name);
  if (number != 0 || last + 1 == most_nodes) return number;
  number = ++last;
  nodes[number].parent = parent;
  nodes[number].mode = mode;
  snprintf(nodes[number].name, sizeof nodes[number].name, "%s", name);
  return number;
}

static void answer_create(const struct fuse_in_header *in, const struct fuse_create_in *wanted) {
  struct {
    struct fuse_entry_out entry;
    struct fuse_open_out open;
  } out = {0};
  out.entry.nodeid = make(in->nodeid, (const char *)(wanted + 1), S_IFREG | (wanted->mode & 07777));
  out.entry.attr = attributes(out.entry.nodeid);
  answer(in, 0, &out, sizeof out);
}

static void store(const struct fuse_in_header *in, const struct fuse_write_in *wanted) {
  struct node *node = &nodes[in->nodeid];
  const size_t end = wanted->offset + wanted->size;
  if (end > node->size) {
    node->data = realloc(node->data, end);
    node->size = end;
  }
  memcpy(node->data + wanted->offset, wanted + 1, wanted->size);
  struct fuse_write_out out = {.size = wanted->size};
  answer(in, 0, &out, sizeof out);
}

static void answer_read(const struct fuse_in_header *in, const struct fuse_read_in *wanted) {
  const struct node *node = &nodes[in->nodeid];
  const size_t left = wanted->offset < node->size ? node->size - wanted->offset : 0;
  answer(in, 0, node->data + wanted->offset, left < wanted->size ? left : wanted->size);
}

static void set_attributes(const struct fuse_in_header *in, const struct fuse_setattr_in *wanted) {
  struct node *node = &nodes[in->nodeid];
  if (wanted->valid & FATTR_SIZE) node->size = wanted->size < node->size ? wanted->size : node->size;
  if (wanted->valid & FATTR_MODE) node->mode = (node->mode & S_IFMT) | (wanted->mode & 07777);
  struct fuse_attr_out out = {.attr = attributes(in->nodeid)};
  answer(in, 0, &out, sizeof out);
}

static void serve(const char *bytes) {
  const struct fuse_in_header *in = (const void *)bytes;
  const void *body = in + 1;
  switch (in->opcode) {
    case FUSE_INIT: {
      struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 65536, .time_gran = 1};
      return answer(in, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
      const unsigned long number = find(in->nodeid, body);
      return number == 0 ? answer(in, -ENOENT, NULL, 0) : answer_entry(in, number);
    }
    case FUSE_GETATTR: {
      struct fuse_attr_out out = {.attr = attributes(in->nodeid)};
      return answer(in, 0, &out, sizeof out);
    }
    case FUSE_SETATTR: return set_attributes(in, body);
    case FUSE_MKDIR: {
      const struct fuse_mkdir_in *wanted = body;
      return answer_entry(in, make(in->nodeid, (const char *)(wanted + 1), S_IFDIR | (wanted->mode & 07777)));
    }
    case FUSE_CREATE: return answer_create(in, body);
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      struct fuse_open_out out = {0};
      return answer(in, 0, &out, sizeof out);
    }
    case FUSE_READ: return answer_read(in, body);
    case FUSE_WRITE: return store(in, body);
    case FUSE_READDIR: return answer(in, 0, NULL, 0);
    case FUSE_STATFS: {
      struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 127}};
      return answer(in, 0, &out, sizeof out);
    }
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR: return answer(in, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET: return;
    default: return answer(in, -ENOSYS, NULL, 0);
  }
}

static void serve_kept(void) {
  while (kept != NULL) {
    struct request *first = kept;
    kept = first->next;
    serve(first->bytes);
    free(first);
  }
  kept_end = &kept;
}

static void keep(const char *bytes, size_t size) {
  struct request *request = malloc(sizeof *request + size);
  request->next = NULL;
  request->size = size;
  memcpy(request->bytes, bytes, size);
  *kept_end = request;
  kept_end = &request->next;
}

int main(int count, char **arguments) {
  static char bytes[buffer_size];
  char options[128];
  if (count != 2) return 64;
  nodes[1].mode = S_IFDIR | 0755;
  device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
  if (device < 0 || mount("hung-fs", arguments[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
    perror(arguments[1]);
    return 1;
  }
  /* Signals come between two requests: none is half served. */
  sigset_t all, none;
  sigemptyset(&none);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  puts("ready");
  fflush(stdout);
  for (;;) {
    /* ppoll() lets none through where a request waits already. */
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigprocmask(SIG_SETMASK, &all, NULL);
    struct pollfd requests = {.fd = device, .events = POLLIN};
    const int ready = ppoll(&requests, 1, NULL, &none);
    if (stopping) {
      stopping = 0;
      raise(SIGSTOP);
      continue;
    }
    if (!keeping) serve_kept();
    if (ready <= 0) continue;
    const ssize_t size = read(device, bytes, sizeof bytes);
    if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
    if (size < 0) return errno == ENODEV ? 0 : 1;
    if (keeping) {
      keep(bytes, (size_t)size);
    } else {
      serve(bytes);
    }
  }
}
