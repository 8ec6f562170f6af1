package environment_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/environment"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/stackrefs"
)

const (
	parameterCall = "aws:ssm/getParameter:getParameter"
	projectType   = "aws:codebuild/project:Project"
	pipelineType  = "aws:codepipeline/pipeline:Pipeline"
	providerType  = "pulumi:providers:aws"
)

var (
	approved = "sha256:" + strings.Repeat("1a", 32)
	older    = "sha256:" + strings.Repeat("2b", 32)
)

// stacks are the outputs of all stacks before an environment.
func stacks() map[string]map[string]any {
	out := map[string]map[string]any{
		"bootstrap/" + plantest.Suffix: plantest.BootstrapOutputs(),
		"shared/" + plantest.Suffix:    plantest.SharedOutputs(),
	}
	for _, env := range plantest.Settings().Environments.Names() {
		out["targets/"+string(env)] = plantest.TargetsOutputs(env)
		out[stackrefs.EnvironmentProject(env)+"/"+plantest.Suffix] = plantest.EnvironmentOutputs(env, older)
	}
	return out
}

func parameter(value string) plantest.Option {
	return plantest.Call(parameterCall, map[string]any{"value": value, "insecureValue": value, "type": "String", "name": "approved-image-shared-a1b2"})
}

func run(t *testing.T, e promotion.Environment) []plantest.Resource {
	t.Helper()
	return plantest.Run(t, stackrefs.EnvironmentProject(e.Name), plantest.Suffix, nil, environment.Program, stacks(), parameter(approved))
}

func TestEveryResourceKeepsTheRules(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		rs := run(t, e)
		plantest.Check(t, rs, plantest.Suffix, plantest.Settings().Tags(e.Name, stackrefs.EnvironmentProject(e.Name)))
		for _, r := range rs {
			if r.Custom && r.Type != providerType {
				require.Contains(t, r.Provider, "delivery", "%s is not made in the delivery account", r)
			}
		}
	}
}

func TestWhatIssueTwoListsExists(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		rs := run(t, e)
		for typ, n := range map[string]int{
			"aws:s3/bucketV2:BucketV2":               1,
			projectType:                              2,
			"aws:cloudwatch/logGroup:LogGroup":       2,
			pipelineType:                             1,
			"aws:iam/role:Role":                      3,
			"aws:cloudwatch/eventRule:EventRule":     2,
			"aws:cloudwatch/eventTarget:EventTarget": 2,
			"aws:sqs/queue:Queue":                    1,
			"aws:cloudwatch/metricAlarm:MetricAlarm": 1,
			"aws:lambda/permission:Permission":       1,
			providerType:                             1,
		} {
			require.Len(t, plantest.OfType(rs, typ), n, "%s of %s", typ, e.Name)
		}
		require.Contains(t, fmt.Sprint(plantest.One(t, rs, providerType, "").Inputs["allowedAccountIds"]), plantest.DeliveryAccount)
	}
}

func TestNoIdentityPolicyHasABareStar(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		for _, p := range plantest.Policies(t, run(t, e)) {
			for _, s := range p.Document.Statement {
				if s.Effect == iampolicy.EffectAllow {
					require.NotContains(t, s.Resource, "*", "%s %s", p.Resource, s.Sid)
				}
			}
		}
	}
}

// TestAKeyAndTheRolesThatUseItGrantTheSame holds together what two projects say.
func TestAKeyAndTheRolesThatUseItGrantTheSame(t *testing.T) {
	t.Parallel()
	s := plantest.Settings()
	for _, e := range s.Environments {
		requireKeyRights(t, s, e, run(t, e))
	}
}

func TestTheImageIsPromotedByDigest(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		want := map[naming.Environment]string{naming.Dev: approved, naming.Staging: older, naming.Prod: older}[e.Name]
		for _, p := range plantest.OfType(run(t, e), projectType) {
			image := p.Inputs["environment"].(map[string]any)["image"].(string)
			require.True(t, strings.HasSuffix(image, "/build-image-shared-a1b2@"+want), image)
		}
	}
}

