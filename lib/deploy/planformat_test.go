package deploy

import (
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/require"
)

// Plans are read as whole documents, by the names that the SDK gives their parts.
func TestPlansAreReadByTheNamesThatTheSDKGives(t *testing.T) {
	t.Parallel()
	for names, of := range map[string]reflect.Type{
		"resourcePlans": reflect.TypeFor[apitype.DeploymentPlanV1](),
		"goal steps":    reflect.TypeFor[apitype.ResourcePlanV1](),
		"outputDiff dependencies propertyDependencies customTimeouts": reflect.TypeFor[apitype.GoalV1](),
		"adds updates deletes": reflect.TypeFor[apitype.PlanDiffV1](),
	} {
		known := map[string]bool{}
		for _, f := range reflect.VisibleFields(of) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			known[name] = true
		}
		for name := range strings.FieldsSeq(names) {
			require.True(t, known[name], "%s has no %s", of.Name(), name)
		}
	}
}
