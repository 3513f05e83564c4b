#include "router/affix_index.h"

#include <algorithm>

namespace turnout::router {

AffixIndex::AffixIndex(End end, std::vector<Affix> affixes) : end_(end) {
  if (end_ == End::kSuffix) {
    for (Affix& affix : affixes) std::reverse(affix.text.begin(), affix.text.end());
  }
  std::sort(affixes.begin(), affixes.end(),
            [](const Affix& a, const Affix& b) { return a.text < b.text; });
  // The affixes that begin the one at hand, shortest first.
  std::vector<uint32_t> beginnings;
  for (const Affix& affix : affixes) {
    while (!beginnings.empty()) {
      const std::string_view begin = TextOf(nodes_[beginnings.back()]);
      if (std::string_view(affix.text).substr(0, begin.size()) == begin) break;
      beginnings.pop_back();
    }
    const auto self = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({static_cast<uint32_t>(texts_.size()),
                      static_cast<uint32_t>(affix.text.size()),
                      beginnings.empty() ? kNone : beginnings.back(), affix.target});
    texts_ += affix.text;
    beginnings.push_back(self);
  }
  nodes_.shrink_to_fit();
  texts_.shrink_to_fit();
}

size_t AffixIndex::CommonLength(std::string_view affix, std::string_view text) const {
  const size_t length = std::min(affix.size(), text.size());
  if (end_ == End::kPrefix) {
    return static_cast<size_t>(std::mismatch(affix.begin(),
                                             affix.begin() + static_cast<std::ptrdiff_t>(length),
                                             text.begin())
                                   .first -
                               affix.begin());
  }
  return static_cast<size_t>(std::mismatch(affix.begin(),
                                           affix.begin() + static_cast<std::ptrdiff_t>(length),
                                           text.rbegin())
                                 .first -
                             affix.begin());
}

uint32_t AffixIndex::LongestCandidate(std::string_view text, size_t* common) const {
  size_t begin = 0;
  size_t end = nodes_.size();
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    const std::string_view affix = TextOf(nodes_[middle]);
    const size_t length = CommonLength(affix, text);
    const bool behind =
        length < affix.size() &&
        (length == text.size() ||
         static_cast<unsigned char>(affix[length]) >
             static_cast<unsigned char>(end_ == End::kPrefix ? text[length]
                                                             : text[text.size() - 1 - length]));
    if (behind) {
      end = middle;
    } else {
      *common = length;
      begin = middle + 1;
    }
  }
  return begin == 0 ? kNone : static_cast<uint32_t>(begin - 1);
}

}  // namespace turnout::router
