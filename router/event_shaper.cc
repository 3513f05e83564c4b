#include "router/event_shaper.h"

#include <algorithm>
#include <cstring>

#include "router/json_string.h"

namespace turnout::router {
namespace {

constexpr FieldTrie::NodeId kNoNode = FieldTrie::kNoNode;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
// A bracket and its brace differ in one bit, and no other character becomes a brace by it.
bool Opens(char c) { return (c | 0x20) == '{'; }
bool Closes(char c) { return (c | 0x20) == '}'; }

const char* EndOf(std::string_view text) { return text.data() + text.size(); }

// Takes the first step of a dotted name off its front; false when it was the last.
bool TakeStep(std::string_view* name, std::string_view* step) {
  const size_t dot = name->find('.');
  *step = name->substr(0, dot);
  if (dot == std::string_view::npos) return false;
  name->remove_prefix(dot + 1);
  return true;
}

// A dot in a key as it is written, where it may be an escape.
struct RawDot {
  size_t at = 0;  // the text's end: none
  size_t bytes = 1;
};

RawDot FirstDot(std::string_view raw) {
  constexpr size_t kEscapeBytes = 6;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '.') return {i, 1};
    if (raw[i] != '\\') continue;
    const std::string_view escape = raw.substr(i, kEscapeBytes);
    if (escape == "\\u002e" || escape == "\\u002E") return {i, kEscapeBytes};
    ++i;
  }
  return {raw.size(), 0};
}

}  // namespace

EventShaper::Key EventShaper::ReadKey(At at) {
  size_t end = at[1] - 1;
  while (text_[end] != '"') --end;
  Key key;
  key.raw = {text_ + *at + 1, end - *at - 1};
  key.name = key.raw;
  if (has_escapes_ && key.raw.find('\\') != std::string_view::npos) {
    char* const decoded = arena_->Allocate(key.raw.size());
    key.name = {decoded, DecodeJsonString(key.raw, decoded)};
  }
  key.has_dot = key.name.find('.') != std::string_view::npos;
  return key;
}

EventShaper::At EventShaper::Behind(At value, const char* text) {
  if (!Opens(text[*value])) return value + 1;
  size_t depth = 0;
  while (true) {
    const char c = text[*value++];
    if (Opens(c)) ++depth;
    if (Closes(c) && --depth == 0) return value;
  }
}

// Between a value's end and the next structural character there are blanks only.
std::string_view EventShaper::Slice(At value, At behind) const {
  size_t end = *behind;
  while (IsSpace(text_[end - 1])) --end;
  return {text_ + *value, end - *value};
}

// --- what is read ----------------------------------------------------------------------------

void EventShaper::FindReads(At object, NodeId node) {
  At at = object + 1;
  while (CharAt(at) != '}') {
    const Key key = ReadKey(at);
    const NodeId child = plan_->reads.Find(node, key.name, EndOf(key.name));
    if (child != kNoNode) FindInValue(at + 2, child, false);
    at = Behind(at + 2, text_);
    if (CharAt(at) == ',') ++at;
  }
}

// An array is a value of its path; its scalars are the path's too, and objects in it are looked
// into.
void EventShaper::FindInValue(At value, NodeId node, bool in_array) {
  const FieldId field = plan_->reads.FieldAt(node);
  Found* const found = field == FieldTrie::kNoField ? nullptr : &found_[field];
  if (found != nullptr && !in_array) {
    if (found->values++ == 0) found->value = value;
  }
  const char first = CharAt(value);
  if (first == '{') {
    if (plan_->reads.HasChildren(node)) FindReads(value, node);
  } else if (first == '[') {
    for (At at = value + 1; CharAt(at) != ']';) {
      FindInValue(at, node, true);
      at = Behind(at, text_);
      if (CharAt(at) == ',') ++at;
    }
  } else if (found != nullptr && !found->has_scalar) {
    found->has_scalar = true;
    if (first == 'n') return;
    found->text = Slice(value, value + 1);
    if (first == '"') found->text = found->text.substr(1, found->text.size() - 2);
  }
}

std::string_view EventShaper::MissingRead(Arena* arena) const {
  for (const ShapePlan::Set& set : plan_->sets) {
    for (const FieldId field : set.fields) {
      const Found& found = found_[field];
      const std::string_view path = plan_->read_paths[field];
      if (set.kind == ShapeSet::Kind::kTemplate && found.text.data() == nullptr) {
        return arena->Join({"field `", path, "`, which `", set.path,
                            "` of the shape needs, is absent, null or not a scalar"});
      }
      if (set.only_value && found.values > 1) {
        return arena->Join({"field `", path, "`, which the shape renames to `", set.path,
                            "`, has several values, and there is room for one"});
      }
    }
  }
  return {};
}

// --- what is written -------------------------------------------------------------------------

void EventShaper::Put(std::string_view bytes) {
  if (out_.size() + bytes.size() > kShapedBytesMax) {
    too_large_ = true;
    return;
  }
  out_.append(bytes);
}

// No value ends in what opens an object or an array.
void EventShaper::PutComma() {
  if (!Opens(out_.back())) Put(",");
}

