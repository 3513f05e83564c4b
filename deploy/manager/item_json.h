// ItemJson: items, changes and what is said of them, as the API shows them. What a secret holds is
// shown nowhere: of one there is the id of the key that seals it, and whom it is bound to.
//
// Threads: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deploy/manager/change.h"
#include "deploy/manager/item.h"
#include "deploy/manager/item_search.h"
#include "deploy/manager/item_store.h"
#include "deploy/manager/publish_check.h"

namespace turnout::manager {

inline constexpr char kApiTimeFormat[] = "%Y-%m-%dT%H:%M:%E3SZ";

enum class ShowTexts { kYes, kNo };

std::string EtagOf(int64_t version);  // "12" in quotes
std::string ItemToJson(const Item& item, ShowTexts texts);
std::string SummaryToJson(const ChangeSummary& summary);
std::string ChangeToJson(const Change& change);
std::string ReportToJson(const PublishReport& report);
std::string SearchToJson(const SearchResult& result);

// Each with both sides: `theirs` as it is there, `yours` as the edit would have it.
std::string ConflictsToJson(const std::vector<Conflict>& conflicts, const std::vector<Edit>& edits);

// What an edit changes: {"id", "version", "diff", "deleted"}, `version` of what is there; with its
// "text" where that is asked for and no secret.
std::string EditToJson(const Edit& edit, const Item* before, ShowTexts texts);

}  // namespace turnout::manager
