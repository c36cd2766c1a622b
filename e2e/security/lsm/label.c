// Says the SELinux label of each path.
#include <stdio.h>
#include <sys/xattr.h>

int main(int count, char **paths) {
  for (int i = 1; i < count; i++) {
    char label[256] = {0};
    if (lgetxattr(paths[i], "security.selinux", label, sizeof label - 1) < 0) perror(paths[i]);
    else printf("%s %s\n", paths[i], label);
  }
  return 0;
}
