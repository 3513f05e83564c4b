#include "router/gathered_event.h"

#include "router/json_string.h"

namespace turnout::router {

void GatheredEvent::KeepFirst(size_t count) {
  for (const FieldId field : touched) found[field] = FieldLeaves();
  touched.clear();
  scopes.resize(1);
  array_leaves_end.clear();
  array_scalars.clear();
  leaves.resize(count);
  for (LeafIndex index = 0; index < count; ++index) {
    leaves[index].next = kNoLeaf;
    Chain(index);
  }
}

const Leaf& GatheredEvent::Decode(LeafIndex index, size_t event_bytes) {
  Leaf& leaf = leaves[index];
  // Reserved once for all leaves, so that earlier decoded texts stay where they are.
  if (decoded_.empty()) decoded_.reserve(event_bytes);
  const size_t begin = decoded_.size();
  decoded_.resize(begin + leaf.text.size());
  const size_t length = DecodeJsonString(leaf.text, decoded_.data() + begin);
  decoded_.resize(begin + length);
  leaf.text = {decoded_.data() + begin, length};
  leaf.escaped = false;
  return leaf;
}

}  // namespace turnout::router
