package plantest

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"delivery.internal/lib/golden"
)

// URNs returns the URNs of what a program registered, sorted, as the engine
// forms them: the type of a resource in a component follows the component's,
// see https://www.pulumi.com/docs/iac/concepts/resources/names/#urns.
func URNs(rs []Resource, project, stack string) []string {
	var out []string
	for _, r := range rs {
		var outer tokens.Type
		if parent := resource.URN(r.Parent); parent != "" && parent.QualifiedType() != resource.RootStackType {
			outer = parent.QualifiedType()
		}
		out = append(out, string(resource.NewURN(tokens.QName(stack), tokens.PackageName(project), outer, tokens.Type(r.Type), r.Name)))
	}
	slices.Sort(out)
	return out
}

// GoldenURNs holds the URNs of a program to testdata/NAME.urns: a URN that
// changes replaces the resource, and all that stands below it.
func GoldenURNs(t testing.TB, name string, rs []Resource, project, stack string) {
	t.Helper()
	golden.Require(t, name+".urns", strings.Join(URNs(rs, project, stack), "\n")+"\n", "a changed URN replaces a resource")
}
