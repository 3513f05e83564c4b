#include "deploy/manager/proposals.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/memory_checkpoint_store.h"

namespace turnout::manager {
namespace {

Proposal Proposing(const std::string& by, const std::string& text) {
  Proposal proposal{.service = "checkout"};
  proposal.change.by = by;
  proposal.change.edits = {{.id = {"checkout", ItemKind::kRules, "fraud"},
                            .content = ItemContent{.text = text},
                            .before = 3}};
  return proposal;
}

Proposal Decided(Proposal proposal, ProposalState state, const std::string& by) {
  proposal.state = state;
  proposal.decided_by = by;
  return proposal;
}

class ProposalsTest : public testing::Test {
 protected:
  std::unique_ptr<Proposals> Open() { return Proposals::Open(&objects_).value(); }

  support::MemoryCheckpointStore objects_;
};

TEST_F(ProposalsTest, WhatIsOpenAndWhatWasDecidedOutlivesTheProcess) {
  auto before = Open();
  const Proposal first = before->Add(Proposing("ada", "1")).value();
  const Proposal second = before->Add(Proposing("ada", "2")).value();
  ASSERT_TRUE(before->Decide(Decided(first, ProposalState::kApproved, "bob")).ok());
  before.reset();
  auto after = Open();
  EXPECT_EQ(after->Find("checkout", first.number)->state, ProposalState::kApproved);
  EXPECT_EQ(after->Find("checkout", first.number)->decided_by, "bob");
  EXPECT_EQ(after->Find("checkout", second.number)->state, ProposalState::kOpen);
  EXPECT_EQ(EditsOf(*after->Find("checkout", second.number))[0].expected, 3);
  EXPECT_EQ(after->Add(Proposing("ada", "3"))->number, second.number + 1);
}

TEST_F(ProposalsTest, OfTwoManagersNoneTakesANumberOrADecisionThatTheOtherHasTaken) {
  auto a = Open();
  auto b = Open();
  const Proposal first = a->Add(Proposing("ada", "1")).value();
  EXPECT_EQ(b->Add(Proposing("eve", "2"))->number, first.number + 1);
  ASSERT_TRUE(b->Decide(Decided(first, ProposalState::kRejected, "bob")).ok());
  const absl::Status late = a->Decide(Decided(first, ProposalState::kApproved, "sam"));
  EXPECT_TRUE(absl::IsAborted(late)) << late;
  EXPECT_EQ(a->Find("checkout", first.number)->state, ProposalState::kRejected);
  ASSERT_TRUE(a->Refresh().ok());
  EXPECT_EQ(a->List("checkout", 10).size(), 2u);
}

TEST_F(ProposalsTest, WhatTheOtherHasForgottenIsForgotten) {
  auto a = Open();
  auto b = Open();
  const Proposal first = a->Add(Proposing("ada", "1")).value();
  ASSERT_TRUE(b->Refresh().ok());
  EXPECT_TRUE(b->Find("checkout", first.number).ok());
  ASSERT_TRUE(objects_.Remove("proposals/1.json").ok());
  ASSERT_TRUE(b->Refresh().ok());
  EXPECT_TRUE(absl::IsNotFound(b->Find("checkout", first.number).status()));
}

TEST_F(ProposalsTest, ADamagedOneIsNamed) {
  ASSERT_TRUE(objects_.PutIfAbsent("proposals/7.json", "{}").value());
  const absl::Status status = Proposals::Open(&objects_).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_NE(status.message().find("proposals/7.json"), std::string::npos) << status;
}

}  // namespace
}  // namespace turnout::manager
