// Any bytes as the headers and the payload of a CloudEvent in binary mode: read within their
// bounds, and judged as the structured event that it is written as.
//
// Input: lines `name: value` up to an empty line, then the payload.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/cloud_event.h"
#include "router/document.h"
#include "router/event_parser.h"
#include "router/matcher.h"
#include "router/structured_event.h"
#include "tests/fuzz/check.h"

namespace {

using turnout::router::CloudEvent;
using turnout::router::Event;
using turnout::router::EventParser;
using turnout::router::FieldTrie;
using turnout::router::GatheredEvent;
using turnout::router::Header;
using turnout::router::Matcher;
using turnout::router::PatternId;

constexpr const char* kPatterns[] = {
    R"({"type":[1,"x",null,{"prefix":"y"}]})",
    R"({"source":[{"exists":false}],"subject":[{"anything-but":["x","y"]}]})",
    R"({"type":[{"wildcard":"*a*b"}],"data":{"a":[{"numeric":[">",0,"<=",10.5]}]}})",
    R"({"$or":[{"data.a.b":[{"cidr":"10.0.0.0/8"}]},{"time":[{"suffix":"z"}]}]})",
    R"({"data":[{"exists":true}]})",
    R"({"data":{"a":{"b":[1],"c":[{"exists":false}]}}})",
    R"({"specversion":["1.0"],"datacontenttype":[{"suffix":"json"}],"id":[{"exists":true}]})",
};
constexpr size_t kFields = 3;

Matcher BuildMatcher(bool reads_cloud_events) {
  std::vector<turnout::router::Pattern> patterns;
  std::vector<turnout::router::Problem> problems;
  for (const char* text : kPatterns) {
    const auto node = turnout::router::ParseJson(text, &problems);
    patterns.push_back(*CompilePattern(*node, turnout::router::PatternLimits(), &problems));
  }
  return Matcher(std::move(patterns), {"type", "data", "data.a"}, reads_cloud_events);
}

struct Outcome {
  bool valid = false;
  std::vector<PatternId> matches;
  std::vector<std::optional<std::string>> fields;

  bool operator==(const Outcome& other) const = default;
};

Outcome Run(const Matcher& matcher, const Event& event, Matcher::Scratch* scratch) {
  Outcome outcome;
  outcome.valid = matcher.Match(event, scratch).ok();
  outcome.matches.assign(scratch->matches().begin(), scratch->matches().end());
  for (size_t i = 0; i < kFields; ++i) {
    const std::string_view field = scratch->Field(i);
    outcome.fields.push_back(field.data() == nullptr ? std::nullopt
                                                     : std::optional<std::string>(field));
  }
  return outcome;
}

std::vector<Header> TakeHeaders(std::string_view* text) {
  std::vector<Header> headers = {{"ce_specversion", "1.0"}};
  while (!text->empty()) {
    const size_t end = std::min(text->find('\n'), text->size());
    const std::string_view line = text->substr(0, end);
    text->remove_prefix(std::min(end + 1, text->size()));
    if (line.empty()) break;
    const size_t colon = line.find(": ");
    const bool is_null = colon == std::string_view::npos;
    headers.emplace_back(line.substr(0, colon),
                         is_null ? std::string_view() : line.substr(colon + 2));
  }
  return headers;
}

// The event in structured mode, or nothing where the data is not JSON.
std::optional<std::string> Structured(const Event& event, const CloudEvent& cloud_event) {
  EventParser parser;
  const FieldTrie nothing;
  GatheredEvent gathered;
  gathered.Reset(0);
  if (cloud_event.data == CloudEvent::Data::kJson &&
      !parser.ParseData(event.value, nothing, FieldTrie::kNoNode, &gathered).ok()) {
    return std::nullopt;
  }
  turnout::router::StructuredEvent written;
  written.Write(event, cloud_event, parser.structurals());
  return std::string(written.text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Matcher* const matcher = new Matcher(BuildMatcher(true));
  static const Matcher* const plain = new Matcher(BuildMatcher(false));
  static Matcher::Scratch* const warm = matcher->NewScratch().release();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<Header> headers = TakeHeaders(&text);
  // A copy of exactly its size, so that the sanitizer sees any read beyond it.
  const std::unique_ptr<char[]> bytes(new char[text.size()]);
  std::copy(text.begin(), text.end(), bytes.get());
  const Event event = {.value = {bytes.get(), text.size()}, .headers = headers};
  const Outcome outcome = Run(*matcher, event, warm);
  FUZZ_CHECK(Run(*matcher, event, matcher->NewScratch().get()) == outcome);
  const CloudEvent cloud_event = ReadCloudEvent(event);
  if (cloud_event.mode != CloudEvent::Mode::kBinary) {
    FUZZ_CHECK(Run(*plain, event, plain->NewScratch().get()) == outcome);
    return 0;
  }
  const std::optional<std::string> structured = Structured(event, cloud_event);
  if (!structured) FUZZ_CHECK(!outcome.valid);
  if (!outcome.valid) return 0;
  FUZZ_CHECK(structured.has_value());
  const Outcome as_json = Run(*plain, {.value = *structured}, plain->NewScratch().get());
  FUZZ_CHECK(as_json == outcome);
  return 0;
}
