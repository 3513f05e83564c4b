// The places that AWS credentials come from, each a function that asks once.
//
// `environment` names the place and what opens it; what is missing or refused is InvalidArgument
// with the cure, what does not answer is Unavailable.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "state/aws_credentials.h"
#include "state/http_client.h"

namespace turnout::state {

absl::StatusOr<AwsCredentials> CredentialsOfEnvironment(const Environment& environment);

// AssumeRoleWithWebIdentity, with the token that the file holds now: it is replaced from time to
// time.
absl::StatusOr<AwsCredentials> CredentialsOfWebIdentity(const AwsCredentialOptions& options,
                                                        HttpClient* http);

// EKS's pod identity agent, or whatever else answers at that address. Only https and addresses
// that never leave the machine are asked, since the token goes with the question.
absl::StatusOr<AwsCredentials> CredentialsOfContainer(const AwsCredentialOptions& options,
                                                      HttpClient* http);

// The role of the machine, by IMDSv2. AWS_EC2_METADATA_SERVICE_ENDPOINT takes the place of the
// usual address. NotFound if nobody answers there, as outside of EC2.
absl::StatusOr<AwsCredentials> CredentialsOfInstance(const AwsCredentialOptions& options,
                                                     HttpClient* http);

}  // namespace turnout::state
