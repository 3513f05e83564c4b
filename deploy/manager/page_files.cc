#include "deploy/manager/page_files.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/manager/page_texts.h"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

struct PageFile {
  std::string path;
  std::string_view content_type;
  std::string content;
  std::string etag;
};

std::string_view ContentTypeOf(std::string_view name) {
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "text/html; charset=utf-8";
}

std::vector<PageFile> JoinedFiles() {
  std::vector<PageFile> files;
  for (const auto& [name, piece] : PageTexts()) {
    const std::string path = absl::StrCat("/", name == "index.html" ? "" : std::string(name));
    if (files.empty() || files.back().path != path) {
      files.push_back({.path = path, .content_type = ContentTypeOf(name)});
    }
    files.back().content += piece;
  }
  for (PageFile& file : files) {
    file.etag = absl::StrCat("\"", state::Hex(state::Sha256(file.content)), "\"");
  }
  return files;
}

}  // namespace

std::optional<HttpAnswer> PageAnswer(const runtime::HttpRequest& request) {
  static const auto* const files = new std::vector<PageFile>(JoinedFiles());
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  for (const PageFile& file : *files) {
    if (file.path != request.path) continue;
    HttpAnswer answer{.content_type = std::string(file.content_type)};
    answer.headers = {{"Cache-Control", "no-cache"}, {"ETag", file.etag}};
    if (request.Header("if-none-match") == file.etag) {
      answer.status = 304;
    } else {
      answer.body = file.content;
    }
    return answer;
  }
  return std::nullopt;
}

}  // namespace turnout::manager
