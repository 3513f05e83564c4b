// StatusPage: the page at `/`: the files in status_page/, compiled in.
//
// It asks /v1/status and /v1/traffic of the router that served it, and nothing of anybody else.
//
// Threads: any; constants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace turnout::runtime {

struct PageFile {
  std::string path;  // "/app.js"
  std::string_view content_type;
  std::string_view body;
};

std::vector<PageFile> StatusPage();

}  // namespace turnout::runtime
