// ConfigChecks: what a config's texts must look like. Each answers what is wrong, or an empty
// string.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace turnout::runtime {

// Kafka's rule for the names of topics.
inline constexpr size_t kTopicNameBytesMax = 249;
inline constexpr size_t kGroupBytesMax = 255;
inline constexpr size_t kTableNameBytesMax = 64;
inline constexpr size_t kInstanceBytesMax = 128;

// Before the name of a topic that rules come from, or that reports go to.
inline constexpr std::string_view kTopicScheme = "topic:";

bool IsUrl(std::string_view text);    // http:// or https://
bool IsTopic(std::string_view text);  // topic:NAME

std::string CheckBrokers(std::string_view text);  // host:port,...
// A table's name is a directory's too.
std::string CheckTableName(std::string_view text);
std::string CheckTopic(std::string_view text);
// A table's name is a directory's too.
std::string CheckTableName(std::string_view text);
std::string CheckGroup(std::string_view text);     // any visible text
std::string CheckInstance(std::string_view text);  // letters, digits, `.`, `_`, `-`
std::string CheckListen(std::string_view text);    // host:port
std::string CheckPath(std::string_view text);
std::string CheckField(std::string_view text);  // steps with dots between them
std::string CheckRestoreTime(std::string_view text);
std::string CheckCheckpointStore(std::string_view text);  // an absolute path, or s3://...
std::string CheckRules(std::string_view text);  // a path, http:// or https://, or topic:NAME
std::string CheckManagerUrl(std::string_view text);
std::string CheckReportTo(std::string_view text);     // http:// or https://, topic:NAME, or `none`
std::string CheckEndpoint(std::string_view text);     // http:// or https://, or `aws`
std::string CheckRegistryUrl(std::string_view text);  // http:// or https://, or `none`

// rules_from.samples
inline constexpr std::string_view kSamplesOff = "off";
inline constexpr std::string_view kSamplesWithout = "without ";
inline constexpr std::string_view kSamplesUnmasked = "unmasked";
inline constexpr size_t kMaskFieldsMax = 200;
std::string CheckSamples(std::string_view text);
std::vector<std::string> MaskOf(std::string_view text);  // the fields that it names

}  // namespace turnout::runtime
