#include "runtime/admin_fields.h"

#include <string_view>

#include "runtime/config_checks.h"

namespace turnout::runtime {
namespace {

// Stands for no file at all.
constexpr std::string_view kNone = "none";

bool IsNone(std::string_view text) { return text == kNone; }

std::string PathOf(const FieldValue& value) { return IsNone(value.text) ? "" : value.text; }

ConfigField FileField(std::string_view key) {
  return {.key = key,
          .type = FieldType::kPath,
          .default_text = kNone,
          .allowed = "a path, or `none`",
          .check = CheckPath,
          .is_no_path = IsNone};
}

}  // namespace

void AddAdminFields(std::vector<ConfigField>* fields) {
  fields->push_back(
      {.key = "listen",
       .default_text = "127.0.0.1:9464",
       .allowed = "host:port; port 0 takes a free one",
       .check = CheckListen,
       .effect = "Where the status page and the admin API are served: `/`, `/metrics`, `/healthz`, "
                 "`/readyz`, `/v1/...`.",
       .cost = "On `0.0.0.0`, as in a container, all who reach it may read names, counts and "
               "troubles; what shows events or changes something wants `admin.token_file` and "
               "`admin.tls` there.",
       .store = [](const FieldValue& v, Config* c) { c->listen = v.text; }});
  ConfigField token = FileField("admin.token_file");
  token.effect =
      "A file with the bearer token that the admin API asks for where events would be shown, or "
      "something changed, as by `turnout rollback`. It is read at each request.";
  token.cost =
      "Without it that is possible from this machine alone, and only where `listen` is a loopback "
      "address. Make it of 32 random letters or more.";
  token.store = [](const FieldValue& v, Config* c) { c->admin_token_file = PathOf(v); };
  fields->push_back(token);
  ConfigField certificate = FileField("admin.tls.certificate_file");
  certificate.effect =
      "A PEM file with the certificate that the admin API shows, and those that lead from it to an "
      "authority. With it all of it is https, of TLS 1.2 or newer. It is looked at once a second "
      "while clients come, so one that is renewed is taken without a restart.";
  certificate.cost =
      "Probes and scrapes have to ask by https too. Without it, what wants the token is refused "
      "where `listen` is more than this machine.";
  certificate.store = [](const FieldValue& v, Config* c) { c->admin_certificate_file = PathOf(v); };
  fields->push_back(certificate);
  ConfigField key = FileField("admin.tls.key_file");
  key.effect = "A PEM file with its key, without a password; looked at as the certificate is.";
  key.cost = "Both, or neither of them.";
  key.store = [](const FieldValue& v, Config* c) { c->admin_key_file = PathOf(v); };
  fields->push_back(key);
}

std::string CheckAdminTogether(const Config& config) {
  if (config.admin_certificate_file.empty() == config.admin_key_file.empty()) return {};
  return config.admin_key_file.empty() ? "admin.tls.certificate_file is given without a key_file"
                                       : "admin.tls.key_file is given without a certificate_file";
}

}  // namespace turnout::runtime
