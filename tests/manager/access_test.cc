#include "deploy/manager/access.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::manager {
namespace {

using testing::HasSubstr;

Principal Bearer(std::string service, std::string team, Role role) {
  return {.name = "ann", .grants = {{.service = service, .team = team, .role = role}}};
}

const ItemId kFraud{.service = "orders", .kind = ItemKind::kRules, .name = "fraud"};
const ItemId kShop{.service = "orders", .kind = ItemKind::kTests, .name = "shop"};
const ItemId kValue{.service = "orders", .kind = ItemKind::kConfig, .name = "limit"};
const ItemId kSettings{.service = "orders", .kind = ItemKind::kSettings, .name = "service"};

TEST(Access, ARoleHoldsThoseBelowItAndNoneAbove) {
  const ServiceSettings none;
  for (int has = 0; has <= 3; ++has) {
    const Principal ann = Bearer("orders", "fraud", static_cast<Role>(has));
    for (int asked = 0; asked <= 3; ++asked) {
      EXPECT_EQ(HasRole(ann, none, "orders", "fraud", static_cast<Role>(asked)), asked <= has);
      EXPECT_FALSE(HasRole(ann, none, "orders", "shop", static_cast<Role>(asked)));
      EXPECT_FALSE(HasRole(ann, none, "others", "fraud", static_cast<Role>(asked)));
      EXPECT_FALSE(HasRole(ann, none, "orders", "", static_cast<Role>(asked)));
    }
  }
}

TEST(Access, AllTeamsAndTheServiceItselfAreOneGrant) {
  const Principal ann = Bearer("*", "*", Role::kEditor);
  for (const ItemId& id : {kFraud, kShop, kValue}) {
    EXPECT_EQ(RightToChange(ann, {}, "orders", {id}), ChangeRight::kDone) << id.ToString();
  }
  EXPECT_EQ(RightToChange(ann, {}, "orders", {kSettings}), ChangeRight::kRefused);
  EXPECT_EQ(RightToChange(Bearer("*", "*", Role::kAdmin), {}, "orders", {kSettings}),
            ChangeRight::kDone);
}

TEST(Access, ATeamsEditorChangesThatTeamsFilesAlone) {
  const Principal ann = Bearer("orders", "fraud", Role::kEditor);
  EXPECT_EQ(RightToChange(ann, {}, "orders", {kFraud}), ChangeRight::kDone);
  EXPECT_EQ(RightToChange(ann, {}, "orders", {kFraud, kShop}), ChangeRight::kRefused);
  EXPECT_EQ(RightToChange(ann, {}, "orders", {kValue}), ChangeRight::kRefused);
}

TEST(Access, WithASecondPersonOthersFilesAreProposedAndSettingsAreNot) {
  const ServiceSettings two{.second_person = true, .bulk_items_max = 2};
  const Principal ann = Bearer("orders", "fraud", Role::kEditor);
  EXPECT_EQ(RightToChange(ann, two, "orders", {kFraud}), ChangeRight::kDone);
  EXPECT_EQ(RightToChange(ann, two, "orders", {kShop}), ChangeRight::kProposed);
  EXPECT_EQ(RightToChange(ann, two, "orders", {kSettings}), ChangeRight::kRefused);
  EXPECT_EQ(RightToChange(Bearer("orders", "fraud", Role::kViewer), two, "orders", {kShop}),
            ChangeRight::kRefused);
  const Principal all = Bearer("orders", "*", Role::kAdmin);
  EXPECT_EQ(RightToChange(all, two, "orders", {kFraud, kShop}), ChangeRight::kDone);
  EXPECT_EQ(RightToChange(all, two, "orders", {kFraud, kShop, kValue}), ChangeRight::kProposed);
}

TEST(Access, WhoeverApprovesIsApproverOfAllOfIt) {
  const Principal shop = Bearer("orders", "shop", Role::kApprover);
  EXPECT_TRUE(MayApprove(shop, {}, "orders", {kShop}));
  EXPECT_FALSE(MayApprove(shop, {}, "orders", {kShop, kFraud}));
  EXPECT_FALSE(MayApprove(Bearer("orders", "*", Role::kEditor), {}, "orders", {kShop}));
}

TEST(Access, ARouterChangesAndApprovesNothingWhateverItsGrants) {
  Principal router = Bearer("*", "*", Role::kAdmin);
  router.kind = PrincipalKind::kRouter;
  EXPECT_EQ(RightToChange(router, {}, "orders", {kFraud}), ChangeRight::kRefused);
  EXPECT_FALSE(MayApprove(router, {}, "orders", {kFraud}));
}

TEST(Access, SettingsGrantByName) {
  const auto settings = ReadServiceSettings(
      R"({"grants": [{"principal": "ann", "team": "fraud", "role": "editor"}],
          "second_person": true, "bulk_items_max": 3})");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_TRUE(settings->second_person);
  EXPECT_EQ(settings->bulk_items_max, 3);
  EXPECT_TRUE(HasRole({.name = "ann"}, *settings, "orders", "fraud", Role::kEditor));
  EXPECT_FALSE(HasRole({.name = "bob"}, *settings, "orders", "fraud", Role::kViewer));
}

TEST(Access, SettingsThatCanNotBeReadNameTheMember) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[]", "no JSON object"},
      {R"({"grant": []})", "did you mean `grants`"},
      {R"({"second_person": "yes"})", "`second_person` is to be true or false"},
      {R"({"bulk_items_max": -1})", "`bulk_items_max`"},
      {R"({"grants": [{"principal": "a", "role": "owner"}]})", "the role `owner` is none"},
      {R"({"grants": [{"role": "admin"}]})", "`principal`"},
  };
  for (const auto& [text, wanted] : cases) {
    EXPECT_THAT(std::string(ReadServiceSettings(text).status().message()), HasSubstr(wanted))
        << text;
  }
}

}  // namespace
}  // namespace turnout::manager
