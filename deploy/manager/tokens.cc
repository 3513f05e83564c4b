#include "deploy/manager/tokens.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_reader.h"
#include "runtime/log.h"
#include "state/files.h"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

constexpr absl::Duration kLookPause = absl::Seconds(1);

bool IsSha256(std::string_view text) {
  return text.size() == state::kSha256Digits &&
         text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool IsSame(std::string_view a, std::string_view b) {  // both of kSha256Digits
  unsigned char difference = 0;
  for (size_t i = 0; i < state::kSha256Digits; ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

absl::StatusOr<KnownToken> ReadToken(JsonReader* reader) {
  reader->Only({"name", "kind", "sha256", "grants"});
  KnownToken token{.sha256 = reader->Text("sha256"), .principal = {.name = reader->Text("name")}};
  const std::string kind = reader->Text("kind", "person");
  token.principal.kind = kind == "router" ? PrincipalKind::kRouter : PrincipalKind::kPerson;
  for (JsonReader& one : reader->Objects("grants", kGrantsMax)) {
    one.Only({"service", "team", "role"});
    Grant grant{.service = one.Text("service"), .team = one.Text("team", kAll)};
    const absl::StatusOr<Role> role = ReadRole(one.Text("role"));
    if (!one.status().ok()) return one.status();
    if (!role.ok()) return role.status();
    grant.role = *role;
    token.principal.grants.push_back(std::move(grant));
  }
  if (!reader->status().ok()) return reader->status();
  if (kind != "router" && kind != "person") {
    return absl::InvalidArgumentError(
        absl::StrCat(token.principal.name, ": `kind` is to be person or router"));
  }
  if (!IsSha256(token.sha256)) {
    return absl::InvalidArgumentError(
        absl::StrCat(token.principal.name,
                     ": `sha256` is to be the 64 hexadecimal digits of the token's SHA-256"));
  }
  const absl::Status name = CheckItemName("principal", token.principal.name);
  if (!name.ok()) return name;
  return token;
}

}  // namespace

absl::StatusOr<std::vector<KnownToken>> ReadTokens(std::string_view json) {
  JsonReader reader(json, "the tokens");
  reader.Only({"tokens"});
  std::vector<KnownToken> tokens;
  std::set<std::string> digests;
  for (JsonReader& one : reader.Objects("tokens", kTokensMax)) {
    absl::StatusOr<KnownToken> token = ReadToken(&one);
    if (!token.ok()) return token.status();
    if (!digests.insert(token->sha256).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(token->principal.name, ": another one has the same token"));
    }
    tokens.push_back(*std::move(token));
  }
  if (!reader.status().ok()) return reader.status();
  return tokens;
}

absl::StatusOr<std::unique_ptr<Tokens>> Tokens::Open(const std::string& file) {
  std::unique_ptr<Tokens> tokens(new Tokens(file));
  const absl::Status read = tokens->Read();
  if (!read.ok()) return read;
  return tokens;
}

absl::Status Tokens::Read() {
  std::error_code error;
  const auto written = std::filesystem::last_write_time(file_, error);
  const absl::StatusOr<std::string> text = state::ReadFile(file_, kTokensFileBytesMax);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  absl::StatusOr<std::vector<KnownToken>> known = ReadTokens(*text);
  if (!known.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(file_, ": ", known.status().message()));
  }
  const absl::MutexLock lock(&mu_);
  known_ = *std::move(known);
  written_ = written;
  return absl::OkStatus();
}

void Tokens::ReadIfChanged() {
  std::error_code error;
  const auto written = std::filesystem::last_write_time(file_, error);
  {
    const absl::MutexLock lock(&mu_);
    if (error || written == written_) return;
    written_ = written;  // a bad file is told once
  }
  const absl::Status read = Read();
  if (read.ok()) return;
  runtime::LogWarning("tokens_refused",
                      absl::StrCat("the tokens from before stay: ", read.message()));
}

std::optional<Principal> Tokens::Find(const std::string& digest) {
  const absl::MutexLock lock(&mu_);
  const KnownToken* found = nullptr;
  for (const KnownToken& one : known_) {
    if (IsSame(one.sha256, digest)) found = &one;
  }
  return found == nullptr ? std::nullopt : std::optional(found->principal);
}

std::optional<Principal> Tokens::WhoBears(std::string_view token, absl::Time now) {
  bool is_time = false;
  {
    const absl::MutexLock lock(&mu_);
    is_time = now - looked_at_ >= kLookPause;
    if (is_time) looked_at_ = now;
  }
  if (is_time) ReadIfChanged();
  const std::string digest = state::Sha256(token);
  std::optional<Principal> found = Find(digest);
  if (found.has_value() || is_time) return found;
  // It may be new. Whoever tries many of these is kept waiting before.
  ReadIfChanged();
  return Find(digest);
}

}  // namespace turnout::manager
