package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
	"delivery.internal/lib/sentinel"
)

const bucketURN = "urn:pulumi:dev::orders::aws:s3/bucketPolicy:BucketPolicy::readers"

func policyStep(op, before, after string) pulumicli.Step {
	side := func(policy string) *pulumicli.StepState {
		if policy == "" {
			return nil
		}
		return &pulumicli.StepState{Inputs: map[string]any{"bucket": "reports", "policy": policy}}
	}
	return pulumicli.Step{Op: op, URN: bucketURN, Type: "aws:s3/bucketPolicy:BucketPolicy", Old: side(before), New: side(after)}
}

func allowing(actions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/a"},"Action":[` + actions + `],"Resource":"arn:aws:s3:::reports/*"}]}`
}

func TestStepsAreJudgedByWhatTheyAllow(t *testing.T) {
	t.Parallel()
	get, both := allowing(`"s3:GetObject"`), allowing(`"s3:GetObject","s3:PutObject"`)
	for name, c := range map[string]struct {
		steps []pulumicli.Step
		want  int
	}{
		"created":               {[]pulumicli.Step{policyStep(opCreate, "", get)}, 1},
		"the same":              {[]pulumicli.Step{policyStep(opSame, both, both)}, 0},
		"the same, and secret":  {[]pulumicli.Step{policyStep(opSame, "[secret]", "[secret]")}, 0},
		"more":                  {[]pulumicli.Step{policyStep(opUpdate, get, both)}, 1},
		"less":                  {[]pulumicli.Step{policyStep(opUpdate, both, get)}, 0},
		"computed":              {[]pulumicli.Step{policyStep(opUpdate, both, sentinel.UnknownText)}, 1},
		"secret":                {[]pulumicli.Step{policyStep(opUpdate, both, "[secret]")}, 1},
		"replaced by as much":   {[]pulumicli.Step{policyStep("create-replacement", both, both), policyStep("replace", both, both), policyStep("delete-replaced", both, "")}, 0},
		"replaced by more":      {[]pulumicli.Step{policyStep("delete-replaced", get, ""), policyStep("replace", get, both), policyStep("create-replacement", get, both)}, 1},
		"read, of another's":    {[]pulumicli.Step{policyStep("read", get, both)}, 0},
		"imported, not ours":    {[]pulumicli.Step{policyStep("import", "", both)}, 1},
		"an operation of later": {[]pulumicli.Step{policyStep("graft", get, both)}, 1},
	} {
		require.Len(t, broadened(c.steps), c.want, name)
	}
}

func TestABroadeningThatNoReviewShowedIsRefused(t *testing.T) {
	t.Parallel()
	one, other := Broadening{URN: bucketURN, Sentences: []string{"a may read"}}, Broadening{URN: bucketURN, Sentences: []string{"b may write"}}
	may := Broadening{URN: bucketURN, Unknown: true, Sentences: []string{"the policy is not known"}}
	for name, c := range map[string]struct {
		shown, fresh []Broadening
		fits, exact  bool
	}{
		"nothing":                 {nil, nil, true, true},
		"as shown":                {[]Broadening{one}, []Broadening{one}, true, true},
		"less":                    {[]Broadening{one}, nil, true, false},
		"more":                    {nil, []Broadening{one}, false, false},
		"another":                 {[]Broadening{one}, []Broadening{other}, false, false},
		"what nobody could know":  {[]Broadening{may}, []Broadening{other}, true, false},
		"unknown where it wasn't": {[]Broadening{one}, []Broadening{may}, false, false},
	} {
		require.Equal(t, c.fits, checkBroadened(Review{Broadened: c.shown}, c.fresh) == nil, name)
		require.Equal(t, c.exact, checkBroadenedShown(Review{Broadened: c.shown}, c.fresh) == nil, name)
	}
}

func TestAStackThatWasNotPreviewedMayAllowAnything(t *testing.T) {
	t.Parallel()
	waiting := Review{Name: "orders", Unbound: "messaging, which it depends on, was never deployed"}
	require.Equal(t, "PERMISSIONS BROADENED in 1 place; 1 stack: 1 to be previewed again when deploying", summary([]Review{waiting}))
	require.Contains(t, renderSummary(Bundle{Stacks: []Review{waiting}}), "stack orders was not previewed, so what it will allow is not known")
}
