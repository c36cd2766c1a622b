#include "layer/tree.h"

#include <algorithm>
#include <cstring>

namespace gantry::layer {
namespace {

constexpr std::size_t kFirstSlots = 1024;
// Names are kept as 31-bit indices at most, with room for kNoEntry.
constexpr std::uint64_t kMostEntries = 1U << 30;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

Tree::Tree(std::uint64_t seed, std::uint64_t maximum_entries)
    : seed_(seed), maximum_entries_(std::min(maximum_entries, kMostEntries)), slots_(kFirstSlots, kNoEntry) {
  // The root has no name and is found by nobody.
  entries_.push_back({});
  entries_[kRoot].name = *names_.add("");
  entries_[kRoot].type = EntryType::directory;
  directories_.push_back({});
}

// The slot where the search for a name starts.
std::size_t Tree::home(EntryId parent, std::string_view name) const {
  std::uint64_t state = seed_ ^ mix(parent + 0x9e3779b97f4a7c15ULL, seed_ | 1);
  while (!name.empty()) {
    std::uint64_t word = 0;
    const std::size_t length = std::min(name.size(), sizeof word);
    std::memcpy(&word, name.data(), length);
    state = mix(state ^ word, 0xa0761d6478bd642fULL ^ length);
    name.remove_prefix(length);
  }
  return mix(state, seed_ ^ 0xe7037ed1a0b428dbULL) & (slots_.size() - 1);
}

EntryId Tree::find(EntryId directory, std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = home(directory, name); slots_[slot] != kNoEntry; slot = (slot + 1) & mask) {
    const EntryId id = slots_[slot];
    const Entry& entry = entries_[id];
    if (entry.parent == directory && names_.at(entry.name) == name) return id;
  }
  return kNoEntry;
}

void Tree::place(EntryId id) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = home(entries_[id].parent, name(id));
  while (slots_[slot] != kNoEntry) slot = (slot + 1) & mask;
  slots_[slot] = id;
}

// Leaves no mark in the table, or an archive that repeats one name for ever would fill it with them.
void Tree::remove(EntryId id) {
  entries_[id].dead = true;
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = home(entries_[id].parent, name(id));
  while (slots_[hole] != id) hole = (hole + 1) & mask;
  for (std::size_t next = (hole + 1) & mask; slots_[next] != kNoEntry; next = (next + 1) & mask) {
    const EntryId moved = slots_[next];
    const std::size_t distance = (next - home(entries_[moved].parent, name(moved))) & mask;
    if (distance < ((next - hole) & mask)) continue;
    slots_[hole] = moved;
    hole = next;
  }
  slots_[hole] = kNoEntry;
}

void Tree::grow() {
  slots_.assign(slots_.size() * 2, kNoEntry);
  for (EntryId id = kRoot + 1; id < entries_.size(); ++id) {
    if (!entries_[id].dead) place(id);
  }
}

Result<EntryId> Tree::add(EntryId parent, std::string_view name, EntryType type) {
  if (entries_.size() > maximum_entries_) {
    return over_limit("the layer has more than " + std::to_string(maximum_entries_) + " entries");
  }
  const auto kept = names_.add(name);
  if (!kept) return over_limit("the layer's names take more than 512 MiB");
  const auto id = static_cast<EntryId>(entries_.size());
  Entry entry;
  entry.parent = parent;
  entry.name = *kept;
  entry.type = type;
  if (type == EntryType::directory) {
    entry.inode = directories_.size();
    directories_.emplace_back().entry = id;
  }
  entries_.push_back(entry);
  if (entries_.size() * 2 > slots_.size()) {
    grow();
  } else {
    place(id);
  }
  return id;
}

Result<EntryId> Tree::add_symlink(EntryId parent, std::string_view name, std::string_view target) {
  auto id = add(parent, name, EntryType::symlink);
  if (!id) return id;
  const auto kept = names_.add(target);
  if (!kept) return over_limit("the layer's names take more than 512 MiB");
  entries_[*id].target = *kept;
  return id;
}

std::string Tree::path(EntryId id) const {
  if (id == kRoot) return "/";
  std::vector<EntryId> chain;
  for (EntryId at = id; at != kRoot; at = entries_[at].parent) chain.push_back(at);
  std::string text;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) text.append("/").append(name(*at));
  return text;
}

std::vector<bool> live_entries(const Tree& tree) {
  std::vector<bool> live(tree.size());
  live[kRoot] = true;
  // A directory's entry precedes those below it.
  for (EntryId id = kRoot + 1; id < tree.size(); ++id) {
    live[id] = !tree[id].dead && live[tree[id].parent] && !tree.name(id).starts_with(kAufsPrefix);
  }
  return live;
}

}  // namespace gantry::layer
