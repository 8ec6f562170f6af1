package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/stackrefs"
)

// config points the program at folders that hold what make would build.
func config(t *testing.T, more map[string]string) map[string]string {
	t.Helper()
	root := t.TempDir()
	for _, file := range []string{"lambda/receiver/bootstrap", "lambda/scangate/bootstrap", "lambda/starter/bootstrap", "image/Dockerfile", "image/buildspec.yml"} {
		path := filepath.Join(root, file)
		if filepath.Base(path) == "bootstrap" {
			plantest.Program(t, path, "arm64")
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(file), 0o755))
	}
	out := map[string]string{
		"shared:lambdaDirectory": filepath.Join(root, "lambda"),
		"shared:imageContext":    filepath.Join(root, "image"),
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

var stacks = map[string]map[string]any{"bootstrap/" + plantest.Suffix: plantest.BootstrapOutputs()}

func run(t *testing.T, more map[string]string) []plantest.Resource {
	t.Helper()
	return plantest.Run(t, "shared", plantest.Suffix, config(t, more), program, stacks)
}

func TestEveryResourceKeepsTheRules(t *testing.T) {
	t.Parallel()
	rs := run(t, nil)
	plantest.Check(t, rs, plantest.Suffix, plantest.Settings().Tags(naming.Shared, stackrefs.SharedProject))
}

func TestWhatIssueTwoListsExists(t *testing.T) {
	t.Parallel()
	rs := run(t, nil)
	for typ, n := range map[string]int{
		"aws:ecr/repository:Repository":                                      1,
		"aws:ecr/lifecyclePolicy:LifecyclePolicy":                            1,
		"aws:ecr/repositoryPolicy:RepositoryPolicy":                          1,
		"aws:codebuild/project:Project":                                      1,
		"aws:lambda/function:Function":                                       3,
		"aws:cloudwatch/logGroup:LogGroup":                                   5,
		"aws:cloudwatch/eventBus:EventBus":                                   1,
		"aws:cloudwatch/eventBusPolicy:EventBusPolicy":                       1,
		"aws:cloudwatch/metricAlarm:MetricAlarm":                             2,
		"aws:cloudwatch/eventRule:EventRule":                                 1,
		"aws:sqs/queue:Queue":                                                2,
		"aws:ssm/parameter:Parameter":                                        3,
		"aws:apigatewayv2/api:Api":                                           1,
		"aws:secretsmanager/secret:Secret":                                   1,
		"aws:dynamodb/table:Table":                                           1,
		"aws:sns/topic:Topic":                                                2,
		"aws:sns/topicSubscription:TopicSubscription":                        2,
		"aws:s3/bucketV2:BucketV2":                                           3,
		"aws:cloudtrail/trail:Trail":                                         1,
		"aws:codeconnections/connection:Connection":                          1,
		"github:index/repositoryWebhook:RepositoryWebhook":                   1,
		"github:index/branchProtection:BranchProtection":                     1,
		"github:index/repositoryEnvironment:RepositoryEnvironment":           3,
		"github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable": 12,
		"github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret":     3,
	} {
		require.Len(t, plantest.OfType(rs, typ), n, typ)
	}
}

func TestTheOnlyBareStarsAreTheRegistryLoginAndInspectorsLists(t *testing.T) {
	t.Parallel()
	var stars []string
	for _, p := range plantest.Policies(t, run(t, nil)) {
		for _, s := range p.Document.Statement {
			for _, r := range s.Resource {
				if r == "*" {
					stars = append(stars, strings.Join(s.Action, " "))
				}
			}
		}
	}
	require.ElementsMatch(t, []string{"ecr:GetAuthorizationToken", "inspector2:ListCoverage inspector2:ListFindings"}, stars)
}

func TestTheImageIsPulledByExactlyTheBuildProjects(t *testing.T) {
	t.Parallel()
	r := plantest.One(t, run(t, nil), "aws:ecr/repositoryPolicy:RepositoryPolicy", "")
	d, err := iampolicy.Parse(r.Text("policy"))
	require.NoError(t, err)
	require.Len(t, d.Statement, 1)
	require.Len(t, d.Statement[0].Condition["ArnEquals"]["aws:SourceArn"], 6)
	require.Contains(t, d.Statement[0].Condition["ArnEquals"]["aws:SourceArn"],
		"arn:aws:codebuild:us-east-1:111122223333:project/deploy-project-prod-a1b2")
}

func TestTheImageIsBuiltWithDockerOnALargeMachine(t *testing.T) {
	t.Parallel()
	r := plantest.One(t, run(t, nil), "aws:codebuild/project:Project", "")
	env := r.Inputs["environment"].(map[string]any)
	require.Equal(t, "BUILD_GENERAL1_LARGE", env["computeType"])
	require.Equal(t, true, env["privilegedMode"])
}

func TestTheSecretStaysSecret(t *testing.T) {
	t.Parallel()
	rs := run(t, nil)
	hook := plantest.One(t, rs, "github:index/repositoryWebhook:RepositoryWebhook", "")
	require.Contains(t, hook.Secrets, "configuration")
	version := plantest.One(t, rs, "aws:secretsmanager/secretVersion:SecretVersion", "")
	require.Contains(t, version.Secrets, "secretString")
	for _, f := range plantest.OfType(rs, "aws:lambda/function:Function") {
		b, err := json.Marshal(f.Inputs["environment"])
		require.NoError(t, err)
		require.NotContains(t, string(b), "a-random-password", "%s holds the secret in plain sight", f)
	}
}

func TestTheTrailWatchesWhateverDecidesWhatIsDeployed(t *testing.T) {
	t.Parallel()
	trail := plantest.One(t, run(t, nil), "aws:cloudtrail/trail:Trail", "")
	selector := trail.Inputs["eventSelectors"].([]any)[0].(map[string]any)
	values := selector["dataResources"].([]any)[0].(map[string]any)["values"]
	require.ElementsMatch(t, []any{
		"arn:aws:s3:::ledger-bucket-shared-a1b2/", "arn:aws:s3:::state-bucket-shared-a1b2/",
		"arn:aws:s3:::state-bucket-dev-a1b2/", "arn:aws:s3:::state-bucket-staging-a1b2/", "arn:aws:s3:::state-bucket-prod-a1b2/",
		"arn:aws:s3:::artifact-bucket-dev-a1b2/", "arn:aws:s3:::artifact-bucket-staging-a1b2/", "arn:aws:s3:::artifact-bucket-prod-a1b2/",
		"arn:aws:s3:::image-source-bucket-shared-a1b2/",
	}, values)
	require.Equal(t, true, trail.Inputs["enableLogFileValidation"])
}

func TestWhatGitHubsFreePlanLacksCanBeLeftOut(t *testing.T) {
	t.Parallel()
	rs := run(t, map[string]string{"shared:branchProtection": "false", "shared:repositoryEnvironments": "false"})
	for _, typ := range []string{
		"github:index/branchProtection:BranchProtection", "github:index/repositoryEnvironment:RepositoryEnvironment",
		"github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable", "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret",
	} {
		require.Empty(t, plantest.OfType(rs, typ))
	}
	require.NotNil(t, plantest.One(t, rs, "github:index/repositoryWebhook:RepositoryWebhook", ""))
}

func TestAGivenConnectionIsAdopted(t *testing.T) {
	t.Parallel()
	rs := run(t, map[string]string{
		"shared:connectionArn":    "arn:aws:codeconnections:us-east-1:111122223333:connection/aeb9b3c5-0000-4000-8000-000000000000",
		"shared:branchProtection": "false",
	})
	require.Empty(t, plantest.OfType(rs, "aws:codeconnections/connection:Connection"))
	require.Empty(t, plantest.OfType(rs, "github:index/branchProtection:BranchProtection"))
}

func TestWhatIsMissingOrWrongIsSaidInASentence(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		config map[string]string
		stacks map[string]map[string]any
		stack  string
		want   string
	}{
		"bootstrap was not run":     {stacks: map[string]map[string]any{}, want: "run: make bootstrap"},
		"the functions are missing": {config: map[string]string{"shared:lambdaDirectory": "nowhere"}, want: "make lambda"},
		"the context is missing":    {config: map[string]string{"shared:imageContext": "nowhere"}, want: "make image-context"},
		"an unknown severity":       {config: map[string]string{"shared:blockSeverity": "high"}, want: "shared:blockSeverity"},
		"an unknown architecture":   {config: map[string]string{"shared:lambdaArchitecture": "mips"}, want: "shared:lambdaArchitecture"},
		"a connection that is none": {config: map[string]string{"shared:connectionArn": "arn:aws:sns:us-east-1:1:x"}, want: "shared:connectionArn"},
		"reviews out of range":      {config: map[string]string{"shared:requiredReviews": "7"}, want: "shared:requiredReviews"},
		"a stack of another suffix": {stack: "zz99", stacks: map[string]map[string]any{"bootstrap/zz99": plantest.BootstrapOutputs()}, want: "pulumi stack select a1b2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.stacks == nil {
				c.stacks = stacks
			}
			if c.stack == "" {
				c.stack = plantest.Suffix
			}
			_, err := plantest.Try("shared", c.stack, config(t, c.config), program, c.stacks)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// The bases are resolved to digests by the build, as a test of the local cloud
// shows; here it is that none is named beside it.
func TestTheDockerfileNamesNoBaseOfItsOwn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../image/Dockerfile")
	require.NoError(t, err)
	var args, bases []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 1 && f[0] == "ARG" && len(bases) == 0 {
			args = append(args, "${"+f[1]+"}")
		}
		if len(f) > 1 && f[0] == "FROM" {
			bases = append(bases, f[1])
		}
	}
	require.Equal(t, []string{"${GO_IMAGE}", "${BASE_IMAGE}"}, bases)
	require.Subset(t, args, bases, "without a default")
}

func TestURNsNeverChange(t *testing.T) {
	t.Parallel()
	plantest.GoldenURNs(t, "shared", run(t, nil), "shared", plantest.Suffix)
}
