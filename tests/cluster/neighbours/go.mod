// Where the neighbours' CustomResourceDefinitions come from: read from these modules, never copied into the repository.
module novacron.io/tests/neighbours

go 1.26.0

require (
	github.com/external-secrets/external-secrets v0.20.4
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.6.3
)
