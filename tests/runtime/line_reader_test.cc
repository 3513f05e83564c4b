#include "runtime/line_reader.h"

#include <unistd.h>
#include <zlib.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using support::TempDirectory;
using support::TempStream;
using Format = LineReader::Format;

std::vector<std::string> LinesOf(LineReader* reader) {
  std::vector<std::string> lines;
  for (std::string_view line; reader->Next(&line);) lines.emplace_back(line);
  return lines;
}

std::vector<std::string> LinesOf(std::string_view text, Format format) {
  const TempStream in(text);
  auto reader = LineReader::Open("-", format, in.get());
  EXPECT_TRUE(reader.ok());
  std::vector<std::string> lines = LinesOf(reader->get());
  EXPECT_TRUE((*reader)->status().ok());
  return lines;
}

std::string Gzipped(const std::string& text) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/x.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(LineReader, GivesLinesWithoutTheirEnds) {
  for (const Format format : {Format::kPlain, Format::kMaybeGzip}) {
    EXPECT_THAT(LinesOf("a\n\nb\r\nc", format), ElementsAre("a", "", "b", "c"));
    EXPECT_THAT(LinesOf("a\n", format), ElementsAre("a"));
    EXPECT_THAT(LinesOf("\n", format), ElementsAre(""));
    EXPECT_THAT(LinesOf("", format), IsEmpty());
    EXPECT_THAT(LinesOf(std::string("a\0b\n", 4), format), ElementsAre(std::string("a\0b", 3)));
  }
}

TEST(LineReader, GivesLinesOfAnySize) {
  const std::string large(5'000'000, 'x');
  const std::string exact(65535, 'y');
  for (const Format format : {Format::kPlain, Format::kMaybeGzip}) {
    EXPECT_THAT(LinesOf(exact + "\n" + large + "\nz\n", format), ElementsAre(exact, large, "z"));
  }
}

TEST(LineReader, ReadsGzippedText) {
  const std::string text = "a\nb\n" + std::string(300'000, 'x');
  EXPECT_THAT(LinesOf(Gzipped(text), Format::kMaybeGzip),
              ElementsAre("a", "b", std::string(300'000, 'x')));
}

TEST(LineReader, SaysThatAGzippedTextIsCutOff) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919) + "\n";
  const std::string whole = Gzipped(text);
  const TempStream in(whole.substr(0, whole.size() / 2));
  auto reader = LineReader::Open("-", Format::kMaybeGzip, in.get());
  ASSERT_TRUE(reader.ok());
  EXPECT_FALSE(LinesOf(reader->get()).empty());
  EXPECT_THAT(std::string((*reader)->status().message()), HasSubstr("cut off"));
}

TEST(LineReader, SaysWhyAFileCannotBeRead) {
  const TempDirectory directory;
  for (const Format format : {Format::kPlain, Format::kMaybeGzip}) {
    const auto missing = LineReader::Open(directory.path() + "/x", format, stdin);
    EXPECT_EQ(std::string(missing.status().message()), "No such file or directory");
    auto reader = LineReader::Open(directory.path(), format, stdin);
    ASSERT_TRUE(reader.ok());
    EXPECT_THAT(LinesOf(reader->get()), IsEmpty());
    EXPECT_EQ(std::string((*reader)->status().message()), "Is a directory");
  }
}

TEST(LineReader, GivesALineOfAPipeBeforeTheNextOneIsWritten) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::FILE* const in = fdopen(ends[0], "rb");
  auto reader = LineReader::Open("-", Format::kPlain, in);
  ASSERT_TRUE(reader.ok());
  int waits = 0;
  (*reader)->set_before_read([&] { ++waits; });
  std::string_view line;
  ASSERT_EQ(write(ends[1], "a\nb", 3), 3);
  ASSERT_TRUE((*reader)->Next(&line));
  EXPECT_EQ(line, "a");
  EXPECT_EQ(waits, 1);
  ASSERT_EQ(write(ends[1], "c\n", 2), 2);
  ASSERT_TRUE((*reader)->Next(&line));
  EXPECT_EQ(line, "bc");
  close(ends[1]);
  EXPECT_FALSE((*reader)->Next(&line));
  std::fclose(in);
}

}  // namespace
}  // namespace turnout::runtime
