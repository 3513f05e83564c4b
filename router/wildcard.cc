#include "router/wildcard.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "router/bytes.h"

namespace turnout::router {
namespace {

// Up to here a plain search is the fastest, and not much slower than others at its worst.
constexpr size_t kPlainSearchBytesMax = 64;

size_t Find(std::string_view value, std::string_view piece) {
  if (piece.size() <= kPlainSearchBytesMax) return value.find(piece);
  const void* const found = memmem(value.data(), value.size(), piece.data(), piece.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - value.data());
}

void AppendPiece(const std::string& piece, std::string* row) {
  const auto length = static_cast<uint32_t>(piece.size());
  row->append(reinterpret_cast<const char*>(&length), sizeof(length));
  row->append(piece);
}

// The piece at `at`, which moves on behind it.
std::string_view TakePiece(const char** at) {
  const auto length = LoadUnaligned<uint32_t>(*at);
  const std::string_view piece(*at + sizeof(length), length);
  *at = piece.data() + length;
  return piece;
}

}  // namespace

std::optional<Wildcard> Wildcard::Parse(std::string_view text, std::string* error) {
  std::vector<std::string> pieces(1);
  std::string* piece = &pieces.front();
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '*') {
      if (next == '*') {
        *error = "two `*` stand together";
        return std::nullopt;
      }
      piece = &pieces.emplace_back();
    } else if (text[i] == '\\') {
      if (next != '*' && next != '\\') {
        *error = "a backslash stands before something that is neither `*` nor a backslash";
        return std::nullopt;
      }
      *piece += next;
      ++i;
    } else {
      *piece += text[i];
    }
  }
  Wildcard wildcard;
  wildcard.star_count_ = pieces.size() - 1;
  AppendPiece(pieces.front(), &wildcard.row_);
  if (pieces.size() > 1) AppendPiece(pieces.back(), &wildcard.row_);
  for (size_t i = 1; i + 1 < pieces.size(); ++i) AppendPiece(pieces[i], &wildcard.row_);
  wildcard.row_.shrink_to_fit();
  return wildcard;
}

std::vector<std::string> Wildcard::pieces() const {
  std::vector<std::string> pieces;
  const char* at = row_.data();
  while (at < row_.data() + row_.size()) pieces.emplace_back(TakePiece(&at));
  // The last one was written second.
  if (pieces.size() > 2) std::rotate(pieces.begin() + 1, pieces.begin() + 2, pieces.end());
  return pieces;
}

bool Wildcard::Matches(std::string_view value) const {
  const char* at = row_.data();
  const std::string_view first = TakePiece(&at);
  if (star_count_ == 0) return value == first;
  const std::string_view last = TakePiece(&at);
  if (value.size() < first.size() + last.size()) return false;
  if (value.substr(0, first.size()) != first) return false;
  if (value.substr(value.size() - last.size()) != last) return false;
  std::string_view rest = value.substr(first.size(), value.size() - first.size() - last.size());
  for (size_t i = 1; i < star_count_; ++i) {
    const std::string_view piece = TakePiece(&at);
    const size_t found = Find(rest, piece);
    if (found == std::string_view::npos) return false;
    rest.remove_prefix(found + piece.size());
  }
  return true;
}

WildcardIgnoreCase::WildcardIgnoreCase(const Wildcard& wildcard) {
  for (const std::string& piece : wildcard.pieces()) pieces_.emplace_back(piece);
}

// The first place of a piece is also the one that ends first, since no form of a character lies
// within another form of it; so to take it is right whatever the forms' lengths.
bool WildcardIgnoreCase::Matches(std::string_view value) const {
  if (pieces_.size() == 1) return pieces_[0].EqualsText(value);
  const size_t begin = pieces_.front().EndAtFront(value);
  if (begin == std::string_view::npos) return false;
  const size_t end = pieces_.back().BeginAtBack(value.substr(begin));
  if (end == std::string_view::npos) return false;
  std::string_view rest = value.substr(begin, end);
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    size_t piece_end = 0;
    if (!pieces_[i].Find(rest, &piece_end)) return false;
    rest.remove_prefix(piece_end);
  }
  return true;
}

}  // namespace turnout::router
