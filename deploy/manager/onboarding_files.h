// OnboardingFiles: what a team is given at the Kubernetes API as files of a Git repository, which
// Flux, or whoever else follows it, applies.
//
//   router/kustomization.yaml      a Component: whoever builds the EventRouter takes it in
//   router/TEAM.json               a JSON patch: the team's entry of spec.teams
//   teams/kustomization.yaml       built by itself, once the router has its teams
//   teams/TEAM/namespace.json  eventroute.json  dashboard.json
//
// They are two, since a policy refuses an EventRoute whose team its router does not have: Flux
// tries all of a Kustomization before it applies any of it. An EventRouter in Git has `teams`, if
// only an empty list, for the patch to add to. Objects are those that would be applied; a namespace
// is marked so that Flux never prunes it. The two kustomization.yaml follow from the other files.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "deploy/manager/item_tree.h"
#include "deploy/manager/onboarding_plan.h"
#include "deploy/manager/onboarding_policy.h"

namespace turnout::manager {

// Steps of kind kFile of those that ObjectsOf has made, in their order.
std::vector<OnboardingStep> FilesOf(const std::vector<OnboardingStep>& objects,
                                    const std::string& team);

// The two kustomization.yaml of a tree with these files.
FileTree KustomizationsOf(const FileTree& tree, const KubernetesPlace& place);

}  // namespace turnout::manager
