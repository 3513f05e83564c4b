#include "runtime/rule_test_report.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/json_text.h"

namespace turnout::runtime {
namespace {

TestCounts CountOf(const TestFileOutcome& file) {
  const auto passed = static_cast<size_t>(std::count_if(
      file.cases.begin(), file.cases.end(), [](const CaseOutcome& one) { return one.passed(); }));
  return {passed, file.cases.size() - passed};
}

std::string InWords(const TestCounts& counts) {
  return counts.failed == 0 ? absl::StrFormat("%d passed", counts.passed)
                            : absl::StrFormat("%d passed, %d failed", counts.passed, counts.failed);
}

// What events hold may be no text that a terminal or a document takes.
std::string Printable(std::string_view text) {
  const bool is_utf8 = IsUtf8(text);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c != '\n' && (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8))) {
      absl::StrAppendFormat(&out, "\\x%02x", byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string FailureText(const std::string& file, const CaseOutcome& one,
                        const TestFailure& failure) {
  return Printable(absl::StrFormat("%s:%d:%d: %s: %s\n", file, failure.at.line, failure.at.column,
                                   one.name, failure.text));
}

std::string Xml(std::string_view text) {
  std::string out;
  for (const char c : Printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string XmlCase(const TestFileOutcome& file, const CaseOutcome& one) {
  std::string xml =
      absl::StrFormat("    <testcase classname=\"%s\" name=\"%s\" file=\"%s\" line=\"%d\"",
                      Xml(file.file), Xml(one.name), Xml(file.file), one.at.line);
  if (one.passed()) return xml + "/>\n";
  xml += ">\n";
  for (const TestFailure& failure : one.failures) {
    const std::string first = failure.text.substr(0, failure.text.find('\n'));
    absl::StrAppendFormat(&xml, "      <failure message=\"%s\">%s</failure>\n", Xml(first),
                          Xml(FailureText(file.file, one, failure)));
  }
  return xml + "    </testcase>\n";
}

}  // namespace

TestCounts CountCases(const std::vector<TestFileOutcome>& files) {
  TestCounts counts;
  for (const TestFileOutcome& file : files) {
    const TestCounts of_file = CountOf(file);
    counts.passed += of_file.passed;
    counts.failed += of_file.failed;
  }
  return counts;
}

std::string TestReport(const std::vector<TestFileOutcome>& files) {
  std::string text;
  for (const TestFileOutcome& file : files) {
    if (!file.refused.empty()) continue;
    for (const CaseOutcome& one : file.cases) {
      for (const TestFailure& failure : one.failures) text += FailureText(file.file, one, failure);
    }
    absl::StrAppend(&text, Printable(file.file), ": ", InWords(CountOf(file)), "\n");
  }
  if (files.size() > 1) absl::StrAppend(&text, InWords(CountCases(files)), "\n");
  return text;
}

std::string JUnitReport(const std::vector<TestFileOutcome>& files) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const TestFileOutcome& file : files) {
    const TestCounts counts = CountOf(file);
    const size_t errors = file.refused.empty() ? 0 : 1;
    absl::StrAppendFormat(
        &xml, "  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"%d\">\n",
        Xml(file.file), counts.passed + counts.failed + errors, counts.failed, errors);
    for (const CaseOutcome& one : file.cases) xml += XmlCase(file, one);
    if (errors > 0) {
      const std::string name = Xml(file.file);
      absl::StrAppendFormat(&xml,
                            "    <testcase classname=\"%s\" name=\"the file is read\">\n"
                            "      <error message=\"refused\">%s</error>\n    </testcase>\n",
                            name, Xml(file.refused));
    }
    xml += "  </testsuite>\n";
  }
  return xml + "</testsuites>\n";
}

}  // namespace turnout::runtime
