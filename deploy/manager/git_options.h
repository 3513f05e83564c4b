// GitOptions: which branch of which repository the manager follows and writes to. Set once.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "router/document.h"

namespace turnout::manager {

inline constexpr int64_t kGitPollSecondsMax = 3'600;

struct GitOptions {
  std::string repository;  // https://, ssh://, file:// or user@host:path; empty: there is none
  std::string branch = "main";
  std::string path;     // the tree's directory in the repository; empty: its root
  std::string service;  // that alone; empty: all
  std::string author = "Turnout <turnout@localhost>";  // who commits; the author is who changed it
  int64_t poll_seconds = 10;  // more: others' pushes come later; less: more questions
  std::string user = "x-access-token";
  std::string token_file;  // for https; read anew each time
  std::string ssh_key_file;
  std::string known_hosts_file;  // of ssh; without it an unknown host is refused
  std::string ca_file;
};

// InvalidArgument, naming the option.
absl::Status CheckGitOptions(const GitOptions& options);

// Those of an object of a config, checked. InvalidArgument with the place in the file.
absl::Status ReadGitOptions(const std::string& file, const router::Node& node, GitOptions* git);

}  // namespace turnout::manager