func TestAPushStartsDevAndStagingAndStagingStartsProd(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		rule := plantest.One(t, run(t, e), "aws:cloudwatch/eventRule:EventRule", "start")
		if e.Name == naming.Prod {
			require.Contains(t, rule.Text("eventPattern"), "delivery.deployer.staging")
		} else {
			require.Contains(t, rule.Text("eventPattern"), "delivery.receiver")
		}
	}
}

func TestOnlyProdIsQueuedAndApproved(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		p := plantest.One(t, run(t, e), pipelineType, "")
		stages, mode := 3, "SUPERSEDED"
		if e.Name == naming.Prod {
			stages, mode = 4, "QUEUED"
		}
		require.Len(t, p.Inputs["stages"], stages)
		require.Equal(t, mode, p.Text("executionMode"))
	}
}

func TestWhatIsMissingIsSaidWithWhatToRun(t *testing.T) {
	t.Parallel()
	without := func(name string) map[string]map[string]any {
		out := stacks()
		delete(out, name)
		return out
	}
	with := func(name, key string, value any) map[string]map[string]any {
		out := stacks()
		out[name] = maps.Clone(out[name])
		out[name][key] = value
		return out
	}
	for name, c := range map[string]struct {
		env       naming.Environment
		stacks    map[string]map[string]any
		parameter string
		want      string
	}{
		"no bootstrap":                 {naming.Dev, without("bootstrap/a1b2"), approved, "run: make bootstrap"},
		"no shared":                    {naming.Dev, without("shared/a1b2"), approved, "run: make up PROJECT=shared"},
		"no targets":                   {naming.Dev, without("targets/dev"), approved, "run: make up PROJECT=targets/dev"},
		"no dev":                       {naming.Staging, without("environment-dev/a1b2"), approved, "run: make up PROJECT=environments/dev"},
		"no staging":                   {naming.Prod, without("environment-staging/a1b2"), approved, "run: make up PROJECT=environments/staging"},
		"dev has no image":             {naming.Staging, with("environment-dev/a1b2", "imageDigest", nil), approved, "run: make up PROJECT=environments/dev"},
		"no approved image":            {naming.Dev, stacks(), stackrefs.ImageUnset, "no build image is approved yet: build one and let it be scanned; run: make image"},
		"a digest that is none":        {naming.Dev, stacks(), "latest", `parameter approved-image-shared-a1b2 holds "latest"`},
		"targets of others":            {naming.Dev, with("targets/dev", "externalId", "external-id-dev-zz99"), approved, `external id "external-id-dev-zz99": expected "external-id-dev-a1b2"; set targets:environmentSuffix to a1b2`},
		"a role in another account":    {naming.Dev, with("targets/dev", "deployRoleArn", "arn:aws:iam::999999999999:role/deploy-role-dev-a1b2"), approved, "deploy role"},
		"an upstream without an image": {naming.Prod, with("environment-staging/a1b2", "imageDigest", "none"), approved, "no build image is approved yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rs, err := plantest.Try(stackrefs.EnvironmentProject(c.env), plantest.Suffix, nil, environment.Program, c.stacks, parameter(c.parameter))
			require.ErrorContains(t, err, c.want)
			require.Empty(t, plantest.OfType(rs, projectType), "nothing is made before everything is known")
		})
	}
}

func TestAStackOfAnotherSuffixIsRefused(t *testing.T) {
	t.Parallel()
	in := stacks()
	in["bootstrap/zz99"] = plantest.BootstrapOutputs()
	_, err := plantest.Try("environment-dev", "zz99", nil, environment.Program, in, parameter(approved))
	require.ErrorContains(t, err, "pulumi stack select a1b2")
}

func TestURNsNeverChange(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		plantest.GoldenURNs(t, string(e.Name), run(t, e), stackrefs.EnvironmentProject(e.Name), plantest.Suffix)
	}
}
