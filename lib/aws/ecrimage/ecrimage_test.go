package ecrimage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/ecrimage"
)

func TestAnImageIsNamedByDigestOrTag(t *testing.T) {
	t.Parallel()
	repository := ecrimage.Registry("111122223333", "us-east-1") + "/build/image"
	digest := "sha256:" + strings.Repeat("a", 64)
	for suffix, want := range map[string]string{"": "latest", ":v1": "v1", "@" + digest: digest, ":v1@" + digest: digest} {
		i, ok := ecrimage.Parse(repository + suffix)
		require.True(t, ok, suffix)
		require.Equal(t, "build/image", i.Repository)
		require.Equal(t, want, i.Reference())
	}
	for _, text := range []string{"aws/codebuild/standard:7.0", repository + "@sha256:1", repository + ":a b", "1.dkr.ecr.us-east-1.amazonaws.com/x", repository + "@" + digest + ":v1"} {
		_, ok := ecrimage.Parse(text)
		require.False(t, ok, text)
	}
}
