// RequestFrame: a request as it goes over the wire, gathered from pieces.
//
// Internal to connectors/. Record batches lie where they were built and are sent from there; what
// is between them (names, lengths) is the frame's own. So the bytes of a record are copied once,
// into its batch.
//
// Lifetime: borrowed bytes are the owner's to keep unchanged until the frame is sent or dropped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace turnout::connectors {

class RequestFrame {
 public:
  RequestFrame();

  // Where to append the next bytes of the frame's own.
  std::string* own() { return &own_; }
  // What comes next lies elsewhere.
  void Borrow(std::string_view bytes);

  // Writes the length in front; nothing may be appended any more.
  void Seal();
  size_t bytes() const { return own_.size() + borrowed_bytes_; }

  // Fills `pieces` with what follows the first `sent` bytes; how many there are, 0 at the end. The
  // next call must not be about fewer bytes than the last.
  size_t Rest(size_t sent, absl::Span<std::string_view> pieces);

 private:
  struct Borrowed {
    size_t at = 0;  // after so many bytes of our own
    std::string_view bytes;
  };
  std::string_view Piece(size_t index) const;

  std::string own_;
  std::vector<Borrowed> borrowed_;
  size_t borrowed_bytes_ = 0;
  // Where Rest goes on: pieces before are sent. Even pieces are our own, odd ones borrowed.
  size_t first_piece_ = 0;
  size_t first_begin_ = 0;  // bytes before it
};

}  // namespace turnout::connectors
