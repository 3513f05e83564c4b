#include "router/enricher.h"

#include <utility>

namespace turnout::router {
namespace {

constexpr size_t kKeyBytesShownMax = 200;

std::string_view ViewOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

Enricher::Result Missing(MissingPolicy policy, std::string_view reason) {
  switch (policy) {
    case MissingPolicy::kNull:
      break;
    case MissingPolicy::kDrop:
      return {.outcome = Enricher::Outcome::kDropped};
    case MissingPolicy::kPark:
      return {.outcome = Enricher::Outcome::kParked, .reason = reason};
  }
  return {.outcome = Enricher::Outcome::kEnriched};
}

}  // namespace

Enricher::Result Enricher::Find(const EnrichPlan::Entry& entry, size_t at,
                                const Matcher::Scratch& fields, Arena* arena) {
  values_[at] = "null";
  const std::string_view key = fields.Field(entry.key_field);
  if (key.data() == nullptr) {
    return Missing(entry.missing,
                   arena->Join({"field `", entry.key_path, "`, the key into table `",
                                entry.table_name, "`, is absent, null or not a scalar"}));
  }
  if (tables_ == nullptr) {
    return {.outcome = Outcome::kParked, .reason = "there are no tables to ask"};
  }
  const absl::StatusOr<bool> found = tables_->Find(entry.table, key, &values_[at]);
  if (!found.ok()) {
    return {.outcome = Outcome::kParked,
            .reason = arena->Join({"table `", entry.table_name, "` can't be asked: ",
                                   ViewOf(found.status())})};
  }
  if (*found) return {.outcome = Outcome::kEnriched};
  values_[at] = "null";
  if (entry.missing != MissingPolicy::kPark) return Missing(entry.missing, {});
  return Missing(entry.missing,
                 arena->Join({"table `", entry.table_name, "` has no key `",
                              key.size() <= kKeyBytesShownMax ? key : std::string_view("..."),
                              "`, which field `", entry.key_path, "` asks for"}));
}

Enricher::Result Enricher::Enrich(const EnrichPlan& plan, std::string_view text,
                                  absl::Span<const uint32_t> structurals,
                                  const Matcher::Scratch& fields, Arena* arena) {
  if (values_.size() < plan.entries.size()) values_.resize(plan.entries.size());
  for (size_t i = 0; i < plan.entries.size(); ++i) {
    const Result found = Find(plan.entries[i], i, fields, arena);
    if (found.outcome != Outcome::kEnriched) return found;
  }
  given_.assign(values_.begin(), values_.begin() + static_cast<ptrdiff_t>(plan.entries.size()));
  const EventShaper::Result shaped =
      shaper_.Shape(*plan.places, text, structurals, arena, given_);
  if (shaped.value.data() == nullptr) return {.outcome = Outcome::kFailed, .reason = shaped.reason};
  return {.outcome = Outcome::kEnriched, .value = shaped.value};
}

std::shared_ptr<const ShapePlan> CompilePlaces(const std::vector<EnrichSpec>& enrich) {
  ShapeSpec spec;
  for (const EnrichSpec& entry : enrich) {
    spec.sets.push_back({.path = entry.into, .kind = ShapeSet::Kind::kGiven});
  }
  return CompileShape(spec);
}

}  // namespace turnout::router
