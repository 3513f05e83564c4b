#include "state/aws_xml.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <pugixml.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace turnout::state {
namespace {

constexpr size_t kTokenBytesMax = 8 * 1024;
constexpr size_t kShownBytesMax = 400;

absl::Status Nonsense(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("the store's answer makes no sense: ", what));
}

bool Parse(std::string_view xml, pugi::xml_document* document) {
  // No declaration of a document's type is read, so no entity is defined by one.
  return document->load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
}

// The text of the one child of that name; nothing if there is none, or several.
std::optional<std::string> TextOf(const pugi::xml_node& parent, const char* name) {
  const pugi::xml_node child = parent.child(name);
  if (!child || child.next_sibling(name)) return std::nullopt;
  return child.text().get();
}

// As in a query: %XX, and `+` for a blank.
std::optional<std::string> UrlDecoded(const std::string& text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      return std::nullopt;
    }
    decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return decoded;
}

absl::StatusOr<ListedKey> KeyOf(const pugi::xml_node& contents, bool is_encoded) {
  std::optional<std::string> key = TextOf(contents, "Key");
  if (key.has_value() && is_encoded) key = UrlDecoded(*key);
  if (!key.has_value() || key->empty() || key->size() > kS3KeyBytesMax) {
    return Nonsense("an entry of the list without a key, or with a wrong one");
  }
  ListedKey listed{.key = *std::move(key)};
  const std::optional<std::string> size = TextOf(contents, "Size");
  if (!size.has_value() || size->empty() || !absl::ascii_isdigit(size->front()) ||
      !absl::SimpleAtoi(*size, &listed.bytes)) {
    return Nonsense(absl::StrCat("the size of ", absl::CHexEscape(listed.key)));
  }
  absl::Time modified;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, TextOf(contents, "LastModified").value_or(""), &modified,
                       &error)) {
    return Nonsense(absl::StrCat("the time of ", absl::CHexEscape(listed.key), ": ", error));
  }
  listed.modified_ms = absl::ToUnixMillis(modified);
  return listed;
}

std::string Shown(const char* text) {
  std::string shown = absl::CHexEscape(absl::string_view(text).substr(0, kShownBytesMax));
  return shown.substr(0, kShownBytesMax);
}

}  // namespace

absl::StatusOr<ListPage> ParseListPage(std::string_view xml) {
  pugi::xml_document document;
  if (!Parse(xml, &document)) return Nonsense("it is not XML");
  const pugi::xml_node result = document.child("ListBucketResult");
  if (!result) return Nonsense("it is not a list of objects");
  const std::optional<std::string> truncated = TextOf(result, "IsTruncated");
  if (truncated != "true" && truncated != "false") {
    return Nonsense("the list does not say whether it goes on");
  }
  const bool is_encoded = TextOf(result, "EncodingType") == "url";
  ListPage page;
  for (const pugi::xml_node& contents : result.children("Contents")) {
    if (page.keys.size() == kListPageKeysMax) return Nonsense("the list is longer than a page");
    absl::StatusOr<ListedKey> key = KeyOf(contents, is_encoded);
    if (!key.ok()) return key.status();
    page.keys.push_back(*std::move(key));
  }
  if (truncated == "true") {
    page.next = TextOf(result, "NextContinuationToken").value_or("");
    if (page.next.empty() || page.next.size() > kTokenBytesMax) {
      return Nonsense("the list goes on, but does not say where");
    }
  }
  return page;
}

absl::StatusOr<std::string> ParseUploadId(std::string_view xml) {
  pugi::xml_document document;
  if (!Parse(xml, &document)) return Nonsense("it is not XML");
  std::string id = TextOf(document.child("InitiateMultipartUploadResult"), "UploadId").value_or("");
  if (id.empty() || id.size() > kTokenBytesMax) return Nonsense("an upload without an id");
  return id;
}

AwsError ParseAwsError(std::string_view text) {
  pugi::xml_document document;
  if (!Parse(text, &document)) return {};
  pugi::xml_node error = document.child("Error");
  if (!error) error = document.child("ErrorResponse").child("Error");
  return {.code = Shown(error.child("Code").text().get()),
          .message = Shown(error.child("Message").text().get())};
}

absl::StatusOr<AssumedRole> ParseAssumedRole(std::string_view xml) {
  pugi::xml_document document;
  if (!Parse(xml, &document)) return Nonsense("it is not XML");
  const pugi::xml_node credentials = document.child("AssumeRoleWithWebIdentityResponse")
                                         .child("AssumeRoleWithWebIdentityResult")
                                         .child("Credentials");
  AssumedRole role{.access_key_id = TextOf(credentials, "AccessKeyId").value_or(""),
                   .secret_access_key = TextOf(credentials, "SecretAccessKey").value_or(""),
                   .session_token = TextOf(credentials, "SessionToken").value_or("")};
  if (role.access_key_id.empty() || role.secret_access_key.empty() || role.session_token.empty()) {
    return Nonsense("a role without its credentials");
  }
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, TextOf(credentials, "Expiration").value_or(""),
                       &role.expires, &error)) {
    return Nonsense(absl::StrCat("when the credentials expire: ", error));
  }
  return role;
}

}  // namespace turnout::state
