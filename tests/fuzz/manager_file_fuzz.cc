// Any bytes as what the manager reads of files and items: a tokens' file, a service's settings, a
// pipeline, a tree of files (`== PATH` lines begin one), and a reference to a secret. They are
// refused in words, or read in a way that can be written again.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/manager/access.h"
#include "deploy/manager/change.h"
#include "deploy/manager/change_request.h"
#include "deploy/manager/item_tree.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/pipeline_check.h"
#include "deploy/manager/secret_reference.h"
#include "deploy/manager/tokens.h"
#include "tests/fuzz/check.h"

using namespace turnout::manager;  // NOLINT: all of it is of there

namespace {

void CheckJson(std::string_view text) {
  const auto tokens = ReadTokens(text);
  if (tokens.ok()) {
    FUZZ_CHECK(tokens->size() <= kTokensMax);
    for (const KnownToken& known : *tokens) FUZZ_CHECK(!known.principal.name.empty());
  } else {
    FUZZ_CHECK(!tokens.status().message().empty());
  }
  const auto settings = ReadServiceSettings(text);
  if (settings.ok()) {
    for (const Grant& grant : settings->grants) FUZZ_CHECK(!grant.principal.empty());
  } else {
    FUZZ_CHECK(!settings.status().message().empty());
  }
  JsonReader reader(text, "it");
  reader.Text("a", "");
  reader.Flag("b", false);
  const int64_t number = reader.Number("c", 3, -5, 5);
  FUZZ_CHECK(number >= -5 && number <= 5);
  FUZZ_CHECK(reader.Texts("d", 3).size() <= 3);
  FUZZ_CHECK(reader.Numbers("e", 3).size() <= 3);
  for (JsonReader& one : reader.Objects("f", 3)) one.Text("a");
  reader.Object("g").Only({"a"});
  reader.Wipe("a");
}

void CheckReferences(std::string_view text) {
  size_t end = 0;
  for (const SecretReference& reference : FindSecretReferences(text)) {
    FUZZ_CHECK(reference.begin >= end && reference.end > reference.begin);
    FUZZ_CHECK(reference.end <= text.size());
    end = reference.end;
  }
  FUZZ_CHECK(WithSecretsAsVariables(text).size() == text.size());
  std::vector<turnout::router::Problem> problems;
  CheckPipeline(text, &problems);
  for (const PlacedSecret& secret : SecretsOfPipeline(text)) FUZZ_CHECK(secret.at.line >= 0);
}

void CheckTree(std::string_view text) {
  FileTree tree;
  std::string* into = nullptr;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.starts_with("== ")) {
      into = &tree[std::string(line.substr(3))];
    } else if (into != nullptr) {
      into->append(line).push_back('\n');
    }
  }
  const auto edits = ImportItems(tree, {}, MissingFile::kItemStays);
  if (!edits.ok()) {
    FUZZ_CHECK(!edits.status().message().empty());
    return;
  }
  std::vector<Item> items;
  for (const Edit& edit : *edits) {
    if (edit.content) items.push_back({.id = edit.id, .content = *edit.content, .version = 1});
  }
  ChangeRequest request{.by = "one", .edits = *edits};
  if (!CheckRequest(&request).ok()) return;
  const auto again = ImportItems(ExportItems(items), items, MissingFile::kItemIsDeleted);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckJson(text);
  CheckReferences(text);
  CheckTree(text);
  return 0;
}
