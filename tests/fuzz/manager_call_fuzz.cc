// Any call of the manager's API: a line `METHOD TARGET`, headers a line each, an empty line, a
// body. The handlers themselves answer, before a store that holds a little of everything; whoever
// calls is an admin, what would change anything is a dry run. Each answer is one that has a cure,
// nothing is thrown, and what is JSON can be read.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/manager/api.h"
#include "runtime/real_time.h"
#include "state/directory_checkpoint_store.h"
#include "tests/fuzz/check.h"
#include "tests/support/temp_directory.h"

using namespace turnout;  // NOLINT: of the room that is called

namespace {

constexpr std::string_view kPlanted = "planted-in-a-secret";
constexpr std::string_view kRules =
    "team: fraud\ndestinations: [fraud.*]\nrules:\n"
    "  - {name: a, match: {type: [order], total: [{numeric: ['>', 5]}]}, to: 'fraud.{region}'}\n";
constexpr std::string_view kTests =
    "cases:\n  - name: b\n    events: [{value: {type: order, total: 6, region: eu}, "
    "expect: [{to: fraud.eu}]}]\n";

struct Bench {
  support::TempDirectory directory;
  manager::Parts parts;
  Bench();
};

void Add(manager::Parts& parts, manager::ItemKind kind, std::string name,
         manager::ItemContent content) {
  const auto done = parts.store->Apply(
      {.by = "seed", .edits = {{{"orders", kind, std::move(name)}, std::move(content)}}}, nullptr);
  FUZZ_CHECK(done.ok());
}

Bench::Bench() {
  const std::string at = directory.path();
  auto keys = manager::MasterKeys::Open(
      directory.Write("keys", absl::StrCat("k ", std::string(43, 'A'), "=\n")), {},
      runtime::RealTimeAndChance());
  FUZZ_CHECK(keys.ok());
  parts.keys = *std::move(keys);
  auto audit = manager::AuditLog::Open(at + "/audit");
  parts.own_objects = std::make_unique<state::DirectoryCheckpointStore>(at);
  auto proposals = manager::Proposals::Open(parts.own_objects.get());
  auto store = manager::ItemStore::Open(at + "/items", [] { return int64_t{1'700'000'000'000}; });
  FUZZ_CHECK(audit.ok() && proposals.ok() && store.ok());
  parts.audit = *std::move(audit);
  parts.proposals = *std::move(proposals);
  parts.store = *std::move(store);
  parts.feed = std::make_unique<manager::RulesFeed>([](uint64_t, const manager::HttpAnswer&) {});
  parts.state_settings.partitioned_by = router::kOnePartition;
  using Kind = manager::ItemKind;
  Add(parts, Kind::kRules, "fraud", {.text = std::string(kRules)});
  Add(parts, Kind::kTests, "fraud", {.text = std::string(kTests)});
  Add(parts, Kind::kConfig, "limit", {.text = "12", .type = "number"});
  Add(parts, Kind::kConfig, "limit", {.text = "13", .type = "number"});
  Add(parts, Kind::kPipeline, "main", {.text = "source: {topic: events}\nrules: rules\n"});
  const auto sealed = parts.keys->Current()->Seal(kPlanted, "orders/secret/key");
  FUZZ_CHECK(sealed.ok());
  Add(parts, Kind::kSecret, "key", {.text = *sealed, .bound_to = {"router"}});
  const auto rules = parts.store->List("orders", Kind::kRules);
  FUZZ_CHECK(rules.ok());
  parts.feed->Publish("orders", *rules);
}

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == text->npos ? text->size() : end + 1);
  return line;
}

// Nullopt: it is no call.
std::optional<runtime::HttpRequest> ReadCall(std::string_view text) {
  runtime::HttpRequest request;
  const std::string_view first = TakeLine(&text);
  const size_t space = first.find(' ');
  if (space == first.npos) return std::nullopt;
  request.method = std::string(first.substr(0, space));
  const std::string_view target = first.substr(space + 1);
  const size_t mark = std::min(target.find('?'), target.size());
  request.path = std::string(target.substr(0, mark));
  if (request.path.empty() || request.path[0] != '/') return std::nullopt;
  if (mark < target.size()) request.query = std::string(target.substr(mark + 1));
  for (std::string_view line = TakeLine(&text); !line.empty(); line = TakeLine(&text)) {
    const size_t colon = line.find(": ");
    if (colon == line.npos) return std::nullopt;
    request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  request.body = std::string(text);
  return request;
}

void CheckAnswer(const manager::HttpAnswer& answer) {
  FUZZ_CHECK(answer.status >= 200 && answer.status < 600 && answer.status != 500);
  FUZZ_CHECK(answer.body.find(kPlanted) == answer.body.npos);
  for (const auto& [name, value] : answer.headers) {
    FUZZ_CHECK(value.find_first_of("\r\n") == value.npos);
  }
  const bool has_body = answer.status != 204 && answer.status != 304;
  if (!has_body || answer.content_type != "application/json") return;
  const auto said = nlohmann::json::parse(answer.body, nullptr, false);
  FUZZ_CHECK(said.is_object());
  if (answer.status >= 400) FUZZ_CHECK(!said.value("error", "").empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Bench bench;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // libFuzzer sees what is looked for, and sends it.
  if (text.find(kPlanted) != text.npos) return 0;
  const auto request = ReadCall(text);
  if (!request) return 0;
  manager::Call call{.request = &*request, .peer = "127.0.0.1", .number = 1};
  std::vector<std::string_view> allowed;
  const manager::Route* const route =
      manager::FindRoute(request->method, request->path, &call, &allowed);
  if (route == nullptr || route->handler == nullptr || route->action == "release_secret") return 0;
  if (!call.service.empty() && !manager::CheckItemName("service", call.service).ok()) return 0;
  auto query = manager::ReadQuery(request->query, route->query);
  if (!query.ok() || !manager::CheckFlags(*query).ok()) return 0;
  call.query = *std::move(query);
  call.query.erase("wait");
  for (const std::string_view name : route->query) {
    if (name == "dry_run") call.query["dry_run"] = "1";
  }
  call.action = std::string(route->action);
  call.principal = {.name = "root",
                    .kind = route->needs == manager::Needs::kRouter
                                ? manager::PrincipalKind::kRouter
                                : manager::PrincipalKind::kPerson,
                    .grants = {{.service = "*", .team = "*", .role = manager::Role::kAdmin}}};
  const int64_t newest = bench.parts.store->newest();
  const auto answer = route->handler(bench.parts, call);
  FUZZ_CHECK(answer.has_value());
  CheckAnswer(*answer);
  FUZZ_CHECK(bench.parts.store->newest() == newest);
  return 0;
}
