module turnout.dev/tests/platform/crds

go 1.26.0

require (
	github.com/aws/karpenter-provider-aws v1.14.1
	github.com/fluxcd/source-controller v1.9.5
	github.com/kedacore/keda/v2 v2.21.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/karpenter v1.14.1
)
