#include "deploy/manager/json_reader.h"

#include <string.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/suggest.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::json;

// What is deeper is no request of ours; and the library copies by recursion.
constexpr int kDepthMax = 100;

// No object: it can't be read, or is nested too deep. `twice` is then a name that an object has
// twice, if that is why: one reader would take the first, another one the last.
Json Parsed(std::string_view text, std::string* twice) {
  if (text.empty()) return Json::object();
  bool is_bad = false;
  std::vector<std::set<std::string>> names;  // of the objects that are open
  const auto guard = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    is_bad = is_bad || depth > kDepthMax;
    if (!is_bad && event == Json::parse_event_t::key) {
      const auto& name = value.get_ref<const std::string&>();
      is_bad = !names.back().insert(name).second;
      if (is_bad) *twice = name;
    }
    return !is_bad;
  };
  Json parsed = Json::parse(text, guard, false);
  return is_bad ? Json() : parsed;
}

}  // namespace

struct JsonReader::Value {
  Json json;

  // Null: it is not there.
  const Json* Find(std::string_view name) const {
    const auto found = json.find(std::string(name));
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
};

JsonReader::JsonReader(std::unique_ptr<Value> value, std::string of)
    : value_(std::move(value)), of_(std::move(of)) {
  if (value_->json.is_object()) return;
  status_ = absl::InvalidArgumentError(of_ + " is no JSON object; send one");
  value_->json = Json::object();
}

JsonReader::JsonReader(std::string_view json, std::string of)
    : value_(std::make_unique<Value>()), of_(std::move(of)) {
  std::string twice;
  value_->json = Parsed(json, &twice);
  if (value_->json.is_object()) return;
  status_ = absl::InvalidArgumentError(
      twice.empty() ? of_ + " is no JSON object; send one"
                    : absl::StrFormat("%s has %s twice in one object; send it once", of_,
                                      router::Quoted(twice)));
  value_->json = Json::object();
}

JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;

void JsonReader::Fail(std::string_view name, std::string_view wanted) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrFormat("%s: `%s` is to be %s", of_, name, wanted));
}

void JsonReader::Only(std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : value_->json.items()) {
    if (!status_.ok()) return;
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      if (value.is_null()) Fail(name, "something other than null; or leave it out");
      continue;
    }
    const std::vector<std::string_view> names(known);
    status_ = absl::InvalidArgumentError(absl::StrFormat("%s: unknown member %s: %s", of_,
                                                         router::Quoted(name),
                                                         router::NearestNameCure(name, names)));
  }
}

bool JsonReader::Has(std::string_view name) const { return value_->Find(name) != nullptr; }

std::string JsonReader::Text(std::string_view name) {
  if (!Has(name)) Fail(name, "there, a text");
  return Text(name, "");
}

std::string JsonReader::Text(std::string_view name, std::string_view by_default) {
  const Json* const found = value_->Find(name);
  if (found != nullptr && found->is_string()) return found->get<std::string>();
  if (found != nullptr) Fail(name, "a text");
  return std::string(by_default);
}

bool JsonReader::Flag(std::string_view name, bool by_default) {
  const Json* const found = value_->Find(name);
  if (found != nullptr && found->is_boolean()) return found->get<bool>();
  if (found != nullptr) Fail(name, "true or false");
  return by_default;
}

int64_t JsonReader::Number(std::string_view name, int64_t by_default, int64_t min, int64_t max) {
  const Json* const found = value_->Find(name);
  if (found == nullptr) return by_default;
  if (found->is_number_integer()) {
    const auto number = found->get<int64_t>();
    if (number >= min && number <= max) return number;
  }
  Fail(name, absl::StrFormat("a whole number from %d to %d", min, max));
  return by_default;
}

std::vector<std::string> JsonReader::Texts(std::string_view name, size_t count_max) {
  const Json* const found = value_->Find(name);
  std::vector<std::string> texts;
  if (found == nullptr) return texts;
  const bool is_right =
      found->is_array() && found->size() <= count_max &&
      std::all_of(found->begin(), found->end(), [](const Json& one) { return one.is_string(); });
  if (!is_right) {
    Fail(name, absl::StrFormat("a list of at most %d texts", count_max));
    return texts;
  }
  for (const Json& one : *found) texts.push_back(one.get<std::string>());
  return texts;
}

std::map<std::string, int64_t> JsonReader::Numbers(std::string_view name, size_t count_max) {
  const Json* const found = value_->Find(name);
  std::map<std::string, int64_t> numbers;
  if (found == nullptr) return numbers;
  const bool is_right = found->is_object() && found->size() <= count_max &&
                        std::all_of(found->begin(), found->end(),
                                    [](const Json& one) { return one.is_number_integer(); });
  if (!is_right) {
    Fail(name, absl::StrFormat("an object of at most %d whole numbers", count_max));
    return numbers;
  }
  for (const auto& [key, value] : found->items()) numbers[key] = value.get<int64_t>();
  return numbers;
}

std::vector<JsonReader> JsonReader::Objects(std::string_view name, size_t count_max) {
  // Taken out, not copied: what is secret in them has one place.
  const auto found = value_->json.find(std::string(name));
  std::vector<JsonReader> objects;
  if (found == value_->json.end() || found->is_null()) return objects;
  if (!found->is_array() || found->size() > count_max) {
    Fail(name, absl::StrFormat("a list of at most %d objects", count_max));
    return objects;
  }
  for (size_t i = 0; i < found->size(); ++i) {
    objects.push_back(JsonReader(std::make_unique<Value>(Value{std::move((*found)[i])}),
                                 absl::StrFormat("%s: `%s`, number %d", of_, name, i + 1)));
  }
  return objects;
}

JsonReader JsonReader::Object(std::string_view name) {
  const Json* const found = value_->Find(name);
  return {std::make_unique<Value>(Value{found == nullptr ? Json::object() : *found}),
          absl::StrFormat("%s: `%s`", of_, name)};
}

void JsonReader::Wipe(std::string_view name) {
  const auto found = value_->json.find(std::string(name));
  if (found == value_->json.end() || !found->is_string()) return;
  auto& text = found->get_ref<std::string&>();
  ::explicit_bzero(text.data(), text.size());
}

}  // namespace turnout::manager