void EventShaper::PutKey(std::string_view raw, std::string_view more, bool flat) {
  PutComma();
  Put("\"");
  if (flat) Put(prefix_);
  Put(raw);
  Put(more);
  Put("\":");
}

size_t EventShaper::Enter(std::string_view name) {
  const size_t before = prefix_.size();
  prefix_.append(name).append(plan_->separator);
  return before;
}

// A key with dots stands for the steps that it is made of.
std::string_view EventShaper::FlatName(const Key& key) {
  if (!key.has_dot || plan_->separator == ".") return key.raw;
  joined_.clear();
  std::string_view rest = key.raw;
  while (true) {
    const RawDot dot = FirstDot(rest);
    joined_.append(rest.substr(0, dot.at));
    if (dot.at >= rest.size()) break;
    joined_.append(plan_->separator);
    rest.remove_prefix(dot.at + dot.bytes);
  }
  return arena_->Join({joined_});
}

// The last step gets the new name; what stands before it stays as it is written.
void EventShaper::Rename(const ShapePlan::Path& path, Key* key) {
  if (!key->has_dot) {
    key->name = path.new_name;
    key->raw = path.new_name_json;
    return;
  }
  size_t last = 0;
  for (RawDot dot = FirstDot(key->raw); last + dot.at < key->raw.size();
       dot = FirstDot(key->raw.substr(last))) {
    last += dot.at + dot.bytes;
  }
  key->raw = arena_->Join({key->raw.substr(0, last), path.new_name_json});
  key->name = arena_->Join({key->name.substr(0, key->name.rfind('.') + 1), path.new_name});
}

// What keep, drop and rename make of a member; false: it goes.
bool EventShaper::FollowPath(const Where& outer, Key* key, Where* inner) {
  NodeId node = outer.path;
  std::string_view rest = key->name;
  std::string_view step;
  for (bool more = true; more;) {
    more = TakeStep(&rest, &step);
    node = plan_->paths.Find(node, step, EndOf(step));
    if (node == kNoNode) return true;
    const ShapePlan::Path& path = plan_->path_of[plan_->paths.FieldAt(node)];
    if (path.drop) return false;
    if (path.keep) inner->kept = true;
  }
  const ShapePlan::Path& path = plan_->path_of[plan_->paths.FieldAt(node)];
  if (path.taken_out) return false;
  inner->path = node;
  if (!path.new_name.empty()) Rename(path, key);
  return true;
}

// What is set owns its name, whatever the event has there; false: the member goes.
bool EventShaper::FollowPlace(const Where& outer, const Key& key, Where* inner) const {
  NodeId node = outer.place;
  std::string_view rest = key.name;
  std::string_view step;
  for (bool more = true; more;) {
    more = TakeStep(&rest, &step);
    node = plan_->places.Find(node, step, EndOf(step));
    if (node == kNoNode) return true;
    if (plan_->place_of[plan_->places.FieldAt(node)].set != ShapePlan::kNoSet) return false;
  }
  if (!key.has_dot) inner->place = node;
  return true;
}

EventShaper::At EventShaper::Object(At at, const Where& where) {
  const uint64_t object = ++objects_;
  ++at;
  while (CharAt(at) != '}') {
    at = Member(at, where, object);
    if (CharAt(at) == ',') ++at;
  }
  WritePlaces(where, object);
  return at + 1;
}

EventShaper::At EventShaper::Member(At at, const Where& where, uint64_t object) {
  Key key = ReadKey(at);
  const At value = at + 2;
  Where inner{.kept = where.kept, .flat = where.flat};
  if (where.path != kNoNode && !FollowPath(where, &key, &inner)) return Behind(value, text_);
  if (where.place != kNoNode && !FollowPlace(where, key, &inner)) return Behind(value, text_);
  const bool is_container = Opens(CharAt(value));
  const bool leads_on = is_container && inner.path != kNoNode &&
                        plan_->path_of[plan_->paths.FieldAt(inner.path)].keeps_below;
  if (!inner.kept && !leads_on) return Behind(value, text_);
  if (inner.place != kNoNode) {
    // A value in the way of what is set gives way to an object.
    if (!is_container) return Behind(value, text_);
    met_in_[plan_->places.FieldAt(inner.place)] = object;
  }
  return WriteMember(key, value, inner);
}

EventShaper::At EventShaper::WriteMember(const Key& key, At value, const Where& where) {
  const char first = CharAt(value);
  const bool is_shaped =
      (where.path != kNoNode && plan_->paths.HasChildren(where.path)) || where.place != kNoNode;
  const std::string_view name = where.flat ? FlatName(key) : key.raw;
  if (first == '{' && where.flat) {
    const size_t outer = Enter(name);
    const At behind = Object(value, where);
    prefix_.resize(outer);
    return behind;
  }
  PutKey(name, {}, where.flat);
  if (first == '{' && is_shaped) {
    Put("{");
    const At behind = Object(value, where);
    Put("}");
    return behind;
  }
  if (first == '[' && is_shaped) {
    return Array(value, {where.path, where.place, where.kept, false});
  }
  const At behind = Behind(value, text_);
  Put(Slice(value, behind));
  return behind;
}

