#include "router/output_gatherer.h"

#include <algorithm>
#include <functional>

namespace turnout::router {
namespace {

// The same bytes, mostly because they are the same place.
bool IsSameValue(std::string_view a, std::string_view b) {
  return (a.data() == b.data() && a.size() == b.size()) || a == b;
}

}  // namespace

void OutputGatherer::Start() {
  ++event_number_;
  open_.clear();
  links_.clear();
}

size_t OutputGatherer::HashOf(const Sent& sent) {
  const std::hash<std::string_view> hash;
  return ((hash(sent.destination) * 31 + hash(sent.key)) * 31 + sent.value.size()) * 31 + sent.team;
}

uint32_t OutputGatherer::FindOrOpen(const Sent& sent) {
  if ((open_.size() + 1) * 2 > table_.size()) Grow();
  size_t position = PositionOf(HashOf(sent));
  for (uint32_t found; (found = At(position)) != kNone; position = Next(position)) {
    const Sent& other = open_[found].sent;
    // No key at all and an empty key are different records.
    if (other.team == sent.team && other.destination == sent.destination && other.key == sent.key &&
        (other.key.data() == nullptr) == (sent.key.data() == nullptr) &&
        IsSameValue(other.value, sent.value) && other.content_type == sent.content_type) {
      return found;
    }
  }
  const auto output = static_cast<uint32_t>(open_.size());
  table_[position] = {event_number_, output};
  open_.push_back({.sent = sent});
  return output;
}

uint32_t OutputGatherer::OpenFeature(const Sent& sent) {
  const uint32_t output = FindOrOpen(sent);
  open_[output].is_feature = true;
  return output;
}

void OutputGatherer::Grow() {
  table_.assign(table_.size() * 2, {});
  for (uint32_t i = 0; i < open_.size(); ++i) {
    size_t position = PositionOf(HashOf(open_[i].sent));
    while (At(position) != kNone) position = Next(position);
    table_[position] = {event_number_, i};
  }
}

void OutputGatherer::AddRule(uint32_t output, RuleIndex rule) {
  Open& to = open_[output];
  // A rule whose two destinations come to the same topic is named once; its links are neighbours.
  if (to.last_link != kNone && links_[to.last_link].rule == rule) return;
  const auto link = static_cast<uint32_t>(links_.size());
  links_.push_back({.rule = rule});
  (to.last_link == kNone ? to.first_link : links_[to.last_link].next) = link;
  to.last_link = link;
  ++to.rule_count;
  to.id_bytes += rules_.rules()[rule].id.size();
}

Output OutputGatherer::CloseOne(const Open& from, RuleIndex* rule_space, Arena* arena) const {
  const std::vector<RuleInfo>& infos = rules_.rules();
  Output output{.destination = from.sent.destination,
                .key = from.sent.key,
                .value = from.sent.value,
                .is_feature = from.is_feature,
                .rules = absl::MakeConstSpan(rule_space, from.rule_count),
                .content_type = from.sent.content_type};
  if (from.rule_count == 1) {
    *rule_space = links_[from.first_link].rule;
    output.rule_ids = infos[*rule_space].id;
    return output;
  }
  const size_t bytes = from.id_bytes + from.rule_count - 1;
  char* const text = arena->Allocate(bytes);
  char* end = text;
  for (uint32_t link = from.first_link; link != kNone; link = links_[link].next) {
    if (end != text) *end++ = ',';
    const std::string_view id = infos[links_[link].rule].id;
    end = std::copy(id.begin(), id.end(), end);
    *rule_space++ = links_[link].rule;
  }
  output.rule_ids = {text, bytes};
  return output;
}

void OutputGatherer::Close(Arena* arena, std::vector<Output>* outputs) {
  output_rules_.resize(links_.size());
  RuleIndex* rule_space = output_rules_.data();
  for (const Open& from : open_) {
    outputs->push_back(CloseOne(from, rule_space, arena));
    rule_space += from.rule_count;
  }
}

}  // namespace turnout::router
