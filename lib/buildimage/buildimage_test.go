package buildimage_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/buildimage"
	"delivery.internal/lib/compute"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

var (
	names = plantest.Settings().Namer(naming.Shared)
	scope = plantest.Settings().Delivery()
	key   = plantest.Key(naming.Shared)
	tags  = pulumi.StringMap{"Owner": pulumi.String("me")}
)

func source(t *testing.T, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "image")
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}

func TestTheSameSourceHasTheSameDigestEverywhere(t *testing.T) {
	t.Parallel()
	files := map[string]string{"Dockerfile": "FROM x", "buildspec.yml": "version: 0.2", "tools/go.mod": "module x"}
	one, two := source(t, files), source(t, files)
	require.NoError(t, os.Chtimes(filepath.Join(two, "Dockerfile"), time.Now(), time.Now().Add(-time.Hour)))
	a, err := buildimage.Pack(one)
	require.NoError(t, err)
	b, err := buildimage.Pack(two)
	require.NoError(t, err)
	require.Equal(t, a.Digest, b.Digest)
	again, err := buildimage.Pack(one)
	require.NoError(t, err)
	require.Equal(t, a, again, "packing again changes nothing")

	z, err := zip.OpenReader(a.Archive)
	require.NoError(t, err)
	defer z.Close()
	var got []string
	for _, f := range z.File {
		got = append(got, f.Name)
	}
	require.Equal(t, []string{"Dockerfile", "buildspec.yml", "tools/go.mod"}, got)

	files["Dockerfile"] = "FROM y"
	c, err := buildimage.Pack(source(t, files))
	require.NoError(t, err)
	require.NotEqual(t, a.Digest, c.Digest)
}

func TestAnIncompleteSourceIsRefused(t *testing.T) {
	t.Parallel()
	_, err := buildimage.Pack(source(t, map[string]string{"Dockerfile": "FROM x"}))
	require.ErrorContains(t, err, "has no buildspec.yml: assemble it with: make image-context")
}

func TestALinkInTheSourceIsRefused(t *testing.T) {
	t.Parallel()
	root := source(t, map[string]string{"Dockerfile": "FROM x", "buildspec.yml": ""})
	require.NoError(t, os.Symlink("Dockerfile", filepath.Join(root, "link")))
	_, err := buildimage.Pack(root)
	require.ErrorContains(t, err, "is not a regular file")
}

func TestTheGateHearsOfThisRepositoryOnly(t *testing.T) {
	t.Parallel()
	code := filepath.Join(t.TempDir(), "scangate")
	plantest.Program(t, filepath.Join(code, "bootstrap"), "arm64")
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, func(ctx *pulumi.Context) error {
		_, err := buildimage.NewGate(ctx, "scan-gate", &buildimage.GateArgs{
			Names: names, Scope: scope, KeyARN: key, BlockSeverity: "HIGH", AlarmTopicARN: pulumi.String("arn:aws:sns:us-east-1:111122223333:t"), Tags: tags,
			Code: compute.Code{Directory: code, Architecture: "arm64"},
		})
		return err
	}, nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	rule := plantest.One(t, rs, "aws:cloudwatch/eventRule:EventRule", "")
	require.JSONEq(t, `{
		"source": ["aws.ecr", "aws.inspector2", "delivery.image"],
		"detail-type": ["ECR Image Scan", "Inspector2 Scan", "Image Verdict Requested"],
		"detail": {"repository-name": ["build-image-shared-a1b2", "arn:aws:ecr:us-east-1:111122223333:repository/build-image-shared-a1b2"]}
	}`, rule.Text("eventPattern"))
	require.Empty(t, rule.Text("eventBusName"), "services of AWS put events on the default bus only")
	permission := plantest.One(t, rs, "aws:lambda/permission:Permission", "")
	require.Equal(t, "arn:aws:events:us-east-1:111122223333:rule/scan-gate-rule-shared-a1b2", permission.Text("sourceArn"))
	f := plantest.One(t, rs, "aws:lambda/function:Function", "")
	require.Equal(t, "provided.al2023", f.Text("runtime"))
	require.NotEmpty(t, f.Inputs["deadLetterConfig"])
	values := map[string]string{}
	for _, p := range plantest.OfType(rs, "aws:ssm/parameter:Parameter") {
		values[p.Text("name")] = p.Text("value")
	}
	require.Equal(t, map[string]string{"approved-image-shared-a1b2": "none", "image-verdict-shared-a1b2": "none", "accepted-findings-shared-a1b2": "[]"}, values)
}

func TestTheProjectBuildsWhatItsTagSays(t *testing.T) {
	t.Parallel()
	context, err := buildimage.Pack(source(t, map[string]string{"Dockerfile": "FROM x", "buildspec.yml": ""}))
	require.NoError(t, err)
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, func(ctx *pulumi.Context) error {
		_, err := buildimage.NewProject(ctx, "image-build", &buildimage.ProjectArgs{
			Names: names, Scope: scope, KeyARN: key, RepositoryURL: pulumi.String("repository"), Context: context, Tags: tags,
		})
		return err
	}, nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	project := plantest.One(t, rs, "aws:codebuild/project:Project", "")
	location := project.Inputs["source"].(map[string]any)["location"].(string)
	require.Equal(t, "image-source-bucket-shared-a1b2/source-"+context.Digest[:16]+".zip", location)
	for _, v := range project.Inputs["environment"].(map[string]any)["environmentVariables"].([]any) {
		if v.(map[string]any)["name"] == "IMAGE_TAG" {
			require.Equal(t, "source-"+context.Digest[:16], v.(map[string]any)["value"])
		}
	}
}

func TestIncompleteArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]pulumi.RunFunc{
		"repository build has no arguments": func(ctx *pulumi.Context) error {
			_, err := buildimage.NewRepository(ctx, "build", nil)
			return err
		},
		"repository build has no user": func(ctx *pulumi.Context) error {
			_, err := buildimage.NewRepository(ctx, "build", &buildimage.RepositoryArgs{Names: names, Account: "y", KeyARN: "z"})
			return err
		},
		"scan gate gate blocks nothing": func(ctx *pulumi.Context) error {
			_, err := buildimage.NewGate(ctx, "gate", &buildimage.GateArgs{KeyARN: key})
			return err
		},
		"project image has no source": func(ctx *pulumi.Context) error {
			_, err := buildimage.NewProject(ctx, "image", &buildimage.ProjectArgs{KeyARN: key, RepositoryURL: pulumi.String("x")})
			return err
		},
	}
	for want, program := range cases {
		t.Run(strings.ReplaceAll(want, " ", "_"), func(t *testing.T) {
			t.Parallel()
			rs, err := plantest.Try("shared", plantest.Suffix, nil, program, nil)
			require.ErrorContains(t, err, want)
			require.Empty(t, plantest.OfType(rs, "aws:ecr/repository:Repository"))
		})
	}
}
