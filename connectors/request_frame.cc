#include "connectors/request_frame.h"

#include <cstdint>

#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr size_t kLengthBytes = 4;

}  // namespace

RequestFrame::RequestFrame() : own_(kLengthBytes, '\0') {}

void RequestFrame::Borrow(std::string_view bytes) {
  borrowed_.push_back({own_.size(), bytes});
  borrowed_bytes_ += bytes.size();
}

void RequestFrame::Seal() {
  std::string length;
  WireWriter(&length).Int32(static_cast<int32_t>(bytes() - kLengthBytes));
  own_.replace(0, kLengthBytes, length);
}

std::string_view RequestFrame::Piece(size_t index) const {
  if (index % 2 == 1) return borrowed_[index / 2].bytes;
  const size_t begin = index == 0 ? 0 : borrowed_[index / 2 - 1].at;
  const size_t end = index / 2 < borrowed_.size() ? borrowed_[index / 2].at : own_.size();
  return std::string_view(own_).substr(begin, end - begin);
}

size_t RequestFrame::Rest(size_t sent, absl::Span<std::string_view> pieces) {
  const size_t all = 2 * borrowed_.size() + 1;
  while (first_piece_ < all && first_begin_ + Piece(first_piece_).size() <= sent) {
    first_begin_ += Piece(first_piece_++).size();
  }
  size_t count = 0;
  for (size_t i = first_piece_; i < all && count < pieces.size(); ++i) {
    std::string_view piece = Piece(i);
    if (i == first_piece_) piece.remove_prefix(sent - first_begin_);
    if (!piece.empty()) pieces[count++] = piece;
  }
  return count;
}

}  // namespace turnout::connectors
