// Prints cyclonus' own test cases with its own verdicts, one JSON object a step: policies, namespaces, pods, and for
// every pair of pods and every port whether the traffic is allowed. Cyclonus runs against the cluster that it brings in
// memory, so no API server is asked and no packet is sent.
package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/connectivity"
	"github.com/mattfenwick/cyclonus/pkg/connectivity/probe"
	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/kube"
	"github.com/sirupsen/logrus"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

type pod struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	Address   string            `json:"address"`
}

type probed struct {
	From     string      `json:"from"`
	To       string      `json:"to"`
	Protocol v1.Protocol `json:"protocol"`
	Port     int         `json:"port"`
	Allowed  bool        `json:"allowed"`
}

type step struct {
	Case       string                        `json:"case"`
	Tags       []string                      `json:"tags"`
	Step       int                           `json:"step"`
	Policies   []*networkingv1.NetworkPolicy `json:"policies"`
	Namespaces map[string]map[string]string  `json:"namespaces"`
	Pods       map[string]pod                `json:"pods"`
	Probes     []probed                      `json:"probes"`
}

var (
	namespaces = []string{"x", "y", "z"}
	names      = []string{"a", "b", "c"}
	ports      = []int{80, 81}
	protocols  = []v1.Protocol{v1.ProtocolTCP, v1.ProtocolUDP, v1.ProtocolSCTP}
)

func main() {
	out := json.NewEncoder(os.Stdout)
	os.Stdout, _ = os.Open(os.DevNull) // cyclonus prints tables of its own
	logrus.SetOutput(io.Discard)
	for _, testCase := range cases() {
		for number, result := range executed(testCase).Steps {
			if err := out.Encode(seen(testCase, number, result)); err != nil {
				panic(err)
			}
		}
	}
}

// cluster is made anew for each case: some of them add and remove namespaces and pods.
func cluster() (*kube.MockKubernetes, *probe.Resources) {
	kubernetes := kube.NewMockKubernetes(1.0)
	resources, err := probe.NewDefaultResources(kubernetes, namespaces, names, ports, protocols, nil, 5, false, "none")
	if err != nil {
		panic(err)
	}
	return kubernetes, resources
}

func cases() []*generator.TestCase {
	_, resources := cluster()
	target, err := resources.GetPod("z", "c")
	if err != nil {
		panic(err)
	}
	return generator.NewTestCaseGenerator(true, target.IP, namespaces, nil, nil).GenerateTestCases()
}

func executed(testCase *generator.TestCase) *connectivity.Result {
	kubernetes, resources := cluster()
	config := &connectivity.InterpreterConfig{ResetClusterBeforeTestCase: true}
	result := connectivity.NewInterpreter(kubernetes, resources, config).ExecuteTestCase(testCase)
	if result.Err != nil {
		panic(result.Err)
	}
	return result
}

func seen(testCase *generator.TestCase, number int, result *connectivity.StepResult) *step {
	found := &step{
		Case:       testCase.Description,
		Tags:       testCase.Tags.Keys(),
		Step:       number,
		Policies:   result.KubePolicies,
		Namespaces: map[string]map[string]string{},
		Pods:       map[string]pod{},
	}
	for _, key := range result.SimulatedProbe.Wrapped.Keys() {
		for _, answer := range result.SimulatedProbe.Get(key.From, key.To).JobResults {
			job := answer.Job
			found.Namespaces[job.FromNamespace] = job.FromNamespaceLabels
			found.Pods[job.FromKey] = pod{job.FromNamespace, job.FromPod, job.FromPodLabels, job.FromIP}
			if answer.Combined == probe.ConnectivityAllowed || answer.Combined == probe.ConnectivityBlocked {
				allowed := answer.Combined == probe.ConnectivityAllowed
				found.Probes = append(found.Probes, probed{job.FromKey, job.ToKey, job.Protocol, job.ResolvedPort, allowed})
			}
		}
	}
	return found
}
