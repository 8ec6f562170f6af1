package compute_test

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

// kinds has the limits of the services' own names.
var kinds = compute.FunctionKinds{
	Function: naming.Kind{Prefix: "f", Max: 64}, Role: naming.Kind{Prefix: "f-role", Max: 64},
	Policy: naming.Kind{Prefix: "f-policy", Max: 128}, Logs: naming.Kind{Prefix: "f-logs", Max: 512},
}

func args(t *testing.T) *compute.FunctionArgs {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "f")
	plantest.Program(t, filepath.Join(directory, "bootstrap"), "arm64")
	policy, err := iampolicy.New(compute.Logging("arn:aws:logs:us-east-1:111122223333:log-group:f-logs-shared-a1b2")).JSON()
	require.NoError(t, err)
	return &compute.FunctionArgs{
		Names: naming.New(naming.Shared, plantest.Suffix), Kinds: kinds,
		Code: compute.Code{Directory: directory, Architecture: "arm64"}, Policy: pulumi.String(policy),
		KeyARN: plantest.Key(naming.Shared), TimeoutSeconds: 10, Tags: pulumi.StringMap{"Owner": pulumi.String("me")},
	}
}

func program(args *compute.FunctionArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := compute.NewFunction(ctx, "f", args)
		return err
	}
}

func TestAFunctionLogsToItsOwnGroup(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, program(args(t)), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	f := plantest.One(t, rs, "aws:lambda/function:Function", "")
	require.Equal(t, "f-logs-shared-a1b2", f.Inputs["loggingConfig"].(map[string]any)["logGroup"])
	require.Nil(t, f.Inputs["deadLetterConfig"])
	require.Equal(t, "arn:aws:iam::111122223333:role/f-role-shared-a1b2", f.Text("role"))
}

// TestWhatIsUploadedIsExecutable looks into the archive as Lambda does.
func TestWhatIsUploadedIsExecutable(t *testing.T) {
	t.Parallel()
	f := plantest.One(t, plantest.Run(t, "shared", plantest.Suffix, nil, program(args(t)), nil), "aws:lambda/function:Function", "")
	path := f.Inputs["code"].(*archive.Archive).Path
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	require.Len(t, z.File, 1)
	require.Equal(t, "bootstrap", z.File[0].Name)
	require.Equal(t, fs.FileMode(0o755), z.File[0].Mode())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(content)
	require.Equal(t, base64.StdEncoding.EncodeToString(sum[:]), f.Text("sourceCodeHash"))
}

func TestABadFunctionIsRefusedBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*compute.FunctionArgs){
		"build it with: make lambda":    func(a *compute.FunctionArgs) { a.Code.Directory = "nowhere" },
		"expected arm64 or x86_64":      func(a *compute.FunctionArgs) { a.Code.Architecture = "mips" },
		"make lambda LAMBDA_ARCH=amd64": func(a *compute.FunctionArgs) { a.Code.Architecture = "x86_64" },
		"is not executable": func(a *compute.FunctionArgs) {
			require.NoError(t, os.Chmod(filepath.Join(a.Code.Directory, "bootstrap"), 0o644))
		},
		"is not a Linux binary": func(a *compute.FunctionArgs) {
			require.NoError(t, os.WriteFile(filepath.Join(a.Code.Directory, "bootstrap"), []byte("#!/bin/sh"), 0o755))
		},
		"Lambda accepts 1 to 900":        func(a *compute.FunctionArgs) { a.TimeoutSeconds = 901 },
		"has no KMS key":                 func(a *compute.FunctionArgs) { a.KeyARN = "" },
		"set Names and Kinds":            func(a *compute.FunctionArgs) { a.Kinds.Logs = naming.Kind{} },
		"set Names, Role and PolicyKind": func(a *compute.FunctionArgs) { a.Kinds.Role = naming.Kind{} },
		"role f-role has no policy":      func(a *compute.FunctionArgs) { a.Policy = nil },
	} {
		a := args(t)
		spoil(a)
		rs, err := plantest.Try("shared", plantest.Suffix, nil, program(a), nil)
		require.ErrorContains(t, err, want)
		require.Empty(t, plantest.OfType(rs, "aws:lambda/function:Function"))
	}
	_, err := plantest.Try("shared", plantest.Suffix, nil, program(nil), nil)
	require.ErrorContains(t, err, "has no arguments")
}
