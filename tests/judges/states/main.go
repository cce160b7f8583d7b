// states judges Kubernetes objects as GitOps tools do: one JSON object a line in, one line of verdicts out.
// kstatus is the library that kpt, Config Sync and Flux wait with; flux adds Flux' health check expressions to it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

const longestLine = 16 << 20

type verdicts struct {
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
	Message string `json:"message"`
}

func main() {
	var expressions kustomize.HealthCheckExpressions
	flag.StringVar(&expressions.InProgress, "in-progress", "", "an expression of Flux")
	flag.StringVar(&expressions.Failed, "failed", "", "an expression of Flux")
	flag.StringVar(&expressions.Current, "current", "", "an expression of Flux")
	flag.Parse()
	if err := judge(&expressions); err != nil {
		fmt.Fprintln(os.Stderr, "states:", err)
		os.Exit(1)
	}
}

func judge(expressions *kustomize.HealthCheckExpressions) error {
	flux, err := cel.NewStatusEvaluator(expressions)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<20), longestLine)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			return err
		}
		computed, err := status.Compute(object)
		if err != nil {
			return err
		}
		found := verdicts{computed.Status.String(), status.UnknownStatus.String(), computed.Message}
		if evaluated, err := flux.Evaluate(context.Background(), object); err == nil {
			found.Flux = evaluated.Status.String()
		}
		if err := out.Encode(found); err != nil {
			return err
		}
	}
	return lines.Err()
}
