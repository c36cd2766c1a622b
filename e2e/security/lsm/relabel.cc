// relabel LABEL PATH: the product's own function, where no Node is.
#include <cstdio>

#include "linux/file_label.h"

int main(int, char** arguments) {
  const auto done = gantry::label_tree(arguments[2], arguments[1]);
  if (!done) std::fprintf(stderr, "relabel: %s\n", done.error().describe().c_str());
  return done ? 0 : 1;
}