EventShaper::At EventShaper::Array(At at, const Where& where) {
  Put("[");
  ++at;
  while (CharAt(at) != ']') {
    const char first = CharAt(at);
    if (first == '{') {
      PutComma();
      Put("{");
      at = Object(at, where);
      Put("}");
    } else if (first == '[') {
      PutComma();
      at = Array(at, where);
    } else {
      if (where.kept) {
        PutComma();
        Put(Slice(at, at + 1));
      }
      ++at;
    }
    if (CharAt(at) == ',') ++at;
  }
  Put("]");
  return at + 1;
}

// --- what is set -----------------------------------------------------------------------------

const std::vector<FieldId>& EventShaper::PlacesIn(NodeId place) const {
  return place == FieldTrie::kRoot ? plan_->top_places
                                   : plan_->place_of[plan_->places.FieldAt(place)].within;
}

void EventShaper::WritePlaces(const Where& where, uint64_t object) {
  if (where.place == kNoNode || too_large_) return;
  for (const FieldId id : PlacesIn(where.place)) {
    const bool is_met = plan_->place_of[id].set == ShapePlan::kNoSet && met_in_[id] == object;
    if (!is_met) WritePlace(id, where.flat);
  }
}

// Nothing where all of it would be copies of fields that are absent.
bool EventShaper::HasValue(FieldId place) const {
  const ShapePlan::Place& at = plan_->place_of[place];
  if (at.set == ShapePlan::kNoSet) {
    return std::any_of(at.within.begin(), at.within.end(),
                       [&](FieldId id) { return HasValue(id); });
  }
  const ShapePlan::Set& set = plan_->sets[at.set];
  return set.kind != ShapeSet::Kind::kField || found_[set.fields[0]].value != nullptr;
}

void EventShaper::WritePlace(FieldId id, bool flat) {
  if (!HasValue(id)) return;
  const ShapePlan::Place& place = plan_->place_of[id];
  if (place.set != ShapePlan::kNoSet) return WriteSet(place, flat);
  const size_t outer = prefix_.size();
  if (flat) {
    Enter(place.name);
  } else {
    PutKey(place.name, {}, false);
    Put("{");
  }
  for (const FieldId inner : place.within) WritePlace(inner, flat);
  if (flat) {
    prefix_.resize(outer);
  } else {
    Put("}");
  }
}

void EventShaper::WriteSet(const ShapePlan::Place& place, bool flat) {
  const ShapePlan::Set& set = plan_->sets[place.set];
  switch (set.kind) {
    case ShapeSet::Kind::kConstant:
      if (flat && set.is_object) {
        for (const auto& [name, json] : set.members) {
          PutKey(place.name, name, true);
          Put(json);
        }
        return;
      }
      PutKey(place.name, {}, flat);
      Put(set.constant);
      return;
    case ShapeSet::Kind::kGiven:
      PutKey(place.name, {}, flat);
      Put(given_[place.set]);
      return;
    case ShapeSet::Kind::kTemplate:
      PutKey(place.name, {}, flat);
      Put("\"");
      for (size_t i = 0; i < set.fields.size(); ++i) {
        Put(set.literals[i]);
        Put(found_[set.fields[i]].text);
      }
      Put(set.literals.back());
      Put("\"");
      return;
    case ShapeSet::Kind::kField: {
      const At value = found_[set.fields[0]].value;
      if (flat && CharAt(value) == '{') {
        const size_t outer = Enter(place.name);
        Object(value, {.flat = true});
        prefix_.resize(outer);
        return;
      }
      PutKey(place.name, {}, flat);
      Put(Slice(value, Behind(value, text_)));
      return;
    }
  }
}

EventShaper::Result EventShaper::Shape(const ShapePlan& plan, std::string_view text,
                                       absl::Span<const uint32_t> structurals, Arena* arena,
                                       absl::Span<const std::string_view> given) {
  plan_ = &plan;
  given_ = given;
  text_ = text.data();
  arena_ = arena;
  has_escapes_ = std::memchr(text.data(), '\\', text.size()) != nullptr;
  too_large_ = false;
  out_.clear();
  out_.push_back('{');
  prefix_.clear();
  if (met_in_.size() < plan.place_of.size()) met_in_.resize(plan.place_of.size());
  if (!plan.sets.empty()) {
    found_.assign(plan.read_paths.size(), Found());
    if (!plan.reads.empty()) FindReads(structurals.data(), FieldTrie::kRoot);
    const std::string_view missing = MissingRead(arena);
    if (!missing.empty()) return {.reason = missing};
  }
  Object(structurals.data(), {.path = plan.paths.empty() ? kNoNode : FieldTrie::kRoot,
                              .place = plan.places.empty() ? kNoNode : FieldTrie::kRoot,
                              .kept = plan.keeps_all,
                              .flat = plan.flatten});
  Put("}");
  if (too_large_) return {.reason = "the shaped event is larger than 64 MiB"};
  return {.value = arena->Join({out_})};
}

}  // namespace turnout::router
