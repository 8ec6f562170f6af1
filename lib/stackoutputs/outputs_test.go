package stackoutputs_test

import (
	"errors"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackoutputs"
	"delivery.internal/lib/stackrefs"
)

// backend serves the outputs of stacks.
type backend struct {
	stacks map[string]map[string]any
}

func (b backend) NewResource(a pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	outputs, ok := b.stacks[a.ID]
	if !ok {
		return "", nil, errors.New("unknown stack " + a.ID)
	}
	return a.ID, resource.NewPropertyMapFromMap(map[string]any{"name": a.ID, "outputs": outputs}), nil
}

func (backend) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

func run(b backend, f pulumi.RunFunc) error {
	return pulumi.RunErr(f, pulumi.WithMocks("shared", "a1b2", b))
}

const name = "organization/targets/dev"

func outputs() map[string]any {
	return map[string]any{"previewRoleArn": "p", "deployRoleArn": "d", "externalId": "e"}
}

func TestReadFillsEveryField(t *testing.T) {
	t.Parallel()
	err := run(backend{map[string]map[string]any{name: outputs()}}, func(ctx *pulumi.Context) error {
		got, err := stackoutputs.Read[stackrefs.Targets[string]](ctx, "targets", "dev", "run: make up PROJECT=targets/dev")
		require.Equal(t, stackrefs.Targets[string]{PreviewRoleARN: "p", DeployRoleARN: "d", ExternalID: "e"}, got)
		return err
	})
	require.NoError(t, err)
}

func TestReadReadsStructuredOutputs(t *testing.T) {
	t.Parallel()
	boot := map[string]any{
		"settings":     map[string]any{"environmentSuffix": "a1b2", "environments": []any{map[string]any{"name": "prod", "account": "345678901234", "approval": true}}, "owners": []any{"a@example.com"}},
		"keyArns":      map[string]any{"dev": "k"},
		"stateBuckets": map[string]any{"shared": "b"},
	}
	err := run(backend{map[string]map[string]any{"organization/bootstrap/a1b2": boot}}, func(ctx *pulumi.Context) error {
		got, err := stackoutputs.Read[stackrefs.Bootstrap[string]](ctx, "bootstrap", "a1b2", "run: make bootstrap")
		require.Equal(t, "k", got.KeyARNs[naming.Dev])
		require.Equal(t, "b", got.StateBuckets[naming.Shared])
		require.Equal(t, settings.Settings{EnvironmentSuffix: "a1b2", Environments: promotion.Environments{{Name: naming.Prod, Account: "345678901234", Approval: true}}, Owners: []string{"a@example.com"}}, got.Settings)
		return err
	})
	require.NoError(t, err)
}

func TestReadSaysWhatToRun(t *testing.T) {
	t.Parallel()
	incomplete := outputs()
	delete(incomplete, "deployRoleArn")
	wrong := outputs()
	wrong["externalId"] = map[string]any{"not": "text"}
	for what, c := range map[string]struct {
		stacks map[string]map[string]any
		want   string
	}{
		"missing stack":  {nil, "can't be read"},
		"missing output": {map[string]map[string]any{name: incomplete}, `has no output "deployRoleArn"`},
		"wrong shape":    {map[string]map[string]any{name: wrong}, "can't read"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var err error
			_ = run(backend{c.stacks}, func(ctx *pulumi.Context) error {
				_, err = stackoutputs.Read[stackrefs.Targets[string]](ctx, "targets", "dev", "run: make up PROJECT=targets/dev")
				return nil
			})
			require.ErrorContains(t, err, name)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "run: make up PROJECT=targets/dev")
		})
	}
}

func TestExportRefusesAMissingValue(t *testing.T) {
	t.Parallel()
	err := run(backend{}, func(ctx *pulumi.Context) error {
		return stackoutputs.Export(ctx, stackrefs.Environment[pulumi.StringInput]{PipelineName: pulumi.String("n")})
	})
	require.ErrorContains(t, err, "export pipelineArn: has no value")
}

func TestEnvironmentProject(t *testing.T) {
	t.Parallel()
	require.Equal(t, "environment-prod", stackrefs.EnvironmentProject(naming.Prod))
	env, err := stackrefs.EnvironmentOf("environment-prod")
	require.NoError(t, err)
	require.Equal(t, naming.Prod, env)
	for _, bad := range []string{"prod", "environment-", "environment-shared", "environment-../x"} {
		_, err := stackrefs.EnvironmentOf(bad)
		require.ErrorContains(t, err, bad)
	}
}
