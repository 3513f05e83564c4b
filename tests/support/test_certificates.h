// Two certificates that sign themselves, with their keys, for tests that replace one by the other.
// They open nothing.
#pragma once

namespace turnout::support {

// CN=first, from 2020 to 2120.
inline constexpr char kFirstCertificate[] = R"(-----BEGIN CERTIFICATE-----
MIIBIDCByKADAgECAhQQvQLke9C9nhnZgM4hdp/3l7V3BTAKBggqhkjOPQQDAjAQ
MQ4wDAYDVQQDDAVmaXJzdDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAw
MFowEDEOMAwGA1UEAwwFZmlyc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQm
NjSMKHJ3rNClSZlkzkIDzi8nLpnCVm80uYkz18MkZMiU0Y42hdzj9gH8MeSXCqE9
E2lF3Xw+lVcSa/V61jwlMAoGCCqGSM49BAMCA0cAMEQCIDNUWIGJMMSCqvqRuJLB
dkjl7rcomVVri8WarNcAaf/4AiBGDlDo3MVAC4YS0gnTRYoLZDE4DzYIbx3mOc0V
/ACFWw==
-----END CERTIFICATE-----
)";

inline constexpr char kFirstKey[] = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg43zqEmhNZHVe28nI
V0EcOTxDQuDxh0qDmFTV4VsDFvGhRANCAAQmNjSMKHJ3rNClSZlkzkIDzi8nLpnC
Vm80uYkz18MkZMiU0Y42hdzj9gH8MeSXCqE9E2lF3Xw+lVcSa/V61jwl
-----END PRIVATE KEY-----
)";

// CN=second, from 2021 to 2110.
inline constexpr char kSecondCertificate[] = R"(-----BEGIN CERTIFICATE-----
MIIBIzCByqADAgECAhRrEY2b0n9Z4cF3jW6zYsuWJmIQvTAKBggqhkjOPQQDAjAR
MQ8wDQYDVQQDDAZzZWNvbmQwIBcNMjEwMTAxMDAwMDAwWhgPMjExMDAxMDEwMDAw
MDBaMBExDzANBgNVBAMMBnNlY29uZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BGRnpyxeXgVC/+aIy6201kkXkY8k3OLu6FdCqgL6wmp9d4bOKAeJoY7Mh0S99MJg
62hdzNDPPaIXK9bkwcOoQZAwCgYIKoZIzj0EAwIDSAAwRQIge3/8yCm8NKdpnDQv
5FAU2Ir9jkmMezzPEqP+fTepxfQCIQCAqPx/HaTs1H0y6j+TKeA8uonNEv9nE4YF
Kn3i9BL3WA==
-----END CERTIFICATE-----
)";

inline constexpr char kSecondKey[] = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghyKftMYzOJlkhfqA
pS7Pajph+sVFjcqtUg7BjfJMEX2hRANCAARkZ6csXl4FQv/miMuttNZJF5GPJNzi
7uhXQqoC+sJqfXeGzigHiaGOzIdEvfTCYOtoXczQzz2iFyvW5MHDqEGQ
-----END PRIVATE KEY-----
)";

}  // namespace turnout::support
