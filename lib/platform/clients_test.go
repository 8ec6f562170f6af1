package platform_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

// deniedBuilds refuses to start a build.
type deniedBuilds struct{ fakeBuilds }

func (*deniedBuilds) StartBuild(context.Context, *codebuild.StartBuildInput, ...func(*codebuild.Options)) (*codebuild.StartBuildOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform: codebuild:StartBuild"}
}

func TestABuildThatMayNotBeStartedBlamesNoProject(t *testing.T) {
	t.Parallel()
	_, err := newInstallation(t).open(t).BuildImage(t.Context(), &deniedBuilds{}, time.Millisecond)
	require.ErrorContains(t, err, "codebuild:StartBuild")
	require.NotContains(t, err.Error(), "make up")
}
