#include "deploy/manager/sign_in_tickets.h"

#include <gtest/gtest.h>

#include <string>

namespace turnout::manager {
namespace {

constexpr absl::Time kBegin = absl::FromUnixSeconds(1'000);

bool IsRefused(const absl::StatusOr<SignInTicket>& ticket, std::string_view why) {
  return absl::IsPermissionDenied(ticket.status()) &&
         std::string(ticket.status().message()).find(why) != std::string::npos;
}

TEST(CodeChallengeTest, IsTheOneOfRfc7636sAppendixB) {
  EXPECT_EQ(CodeChallenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(SignInTicketsTest, WhatWasBegunComesBackWithWhatWasSentAlong) {
  SignInTickets tickets;
  const SignInTickets::Begun begun = tickets.Begin("https://id", "#/orders/rules", kBegin);
  const absl::StatusOr<SignInTicket> ticket = tickets.Take(begun.cookie, begun.state, kBegin);
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  EXPECT_EQ(ticket->issuer, "https://id");
  EXPECT_EQ(ticket->to, "#/orders/rules");
  EXPECT_EQ(ticket->nonce, begun.nonce);
  EXPECT_EQ(CodeChallenge(ticket->verifier), begun.challenge);
  // RFC 7636: 43 to 128 of these letters.
  EXPECT_EQ(ticket->verifier.size(), 43u);
  EXPECT_EQ(
      ticket->verifier.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789-._~"),
      std::string::npos);
}

TEST(SignInTicketsTest, AStateIsTakenOnceFromItsBrowserInItsTime) {
  SignInTickets tickets;
  const SignInTickets::Begun begun = tickets.Begin("https://id", "", kBegin);
  const SignInTickets::Begun other = tickets.Begin("https://id", "", kBegin);
  EXPECT_NE(begun.state, other.state);
  EXPECT_NE(begun.nonce, other.nonce);
  EXPECT_TRUE(IsRefused(tickets.Take(other.cookie, begun.state, kBegin), "another browser's"));
  EXPECT_TRUE(IsRefused(tickets.Take("", begun.state, kBegin), "not begun in this browser"));
  EXPECT_TRUE(IsRefused(tickets.Take(begun.cookie, begun.state, kBegin + kSignInFor), "too long"));
  EXPECT_TRUE(IsRefused(SignInTickets().Take(begun.cookie, begun.state, kBegin), "another"));
  EXPECT_TRUE(tickets.Take(begun.cookie, begun.state, kBegin).ok());
  EXPECT_TRUE(IsRefused(tickets.Take(begun.cookie, begun.state, kBegin), "used already"));
}

TEST(SignInTicketsTest, NoByteOfAStateCanBeChanged) {
  SignInTickets tickets;
  const SignInTickets::Begun begun = tickets.Begin("https://id", "#/orders", kBegin);
  for (size_t i = 0; i < begun.state.size(); ++i) {
    std::string changed = begun.state;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(absl::IsPermissionDenied(tickets.Take(begun.cookie, changed, kBegin).status()))
        << i;
  }
  for (const std::string& none :
       {std::string(), std::string("."), std::string("a.b"), begun.state.substr(1),
        begun.state + ".", begun.state + "A", std::string(10'000, 'A')}) {
    EXPECT_TRUE(absl::IsPermissionDenied(tickets.Take(begun.cookie, none, kBegin).status()));
  }
  EXPECT_TRUE(tickets.Take(begun.cookie, begun.state, kBegin).ok());
}

TEST(SignInTicketsTest, UsedOnesAreRememberedUpToTheirBoundAndUntilTheyEnd) {
  constexpr size_t kMax = 100;
  SignInTickets tickets(kMax);
  const SignInTickets::Begun kept = tickets.Begin("https://id", "", kBegin + absl::Seconds(2));
  EXPECT_TRUE(tickets.Take(kept.cookie, kept.state, kBegin).ok());
  for (size_t i = 0; i < kMax; ++i) {
    const SignInTickets::Begun one = tickets.Begin("https://id", "", kBegin);
    ASSERT_TRUE(tickets.Take(one.cookie, one.state, kBegin).ok());
  }
  EXPECT_EQ(tickets.used_count(), kMax);
  EXPECT_TRUE(IsRefused(tickets.Take(kept.cookie, kept.state, kBegin), "used already"));
  const absl::Time later = kBegin + kSignInFor;
  const SignInTickets::Begun last = tickets.Begin("https://id", "", later);
  EXPECT_TRUE(tickets.Take(last.cookie, last.state, later).ok());
  EXPECT_EQ(tickets.used_count(), 2u) << "the others' time is over, `kept` and `last` are left";
}

TEST(IsPlaceTest, NothingOutsideOfThePageIsOne) {
  for (const char* place : {"", "#/", "#/orders/rules/fraud?line=3", "#//evil.example"}) {
    EXPECT_TRUE(IsPlace(place)) << place;
  }
  for (const char* place : {"/", "//evil.example", "https://evil.example", "#", "?#/", " #/",
                            "#/a b", "#/a\r\nSet-Cookie: a=b", "#/\x7f", "#/\xc3\xa4"}) {
    EXPECT_FALSE(IsPlace(place)) << place;
  }
  EXPECT_FALSE(IsPlace("#/" + std::string(kPlaceBytesMax, 'a')));
}

}  // namespace
}  // namespace turnout::manager
