package provider

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	text := func(s string) resource.PropertyValue {
		a, err := asset.FromText(s)
		require.NoError(t, err)
		return resource.NewAssetProperty(a)
	}
	file := map[string]any{"bucket": "b", "key": "k", "source": text("one")}
	const (
		add, addReplace       = pulumirpc.PropertyDiff_ADD, pulumirpc.PropertyDiff_ADD_REPLACE
		update, updateReplace = pulumirpc.PropertyDiff_UPDATE, pulumirpc.PropertyDiff_UPDATE_REPLACE
		remove                = pulumirpc.PropertyDiff_DELETE
	)
	for _, tt := range []struct {
		name, tok string
		old, news map[string]any
		detail    map[string]pulumirpc.PropertyDiff_Kind
	}{
		{"nothing", roleType, roleInputs, roleInputs, nil},
		{"a policy written differently", roleType, roleInputs, with(roleInputs, "assumeRolePolicy", " "+trustLambda+"\n"), nil},
		{"a secret of the same value", roleType, roleInputs, with(roleInputs, "name", hidden(roleInputs["name"].(string))), nil},
		{"a computed input that is given no more", typetoken.Key, map[string]any{"policy": "{}"}, nil, nil},
		{"the name", roleType, roleInputs, with(roleInputs, "name", "other"), map[string]pulumirpc.PropertyDiff_Kind{"name": updateReplace}},
		{"a new description", roleType, roleInputs, with(roleInputs, "description", "x"), map[string]pulumirpc.PropertyDiff_Kind{"description": add}},
		{"a description that a policy can't change", typetoken.Policy, policyInputs, with(policyInputs, "description", "x"), map[string]pulumirpc.PropertyDiff_Kind{"description": addReplace}},
		{"tags", roleType, with(roleInputs, "tags", map[string]any{"a": "1", "b:c": "2"}), with(roleInputs, "tags", map[string]any{"b:c": "3", "d": "4"}),
			map[string]pulumirpc.PropertyDiff_Kind{"tags.a": remove, `tags["b:c"]`: update, "tags.d": add}},
		{"something in a list", hookTok, hookInputs, with(hookInputs, "events", []any{"push", "ping"}), map[string]pulumirpc.PropertyDiff_Kind{"events[1]": add}},
		{"something not known yet", roleType, with(roleInputs, "permissionsBoundary", "x"), with(roleInputs, "permissionsBoundary", open), map[string]pulumirpc.PropertyDiff_Kind{"permissionsBoundary": update}},
		{"the same file", typetoken.Object, file, with(file, "source", text("one")), nil},
		{"another file", typetoken.Object, file, with(file, "source", text("two")), map[string]pulumirpc.PropertyDiff_Kind{"source": update}},
		{"a file at another place", typetoken.Object, file, with(file, "key", "other"), map[string]pulumirpc.PropertyDiff_Kind{"key": updateReplace}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plugin := "aws"
			if tt.tok == hookTok {
				plugin = "github"
			}
			got := newRig(t).connect(plugin).compare(tt.tok, tt.old, tt.news)
			if tt.detail == nil {
				require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, got.GetChanges(), got)
				return
			}
			detail, replaces := map[string]pulumirpc.PropertyDiff_Kind{}, false
			for path, d := range got.GetDetailedDiff() {
				detail[path] = d.GetKind()
				replaces = replaces || d.GetKind() == updateReplace || d.GetKind() == addReplace
				_, err := resource.ParsePropertyPath(path)
				require.NoError(t, err)
			}
			require.Equal(t, tt.detail, detail)
			require.Equal(t, pulumirpc.DiffResponse_DIFF_SOME, got.GetChanges())
			require.Equal(t, replaces, len(got.GetReplaces()) > 0)
		})
	}
}
